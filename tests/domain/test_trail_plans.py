"""With hundreds of thousands of entries every page of the audit trail still reads a short range of an index, on both databases."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from messaging_app.db.engine import now
from tests.conftest import Web, new_app
from tests.domain import test_plans as plans
from tests.services import Postgres

pytestmark = pytest.mark.slow

ENTRIES, PART = int(os.environ.get("TRAIL_ENTRIES", "300000")), 50_000  # a million takes a minute to write
# Sign-ins mostly, of 5,000 people; now and then a setting; Ada did every third thing of the last 50,000.
FILL = (
    "INSERT INTO audit_entries (id, at, actor_type, actor_id, actor_name, actor_email, action, object_type, object_id,"
    " object_name, object_email, before, after, address, session_id, request_id, hash)"
    " SELECT i, {moment}, 'store', 3, 'Sam',"
    " CASE WHEN i > {entries} - 50000 AND i % 3 = 0 THEN 'ada@mail.example' ELSE 'p' || (i % 5000) || '@x.example' END,"
    " CASE WHEN i % 20000 = 0 THEN 'setting.changed' WHEN i % 9 = 0 THEN 'sign_in.failed' ELSE 'sign_in.succeeded' END,"
    " CASE WHEN i % 20000 = 0 THEN 'setting' ELSE 'user' END,"
    " CASE WHEN i % 20000 = 0 THEN 'message_attachment_max_files' ELSE CAST(i % 5000 AS varchar) END,"
    " '', 'p' || (i % 5000) || '@x.example', '{{}}', '{{}}', '', NULL, '', '' FROM (SELECT i + {offset} AS i FROM {numbers}) AS part"
)
MOMENTS = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', '{now}', '-' || ({entries} - i) || ' minutes')",
    "postgresql": "timestamptz '{now}' - ({entries} - i) * interval '1 minute'",
}
QUERIES = (
    "",
    "?cursor=500000",
    "?person=ada@mail.example",
    "?person=p77@x.example&cursor=500000",
    "?person=nobody@x.example",
    "?person=p77@x.example&action=sign-ins&time=90",
    "?action=settings",
    "?action=sign-ins",
    "?action=sign_in.failed&cursor=400000",
    "?action=export.made",
    "?object=setting",
    "?object=user:77",
    "?object=p77@x.example",
    "?object=user&time=7",
    "?object=store",
    "?time=today",
    "?time=90&action=people",
)


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.long])]
)
def crowd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    folder = tmp_path_factory.mktemp("trail")
    if request.param == "sqlite":
        url = f"sqlite:///{shutil.copy(request.getfixturevalue('migrated_sqlite'), folder / 'messaging.db')}"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        name = server.create_database(template=server.migrated())
        url = server.url(name)
    web = Web(new_app(url, folder))
    dialect = web.engine.dialect.name
    numbers = plans.SQLITE_NUMBERS if dialect == "sqlite" else plans.POSTGRES_NUMBERS
    moment = MOMENTS[dialect].format(entries=ENTRIES, now=f"{now() - timedelta(minutes=1):%Y-%m-%d %H:%M:%S}")
    with web.engine.connect().execution_options(transaction="IMMEDIATE") as connection:
        for offset in range(0, ENTRIES, PART):
            words = {
                "entries": ENTRIES,
                "moment": moment.replace(":", r"\:"),
                "offset": offset,
                "numbers": numbers.format(most=PART),
            }
            connection.execute(text(FILL.format(**words)))
        connection.execute(text(f"UPDATE audit_head SET last_id = {ENTRIES}"))
        connection.commit()
    yield web
    web.engine.dispose()
    if request.param == "postgres":
        server.drop_database(name)


def test_every_page_of_the_trail_is_a_short_range(crowd: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "BIG", {"audit_entries"})
    ada = crowd.signed_in("ada")
    wrong: list[str] = []
    plans.analyze(crowd.engine)  # as PostgreSQL does by itself long before a table is that large
    for query in QUERIES:
        for statement, parameters in plans.caught(crowd, ada, f"/admin/audit{query}"):
            if re.search(r"\baudit_entries\b", statement):
                faults = plans.faults_of(crowd.engine, statement, parameters, may_sort=True)
                wrong += [f"{query}: {fault}" for fault in faults]
    assert not wrong, "\n".join(dict.fromkeys(wrong))
