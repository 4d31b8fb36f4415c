"""Fixtures that every test may use: the application on a real database, its cast, and browsers signed in."""

from __future__ import annotations

import gc
import html
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from pwdlib import PasswordHash
from sqlalchemy import Engine, event, insert, text
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from messaging_app import bus, create_app
from messaging_app.accounts import passwords
from messaging_app.config import Settings
from messaging_app.db.engine import statement_executed
from messaging_app.extensions import db
from messaging_app.models import AuditHead, SearchDue
from messaging_app.search.indexing import LINES
from tests import cast
from tests.services import Postgres, migrate

pytest_plugins = ["tests.services"]

SECRET = "an0ther-Key.for+tests=only_3b1f8a7c2d"
TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"|X-CSRFToken&#34;: &#34;([^&]+)&#34;')


# Tests about the database itself: bin/test runs them on both databases.
ON_BOTH_BY_DAY = (
    "tests/domain/",
    "tests/test_migrations.py::test_the_",  # what the models want
    "tests/test_migrations.py::test_up_down_and_up_again",
    "tests/web/test_statements.py",
)
# Only bin/test --all runs these: what people do less often in the browser, and what takes long for a rare fault.
NOT_EVERY_DAY = (
    "tests/accounts/test_codes_machine.py",
    "tests/accounts/test_devices.py::test_whatever_a_stranger_does",
    "tests/attachments/test_corpus.py::test_a_file_gets_its_verdict_at_both_doors",  # by day at one, in tests/files
    "tests/browser/test_asking.py",
    "tests/browser/test_attachments.py",
    "tests/browser/test_axe.py::test_a_search",
    "tests/browser/test_axe.py::test_the_composers",
    "tests/browser/test_axe.py::test_what_a_team",
    "tests/browser/test_draft_files.py",
    "tests/browser/test_drafts.py",
    "tests/browser/test_left_rows.py",
    "tests/browser/test_notices.py",
    "tests/browser/test_presence.py",
    "tests/browser/test_saved_views.py",
    "tests/browser/test_second_factor.py",
    "tests/browser/test_states.py::test_a_draft",
    "tests/browser/test_states.py::test_the_page_for_a_new",
    "tests/browser/test_states.py::test_words_for_one",
    "tests/browser/test_undo.py",
    "tests/browser/test_without_scripts.py",
    "tests/domain/test_trail_plans.py",
    "tests/live/test_bodies.py::test_a_body_that_ends",
    "tests/live/test_gunicorn.py::test_it_ends_quietly",
)
# Slow tests of which bin/test runs the first case (role, width, kind of image) only.
ONE_CASE_BY_DAY = ("tests/browser/", "tests/files/test_storage.py", "tests/files/test_thumbnails.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Settles what only bin/test --all asks. What takes longest begins first, or one process would still be at it when
    the others have nothing left to do; what needs PostgreSQL stands together, so that not all of them start one."""
    for item in list(_asked_again(items)):
        item.add_marker(pytest.mark.long)
    items.sort(key=lambda item: (-_patience(item), item.get_closest_marker("postgres") is not None))


def _asked_again(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """The PostgreSQL variants of tests, the rarer tests in the browser, and further cases of tests that take seconds."""
    on_sqlite = {_test(item) for item in items if item.get_closest_marker("postgres") is None}
    begun = set()
    for item in items:
        test = _test(item)
        if item.get_closest_marker("long"):
            continue
        if item.get_closest_marker("postgres"):
            if test in on_sqlite and not item.nodeid.startswith(ON_BOTH_BY_DAY):
                yield item
        elif item.nodeid.startswith(NOT_EVERY_DAY):
            yield item
        elif item.nodeid.startswith(ONE_CASE_BY_DAY) and any(map(item.get_closest_marker, ("browser", "slow"))):
            if test in begun:
                yield item
            begun.add(test)


def _test(item: pytest.Item) -> str:
    """The test without its parameters."""
    return item.nodeid.partition("[")[0]


def _patience(item: pytest.Item) -> float:
    own_limit = item.get_closest_marker("timeout")
    return float(own_limit.args[0]) if own_limit else float(any(map(item.get_closest_marker, ("slow", "long"))))


def pytest_collection_finish() -> None:
    """Run the garbage collector less often: loaded modules stay anyway, and every application creates thousands of
    objects, for which it would otherwise scan everything again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)


_compile_builder = Rule._compile_builder
_compiled: dict[Any, Any] = {}


def _compile_builder_once(rule: Rule, append_unknown: bool = True) -> Any:
    """What werkzeug compiles to build a URL depends only on the rule; repeated for each of hundreds of applications
    it takes more than half of the time in which one is made."""
    key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
    if key not in _compiled:
        _compiled[key] = _compile_builder(rule, append_unknown)
    return _compiled[key]


Rule._compile_builder = _compile_builder_once  # type: ignore[method-assign]


class _CompiledOnce(BytecodeCache):
    """Compiled templates depend only on their source; compiling them for each application takes most of a page's time."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self.kept[bucket.key, bucket.checksum] = bucket.code


Flask.jinja_options = {"bytecode_cache": _CompiledOnce()}


@event.listens_for(Engine, "connect")
def _no_power_cut(link: Any, _record: Any) -> None:
    """Let SQLite not wait for the disk at each of thousands of commits, as the test server of PostgreSQL does not."""
    if "sqlite3" in type(link).__module__:
        link.execute("PRAGMA synchronous=OFF")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file, made once a test process and then copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, migrated database: each test that uses it runs on SQLite and on PostgreSQL."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "messaging.db")
    return f"sqlite:///{tmp_path / 'messaging.db'}"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def kept_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same for the tests of a module that `empty` it before they begin: a new one for each would cost more than they."""
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        name = server.create_database(template=server.migrated())
        yield server.url(name)
        server.drop_database(name)
    else:
        path = tmp_path_factory.mktemp("kept") / "messaging.db"
        yield f"sqlite:///{shutil.copy(request.getfixturevalue('migrated_sqlite'), path)}"


def empty(engine: Engine) -> None:
    """Delete every row and restart the ids at 1."""
    with engine.begin() as connection:
        for table in reversed(db.metadata.sorted_tables):
            connection.execute(table.delete())
        connection.execute(insert(AuditHead).values(id=1, last_id=0, hash=""))
        connection.execute(insert(SearchDue).values(kind=LINES, id=0, after=0))
        if engine.dialect.name == "postgresql":
            query = "SELECT setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences WHERE schemaname = 'public'"
            connection.execute(text(query)).all()


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A fresh, migrated SQLite database, for tests in which the database makes no difference."""
    shutil.copy(migrated_sqlite, tmp_path / "messaging.db")
    return f"sqlite:///{tmp_path / 'messaging.db'}"


def new_app(url: str, instance: Path, **settings: Any) -> Flask:
    """An application for tests on the database at `url`; its errors are answers, as in production."""
    settings = {"secret_key": SECRET, "rate_limits": "off"} | settings
    app = create_app(database_url=url, instance=str(instance), **settings)
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """Makes applications; their connections are closed at the end."""
    made: list[Flask] = []

    def make(url: str, **settings: Any) -> Flask:
        made.append(new_app(url, **({"instance": tmp_path / "instance"} | settings)))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask], database_url: str) -> Iterator[Flask]:
    """The application on both databases, inside its context."""
    app = make_app(database_url)
    with app.app_context():
        yield app


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_app(request: pytest.FixtureRequest, make_app: Callable[..., Flask]) -> Iterator[Flask]:
    """The application on an empty database of either kind, inside its context, for what migrates it."""
    if request.param == "sqlite":
        app = request.getfixturevalue("kept_sqlite").without_tables()
    else:
        app = make_app(request.getfixturevalue("empty_postgres_url"))
    app.config["QUIET_MIGRATIONS"] = True
    with app.app_context():
        yield app
        db.session.remove()


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make password hashing as cheap as the cast's, also for the comparisons with unknown users."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHash((cast.CHEAP,)))
    monkeypatch.setattr(passwords, "_dummy", [])


@pytest.fixture
def cast_of(app: Flask) -> cast.Cast:
    """The cast, in the database of `app`."""
    return cast.bring_in()


class Kept:
    """One application on SQLite for many tests, reset to its initial state for each.

    To make one takes longer than most tests, and its first pages, for which every statement and template is prepared,
    as long again. What a test may leave behind is taken back before the next: rows, files, wake-ups, and whatever it
    put into the application's settings, extensions and views.
    """

    def __init__(self, migrated: Path, folder: Path) -> None:
        self.migrated, self.peopled, self.file = migrated, folder / "peopled.db", folder / "messaging.db"
        self.app = app = new_app(f"sqlite:///{self.file}", folder / "instance")
        self.uploads: Path = app.extensions["storage"].root
        self.settings: Settings = app.extensions["settings"]
        registers: tuple[dict[Any, Any], ...] = (app.config, app.extensions, app.view_functions)
        self.registers = [(register, dict(register)) for register in registers]
        self.empty()
        with app.app_context():
            self.cast = cast.bring_in()
            self.engine = db.engine
            self.engine.dispose()  # writes everything into the one file
        shutil.copy(self.file, self.peopled)

    def empty(self) -> Flask:
        """The application with a migrated database without rows."""
        return self._begin(self.migrated)

    def without_tables(self) -> Flask:
        """The application with a database that no migration has seen."""
        return self._begin(None)

    def with_cast(self) -> tuple[Flask, cast.Cast]:
        """Return the application with only the cast in its database, and the cast."""
        return self._begin(self.peopled), self.cast

    def _begin(self, template: Path | None) -> Flask:
        for register, made in self.registers:
            register.clear()
            register.update(made)
        self.app.extensions["settings"] = self.settings.model_copy()
        bus.init_app(self.app)
        with self.app.app_context():
            db.engine.dispose()
        for path in (self.file, *self.file.parent.glob(f"{self.file.name}-*")):
            path.unlink(missing_ok=True)  # processes that still have the old one open do no harm
        if template is not None:
            shutil.copy(template, self.file)
        shutil.rmtree(self.uploads, ignore_errors=True)
        return self.app


@pytest.fixture(scope="session")
def kept_sqlite(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """The application that tests of a test process share; most want `web`."""
    kept = Kept(migrated_sqlite, tmp_path_factory.mktemp("kept"))
    yield kept
    kept.engine.dispose()


@pytest.fixture(scope="module")
def kept_postgres(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application on PostgreSQL for the tests of a module, which `empty` it before they begin."""
    name = postgres.create_database(template=postgres.migrated())
    app = new_app(postgres.url(name), tmp_path_factory.mktemp("kept"))
    yield app
    with app.app_context():
        db.engine.dispose()
    postgres.drop_database(name)


@pytest.fixture
def web(kept_sqlite: Kept) -> Web:
    """The application with its cast on SQLite, as browsers see it."""
    return Web(*kept_sqlite.with_cast())


@contextmanager
def executed() -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements that succeed in the block, from all threads, each with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, statement: str, parameters: Any, **_seconds: Any) -> None:
        seen.append((statement, parameters))

    with statement_executed.connected_to(note):
        yield seen


class Web:
    """An application with its cast, its browsers and a count of the statements that it makes."""

    def __init__(self, app: Flask, people: cast.Cast | None = None) -> None:
        """`people`: the cast, where it is in the application's database already."""
        self.app = app
        with app.app_context():
            self.cast = people or cast.bring_in()
            self.engine = db.engine

    def browser(self) -> Browser:
        """Return a browser without a signed-in user."""
        return Browser(self.app)

    def signed_in(self, name: str, role: str | None = None) -> Browser:
        """Return a browser with a member of the cast signed in to their role."""
        browser = self.browser()
        answer = browser.sign_in(role or role_of(name), name)
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return browser

    def statements(self, act: Callable[[], Any]) -> list[str]:
        """The statements that `act` makes, BEGIN and COMMIT not counted."""
        with executed() as seen:
            act()
        return [statement for statement, _parameters in seen if not statement.startswith(("BEGIN", "COMMIT"))]


def role_of(name: str) -> str:
    """Return the role in which a member of the cast usually signs in."""
    return "admin" if name in ("ada", "abe") else "storefront" if name in ("cleo", "omar", "jun") else "store"


class Browser:
    """A test client with a browser's manners: it sends the CSRF token that the last page carried."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self.token = ""

    def get(self, path: str, *, htmx: bool = False, **options: Any) -> TestResponse:
        """Fetch a page, or with `htmx` a fragment."""
        return self._note(self.client.get(path, headers=self._headers(htmx, options), **options))

    def post(
        self, path: str, data: dict[str, Any] | None = None, *, htmx: bool = False, **options: Any
    ) -> TestResponse:
        """Send a form with the CSRF token."""
        form = {"csrf_token": self.token} | (data or {})
        return self._note(self.client.post(path, data=form, headers=self._headers(htmx, options), **options))

    def put(self, path: str, data: dict[str, Any], **options: Any) -> TestResponse:
        """Send a form as htmx does with PUT."""
        headers = self._headers(True, options) | {"X-CSRFToken": self.token}
        return self._note(self.client.put(path, data=data, headers=headers, **options))

    def sign_in(self, role: str, name: str, password: str = cast.PASSWORD) -> TestResponse:
        """Open the sign-in page of `role`, fill it in, send it."""
        store = {"jun": "cycles"}.get(name, "bakery")
        address = f"/{role}/login" + (f"?store={store}" if role == "storefront" else "")
        self.get(address)
        answer = self.post(address, {"email": cast.EMAILS[name], "password": password})
        if answer.status_code == 303:
            self.get(answer.location)
        return answer

    def _headers(self, htmx: bool, options: dict[str, Any]) -> dict[str, str]:
        return ({"HX-Request": "true"} if htmx else {}) | options.pop("headers", {})

    def _note(self, answer: TestResponse) -> TestResponse:
        if answer.mimetype == "text/html":
            for found in TOKEN.finditer(answer.get_data(as_text=True)):
                self.token = html.unescape(found.group(1) or found.group(2))
                break
        return answer
