"""/metrics: who may ask, and that what happens is counted where it happens."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import insert

from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.mail import heartbeat
from messaging_app.models import Notification
from tests.conftest import Web
from tests.world import begin

TOKEN = "m" + "0123456789abcdef" * 2


def value(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def test_callers_on_this_machine_may_ask_and_others_need_the_token(
    make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    client = make_app(sqlite_url, metrics_token=TOKEN).test_client()
    local, far = {"REMOTE_ADDR": "127.0.0.1"}, {"REMOTE_ADDR": "203.0.113.5"}
    right, wrong = {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": "Bearer guess"}
    proxied = {"X-Forwarded-For": "203.0.113.5"}
    asked = [(local, {}), (local, proxied), (local, wrong), (far, {}), (far, wrong), (far, right)]
    found = [client.get("/metrics", environ_base=base, headers=headers).status_code for base, headers in asked]
    assert found == [200, 401, 401, 401, 401, 200]


def test_without_a_token_nobody_from_outside_may_ask(make_app: Callable[..., Flask], sqlite_url: str) -> None:
    client = make_app(sqlite_url).test_client()
    headers = {"Authorization": "Bearer "}
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.5"}, headers=headers).status_code == 401


def test_requests_statements_sends_and_refused_files_are_counted(web: Web) -> None:
    sam = web.signed_in("sam")
    text = web.app.test_client().get("/metrics").text
    form = {
        "conversation_type": "store_customer",
        "recipient_type": "customer",
        "recipient_id": str(web.cast.cleo.id),
        "subject": "Rye",
        "content": "Hello",
    }
    assert sam.post("/store/messages", form).status_code == 303
    sam.get("/store/messages/unread-count", htmx=True)
    after = web.app.test_client().get("/metrics").text
    badge = '{method="GET",role="store",route="/store/messages/unread-count",status="200"}'
    for name, more in (
        ('messaging_sends_total{role="store"}', 1),
        (f"messaging_requests_total{badge}", 1),
        ('messaging_statements_total{route="/store/messages/unread-count"}', 1),
        ('messaging_request_seconds_count{role="store",route="/store/messages/unread-count"}', 1),
    ):
        assert value(after, name) - value(text, name) == more, name


def test_no_address_and_no_name_becomes_a_label(web: Web) -> None:
    web.browser().get("/no/such/page?secret=1")
    text = web.app.test_client().get("/metrics").text
    assert "/no/such" not in text and 'route="none"' in text


LOOKED_UP = (
    "messaging_streams",
    "messaging_mail_overdue_seconds",
    "messaging_mail_waiting",
    "messaging_mail_failed",
    "messaging_worker_round_timestamp_seconds",
    "messaging_bus_connected",
)


@pytest.mark.parametrize("name", LOOKED_UP)
def test_what_is_looked_up_is_there(web: Web, name: str) -> None:
    assert re.search(rf"^{name} [0-9.e+]+$", web.app.test_client().get("/metrics").text, re.MULTILINE)


def test_the_worker_and_what_it_gave_up_can_be_watched(web: Web) -> None:
    with web.app.app_context():
        begin(web.cast.sam, "store_customer", "customer", web.cast.cleo.id, "Subject")
        heartbeat.beat()
        row = {"conversation_id": 1, "participant_type": "customer", "participant_id": web.cast.cleo.id}
        given_up = {"email_key": "x", "message_id": "<1@x>", "created_at": now(), "next_at": now(), "state": "failed"}
        with writing(db.session) as session:
            session.execute(insert(Notification).values(row | given_up))
    text = web.app.test_client().get("/metrics").text
    assert value(text, "messaging_mail_failed") == 1
    assert time.time() - 60 < value(text, "messaging_worker_round_timestamp_seconds") <= time.time()
    assert value(text, "messaging_bus_connected") == 1
