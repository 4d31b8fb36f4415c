"""The demo cast: complete, lifelike, by the rules, and only in an empty database."""

from __future__ import annotations

import unicodedata

import pytest
from flask import Flask
from sqlalchemy import func, select

from messaging_app import demo, doctor
from messaging_app.accounts import tokens
from messaging_app.accounts.passwords import verify_password
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.models import (
    AccountMail,
    Conversation,
    Customer,
    Message,
    MessageKind,
    SavedReply,
    Store,
    StoreMembership,
    User,
)
from messaging_app.policies import POLICIES, policy_of
from messaging_app.services import (
    inboxes,
    notes,
    preferences,
    reason_changes,
    saved_replies,
    saved_views,
    threads,
    trail,
)
from messaging_app.services.settings import get_setting
from tests import cast


@pytest.fixture
def loaded(app: Flask) -> None:
    assert demo.is_empty()
    assert demo.load()


def count(model: type) -> int:
    return int(db.session.scalar(select(func.count()).select_from(model)) or 0)


def actors() -> list[Actor]:
    """Everybody of the cast, in each of their roles."""
    found = [
        Actor(ActorType.ADMIN, row.id, row.name)
        for row in db.session.execute(select(User.id, User.name).where(User.is_admin))
    ]
    staff = select(User.id, User.name, StoreMembership.store_id).join(
        StoreMembership, StoreMembership.user_id == User.id
    )
    found += [Actor(ActorType.STORE, *row) for row in db.session.execute(staff)]
    customers = select(Customer.id, Customer.name, Customer.store_id)
    return found + [Actor(ActorType.CUSTOMER, *row) for row in db.session.execute(customers)]


@pytest.mark.usefixtures("loaded")
def test_the_cast_is_small_and_complete() -> None:
    assert not demo.is_empty()
    assert (count(Store), count(Customer), count(Conversation), count(SavedReply)) == (3, 6, 22, 4)
    assert db.session.scalar(select(func.count()).select_from(User).where(User.is_admin)) == 2
    stores_a_person = (
        select(func.count(StoreMembership.store_id)).group_by(StoreMembership.user_id).order_by(func.count().desc())
    )
    assert list(db.session.scalars(stores_a_person)) == [2, 1, 1, 1]
    accents = select(Store.code, Store.accent)
    assert dict(map(tuple, db.session.execute(accents))) == {"bakery": "clay", "cycles": "sea", "books": "leaf"}


@pytest.mark.usefixtures("loaded")
def test_the_trail_tells_what_the_cast_did_and_leaves_nothing_behind() -> None:
    entries = list(trail.all_entries())
    assert len({entry.action for entry in entries}) >= 8 and len({entry.actor_name for entry in entries}) >= 6
    assert all(entry.address for entry in entries if entry.actor_type != "command")
    assert trail.verify() is None
    for actor in actors():
        assert tokens.list_tokens(actor) == []
    assert count(AccountMail) == 0 and get_setting("message_attachment_max_files") == 10


@pytest.mark.usefixtures("loaded")
def test_a_newcomer_meets_every_tool_of_the_day() -> None:
    """A note that mentions its reader, what is assigned and what sleeps, saved views, and somebody with undo send."""
    met = {actor: tools(actor) for actor in actors() if actor.type != ActorType.CUSTOMER}
    assert set.union(*met.values()) == {"mentioned", "assigned", "snoozed", "views", "replies", "undo"}
    sam = next(actor for actor in met if actor.name.startswith("Sam"))
    assert met[sam] == {"mentioned", "assigned", "snoozed", "views", "replies"}


def tools(actor: Actor) -> set[str]:
    page = inboxes.list_conversations(actor, status="all")
    own = [written.note for row in page.rows for written in notes.list_notes(actor, row.id)]
    found = {
        "mentioned": any(actor.id in note.mentions for note in own),
        "assigned": any(row.assignee_id == actor.id for row in page.rows),
        "snoozed": any(row.snoozed_until for row in page.rows),
        "views": saved_views.list_views(actor),
        "replies": saved_replies.list_replies(actor),
        "undo": preferences.how_inbox_opens(actor)["undo_send_seconds"] != "0",
    }
    return {name for name, is_met in found.items() if is_met}


@pytest.mark.usefixtures("loaded")
def test_the_doctor_finds_nothing() -> None:
    report = doctor.examine()
    assert not report.broken, report.lines


@pytest.mark.usefixtures("loaded")
def test_everybody_has_something_to_read_and_somebody_something_unread() -> None:
    unread = {actor: inboxes.get_unread_count(actor) for actor in actors()}
    assert {actor.type for actor, number in unread.items() if number} == set(ActorType)
    for actor in actors():
        page = inboxes.list_conversations(actor, status="all")
        assert len(page.rows) >= 2
        for row in page.rows:
            assert threads.get_conversation(actor, row.id).lines
    rows = db.session.execute(select(Conversation.status, func.count()).group_by(Conversation.status))
    assert {status: number > 3 for status, number in rows} == {"open": True, "closed": True}


@pytest.mark.usefixtures("loaded")
def test_every_conversation_was_begun_by_somebody_who_may() -> None:
    starts = {actor.type: set(policy_of(actor).starts.values()) for actor in actors()}
    rows = select(Conversation.created_by_type, Conversation.conversation_type)
    for starter, kind in db.session.execute(rows):
        assert kind in starts[ActorType(starter)]


@pytest.mark.usefixtures("loaded")
def test_every_reason_is_one_with_which_its_beginner_may_begin() -> None:
    kept = {reason.code: reason for reason in reason_changes.list_reasons()}
    begun = select(Conversation.created_by_type, Conversation.reason_code, Conversation.context_kind)
    rows = list(db.session.execute(begun.where(Conversation.reason_code.is_not(None))))
    assert len(rows) > 8 and len(kept) == 8
    for starter, code, kind in rows:
        assert POLICIES[ActorType(starter)].party in kept[code].sides, code
        assert not kept[code].kinds or kind in kept[code].kinds, code


@pytest.mark.usefixtures("loaded")
def test_texts_look_like_life() -> None:
    texts = list(db.session.scalars(select(Message.content).where(Message.kind == MessageKind.MESSAGE)))
    scripts = {unicodedata.name(char, "?").split()[0] for text in texts for char in text if char.isalpha()}
    assert scripts >= {"LATIN", "ARABIC", "HEBREW", "CJK", "HIRAGANA", "KATAKANA", "DEVANAGARI"}
    assert any("https://" in text for text in texts)
    assert max(map(len, texts)) > 1500
    assert min(map(len, texts)) == 1  # one emoji
    assert any("\u200d" in text for text in texts)  # an emoji made of several
    longest = select(func.max(Conversation.last_seq))
    assert db.session.scalar(longest) == 300


@pytest.mark.usefixtures("loaded")
def test_the_past_runs_forward_and_ends_now() -> None:
    moment = now()
    rows = select(Message.conversation_id, Message.created_at).order_by(Message.conversation_id, Message.seq)
    last = (0, moment)
    for conversation, at in db.session.execute(rows):
        assert at <= moment
        if conversation == last[0]:
            assert at >= last[1]
        last = (conversation, at)


@pytest.mark.usefixtures("loaded")
def test_who_may_sign_in_is_said_a_line_a_person() -> None:
    lines = demo.sign_in_lines("https://demo.example")
    people = {
        row.email: row.password_hash
        for model in (User, Customer)
        for row in db.session.execute(select(model.email, model.password_hash))
    }
    assert len(lines) == len(people) == 12
    for line in lines:
        address, email, password = (word for word in line.split() if "/" in word or "@" in word or "demo-" in word)
        assert address.startswith("https://demo.example/")
        assert verify_password(password, people[email])
    assert any("https://demo.example/storefront/login?store=bakery" in line for line in lines)
    assert any("(Rye & Rose Bakery, Paper Lantern Books)" in line for line in lines)


@pytest.mark.usefixtures("loaded")
def test_a_second_load_changes_nothing() -> None:
    before = count(Message)
    assert not demo.load()
    assert count(Message) == before


def test_a_database_with_other_people_is_refused(cast_of: cast.Cast) -> None:
    assert not demo.is_empty()
    with pytest.raises(demo.NotEmpty):
        demo.load()
    assert not db.session.scalar(select(Store.id).where(Store.code == "books"))
    addresses = demo.sign_in_lines("http://127.0.0.1:5000")
    assert [line.split()[-1] for line in addresses] == [
        "http://127.0.0.1:5000/admin/login",
        "http://127.0.0.1:5000/store/login",
        "http://127.0.0.1:5000/storefront/login",
    ]


def test_a_load_that_fails_leaves_nothing_behind(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fall_over(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(demo, "write", fall_over)
    with pytest.raises(RuntimeError):
        demo.load()
    assert demo.is_empty()


@pytest.mark.usefixtures("loaded")
def test_somebody_added_to_the_cast_makes_it_other_data() -> None:
    with writing(db.session) as session:
        session.add(User(email="eve@mail.example", email_key="eve@mail.example", name="Eve"))
    with pytest.raises(demo.NotEmpty):
        demo.load()
