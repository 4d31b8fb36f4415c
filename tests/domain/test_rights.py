"""Who sees, starts, closes and reopens what: every role, every verb, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from messaging_app.actors import Actor, ActorType
from messaging_app.db.types import MAX_ID
from messaging_app.errors import ConversationClosed, Invalid, NotAllowed, NotFound
from messaging_app.extensions import db
from messaging_app.models import Conversation
from messaging_app.services.inboxes import get_unread_count, list_conversations
from messaging_app.services.messaging import (
    close_conversation,
    mark_conversation_read,
    reopen_conversation,
    send_message,
    set_email_notifications,
)
from messaging_app.services.threads import get_conversation
from tests.cast import Cast
from tests.domain import invariants
from tests.domain.conversations import begin, set_active

SIGHT = {
    "ada": {"admin-bakery", "admin-cleo"},
    "abe": {"admin-bakery", "admin-cleo"},
    "sam": {"bakery-cleo", "admin-bakery"},
    "nadia": {"bakery-cleo", "admin-bakery"},
    "lea": {"bakery-cleo", "admin-bakery"},
    "lea_at_cycles": {"cycles-jun"},
    "tomas": {"cycles-jun"},
    "cleo": {"bakery-cleo", "admin-cleo"},
    "omar": set(),
    "jun": {"cycles-jun"},
}


# --- Who sees what ------------------------------------------------------------------------------------------------


def test_everybody_sees_what_is_theirs_and_nothing_else_by_any_verb(cast_of: Cast, all_kinds: dict[str, int]) -> None:
    names = {number: name for name, number in all_kinds.items()}
    for who, seen in SIGHT.items():
        actor: Actor = getattr(cast_of, who)
        assert {names[row.id] for row in list_conversations(actor).rows} == seen, who
        for name, number in all_kinds.items():
            verbs = {
                "get": lambda number=number, actor=actor: get_conversation(actor, number),
                "read": lambda number=number, actor=actor: mark_conversation_read(actor, number, 0),
                "switch": lambda number=number, actor=actor: set_email_notifications(actor, number, True),
                "send": lambda number=number, actor=actor: send_message(actor, number, "Hello again"),
            }
            if actor.type != ActorType.CUSTOMER:
                verbs["close"] = lambda number=number, actor=actor: close_conversation(actor, number)
                verbs["reopen"] = lambda number=number, actor=actor: reopen_conversation(actor, number)
            for verb, act in verbs.items():
                if name in seen:
                    act()
                else:
                    with pytest.raises(NotFound):
                        act()
                        pytest.fail(f"{who} may {verb} {name}")
    assert invariants.broken() == []


def test_a_user_and_a_customer_of_the_same_number_are_two_people(cast_of: Cast, all_kinds: dict[str, int]) -> None:
    assert cast_of.ada.id == cast_of.cleo.id
    send_message(cast_of.cleo, all_kinds["admin-cleo"], "Which number?")
    assert get_unread_count(cast_of.ada) == 1
    assert get_unread_count(cast_of.cleo) == 2  # Sam's and Ada's first words
    as_staff = Actor(ActorType.STORE, cast_of.ada.id, "Ada", cast_of.bakery)
    assert get_unread_count(as_staff) == 0


@pytest.mark.parametrize("number", [0, -1, MAX_ID, 99])
def test_what_does_not_exist_is_not_found(cast_of: Cast, number: int) -> None:
    for act in (get_conversation, mark_conversation_read, close_conversation, reopen_conversation):
        with pytest.raises(NotFound):
            act(cast_of.ada, number)
    with pytest.raises(NotFound):
        send_message(cast_of.ada, number, "Is anybody there?")


# --- Who starts what ----------------------------------------------------------------------------------------------


def test_customers_begin_nothing(cast_of: Cast) -> None:
    for kind, recipient, number in (
        ("store_customer", "store", cast_of.bakery),
        ("store_customer", "customer", cast_of.cleo.id),
        ("admin_customer", "customer", cast_of.cleo.id),
    ):
        with pytest.raises(NotAllowed):
            begin(cast_of.cleo, 1, conversation_type=kind, recipient_type=recipient, recipient_id=number)


def test_staff_begin_with_customers_of_their_current_store_only(cast_of: Cast) -> None:
    begin(cast_of.lea, cast_of.omar)
    for who, whom in ((cast_of.sam, cast_of.jun), (cast_of.lea, cast_of.jun), (cast_of.lea_at_cycles, cast_of.cleo)):
        with pytest.raises(Invalid) as refused:
            begin(who, whom)
        assert refused.value.by_field().keys() == {"recipient_id"}
    with pytest.raises(NotAllowed):
        begin(cast_of.sam, cast_of.cleo, conversation_type="admin_customer")


def test_a_kind_that_does_not_fit_its_recipient_is_refused_at_the_recipient(cast_of: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        begin(cast_of.ada, cast_of.cleo, conversation_type="admin_store")
    assert "recipient_id" in refused.value.by_field()


@pytest.mark.parametrize("number", [0, -1, 99, MAX_ID, MAX_ID + 1, 10**40])
def test_a_recipient_that_is_nobody_is_refused(cast_of: Cast, number: int) -> None:
    for kind in ("store", "customer"):
        with pytest.raises(Invalid):
            begin(cast_of.ada, 1, conversation_type=f"admin_{kind}", recipient_type=kind, recipient_id=number)


def test_nobody_begins_with_who_is_away(cast_of: Cast) -> None:
    set_active("customers", cast_of.omar.id, False)
    with pytest.raises(Invalid):
        begin(cast_of.sam, cast_of.omar)
    set_active("stores", cast_of.bakery, False)
    with pytest.raises(Invalid):
        begin(cast_of.ada, cast_of.bakery)
    with pytest.raises(Invalid):
        begin(cast_of.ada, cast_of.cleo)


def test_a_conversation_has_its_customers_store_or_the_store_it_is_with(
    cast_of: Cast, all_kinds: dict[str, int]
) -> None:
    stores = dict(db.session.execute(select(Conversation.id, Conversation.store_id)).all())
    assert stores[all_kinds["admin-cleo"]] == stores[all_kinds["admin-bakery"]] == cast_of.bakery
    assert stores[all_kinds["cycles-jun"]] == cast_of.cycles


# --- Closing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["ada", "abe", "sam", "nadia"])
def test_admins_and_staff_close_and_reopen_what_they_see(cast_of: Cast, who: str) -> None:
    number = begin(cast_of.ada, cast_of.bakery)
    actor: Actor = getattr(cast_of, who)
    for act, status in (
        (close_conversation, "closed"),
        (close_conversation, "closed"),
        (reopen_conversation, "open"),
        (reopen_conversation, "open"),
    ):
        act(actor, number)
        assert [row.id for row in list_conversations(actor, status=status).rows] == [number]
    events = [line.event for line in get_conversation(actor, number).lines]
    assert events == [None, "closed", "reopened"], "doing it twice leaves one line"
    assert invariants.broken() == []


def test_customers_neither_close_nor_reopen(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    for act in (close_conversation, reopen_conversation):
        with pytest.raises(NotAllowed):
            act(cast_of.cleo, number)
        with pytest.raises(NotFound):
            act(cast_of.omar, number)


def test_nobody_writes_into_a_closed_conversation_and_everybody_reads_it(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    close_conversation(cast_of.sam, number)
    for who in (cast_of.sam, cast_of.cleo):
        with pytest.raises(ConversationClosed):
            send_message(who, number, "One more thing")
    assert mark_conversation_read(cast_of.cleo, number) == 0
    set_email_notifications(cast_of.cleo, number, False)
    reopen_conversation(cast_of.nadia, number)
    assert send_message(cast_of.cleo, number, "One more thing").seq == 4
