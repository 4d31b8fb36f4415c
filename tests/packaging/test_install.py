"""What a stranger gets from `pip install`: with nothing but the declared dependencies it serves the embedded set-up."""

from __future__ import annotations

import os
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.test_wheel import ROOT, build
from tests.services import answers, free_port, wait_for

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


class Installed:
    """A fresh environment with the wheel in it."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        venv.create(folder / "venv", with_pip=True)
        self.folder, self.wheel, self.bin = folder, wheel, folder / "venv" / "bin"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("MESSAGING_", "FLASK_", "PYTHON"))},
            "MESSAGING_INSTANCE": str(folder / "instance"),
            "MESSAGING_ENV": "production",
            "MESSAGING_SECRET_KEY": "wheel-0123456789-abcdefghijklmnopqrstuvwxyz",
            "MESSAGING_BASE_URL": "http://127.0.0.1:5000",
        }

    def install(self, extra: str = "") -> None:
        """The wheel with what it declares, at the releases that are locked."""
        constraints = self.folder / "constraints.txt"
        lock = (ROOT / "requirements-test.lock").read_text().splitlines()
        pins = [line.rstrip("\\ ") for line in lock if "==" in line and "[" not in line and line[:1].isalnum()]
        constraints.write_text("\n".join(pins))
        self.run(self.bin / "pip", "install", "--quiet", "--constraint", constraints, f"{self.wheel}{extra}")

    def run(self, *words: str | Path, **variables: str) -> str:
        """Run a command of the environment outside the checkout; what it prints."""
        done = subprocess.run(
            [str(word) for word in words],
            cwd=self.folder,
            env=self.environment | variables,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The wheel, installed without extras."""
    found = Installed(tmp_path_factory.mktemp("installed"), build(tmp_path_factory))
    found.install()
    yield found


def test_it_serves_the_embedded_set_up_without_extras(installed: Installed) -> None:
    missing = "import importlib.util as u; print([m for m in ('psycopg', 'redis', 'boto3', 'gevent', 'authlib') if u.find_spec(m)])"
    assert installed.run(installed.bin / "python", "-c", missing) == "[]\n", "only what is declared"
    installed.run(installed.bin / "flask", "--app", "wsgi", "db", "upgrade")
    port = free_port()
    command = [installed.bin / "gunicorn", "-c", "python:messaging_app.gunicorn_conf", "wsgi:app"]
    with (installed.folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=installed.folder, env=installed.environment | {"PORT": str(port)}, stdout=log, stderr=log
        )
    try:
        wait_for(lambda: answers(port) or server.poll() is not None, seconds=60, what="the server")
        assert server.poll() is None, (installed.folder / "log").read_text()
    finally:
        server.terminate()
        server.wait(30)


@pytest.mark.parametrize(
    ("variable", "value", "module"),
    [
        ("MESSAGING_DATABASE_URL", "postgresql+psycopg://x@127.0.0.1/x", "psycopg"),
        ("MESSAGING_REDIS_URL", "redis://127.0.0.1:1", "redis"),
        ("MESSAGING_STORAGE_URL", "s3://bucket/prefix", "boto3"),
        ("MESSAGING_OIDC", '{"acme": {"issuer": "https://id.example", "client_id": "x"}}', "authlib"),
    ],
)
def test_what_needs_the_extra_says_so(installed: Installed, variable: str, value: str, module: str) -> None:
    with pytest.raises(AssertionError, match=f"{variable} needs {module}: pip install"):
        installed.run(installed.bin / "flask", "--app", "wsgi", "settings", "list", **{variable: value})


def test_the_extra_brings_the_scaled_set_up(installed: Installed) -> None:
    installed.install("[scale]")
    installed.run(installed.bin / "python", "-c", "import psycopg, redis, boto3, gevent")
    out = installed.run(
        installed.bin / "python", "-c", "import wsgi; print(wsgi.app.name)", MESSAGING_REDIS_URL="redis://127.0.0.1:1"
    )
    assert out == "messaging_app\n"
