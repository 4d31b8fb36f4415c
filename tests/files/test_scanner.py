"""The scanner hook, against a server that speaks clamd's protocol."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from messaging_app.files import FileRefused, ScannerUnavailable, clamd_address, scan
from tests.files.clamd import EICAR, running_clamd
from tests.services import free_port


@pytest.fixture(params=["tcp", "unix"])
def socket(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "clamd.sock" if request.param == "unix" else None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sent"
    path.write_bytes(b"words" * 100_000)
    return path


def test_a_clean_file_passes_and_was_read_whole(socket: Path | None, file: Path) -> None:
    with running_clamd(socket) as clamd:
        scan(file, clamd.url)
        assert clamd.scanned == [file.read_bytes()]


def test_malware_is_refused_and_the_log_may_name_it(socket: Path | None, file: Path) -> None:
    file.write_bytes(b"x" * 200_000 + EICAR)
    with running_clamd(socket) as clamd, pytest.raises(FileRefused) as caught:
        scan(file, clamd.url)
    assert caught.value.code == "malware"
    assert caught.value.detail == "Eicar-Signature"
    assert "Eicar" not in caught.value.about("a.txt").sentence()


def test_an_empty_file_is_scanned_too(file: Path) -> None:
    file.write_bytes(b"")
    with running_clamd() as clamd:
        scan(file, clamd.url)
        assert clamd.scanned == [b""]


@pytest.mark.parametrize(
    "answer", [b"", b"stream: OK", b"stream: ", b"stream: Can't allocate memory ERROR\0", b"UNKNOWN COMMAND\0", b"\xff\xfe\0",
               b"FOUND\0", b"OK\0stream: X FOUND\0", b"x" * 10_000],
)  # fmt: skip
def test_only_a_clear_verdict_counts(file: Path, answer: bytes) -> None:
    with running_clamd(answer=answer) as clamd:
        if answer.startswith((b"stream: OK", b"OK\0")):
            scan(file, clamd.url)
        else:
            with pytest.raises(ScannerUnavailable):
                scan(file, clamd.url)


def test_a_file_that_clamd_finds_too_large_has_no_verdict(socket: Path | None, file: Path) -> None:
    file.write_bytes(bytes(3_000_000))
    with running_clamd(socket, max_size=100_000) as clamd, pytest.raises(ScannerUnavailable):
        scan(file, clamd.url)


def test_an_absent_scanner_is_unavailable(file: Path, tmp_path: Path) -> None:
    for url in (f"tcp://127.0.0.1:{free_port()}", f"unix:{tmp_path / 'none.sock'}", "tcp://no-such-host.invalid:1"):
        with pytest.raises(ScannerUnavailable):
            scan(file, url)


def test_a_scanner_that_says_nothing_is_given_up(socket: Path | None, file: Path) -> None:
    with running_clamd(socket, silent=True) as clamd:
        started = time.monotonic()
        with pytest.raises(ScannerUnavailable):
            scan(file, clamd.url, timeout=0.3)
        assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("url", "address"),
    [("tcp://clamav:3310", ("clamav", 3310)), ("tcp://127.0.0.1:3310/", ("127.0.0.1", 3310)),
     ("tcp://[::1]:3310", ("::1", 3310)), ("unix:/run/clamd.sock", "/run/clamd.sock"),
     ("unix:///run/clamd.sock", "/run/clamd.sock")],
)  # fmt: skip
def test_an_address(url: str, address: object) -> None:
    assert clamd_address(url) == address


@pytest.mark.parametrize("url", ["", "clamav:3310", "tcp://clamav", "tcp://clamav:x", "http://clamav:3310", "unix:", "unix:a",
                                 "tcp://clamav:99999", "tcp://clamav:3310/x", "unix://host/run/x"])  # fmt: skip
def test_another_address_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(ValueError, match="Write tcp://host:port or unix:/path"):
        clamd_address(url)
