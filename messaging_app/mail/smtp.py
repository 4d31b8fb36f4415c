"""Mail by SMTP: one connection for a batch, short time-outs, and two kinds of failure kept apart."""

from __future__ import annotations

import re
import smtplib
import ssl
from email.message import EmailMessage
from types import TracebackType
from urllib.parse import parse_qs, unquote, urlsplit

from messaging_app.mail.headers import one_line

TIMEOUT = 10.0  # seconds for each answer of the mail server
_ADDRESS = re.compile(r"[^\s<>\"]+@[^\s<>\"]+")


class MailUnreachable(Exception):
    """No mail server to talk to: says nothing about any one mail."""


class MailRefused(Exception):
    """The server took no delivery of this mail, for now or for good."""


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
