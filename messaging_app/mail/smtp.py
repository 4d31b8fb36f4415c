"""SMTP, phase by phase: how long each may take, and whether the server has certainly not, certainly or perhaps taken a mail."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from types import TracebackType
from urllib.parse import parse_qs, unquote, urlsplit

from messaging_app.mail.headers import one_line

_ADDRESS = re.compile(r"[^\s<>\"]+@[^\s<>\"]+")
_DOT = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to wait for the server in each phase, as RFC 5321, section 4.5.3.2, has them."""

    greeting: float = 300  # connection and first word
    command: float = 300  # EHLO, STARTTLS, AUTH, MAIL, RCPT
    data: float = 120  # DATA, until the server is ready for the mail
    content: float = 180
    end: float = 600  # after the final dot, while the server makes up its mind
    short: float = 5  # RSET and QUIT: a connection that is too slow for these is closed


LIMITS = Limits()


class MailUnreachable(Exception):
    """No mail server to talk to: says nothing about any one mail."""


class MailRefused(Exception):
    """The server did not take this mail, for now or for good."""


class MailUnsure(Exception):
    """The server has the whole mail and did not say whether it takes it."""


def _nothing() -> None:
    pass


class Postman:
    """Hands mails to the server behind `url` (`smtp://[user:pass@]host:port[?tls=1]`), one after the other over one
    connection. Use as a context.

    `tls=1` asks for STARTTLS, on port 465 for TLS from the start; certificates are checked.
    """

    def __init__(self, url: str, name: str, limits: Limits = LIMITS) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 25
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._tls = parse_qs(parts.query).get("tls") == ["1"]
        self._name = name
        self._limits = limits
        self._link: smtplib.SMTP | None = None
        self._before_phase: Callable[[], None] = _nothing

    def __enter__(self) -> Postman:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        link, self._link = self._link, None
        if link is not None and link.sock is not None:
            link.sock.settimeout(self._limits.short)
            try:
                link.quit()
            except (smtplib.SMTPException, OSError):
                link.close()

    def send(
        self,
        message: EmailMessage,
        *,
        before_phase: Callable[[], None] = _nothing,
        before_end: Callable[[], None] = _nothing,
    ) -> None:
        """Deliver one mail. Calls `before_phase` before each wait, and `before_end` once the server has all of the mail
        but its final dot; if either raises, the mail is not delivered.

        Raises `MailUnreachable` or `MailRefused`: it was not delivered. Raises `MailUnsure`: it may have been.
        """
        self._before_phase = before_phase
        try:
            self._begin(message)
            before_end()
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
            self._start_over()
            raise MailRefused(_sentence(error)) from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            self._drop()
            raise MailRefused(_sentence(error)) from None
        except BaseException:
            self._drop()
            raise
        self._end()

    def _begin(self, message: EmailMessage) -> None:
        """Send all of a mail but the dot that ends it."""
        content = _content(message)
        kept = self._link
        try:
            self._address(kept or self._connect(), message, len(content))
        except smtplib.SMTPServerDisconnected:
            if kept is None:
                raise
            self._drop()  # the server was tired of that connection
            self._address(self._connect(), message, len(content))
        self._phase(self._limits.content).send(content)

    def _address(self, link: smtplib.SMTP, message: EmailMessage, size: int) -> None:
        """Name sender and recipient, and ask to send the mail itself."""
        [sender], [recipient] = (message[name].addresses for name in ("From", "To"))
        options = [f"size={size}"] if link.has_extn("size") else []
        self._phase(self._limits.command)
        code, text = link.mail(sender.addr_spec, options)
        if code != 250:
            raise smtplib.SMTPResponseException(code, text)
        self._phase(self._limits.command)
        code, text = link.rcpt(recipient.addr_spec)
        if code not in (250, 251):
            raise smtplib.SMTPRecipientsRefused({recipient.addr_spec: (code, text)})
        self._phase(self._limits.data)
        code, text = link.docmd("DATA")
        if code != 354:
            raise smtplib.SMTPDataError(code, text)

    def _end(self) -> None:
        """End the mail and wait for the word that decides. Raises `MailRefused` or `MailUnsure`."""
        try:
            link = self._wait(self._limits.end)
            link.send(b".\r\n")
            code, text = link.getreply()
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise MailUnsure(_sentence(error)) from None
        answer = _sentence(smtplib.SMTPDataError(code, text))
        if code // 100 in (4, 5):
            self._start_over()
            raise MailRefused(answer)
        if code // 100 != 2:
            self._drop()
            raise MailUnsure(answer)

    def _connect(self) -> smtplib.SMTP:
        """A connection that is ready for mail. Raises `MailUnreachable`."""
        self._before_phase()
        greeting, secure = self._limits.greeting, ssl.create_default_context()
        try:
            if self._tls and self._port == 465:
                link: smtplib.SMTP = smtplib.SMTP_SSL(
                    self._host, self._port, self._name, timeout=greeting, context=secure
                )
            else:
                link = smtplib.SMTP(self._host, self._port, self._name, timeout=greeting)
            self._link = link
            self._phase(self._limits.command).ehlo_or_helo_if_needed()
            if self._tls and self._port != 465:
                self._phase(self._limits.command).starttls(context=secure)
                self._phase(self._limits.command).ehlo_or_helo_if_needed()
            if self._user:
                self._phase(self._limits.command).login(self._user, self._password)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            self._drop()
            raise MailUnreachable(_sentence(error)) from None
        return link

    def _phase(self, seconds: float) -> smtplib.SMTP:
        """The connection at the beginning of a phase."""
        self._before_phase()
        return self._wait(seconds)

    def _wait(self, seconds: float) -> smtplib.SMTP:
        """The connection, which from now on waits so long for each word of the server."""
        link = self._link
        if link is None or link.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection was lost")
        link.sock.settimeout(seconds)
        return link

    def _start_over(self) -> None:
        """Keep the connection for the next mail, if it can be kept."""
        try:
            code, _text = self._wait(self._limits.short).rset()
        except (smtplib.SMTPException, OSError):
            code = 0
        if code != 250:
            self._drop()

    def _drop(self) -> None:
        """Close the connection at once: in the middle of a mail, QUIT would be a line of it."""
        link, self._link = self._link, None
        if link is not None:
            link.close()


def _content(message: EmailMessage) -> bytes:
    """The mail as DATA takes it, without the final dot: lines end in CRLF, a dot that begins one is doubled."""
    raw = message.as_bytes()
    return _DOT.sub(b"..", raw if raw.endswith(b"\r\n") else raw + b"\r\n")


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
