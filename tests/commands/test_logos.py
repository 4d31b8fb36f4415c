"""Store logos in a directory file: what is a logo, and where it is kept."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

from messaging_app.extensions import db
from messaging_app.models import (
    Store,
)
from messaging_app.storage import FileMissing
from tests.commands.files import Import, everything, problems, store


def picture(kind: str = "PNG", colour: Any = "red", mode: str = "RGB", size: tuple[int, int] = (64, 64)) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, kind)
    return out.getvalue()


def stored_logo() -> str | None:
    logo = db.session.scalar(select(Store.logo))
    db.session.rollback()
    return logo


@pytest.mark.parametrize(("kind", "ending"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp")])
def test_a_logo_is_kept_in_storage(
    sqlite_app: Flask, bring_in_on_sqlite: Import, tmp_path: Path, kind: str, ending: str
) -> None:
    (tmp_path / "logo.any").write_bytes(picture(kind))
    bring_in_on_sqlite(stores=[store("a-b", logo="logo.any")])
    logo = stored_logo()
    assert logo is not None and logo.endswith(f".{ending}")
    storage = sqlite_app.extensions["storage"]
    assert b"".join(storage.open(f"logos/a-b-{logo}")) == picture(kind)
    before = everything()
    bring_in_on_sqlite(stores=[store("a-b", logo="logo.any")])
    bring_in_on_sqlite(stores=[store("a-b")])
    assert everything() == before
    answer = sqlite_app.test_client().get(f"/storefront/logo/a-b-{logo.partition('.')[0]}")
    assert (answer.status_code, answer.data) == (200, picture(kind))


def test_a_new_logo_takes_the_place_of_the_old_one(
    sqlite_app: Flask, bring_in_on_sqlite: Import, tmp_path: Path
) -> None:
    storage = sqlite_app.extensions["storage"]
    (tmp_path / "logo.png").write_bytes(picture())
    bring_in_on_sqlite(stores=[store(logo="logo.png")])
    old = stored_logo()
    (tmp_path / "logo.png").write_bytes(picture(colour="blue"))
    bring_in_on_sqlite(stores=[store(logo="logo.png")])
    new = stored_logo()
    assert new != old
    assert [kept.key for kept in storage.keys("logos/")] == [f"logos/bakery-{new}"]
    bring_in_on_sqlite(stores=[store(logo=None)])
    assert stored_logo() is None
    with pytest.raises(FileMissing):
        storage.size(f"logos/bakery-{new}")


def test_a_refused_import_leaves_no_picture_behind(
    sqlite_app: Flask, bring_in_on_sqlite: Import, tmp_path: Path
) -> None:
    (tmp_path / "logo.png").write_bytes(picture())
    bring_in_on_sqlite(stores=[store("cycles", logo="logo.png")])
    (tmp_path / "new.png").write_bytes(picture(colour="blue"))
    stores = [store("cycles", logo="logo.png"), store("bakery", logo="new.png", staff=[{"email": "a@b.example"}])]
    assert "staff[0].name: is missing" in problems(lambda: bring_in_on_sqlite(stores=stores))
    assert len(list(sqlite_app.extensions["storage"].keys("logos/"))) == 1


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("large.png", picture() + bytes(256 * 1024), "large.png is larger than 256 kB"),
        ("text.png", b"no picture", "text.png is not a PNG, JPEG or WebP picture that opens"),
        ("cut.png", picture()[:-40], "cut.png is not a PNG, JPEG or WebP picture that opens"),
        ("wide.png", picture("PNG", 0, "1", (4097, 4096)), "wide.png has more than 16,777,216 pixels"),
        ("other.gif", picture("GIF"), "other.gif is not a PNG, JPEG or WebP picture that opens"),
        ("../../outside.png", None, "must lie beside the file"),
        ("/etc/hostname", None, "must lie beside the file"),
        ("missing.png", None, "missing.png cannot be read"),
    ],
)
def test_other_logos_are_refused(
    bring_in_on_sqlite: Import, tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert f"stores[0].logo: {sentence}" in problems(lambda: bring_in_on_sqlite(stores=[store(logo=name)]))


def test_exactly_256_kb_is_a_logo(bring_in_on_sqlite: Import, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(picture().ljust(256 * 1024, b"\0"))
    bring_in_on_sqlite(stores=[store(logo="logo.png")])
    assert stored_logo()
