"""The files that browsers load are the very ones that were pinned."""

import shutil
from pathlib import Path

import pytest

from messaging_app.ops import vendor
from messaging_app.paths import resource

CHECKOUT = resource("static").parent


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of what is vendored, which a test may spoil."""
    for package in vendor.PACKAGES:
        shutil.copytree(CHECKOUT / package.folder, tmp_path / package.folder)
    return tmp_path


def test_what_is_committed_is_what_was_pinned() -> None:
    assert vendor.faults(CHECKOUT) == []


def test_every_package_brings_its_licence() -> None:
    for package in vendor.PACKAGES:
        assert any("LICENSE" in name for name in package.files), package.name


def test_a_changed_file_is_named(root: Path) -> None:
    script = root / "static/vendor/htmx" / "htmx.min.js"
    script.write_bytes(script.read_bytes() + b"\n")
    assert vendor.faults(root) == [f"{script} differs from its pinned hash"]


def test_a_missing_file_is_named(root: Path) -> None:
    (root / "static/vendor/htmx" / "LICENSE").unlink()
    assert vendor.faults(root) == [f"{root / 'static/vendor/htmx/LICENSE'} is missing"]


def test_a_file_that_nobody_pinned_is_named(root: Path) -> None:
    stranger = root / "static/vendor/stranger.js"
    stranger.touch()
    assert vendor.faults(root) == [f"{stranger} is not listed in messaging_app/ops/vendor.py"]


def test_another_tarball_than_the_pinned_one_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho forged > forged-1.0.tgz\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(SystemExit, match="has integrity sha512-"):
        vendor.download(vendor.PACKAGES[0])


def test_an_installation_without_tests_is_complete(root: Path) -> None:
    shutil.rmtree(root / "tests")
    assert vendor.faults(root) == []
