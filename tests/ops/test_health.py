"""/healthz and /readyz: what load balancers and operators are told, and when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text, update

from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.mail import heartbeat, outbox
from messaging_app.models import Notification, WorkerBeat
from messaging_app.ops import health
from tests import cast
from tests.world import begin


@pytest.fixture(autouse=True)
def _look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "KEEP", -1.0)


def ready(app: Flask) -> tuple[int, dict[str, Any]]:
    answer = app.test_client().get("/readyz")
    return answer.status_code, answer.json


def test_a_process_is_healthy_without_anything_else(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    answer = make_app(f"sqlite:///{tmp_path / 'none' / 'gone.db'}").test_client().get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_it_is_ready_when_every_part_is(app: Flask) -> None:
    heartbeat.beat()
    status, parts = ready(app)
    everything = {"database": "ok", "migrations": "ok", "bus": "ok", "storage": "ok", "worker": "ok", "mail": "off"}
    assert (status, parts) == (200, {"status": "ok"} | everything)


def test_a_worker_that_never_came_or_stays_away_is_told_and_hurts_nobody(app: Flask) -> None:
    assert ready(app)[1]["worker"] == "never"
    with writing(db.session) as session:
        session.add(WorkerBeat(name=heartbeat.SWEEP, at=now() - timedelta(minutes=4)))
    status, parts = ready(app)
    assert (status, parts["status"], parts["worker"]) == (200, "degraded", "late")


def test_mail_that_does_not_go_out_is_told_and_hurts_nobody(make_app: Callable[..., Flask], sqlite_url: str) -> None:
    app = make_app(sqlite_url, mail_url="smtp://127.0.0.1:1", mail_from="a@b.example", mail_delay=0)
    with app.app_context():
        people = cast.bring_in()
        heartbeat.beat()
        assert ready(app)[1]["mail"] == "ok"
        begin(people.sam, "store_customer", "customer", people.cleo.id, "Subject")
        outbox.sweep()
        assert ready(app)[1]["mail"] == "ok", "a server may be away for a moment"
        with writing(db.session) as session:
            session.execute(update(Notification).values(created_at=now() - timedelta(minutes=4)))
        status, parts = ready(app)
        assert (status, parts["status"], parts["mail"], parts["worker"]) == (200, "degraded", "late", "ok")


def test_without_its_database_it_is_not_ready(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    status, parts = ready(make_app(f"sqlite:///{tmp_path / 'none' / 'gone.db'}"))
    assert (status, parts["status"], parts["database"]) == (503, "unavailable", "unreachable")


def test_an_old_schema_is_not_ready_and_a_newer_one_is(app: Flask) -> None:
    for version, expected in (("0001", (503, "behind")), ("9999", (200, "ok"))):
        with writing(db.session) as session:
            session.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
        status, parts = ready(app)
        assert (status, parts["migrations"]) == expected


def test_a_schema_that_lacks_only_steps_which_take_away_is_ready(app: Flask) -> None:
    accepted = health.ready_on() - health.heads()
    for revision in accepted:
        with writing(db.session) as session:
            session.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": revision})
        app.extensions.pop("readiness", None)
        assert ready(app)[1]["migrations"] == "ok"
    scripts = {script.revision: script for script in health._script().walk_revisions()}
    (head,) = health.heads()
    assert accepted == ({scripts[head].down_revision} if getattr(scripts[head].module, "contract", False) else set())


def test_redis_that_is_gone_degrades_only(make_app: Callable[..., Flask], sqlite_url: str) -> None:
    app = make_app(sqlite_url, redis_url="redis://127.0.0.1:1/0")
    status, parts = ready(app)
    assert (status, parts["status"], parts["bus"]) == (200, "degraded", "unreachable")


def test_many_who_ask_at_once_cost_one_look(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "KEEP", 60.0)
    looks: list[int] = []
    monkeypatch.setitem(health.PARTS, "worker", lambda: looks.append(1) or "ok")
    for _ in range(5):
        ready(app)
    assert len(looks) == 1


def test_a_look_that_takes_long_serves_all_who_asked_meanwhile(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away costs seconds each time: twenty who ask must not wait for twenty of those."""
    monkeypatch.setattr(health, "KEEP", 0.2)
    looks: list[int] = []

    def look() -> str:
        looks.append(1)
        time.sleep(0.5)
        return "ok"

    monkeypatch.setitem(health.PARTS, "worker", look)
    asking = [threading.Thread(target=ready, args=(app,)) for _ in range(5)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert len(looks) == 1
