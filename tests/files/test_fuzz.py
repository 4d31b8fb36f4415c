"""Whatever bytes come, a file is accepted or refused: nothing else is raised, at once and in little memory.

FUZZ=100000 in the environment tries that many of each instead of 100; bin/test --all tries 300.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messaging_app.files import FileRefused, inspect_file
from tests.files.corpus import all_rows
from tests.files.makers import HONEST, current_user, old_office, presentation, sheet, workbook
from tests.files.zip_writer import Raw, zip_file

pytestmark = pytest.mark.slow

IMAGES = ("jpg", "png", "gif", "webp")
OTHERS = tuple(kind for kind in HONEST if kind not in IMAGES)
EXAMPLES = int(os.environ.get("FUZZ", "100"))
QUICK = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
WITH_WORKER = settings(QUICK, max_examples=EXAMPLES // 5)  # each starts a process

Change = tuple[str, float, bytes, int]
CHANGES = st.lists(
    st.tuples(st.sampled_from(["overwrite", "insert", "remove", "cut", "repeat"]), st.floats(0, 1, exclude_max=True),
              st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from([b"\xff" * 4, bytes(4), b"\xff\xff\xff\x7f"])),
              st.integers(1, 600)),
    min_size=1, max_size=6,
)  # fmt: skip


def changed(data: bytes, changes: list[Change]) -> bytes:
    for what, where, new, length in changes:
        at = int(len(data) * where)
        match what:
            case "overwrite":
                data = data[:at] + new + data[at + len(new) :]
            case "insert":
                data = data[:at] + new + data[at:]
            case "remove":
                data = data[:at] + data[at + length :]
            case "cut":
                data = data[:at]
            case "repeat":
                data = data[:at] + data[at : at + length] * 3 + data[at + length :]
    return data


@pytest.fixture(scope="module")
def inspect(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes, str], str]:
    path = tmp_path_factory.mktemp("fuzz") / "sent"

    def inspect(data: bytes, kind: str) -> str:
        path.write_bytes(data)
        started = time.monotonic()
        try:
            inspect_file(path, f"a.{kind}", len(data))
            verdict = "accepted"
        except FileRefused as refusal:
            verdict = refusal.code
        assert time.monotonic() - started < 15
        return verdict

    return inspect


@given(data=st.binary(max_size=3000), kind=st.sampled_from(sorted(HONEST)))
@QUICK
def test_any_bytes(inspect: Any, data: bytes, kind: str) -> None:
    verdict = inspect(data, kind)
    assert verdict in ("empty", "content_mismatch", "image_corrupt") or kind in ("txt", "csv")


@given(kind=st.sampled_from(OTHERS), changes=CHANGES)
@QUICK
def test_an_honest_file_with_changes(inspect: Any, kind: str, changes: list[Change]) -> None:
    inspect(changed(HONEST[kind](), changes), kind)


@given(kind=st.sampled_from(IMAGES), changes=CHANGES)
@WITH_WORKER
def test_an_honest_image_with_changes(inspect: Any, kind: str, changes: list[Change]) -> None:
    inspect(changed(HONEST[kind](), changes), kind)


@given(make=st.sampled_from([
    lambda: old_office("doc", {"Data": bytes(200_000), "small": b"x" * 300}),
    lambda: old_office("xls", {"Workbook": workbook(sheet(b"a"), sheet(b"b"))}),
    lambda: old_office("ppt", {"PowerPoint Document": presentation(0), "Current User": current_user()}),
]), places=st.lists(st.tuples(st.integers(0, 512 // 4 - 1), st.integers(0, 2**32 - 1)), min_size=1, max_size=4),
    changes=CHANGES)  # fmt: skip
@QUICK
def test_a_compound_file_with_another_header(
    inspect: Any, make: Callable[[], bytes], places: list[tuple[int, int]], changes: list[Change]
) -> None:
    data = bytearray(make())
    for place, number in places:
        data[max(8, place * 4) : max(8, place * 4) + 4] = number.to_bytes(4, "little")
    for kind in ("doc", "xls", "ppt"):
        inspect(bytes(data), kind)
        inspect(changed(bytes(data), changes), kind)


NUMBER = st.one_of(st.none(), st.integers(0, 2000), st.sampled_from([0xFFFF, 0xFFFFFFFF, 0xFFFFFFFE, 2**31]))
ENTRIES = st.lists(
    st.builds(
        Raw, name=st.binary(max_size=20), data=st.binary(max_size=200), method=st.sampled_from([0, 8, 9, 12, 99]),
        flags=st.integers(0, 0xFFFF), mode=st.integers(0, 0xFFFF), extra=st.binary(max_size=40),
        local_extra=st.binary(max_size=40), says_packed=NUMBER, says_unpacked=NUMBER, local_packed=NUMBER,
        local_unpacked=NUMBER, at=NUMBER,
    ), max_size=5,
)  # fmt: skip


@given(entries=ENTRIES, before=st.binary(max_size=10), between=st.binary(max_size=10), comment=st.binary(max_size=40),
       shift=st.integers(0, 30), zip64=st.one_of(st.none(), st.tuples(*[st.integers(0, 2**63)] * 3)),
       says_count=st.one_of(st.none(), st.integers(0, 0xFFFF)))  # fmt: skip
@QUICK
def test_an_archive_that_says_anything(inspect: Any, entries: list[Raw], **what: Any) -> None:
    data = zip_file(*entries, **what)
    for kind in ("zip", "docx"):
        inspect(data, kind)


def hostile() -> Iterator[str]:
    """Rows of the corpus whose check works in this process, those of 10 MB included."""
    for name, row in all_rows().items():
        if row.verdict not in ("type_not_allowed", "name_invalid", "too_large") and row.ext not in IMAGES:
            yield name


ENDLESS = "records-without-end.xls"  # takes as long as all others


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long if name == ENDLESS else ())
        for name in hostile()
        if name.rpartition(".")[2] not in ("pdf", "csv", *IMAGES)
    ],
)
def test_memory_stays_small(name: str, tmp_path: Path) -> None:
    row = all_rows()[name]
    path = tmp_path / "sent"
    path.write_bytes(row.make())
    tracemalloc.start()
    try:
        inspect_file(path, row.raw_name, path.stat().st_size)
    except FileRefused:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 16 * 2**20, f"{peak / 2**20:.1f} MB"
