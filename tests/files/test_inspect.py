"""Every row of the corpus gets its verdict, with a sentence that names the file and says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from messaging_app.files import MESSAGES, FileRefused, Kind, check_size, clean_name, inspect_file
from tests.files.corpus import all_rows, one_of_each
from tests.files.rows import ACCEPTED, LIMIT, Row


def judge(row: Row, folder: Path) -> tuple[str, str, Kind | None]:
    """The verdict, as the service asks for it: name, size, content. With the shown name and the kind."""
    path = folder / "sent"
    path.write_bytes(row.make())
    size = path.stat().st_size
    name = ""
    try:
        name = clean_name(row.raw_name)
        check_size(name, size, LIMIT)
        return ACCEPTED, name, inspect_file(path, name, size)
    except FileRefused as refusal:
        assert refusal.filename == name
        assert name in refusal.sentence() and "%" not in refusal.sentence().replace(name, "")
        assert row.reason is None or refusal.reason == row.reason, refusal.sentence()
        return refusal.code, name, None


def by_weight() -> Iterator[Any]:
    """The rows by name; each image but the honest ones takes a process, and some others a second: these are slow, and
    bin/test takes one of each kind of them."""
    heavy = {"many-entries.doc", "small-streams.ppt", "records-without-end.xls", "entries.zip", "many.zip"}
    for name in all_rows():
        image = name.rpartition(".")[2] in ("jpg", "png", "gif", "webp")
        slow = name in heavy or (image and not name.startswith("honest."))
        marks = [pytest.mark.slow] if name in one_of_each() else [pytest.mark.slow, pytest.mark.long]
        yield pytest.param(name, marks=marks) if slow else name


@pytest.mark.parametrize("name", [*by_weight()])
def test_every_file_gets_its_verdict(name: str, tmp_path: Path) -> None:
    row = all_rows()[name]
    verdict, shown, kind = judge(row, tmp_path)
    assert verdict == row.verdict, row.how
    if kind is not None:
        assert (kind.ext, kind.mime) == (row.ext, row.mime)
        assert kind.is_image == (row.ext in ("jpg", "png", "gif", "webp"))
        assert kind.is_image == bool(kind.thumbnail and kind.width and kind.height)
        assert shown == (row.shown_as or row.raw_name)


def test_the_corpus_is_large_and_knows_every_verdict() -> None:
    verdicts = {row.verdict for row in all_rows().values()}
    assert len(all_rows()) >= 60
    assert verdicts == {ACCEPTED, *MESSAGES} - {"malware", "too_many_files"}
