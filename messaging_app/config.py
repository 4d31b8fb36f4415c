"""Settings from environment variables (`MESSAGING_*`): typed, and checked at start. An invalid one stops the start."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from email.utils import parseaddr
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError
from sqlalchemy.engine.url import make_url
from sqlalchemy.exc import ArgumentError

from messaging_app.files import clamd_address
from messaging_app.mail.headers import NoAddress, address
from messaging_app.oidc.settings import ProviderSettings, provider_name
from messaging_app.storage import storage_from_url

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
WEAK_KEYS = ("changeme", "secret", "password", "development", "example")


class ConfigurationError(SystemExit):
    """An invalid setting. Ends the process with its sentence on standard error."""


# Packages that a URL needs and only the extra `scale` installs.
OF_SCALE = (("database_url", "postgresql", "psycopg"), ("redis_url", "redis", "redis"), ("storage_url", "s3:", "boto3"))
# What pydantic says of a variable that is not there, or that nobody reads.
NOT_THERE = {"missing": "is missing", "extra_forbidden": "is not a variable that exists"}


class Settings(BaseSettings):
    """Every variable that the application reads. The table in docs/operations.md describes each."""

    model_config = SettingsConfigDict(
        env_prefix="MESSAGING_", env_nested_delimiter="__", extra="ignore", env_ignore_empty=True
    )

    env: Literal["development", "production"] = "development"
    secret_key: SecretStr | None = None
    database_url: str | None = None
    redis_url: str | None = None
    base_url: str | None = None
    rate_limits: Literal["on", "off"] = "on"
    instance: str | None = None
    storage_url: str | None = None
    mail_url: str | None = None
    mail_from: str | None = None
    mail_reply_to: str | None = None  # None: no one reads replies, and e-mails say so
    mail_delay: int = Field(120, ge=0, le=86_400)
    mail_window: int = Field(900, ge=0, le=604_800)
    clamd_url: str | None = None
    clamd_unreachable: Literal["refuse", "accept"] = "refuse"
    accel_prefix: str | None = None
    metrics_token: SecretStr | None = None
    log_format: Literal["json", "text"] | None = None  # None: JSON in production
    plain_queries: bool = False
    slow_query_ms: int = Field(250, ge=1, le=600_000)
    sentry_dsn: SecretStr | None = None
    otel_endpoint: str | None = None
    oidc: dict[Annotated[str, AfterValidator(provider_name)], ProviderSettings] = {}
    proxies: int = Field(0, ge=0, le=5, description="trusted proxies in front, whose forwarding headers count")

    @field_validator("secret_key")
    @classmethod
    def _strong(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        key = value.get_secret_value()
        if len(key) < 32 or len(set(key)) < 10 or any(word in key.lower() for word in WEAK_KEYS):
            raise ValueError(
                "is too weak. Use at least 32 random characters, for example from "
                "`python -c 'import secrets; print(secrets.token_urlsafe(32))'`"
            )
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            driver = make_url(value).drivername
        except ArgumentError:
            driver = ""
        if driver not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
            raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            if parts.scheme not in ("redis", "rediss", "unix"):
                raise ValueError("must begin with redis://, rediss:// or unix://")
            if _port(parts) is None:
                raise ValueError("has a port that is none")
        return value

    @field_validator("storage_url")
    @classmethod
    def _storage(cls, value: str | None) -> str | None:
        if value is not None:
            storage_from_url(value)
        return value

    @field_validator("clamd_url")
    @classmethod
    def _clamd(cls, value: str | None) -> str | None:
        if value is not None:
            clamd_address(value)
        return value

    @field_validator("accel_prefix")
    @classmethod
    def _accel(cls, value: str | None) -> str | None:
        if value is not None and not (value.startswith("/") and value.endswith("/")):
            raise ValueError("must be the internal location of the web server, such as /protected/")
        return value

    @field_validator("mail_url")
    @classmethod
    def _mail(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            if parts.scheme != "smtp" or not parts.hostname or parts.path or parts.query not in ("", "tls=1", "tls=0"):
                raise ValueError("must be smtp://[user:password@]host:port, with ?tls=1 for encryption")
            if _port(parts) is None:
                raise ValueError("has a port that is none")
        return value

    @field_validator("mail_from", "mail_reply_to")
    @classmethod
    def _sender(cls, value: str | None) -> str | None:
        if value is not None and not _is_mailbox(value):
            raise ValueError("must be an address, such as Marketplace <no-reply@messages.example>")
        return value

    @field_validator("base_url")
    @classmethod
    def _base(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/") or parts.query:
            raise ValueError("must be the public address without a path, such as https://messages.example")
        if _port(parts) is None:
            raise ValueError("has a port that is none")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _production(self) -> Settings:
        if self.env == "production":
            for name in ("secret_key", "base_url"):
                if getattr(self, name) is None:
                    raise ValueError(f"MESSAGING_ENV=production needs MESSAGING_{name.upper()}")
        if self.mail_url is not None and self.mail_from is None:
            raise ValueError("MESSAGING_MAIL_URL needs MESSAGING_MAIL_FROM, the address that mail comes from")
        for name, scheme, module in OF_SCALE:
            if (getattr(self, name) or "").startswith(scheme) and find_spec(module) is None:
                raise ValueError(f"MESSAGING_{name.upper()} needs {module}: pip install 'messaging-app[scale]'")
        if self.oidc and find_spec("authlib") is None:
            raise ValueError("MESSAGING_OIDC needs authlib: pip install 'messaging-app[oidc]'")
        return self

    @property
    def mail_domain(self) -> str:
        """The domain of our e-mails: that of their sender."""
        return address(*parseaddr(self.mail_from)).domain if self.mail_from else "localhost"

    @property
    def secure(self) -> bool:
        """Whether the public URL is https, which decides about secure cookies."""
        return self.public_url.startswith("https:")

    @property
    def public_url(self) -> str:
        """The base of every link in e-mail."""
        return self.base_url or f"http://127.0.0.1:{own_port()}"


def own_port() -> int:
    """Return the port to listen on, from `PORT`. Raises `ConfigurationError`."""
    port = os.environ.get("PORT") or "5000"
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65_536):
        raise ConfigurationError(f"PORT is a number from 1 to 65535, not {port!r}.")
    return int(port)


def _is_mailbox(value: str) -> bool:
    """Whether `value` is a usable e-mail address, with or without a name."""
    try:
        name, email = parseaddr(value)
        address(name, email)
    except NoAddress:
        return False
    return value.isprintable() and _ADDRESS.fullmatch(email) is not None


def _port(parts: SplitResult) -> int | None:
    """Return the port of a URL, 25 by default; None if it is invalid."""
    try:
        return parts.port or 25
    except ValueError:
        return None


def load_settings(**overrides: Any) -> Settings:
    """Return the settings; `overrides` (field names) take precedence. Raises `ConfigurationError`."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise ConfigurationError("\n".join(_sentence(item) for item in error.errors())) from None
    except SettingsError:  # only the one variable that holds several values is parsed before it is checked
        raise ConfigurationError(
            "MESSAGING_OIDC must be JSON. Better set MESSAGING_OIDC__NAME__ISSUER and the others one by one."
        ) from None


def _sentence(item: ErrorDetails) -> str:
    reason = NOT_THERE.get(item["type"], item["msg"].removeprefix("Value error, "))
    if not item["loc"]:
        return f"{reason}."
    name = "__".join(str(part) for part in item["loc"] if part != "[key]").upper()
    return f"MESSAGING_{name} {reason[:1].lower()}{reason[1:]}."


def instance_folder(settings: Settings, default: Path) -> Path:
    """Return the folder for this installation's data, creating it if missing. Raises `ConfigurationError`."""
    folder = Path(settings.instance or default).absolute()  # SQLite would look for another one elsewhere
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"MESSAGING_INSTANCE: {folder} cannot be used: {error.strerror}.") from None
    return folder


def secret_key(settings: Settings, instance: Path) -> str:
    """Return the configured key; in development one that is generated once and kept in the instance folder."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    path = instance / "secret_key"
    if not path.exists():
        instance.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=instance) as made:  # readable by its owner only
            made.write(secrets.token_urlsafe(48))
            made.flush()
            with suppress(FileExistsError):  # another process was first: use its key
                os.link(made.name, path)
    return path.read_text().strip()


def database_url(settings: Settings, instance: Path) -> str:
    """Return the configured database, or the embedded SQLite file in the instance folder."""
    return settings.database_url or f"sqlite:///{instance / 'messaging.db'}"


def storage_url(settings: Settings, instance: Path) -> str:
    """Return the configured storage, or the folder `uploads` in the instance folder."""
    return settings.storage_url or str(instance / "uploads")
