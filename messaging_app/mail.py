"""Mail by SMTP: one connection for a batch, short time-outs, and two kinds of failure kept apart."""

from __future__ import annotations

import re
import smtplib
import ssl
import unicodedata
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from types import TracebackType
from urllib.parse import parse_qs, unquote, urlsplit

TIMEOUT = 10.0  # seconds for each answer of the mail server
AS_THEY_ARE = ("list-unsubscribe", "list-unsubscribe-post", "references", "in-reply-to")
_SPACES = re.compile(r"\s+")
_ADDRESS = re.compile(r"[^\s<>\"]+@[^\s<>\"]+")


class MailUnreachable(Exception):
    """No mail server to talk to: says nothing about any one mail."""


class MailRefused(Exception):
    """The server took no delivery of this mail, for now or for good."""


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


class Postman:
    """Hands mails to the server behind `url` (`smtp://[user:pass@]host:port[?tls=1]`). Use as a context.

    `tls=1` asks for STARTTLS, on port 465 for TLS from the start; certificates are checked.
    """

    def __init__(self, url: str, name: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 25
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._tls = parse_qs(parts.query).get("tls") == ["1"]
        self._name = name
        self._link: smtplib.SMTP | None = None

    def __enter__(self) -> Postman:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up()

    def send(self, message: EmailMessage) -> None:
        """Deliver one mail. Raises `MailUnreachable` or `MailRefused`."""
        reused = self._link is not None
        link = self._link or self._connect()
        try:
            link.send_message(message)
        except smtplib.SMTPServerDisconnected as error:
            self._hang_up()
            if not reused:
                raise MailRefused(f"the connection was lost: {error}") from None
            self.send(message)  # the server was tired of that connection
        except (smtplib.SMTPException, OSError, ValueError) as error:
            self._hang_up()
            raise MailRefused(_sentence(error)) from None

    def _connect(self) -> smtplib.SMTP:
        try:
            if self._tls and self._port == 465:
                secure = ssl.create_default_context()
                link: smtplib.SMTP = smtplib.SMTP_SSL(
                    self._host, self._port, self._name, timeout=TIMEOUT, context=secure
                )
            else:
                link = smtplib.SMTP(self._host, self._port, self._name, timeout=TIMEOUT)
                if self._tls:
                    link.starttls(context=ssl.create_default_context())
            if self._user:
                link.login(self._user, self._password)
        except (smtplib.SMTPException, OSError) as error:
            raise MailUnreachable(_sentence(error)) from None
        self._link = link
        return link

    def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            try:
                link.quit()
            except (smtplib.SMTPException, OSError):
                link.close()


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
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode()
        return Address(name, addr_spec=f"{local}@{ascii_domain}")
    except (ValueError, MessageError, AttributeError, IndexError):  # the latter two: the library trips over "a@[b"
        raise NoAddress from None


def _sentence(error: Exception) -> str:
    """What the server said, for the operator: no addresses of people, which servers like to repeat, no line breaks."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        said = f"recipient refused: {code} {text.decode(errors='replace')}"
    elif isinstance(error, smtplib.SMTPResponseException):
        words = error.smtp_error if isinstance(error.smtp_error, str) else error.smtp_error.decode(errors="replace")
        said = f"{error.smtp_code} {words}"
    else:
        said = f"{type(error).__name__}: {error}"
    return _ADDRESS.sub("…", one_line(said))
