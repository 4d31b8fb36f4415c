"""Settings: read from the environment, checked at start, and a wrong one says how to mend it."""

from __future__ import annotations

import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from messaging_app import config, create_app
from messaging_app.config import ConfigurationError, load_settings, own_port
from messaging_app.extensions import db

STRONG = "fV3-kq8Zr1_tLw7xYb0NcP5uJmAeHsGd"


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("MESSAGING_") or name == "PORT":
            monkeypatch.delenv(name)


def test_without_anything_configured_it_serves_on_this_machine() -> None:
    settings = load_settings()
    assert settings.env == "development"
    assert settings.public_url == "http://127.0.0.1:5000"
    assert not settings.secure
    assert settings.rate_limits == "on"
    assert (settings.mail_delay, settings.mail_window) == (120, 900)


def test_identity_providers_come_from_variables_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESSAGING_OIDC__ACME__ISSUER", "https://id.example")
    with pytest.raises(ConfigurationError, match=r"^MESSAGING_OIDC__ACME__CLIENT_ID is missing.$"):
        load_settings()
    monkeypatch.setenv("MESSAGING_OIDC__ACME__CLIENT_ID", "12345")
    monkeypatch.setenv("MESSAGING_OIDC__ACME__CLIENT_SECRET", "1e5")
    monkeypatch.setenv("MESSAGING_OIDC__ACME__GROUPS", '{"a": "admin", "b": ["bakery:staff", "bakery:owner"]}')
    acme = load_settings().oidc["acme"]
    assert (acme.client_id, acme.client_secret and acme.client_secret.get_secret_value()) == ("12345", "1e5")
    assert {str(grant) for grant in acme.grants(["a", "b", "c"])} == {"admin", "bakery:staff", "bakery:owner"}
    assert acme.grants(["A"]) == frozenset()
    assert "1e5" not in repr(acme)


def test_the_port_is_in_the_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8123")
    assert load_settings().public_url == "http://127.0.0.1:8123"


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESSAGING_DATABASE_URL", "")
    assert load_settings().database_url is None


WRONG = [
    ("ENV", "staging", "MESSAGING_ENV"),
    ("SECRET_KEY", "short", "at least 32 random characters"),
    ("SECRET_KEY", "a" * 64, "at least 32 random characters"),
    ("SECRET_KEY", "changeme-changeme-0123456789-abcdef", "at least 32 random characters"),
    ("DATABASE_URL", "mysql://x/y", "must begin with sqlite:/// or postgresql+psycopg://"),
    ("DATABASE_URL", "postgresql://x/y", "must begin with sqlite:/// or postgresql+psycopg://"),
    ("DATABASE_URL", "nonsense", "must begin with sqlite:/// or postgresql+psycopg://"),
    ("REDIS_URL", "http://x", "must begin with redis://"),
    ("REDIS_URL", "redis://127.0.0.1:x", "has a port that is none"),
    ("BASE_URL", "http://127.0.0.1:x", "has a port that is none"),
    ("STORAGE_URL", "http://[", "is no place for files"),
    ("BASE_URL", "messages.example", "public address"),
    ("BASE_URL", "ftp://messages.example", "public address"),
    ("BASE_URL", "https://messages.example/path", "public address"),
    ("RATE_LIMITS", "maybe", "MESSAGING_RATE_LIMITS"),
    ("PROXIES", "-1", "MESSAGING_PROXIES"),
    ("PROXIES", "many", "MESSAGING_PROXIES"),
    ("MAIL_DELAY", "soon", "MESSAGING_MAIL_DELAY"),
    ("OIDC", "acme", "MESSAGING_OIDC must be JSON"),
    ("OIDC__ACME__ISSUER", "http://id.example", "must be an https address"),
    ("OIDC__ACME__ISSUER", "https://id.example:x", "must be an https address"),
    ("OIDC__ACME__ISSUER", "https://id.example/?tenant=1", "without a query"),
    ("OIDC__ACME__SCOPES", "email", "openid among them"),
    ("OIDC__ACME__GROUPS", "bakers=staff", "must be JSON"),
    ("OIDC__ACME__GROUPS", '{"bakers": "bakery:boss"}', "is not admin, CODE:owner or CODE:staff"),
    ("OIDC__ACME__GROUPS", '{"bakers": ["admin", 5]}', "is not admin, CODE:owner or CODE:staff"),
    ("OIDC__ACME__CLIENT_SECRETS", "x", "is not a variable that exists"),
    ("OIDC__ACME_", "x", "no name for a provider"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), WRONG)
def test_a_wrong_value_stops_the_start_with_a_sentence(
    name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"MESSAGING_{name}", value)
    with pytest.raises(ConfigurationError) as stopped:
        load_settings()
    said = str(stopped.value)
    assert sentence in said and f"MESSAGING_{name}" in said
    assert said.endswith(".") and "Traceback" not in said and "pydantic" not in said
    assert name != "SECRET_KEY" or value not in said, "a secret is not repeated"


@pytest.mark.parametrize("port", ["x", "0", "-1", "65536", "9" * 5_000, "٣"])
def test_a_wrong_port_is_a_sentence(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(ConfigurationError, match=r"^PORT is a number from 1 to 65535, not "):
        own_port()


def test_a_folder_that_cannot_be_made_is_a_sentence() -> None:
    with pytest.raises(ConfigurationError, match=r"^MESSAGING_INSTANCE: /dev/null cannot be used: File exists.$"):
        create_app(instance="/dev/null")


def test_every_wrong_value_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESSAGING_ENV", "staging")
    monkeypatch.setenv("MESSAGING_PROXIES", "many")
    with pytest.raises(ConfigurationError) as stopped:
        load_settings()
    assert len(str(stopped.value).splitlines()) == 2


def test_a_relative_instance_is_one_place_for_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MESSAGING_INSTANCE", "here")
    app = create_app()
    with app.app_context():
        db.session.execute(db.text("SELECT 1"))
        db.session.rollback()
    assert (tmp_path / "here" / "messaging.db").exists()


def test_production_refuses_to_start_without_key_and_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MESSAGING_ENV", "production")
    monkeypatch.setenv("MESSAGING_INSTANCE", str(tmp_path))
    with pytest.raises(ConfigurationError, match="MESSAGING_SECRET_KEY"):
        create_app()
    monkeypatch.setenv("MESSAGING_SECRET_KEY", STRONG)
    with pytest.raises(ConfigurationError, match="MESSAGING_BASE_URL"):
        create_app()
    monkeypatch.setenv("MESSAGING_BASE_URL", "https://messages.example/")
    assert load_settings().public_url == "https://messages.example"
    assert load_settings().secure
    assert not (tmp_path / "secret_key").exists()


def test_in_development_a_key_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    settings = load_settings()
    first = config.secret_key(settings, tmp_path / "instance")
    assert len(first) >= 32
    assert config.secret_key(settings, tmp_path / "instance") == first
    assert config.secret_key(settings, tmp_path / "another") != first
    assert stat.S_IMODE((tmp_path / "instance" / "secret_key").stat().st_mode) == 0o600


def test_processes_that_start_together_share_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = config.secrets.token_urlsafe

    def slowly(length: int) -> str:
        time.sleep(0.1)
        return made(length)

    monkeypatch.setattr(config.secrets, "token_urlsafe", slowly)
    with ThreadPoolExecutor(4) as processes:
        keys = list(processes.map(lambda _number: config.secret_key(load_settings(), tmp_path), range(4)))
    assert len(set(keys)) == 1 and len(keys[0]) >= 32
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_secrets_do_not_show_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESSAGING_SECRET_KEY", STRONG)
    assert STRONG not in repr(load_settings()) and STRONG not in str(load_settings())
