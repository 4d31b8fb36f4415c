"""Templates, static files and migrations are found beside the package here, and inside it once installed."""

from pathlib import Path

import pytest

from messaging_app import paths


def test_a_checkout_has_them_beside_the_package() -> None:
    assert paths.resource("templates") == Path(__file__).resolve().parents[1] / "templates"


def test_an_installed_package_has_them_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "messaging_app" / "_resources" / "templates"
    inside.mkdir(parents=True)
    (tmp_path / "templates").mkdir()
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path / "messaging_app")
    assert paths.resource("templates") == inside


def test_what_is_in_neither_place_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="unheard-of"):
        paths.resource("unheard-of")
