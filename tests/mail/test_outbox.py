"""When a mail goes out, how many, and that none is lost: delay, window, reading, failures, claims."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.mail import delivery, message, outbox
from messaging_app.models import Customer, Notification, Store, StoreMembership, User
from messaging_app.ops.logs import JsonFormatter
from messaging_app.services import messaging, preferences, settings
from tests.post import Post
from tests.services import MailServer, free_port


def test_mail_waits_for_its_delay(post: Post) -> None:
    post.begin(post.cast.sam, post.cast.cleo)
    assert post.receivers(1.9) == []
    assert post.receivers(2.1) == ["cleo"]
    assert post.receivers(60) == []


def test_who_reads_in_time_gets_no_mail(post: Post) -> None:
    number = post.begin(post.cast.sam, post.cast.cleo)
    messaging.mark_conversation_read(post.cast.cleo, number)
    assert outbox.next_due() is None
    assert post.receivers() == []


def test_who_has_read_a_part_is_mailed_of_the_rest(post: Post) -> None:
    number = post.begin(post.cast.sam, post.cast.cleo)
    messaging.send_message(post.cast.sam, number, "The second")
    messaging.mark_conversation_read(post.cast.cleo, number, 1)
    post.sweep(2.1)
    [mail] = post.take()
    assert "The second" in text_of(mail) and "more message" not in text_of(mail)


def test_a_burst_is_gathered_into_one_mail_in_a_window(post: Post) -> None:
    number = post.begin(post.cast.sam, post.cast.cleo)
    for word in ("two", "three"):
        messaging.send_message(post.cast.sam, number, word)
    post.sweep(2.1)
    [first] = post.take()
    assert "three" in text_of(first) and "and 2 more messages" in text_of(first)
    for word in ("four", "five"):
        messaging.send_message(post.cast.sam, number, word)
    due = outbox.next_due()
    assert due is not None and due - now() > timedelta(minutes=16)
    assert post.receivers(16.9) == []
    post.sweep(17.2)
    [second] = post.take()
    assert "five" in text_of(second) and "and 1 more message" in text_of(second)
    assert second["Message-ID"] != first["Message-ID"] and second["References"] == first["References"]
    assert post.receivers(120) == []


def test_a_mail_tells_of_the_other_side_and_never_of_colleagues(post: Post) -> None:
    number = post.begin(post.cast.sam, post.cast.cleo)
    messaging.send_message(post.cast.cleo, number, "What the customer asks")
    messaging.send_message(post.cast.nadia, number, "What a colleague answers")
    post.sweep(2.1)
    mail = next(mail for mail in post.take() if "sam@" in mail["To"])
    assert "What the customer asks" in text_of(mail)
    assert "colleague" not in text_of(mail) and "more message" not in text_of(mail)


def test_delay_and_window_are_settings(make_post: Callable[..., Post]) -> None:
    post = make_post(mail_delay=0, mail_window=60)
    number = post.begin(post.cast.sam, post.cast.cleo)
    assert post.receivers(0) == ["cleo"]
    messaging.send_message(post.cast.sam, number, "again")
    assert post.receivers(0.5) == []
    assert post.receivers(1.1) == ["cleo"]


def test_nothing_is_due_where_mail_is_off(make_post: Callable[..., Post]) -> None:
    post = make_post(mail_url=None, mail_from=None)
    post.begin(post.cast.sam, post.cast.cleo)
    assert outbox.next_due() is None
    assert post.sweep(10) == 0


def stop_conversation(post: Post, number: int) -> None:
    messaging.set_email_notifications(post.cast.cleo, number, False)


def stop_person(post: Post, _number: int) -> None:
    preferences.save(post.cast.cleo, mail=False)


def deactivate(post: Post, _number: int) -> None:
    change(update(Customer).where(Customer.id == post.cast.cleo.id).values(active=False))


def close_store(post: Post, _number: int) -> None:
    change(update(Store).where(Store.id == post.cast.bakery).values(active=False))


def read_all(post: Post, number: int) -> None:
    messaging.mark_conversation_read(post.cast.cleo, number)


WAYS_OUT = (stop_conversation, stop_person, deactivate, close_store, read_all)


@pytest.mark.parametrize("way_out", WAYS_OUT)
def test_whoever_is_out_when_mail_is_due_gets_none(post: Post, way_out: Callable[[Post, int], None]) -> None:
    number = post.begin(post.cast.sam, post.cast.cleo)
    way_out(post, number)
    assert post.receivers() == []
    assert outbox.next_due() is None


@pytest.mark.parametrize("way_out", WAYS_OUT)
def test_whoever_is_out_when_mail_is_tried_again_gets_none(post: Post, way_out: Callable[[Post, int], None]) -> None:
    number = post.begin(post.cast.sam, post.cast.cleo)
    post.server.refuse = "451 later"
    post.sweep(2.1)
    post.server.refuse = None
    way_out(post, number)
    assert post.receivers(10) == []
    assert [note.state for note in notes()] == ["skipped"]


def test_a_hidden_platform_conversation_is_not_mailed(post: Post) -> None:
    number = post.begin(post.cast.ada, post.cast.cleo)
    settings.set_settings(None, {settings.CUSTOMERS_SEE_PLATFORM: "false"})
    assert post.receivers() == []
    settings.set_settings(None, {settings.CUSTOMERS_SEE_PLATFORM: "true"})
    messaging.send_message(post.cast.ada, number, "Now you see it")
    assert post.receivers() == ["cleo"]


def test_who_left_the_store_or_is_no_admin_any_more_gets_no_mail(post: Post) -> None:
    people = post.cast
    number = post.begin(people.ada, people.bakery)
    messaging.send_message(people.sam, number, "Noted")
    change(update(StoreMembership).where(StoreMembership.user_id == people.nadia.id).values(active=False))
    change(update(User).where(User.id == people.ada.id).values(is_admin=False))
    assert post.receivers() == ["lea", "sam"]


def test_a_mail_that_is_refused_is_tried_again_and_arrives_once(post: Post) -> None:
    post.begin(post.cast.sam, post.cast.cleo)
    post.server.refuse = "451 not now"
    assert post.sweep(2.1) == 0
    [note] = notes()
    assert note.attempts == 1 and "451 not now" in (note.last_error or "")
    post.server.refuse = None
    assert post.receivers(2.2) == []
    assert post.receivers(3) == ["cleo"]
    assert post.receivers(300) == []


def test_a_mail_that_is_always_refused_is_given_up_where_the_operator_sees_it(post: Post, caplog: Any) -> None:
    post.begin(post.cast.sam, post.cast.cleo)
    post.server.refuse = "550 never"
    minutes = 2.1
    while outbox.next_due() is not None:
        post.sweep(minutes)
        minutes += 61
        assert minutes < 60 * 24
    assert outbox.standing().failed == 1
    assert notes()[0].attempts == delivery.ATTEMPTS
    assert "given up" in caplog.text
    post.server.refuse = None
    assert post.receivers(60 * 48) == []


def test_an_absent_mail_server_costs_no_attempt(make_post: Callable[..., Post], smtp: MailServer) -> None:
    post = make_post(mail_url=f"smtp://127.0.0.1:{free_port()}")
    for customer in (post.cast.cleo, post.cast.omar):
        post.begin(post.cast.sam, customer)
    for minutes in range(3, 3000, 100):
        assert post.sweep(minutes) == 0
    assert {note.attempts for note in notes()} == {0}
    waits = outbox.standing(now() + timedelta(minutes=3000))
    assert (waits.waiting, waits.failed) == (2, 0) and waits.overdue_seconds > 10_000
    object.__setattr__(outbox.settings(), "mail_url", smtp.url)
    assert post.receivers(3001) == ["cleo", "omar"]


@pytest.mark.parametrize("address", ["no address at all", "cleo@[mail.example", '"@mail.example', "cle,o@m.example"])
def test_one_refused_mail_does_not_hold_up_the_others(
    address: str, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    change(update(Customer).where(Customer.id == post.cast.cleo.id).values(email=address))
    for customer in (post.cast.cleo, post.cast.omar):
        post.begin(post.cast.sam, customer)
    assert post.receivers() == ["omar"]
    assert sorted(note.state for note in notes()) == ["due", "sent"]
    assert address not in caplog.text and all(address not in (note.last_error or "") for note in notes())


@pytest.mark.parametrize("fault", [KeyError, ValueError])
def test_a_fault_of_ours_in_one_mail_costs_nobody_else_theirs(
    fault: type[Exception], post: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compose = message.compose

    def stumble(note: Notification) -> Any:
        if note.participant_id == post.cast.cleo.id:
            raise fault("what somebody wrote")
        return compose(note)

    monkeypatch.setattr(message, "compose", stumble)
    for customer in (post.cast.cleo, post.cast.omar):
        post.begin(post.cast.sam, customer)
    assert post.receivers() == ["omar"]
    [waits] = [note for note in notes() if note.state == "due"]
    assert waits.attempts == 1 and waits.last_error == fault.__name__
    [told] = [json.loads(JsonFormatter().format(record)) for record in caplog.records if record.exc_info]
    assert told["error"] == fault.__name__ and told["frames"][-1].endswith(" stumble")
    assert "somebody" not in json.dumps(told)
    monkeypatch.undo()
    assert post.receivers(3) == ["cleo"]


def test_a_worker_that_died_while_sending_leaves_its_mail_to_the_next_one(post: Post) -> None:
    post.begin(post.cast.sam, post.cast.cleo)
    at = now() + timedelta(minutes=3)
    outbox._enrol(at)
    assert len(delivery.claim_due(lambda: at)) == 1  # and then nothing more is heard of it
    assert post.sweep(4) == 0
    assert post.receivers(9.1) == ["cleo"]


def test_a_crash_between_enrolling_and_claiming_loses_nothing(post: Post) -> None:
    post.begin(post.cast.sam, post.cast.cleo)
    outbox._enrol(now() + timedelta(minutes=3))
    assert post.receivers(3) == ["cleo"]


def test_what_comes_while_a_mail_waits_is_told_by_that_mail(post: Post) -> None:
    number = post.begin(post.cast.sam, post.cast.cleo)
    post.server.refuse = "451 later"
    post.sweep(2.1)
    messaging.send_message(post.cast.sam, number, "The newest")
    post.server.refuse = None
    post.sweep(10)
    [mail] = post.take()
    assert "The newest" in text_of(mail) and "and 1 more message" in text_of(mail)
    assert post.receivers(60) == []


def test_workers_beside_each_other_send_each_mail_once(post: Post) -> None:
    for index in range(12):
        for customer in (post.cast.cleo, post.cast.omar):
            post.begin(post.cast.sam, customer, subject=f"Number {index}")
    at = now() + timedelta(minutes=3)
    ready = threading.Barrier(4)

    def work() -> None:
        with post.app.app_context():
            ready.wait()
            outbox.sweep(at)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    mails = post.take()
    assert len(mails) == len({mail["Message-ID"] for mail in mails}) == 24


def test_the_outbox_costs_the_send_no_statement(web: Any) -> None:
    """The very upsert that counts the message marks the seats that are due mail."""
    sam, number = web.signed_in("sam"), _begun(web)
    form = {"content": "One more", "after": "1"}
    without = web.statements(lambda: sam.post(f"/store/messages/{number}/messages", form, htmx=True))
    object.__setattr__(web.app.extensions["settings"], "mail_url", "smtp://127.0.0.1:1")
    form["after"] = "2"
    with_mail = web.statements(lambda: sam.post(f"/store/messages/{number}/messages", form, htmx=True))
    assert len(with_mail) == len(without) <= 6
    with web.app.app_context():
        assert outbox.next_due() is not None


def _begun(web: Any) -> int:
    with web.app.app_context():
        return int(
            messaging.create_conversation(
                web.cast.sam,
                conversation_type="store_customer",
                recipient_type="customer",
                recipient_id=web.cast.cleo.id,
                subject="Subject",
                content="Hello",
            ).conversation_id
        )


def text_of(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content())


def notes() -> list[Notification]:
    db.session.rollback()
    return list(db.session.scalars(select(Notification).order_by(Notification.id)))


def change(statement: Any) -> None:
    with writing(db.session) as session:
        session.execute(statement)
