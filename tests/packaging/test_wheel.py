"""What `pip install` brings is the same application as the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CARRIED = ("templates", "static", "migrations")

pytestmark = pytest.mark.long


def tracked(folder: str) -> set[str]:
    """The files of a folder as a fresh clone has them, without what Python and tests leave lying about."""
    found = (ROOT / folder).rglob("*")
    return {p.relative_to(ROOT).as_posix() for p in found if p.is_file() and "__pycache__" not in p.parts}


def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that no build folder appears in the checkout."""
    source = tmp_path_factory.mktemp("source")
    for name in ("messaging_app", *CARRIED):
        shutil.copytree(ROOT / name, source / name)
    for path in (*ROOT.glob("*.md"), *(ROOT / name for name in ("setup.cfg", "pyproject.toml", "LICENSE", "wsgi.py"))):
        shutil.copy(path, source)
    built = tmp_path_factory.mktemp("built")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--wheel-dir", built, source],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [archive] = built.glob("*.whl")
    return archive


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(build(tmp_path_factory)) as files:
        files.extractall(unpacked)
    return unpacked


def in_wheel(wheel: Path) -> set[str]:
    return {p.relative_to(wheel).as_posix() for p in wheel.rglob("*") if p.is_file()}


def test_every_module_and_data_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    assert tracked("messaging_app") - in_wheel(wheel) == set()


@pytest.mark.parametrize("folder", CARRIED)
def test_every_template_static_file_and_migration_is_in_the_wheel(wheel: Path, folder: str) -> None:
    carried = {f"messaging_app/_resources/{name}" for name in tracked(folder)}
    assert carried
    assert carried - in_wheel(wheel) == set()


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    beside = {n for n in in_wheel(wheel) if not n.startswith("messaging_app/") and ".dist-info/" not in n}
    assert beside == {"wsgi.py"}
    assert not [name for name in in_wheel(wheel) if "__pycache__" in name]


def test_the_wheel_carries_the_licences(wheel: Path) -> None:
    licences = [n for n in in_wheel(wheel) if ".dist-info/licenses/" in n]
    assert any(n.endswith("licenses/LICENSE") for n in licences)
    assert any("static/vendor/" in n for n in licences)


def test_the_application_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    program = """
import messaging_app
from flask_migrate import upgrade
from wsgi import app
with app.app_context():
    upgrade()
client = app.test_client()
front = client.get("/")
assert (front.status_code, front.location) == (303, "/setup"), front.status
assert client.get("/setup").status_code == 200
assert client.get("/static/any/vendor/htmx/htmx.min.js").status_code == 200
print(messaging_app.__file__)
"""
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("MESSAGING_", "FLASK_", "PYTHON"))},
        "PYTHONPATH": str(wheel),
        "MESSAGING_INSTANCE": str(tmp_path / "instance"),
        "MESSAGING_ENV": "production",
        "MESSAGING_SECRET_KEY": "wheel-0123456789-abcdefghijklmnopqrstuvwxyz",
        "MESSAGING_BASE_URL": "http://127.0.0.1:5000",
        "MESSAGING_DATABASE_URL": f"sqlite:///{tmp_path / 'wheel.sqlite3'}",
        "MESSAGING_STORAGE_URL": str(tmp_path / "uploads"),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert str(wheel) in done.stdout
