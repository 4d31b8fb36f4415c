"""SMTP, phase by phase: time limits, and whether the server has accepted an e-mail: no, yes or unknown."""

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
    """Seconds to wait for the server in each phase, from RFC 5321, section 4.5.3.2."""

    greeting: float = 300  # connection and greeting
    command: float = 300  # EHLO, STARTTLS, AUTH, MAIL, RCPT
    data: float = 120  # DATA, until the server is ready for the mail
    content: float = 180
    end: float = 600  # after the final dot, until the server accepts or refuses
    short: float = 5  # RSET and QUIT: a connection slower than this is closed


LIMITS = Limits()


class MailUnreachable(Exception):
    """No mail server can be reached. Says nothing about a particular e-mail."""


class MailRefused(Exception):
    """The server refused this e-mail, temporarily or permanently."""


class MailUnsure(Exception):
    """The server received the whole e-mail but did not confirm or refuse it."""


def _nothing() -> None:
    pass


class Postman:
    """Sends e-mails to the server at `url` (`smtp://[user:pass@]host:port[?tls=1]`) over one connection.

    Use it as a context manager. `tls=1` means STARTTLS, on port 465 TLS from the start; certificates are verified.
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
        """Deliver one e-mail. Calls `before_phase` before each wait, and `before_end` before the final dot.

        If either raises, the e-mail is not delivered. `MailUnreachable` and `MailRefused` mean that it was not
        delivered, `MailUnsure` that it may have been.
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
        """Send everything except the final dot."""
        content = _content(message)
        kept = self._link
        try:
            self._address(kept or self._connect(), message, len(content))
        except smtplib.SMTPServerDisconnected:
            if kept is None:
                raise
            self._drop()  # the server closed the idle connection
            self._address(self._connect(), message, len(content))
        self._phase(self._limits.content).send(content)

    def _address(self, link: smtplib.SMTP, message: EmailMessage, size: int) -> None:
        """Send sender and recipient, then DATA."""
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
        """Send the final dot and wait for the reply. Raises `MailRefused` or `MailUnsure`."""
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
        """Return a connection that is ready to send. Raises `MailUnreachable`."""
        self._before_phase()
        greeting = self._limits.greeting
        secure = ssl.create_default_context() if self._tls else None  # reads every certificate of the machine
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
        """Return the connection at the start of a phase."""
        self._before_phase()
        return self._wait(seconds)

    def _wait(self, seconds: float) -> smtplib.SMTP:
        """Return the connection with a new time-out per reply."""
        link = self._link
        if link is None or link.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection was lost")
        link.sock.settimeout(seconds)
        return link

    def _start_over(self) -> None:
        """Keep the connection for the next e-mail if possible."""
        try:
            code, _text = self._wait(self._limits.short).rset()
        except (smtplib.SMTPException, OSError):
            code = 0
        if code != 250:
            self._drop()

    def _drop(self) -> None:
        """Close the connection at once. In the middle of an e-mail, QUIT would become part of its text."""
        link, self._link = self._link, None
        if link is not None:
            link.close()


def _content(message: EmailMessage) -> bytes:
    """Return the e-mail as DATA expects it, without the final dot: CRLF line ends, leading dots doubled."""
    raw = message.as_bytes()
    return _DOT.sub(b"..", raw if raw.endswith(b"\r\n") else raw + b"\r\n")


def _sentence(error: Exception) -> str:
    """Return the server's reply for the operator, on one line and without the e-mail addresses it may repeat."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        said = f"recipient refused: {code} {text.decode(errors='replace')}"
    elif isinstance(error, smtplib.SMTPResponseException):
        words = error.smtp_error if isinstance(error.smtp_error, str) else error.smtp_error.decode(errors="replace")
        said = f"{error.smtp_code} {words}"
    else:
        said = f"{type(error).__name__}: {error}"
    return _ADDRESS.sub("…", one_line(said))
