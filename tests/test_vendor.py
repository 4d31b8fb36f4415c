"""The files that browsers load are the very ones that were pinned."""

import shutil
from pathlib import Path

import pytest

from messaging_app import vendor
from messaging_app.resources import resource


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of static/vendor that a test may spoil."""
    return shutil.copytree(resource("static/vendor"), tmp_path / "vendor")


def test_what_is_committed_is_what_was_pinned() -> None:
    assert vendor.faults(resource("static/vendor")) == []


def test_every_package_brings_its_licence() -> None:
    for package in vendor.PACKAGES:
        assert any("LICENSE" in name for name in package.files), package.name


def test_a_changed_file_is_named(root: Path) -> None:
    script = root / "htmx" / "htmx.min.js"
    script.write_bytes(script.read_bytes() + b"\n")
    assert vendor.faults(root) == [f"{script} differs from its pinned hash"]


def test_a_missing_file_is_named(root: Path) -> None:
    (root / "htmx" / "LICENSE").unlink()
    assert vendor.faults(root) == [f"{root / 'htmx' / 'LICENSE'} is missing"]


def test_a_file_that_nobody_pinned_is_named(root: Path) -> None:
    stranger = root / "stranger.js"
    stranger.touch()
    assert vendor.faults(root) == [f"{stranger} is not listed in messaging_app/vendor.py"]


def test_another_tarball_than_the_pinned_one_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho forged > forged-1.0.tgz\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(SystemExit, match="has integrity sha512-"):
        vendor.download(vendor.PACKAGES[0])
