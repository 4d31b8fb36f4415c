"""E-mail headers: names and subjects fit without loss, and cannot inject other headers."""

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
    """An unusable e-mail address. The message does not quote it."""

    def __init__(self) -> None:
        super().__init__("this is no address that mail can use")


class _Policy(EmailPolicy):
    """Folds subjects and addresses itself: CPython loses spaces between encoded words and splits some of them.

    See python/cpython#92081; only late releases fix it. Keeps links and ids on one line, since no client rejoins them.
    """

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """Like the base class, but keeps a subject as written: parsing would decode lookalikes of encoded words."""
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

    def fold_binary(self, name: str, value: object) -> bytes:
        return self.fold(name, value).encode("ascii")

    def _ended(self, lines: str) -> str:
        return lines.replace("\n", self.linesep) + self.linesep


def envelope(
    *,
    sender: str,
    to_name: str,
    to: str,
    subject: str,
    message_id: str,
    thread: str | None = None,
    reply_to: str | None = None,
) -> EmailMessage:
    """Return an e-mail without a body. Header injection is impossible: all text is one line without control characters.

    `thread` is the Message-ID that groups the e-mails about one conversation. Replies go to `reply_to`. Without it, the
    display name in Reply-To says that replies are not read. Raises `NoAddress`.
    """
    message = EmailMessage(_Policy(linesep=SMTP.linesep, cte_type="7bit"))
    message["Date"] = datetime.now(UTC)
    message["From"] = address(*parseaddr(sender))
    message["To"] = address(to_name, to)
    message["Reply-To"] = address(*parseaddr(reply_to)) if reply_to else address(NO_REPLIES, parseaddr(sender)[1])
    message["Subject"] = one_line(subject)
    message["Message-ID"] = message_id
    if thread is not None:
        message["In-Reply-To"] = thread
        message["References"] = thread
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    return message


def one_line(text: str) -> str:
    """Return `text` for a header: line breaks of every kind and other control characters become a space."""
    plain = "".join(" " if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char for char in text)
    return _SPACES.sub(" ", plain).strip()


def address(name: str, email: str) -> Address:
    """Return name (as one line) and e-mail address for a header. Raises `NoAddress`."""
    local, _, domain = email.rpartition("@")
    try:
        return Address(one_line(name), addr_spec=f"{local}@{ascii_domain(domain)}")
    except (ValueError, MessageError, AttributeError, IndexError):  # the latter two: the library trips over "a@[b"
        raise NoAddress from None


def _folded_text(name: str, text: str) -> str:
    """Return a free-text header with lines under 77 characters and unbroken encoded words. Lines end in LF."""
    if _is_plain(text):
        return _folded_words(name, text.split(" "))
    return f"{name}: {_encoded(name, text)}"


def _folded_addresses(name: str, addresses: tuple[Address, ...]) -> str:
    """Return a header of mailboxes. A mailbox that does not fit the line starts a new one. Lines end in LF."""
    words: list[str] = []
    for place, mailbox in enumerate(addresses):
        if _is_plain(mailbox.display_name):
            words += str(mailbox).split(" ")
        else:
            words += [_encoded(name if place == 0 else "", mailbox.display_name), f"<{mailbox.addr_spec}>"]
        words[-1] += "," if place + 1 < len(addresses) else ""
    return _folded_words(name, words)


def _is_plain(text: str) -> bool:
    """Whether `text` needs no encoded words: ASCII that does not resemble one and can be folded at spaces."""
    return text.isascii() and "=?" not in text and all(len(word) < LINE for word in text.split(" "))


def _encoded(name: str, text: str) -> str:
    """Return `text` as encoded words of whole characters, leaving room for `name` in the first line."""
    return Header(text, "utf-8", maxlinelen=LINE, header_name=name).encode(linesep="\n")


def _folded_words(name: str, words: list[str]) -> str:
    lines = [f"{name}:"]
    for word in words:
        first = word.partition("\n")[0]
        if len(lines[-1].rpartition("\n")[2]) + 1 + len(first) > LINE and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\n".join(lines)
