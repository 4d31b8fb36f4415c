"""Headers of a mail: people's words fit into them whole, and cannot break out of them."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import parseaddr
from typing import Any

from messaging_app.text import ascii_domain

LINE = 76  # characters in a line that holds an encoded word (RFC 2047, section 2)
ADDRESSES = ("from", "to", "reply-to")
WHOLE = ("list-unsubscribe", "list-unsubscribe-post", "message-id", "references", "in-reply-to")
NO_REPLIES = "No replies by e-mail"
_SPACES = re.compile(" {2,}")


class NoAddress(ValueError):
    """An e-mail address that mail cannot use. Does not quote it."""

    def __init__(self) -> None:
        super().__init__("this is no address that mail can use")


class _Policy(EmailPolicy):
    """Folds subjects and names itself: until late releases, CPython loses spaces between encoded words and cuts some
    in half (python/cpython#92081). Leaves links and ids in one piece, since nobody decodes them.
    """

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """As the library, but keeps a subject as written: parsing decodes what only looks like an encoded word."""
        stored = super().header_store_parse(name, value)
        return (name, str(value)) if name.lower() == "subject" else stored

    def fold(self, name: str, value: Any) -> str:
        kind = name.lower()
        if kind == "subject":
            return self._ended(_folded_text(name, value))
        if kind in ADDRESSES:
            return self._ended(_folded_addresses(name, value.addresses))
        if kind in WHOLE:
            return self._ended(f"{name}: {value}")
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode("ascii")

    def _ended(self, lines: str) -> str:
        return lines.replace("\n", self.linesep) + self.linesep


def envelope(
    *, sender: str, to_name: str, to: str, subject: str, message_id: str, thread: str, reply_to: str | None = None
) -> EmailMessage:
    """A mail without its text. No header can be smuggled in: what people wrote is one line without control characters.

    `thread` is the Message-ID that gathers the mails about one conversation. Replies go to `reply_to`; where there is
    none, Reply-To says so by its name. Raises `NoAddress`.
    """
    message = EmailMessage(_Policy(linesep=SMTP.linesep, cte_type="7bit"))
    message["Date"] = datetime.now(UTC)
    message["From"] = address(*parseaddr(sender))
    message["To"] = address(to_name, to)
    message["Reply-To"] = address(*parseaddr(reply_to)) if reply_to else address(NO_REPLIES, parseaddr(sender)[1])
    message["Subject"] = one_line(subject)
    message["Message-ID"] = message_id
    message["In-Reply-To"] = thread
    message["References"] = thread
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    return message


def one_line(text: str) -> str:
    """`text` as a header can hold it: line breaks of every kind and other controls become a space."""
    plain = "".join(" " if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char for char in text)
    return _SPACES.sub(" ", plain).strip()


def address(name: str, email: str) -> Address:
    """Name (made one line) and e-mail address as a header takes them. Raises `NoAddress`."""
    local, _, domain = email.rpartition("@")
    try:
        return Address(one_line(name), addr_spec=f"{local}@{ascii_domain(domain)}")
    except (ValueError, MessageError, AttributeError, IndexError):  # the latter two: the library trips over "a@[b"
        raise NoAddress from None


def _folded_text(name: str, text: str) -> str:
    """A header of free text, each line under 77 characters and each encoded word whole. Lines end in LF."""
    if _is_plain(text):
        return _folded_words(name, text.split(" "))
    return f"{name}: {_encoded(name, text)}"


def _folded_addresses(name: str, addresses: tuple[Address, ...]) -> str:
    """A header of mailboxes; each that does not fit its line begins one. Lines end in LF."""
    words: list[str] = []
    for place, mailbox in enumerate(addresses):
        if _is_plain(mailbox.display_name):
            words += str(mailbox).split(" ")
        else:
            words += [_encoded(name if place == 0 else "", mailbox.display_name), f"<{mailbox.addr_spec}>"]
        words[-1] += "," if place + 1 < len(addresses) else ""
    return _folded_words(name, words)


def _is_plain(text: str) -> bool:
    """Whether `text` needs no encoded words: ASCII that does not look like one and can be folded at its spaces."""
    return text.isascii() and "=?" not in text and all(len(word) < LINE for word in text.split(" "))


def _encoded(name: str, text: str) -> str:
    """`text` as encoded words, each of whole characters, with room for `name` in the first line."""
    return Header(text, "utf-8", maxlinelen=LINE, header_name=name).encode(linesep="\n")


def _folded_words(name: str, words: list[str]) -> str:
    lines = [f"{name}:"]
    for word in words:
        first = word.partition("\n")[0]
        if len(lines[-1].rpartition("\n")[2]) + 1 + len(first) > LINE and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\n".join(lines)
