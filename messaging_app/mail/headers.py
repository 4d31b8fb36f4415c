"""Headers of a mail: an envelope that people's words cannot break out of."""

from __future__ import annotations

import re
import unicodedata
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy

from messaging_app.text import ascii_domain

AS_THEY_ARE = ("list-unsubscribe", "list-unsubscribe-post", "references", "in-reply-to")
_SPACES = re.compile(r"\s+")


class NoAddress(ValueError):
    """An e-mail address that mail cannot use. Does not quote it."""

    def __init__(self) -> None:
        super().__init__("this is no address that mail can use")


class _Policy(EmailPolicy):
    """Leaves addresses of pages and mails in one piece: the library encodes a long one, and nobody can read it then."""

    def fold(self, name: str, value: str) -> str:
        return self._as_it_is(name, value) or super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        return self._as_it_is(name, value).encode("ascii") or super().fold_binary(name, value)

    def _as_it_is(self, name: str, value: str) -> str:
        return f"{name}: {value}{self.linesep}" if name.lower() in AS_THEY_ARE else ""


def envelope(*, sender: str, to_name: str, to: str, subject: str, message_id: str, thread: str) -> EmailMessage:
    """A mail without its text. No header can be smuggled in: what people wrote is one line without controls.

    `thread` is the Message-ID that gathers the mails about one conversation. Raises `NoAddress`.
    """
    message = EmailMessage(_Policy(linesep=SMTP.linesep))
    message["From"] = sender
    message["To"] = address(one_line(to_name), to)
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
    """Name and e-mail address as a header takes them. Raises `NoAddress`."""
    local, _, domain = email.rpartition("@")
    try:
        return Address(name, addr_spec=f"{local}@{ascii_domain(domain)}")
    except (ValueError, MessageError, AttributeError, IndexError):  # the latter two: the library trips over "a@[b"
        raise NoAddress from None
