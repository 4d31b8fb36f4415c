"""Who sees, reads, writes and closes what: section 3 of the contract, rule by rule, on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import time_machine
from sqlalchemy import func, select

from messaging_app.actors import Actor, ActorType
from messaging_app.database import MAX_ID, writing
from messaging_app.errors import ConversationClosed, IdempotencyConflict, Invalid, NotAllowed, NotFound
from messaging_app.extensions import db
from messaging_app.models import Conversation, ConversationParticipant, Message, StoreMembership, User
from messaging_app.services import directory, messaging
from messaging_app.services.messaging import (
    close_conversation,
    get_conversation,
    get_unread_count,
    list_conversations,
    mark_conversation_read,
    reopen_conversation,
    send_message,
    set_email_notifications,
)
from tests.cast import EMAILS, Cast
from tests.domain import invariants


def begin(actor: Actor, recipient: Actor | int, content: str = "Hello", **more: Any) -> int:
    """A conversation of `actor` with a customer (an actor) or a store (its number)."""
    kind = "store" if isinstance(recipient, int) else "customer"
    number = recipient if isinstance(recipient, int) else recipient.id
    fields: dict[str, Any] = {
        "conversation_type": f"{actor.type.value}_{kind}",
        "recipient_type": kind,
        "recipient_id": number,
        "subject": "About bread",
        "content": content,
    }
    return messaging.create_conversation(actor, **(fields | more)).conversation_id


def seat(actor: Actor, conversation_id: int) -> Any:
    db.session.rollback()
    query = select(*ConversationParticipant.__table__.c).where(
        ConversationParticipant.conversation_id == conversation_id, ConversationParticipant.belongs_to(actor)
    )
    return db.session.execute(query).one_or_none()


def seats(conversation_id: int) -> set[tuple[str, int]]:
    db.session.rollback()
    query = select(ConversationParticipant.participant_type, ConversationParticipant.participant_id)
    rows = db.session.execute(query.where(ConversationParticipant.conversation_id == conversation_id))
    return {(kind, number) for kind, number in rows}


def people(*actors: Actor) -> set[tuple[str, int]]:
    return {(actor.type.value, actor.id) for actor in actors}


def import_staff(store: str, **entry: Any) -> None:
    plan = directory.make_plan(directory.parse({"stores": [{"code": store, "staff": [entry]}]}))
    with writing(db.session) as session:
        directory.apply(session, plan)


@pytest.fixture
def all_kinds(cast_of: Cast) -> dict[str, int]:
    """One conversation for each relation that there is."""
    return {
        "bakery-cleo": begin(cast_of.sam, cast_of.cleo),
        "cycles-jun": begin(cast_of.tomas, cast_of.jun),
        "admin-bakery": begin(cast_of.ada, cast_of.bakery),
        "admin-cleo": begin(cast_of.ada, cast_of.cleo),
    }


# --- Who sees what ------------------------------------------------------------------------------------------------

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
    _set_active("customers", cast_of.omar.id, False)
    with pytest.raises(Invalid):
        begin(cast_of.sam, cast_of.omar)
    _set_active("stores", cast_of.bakery, False)
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


# --- Seats --------------------------------------------------------------------------------------------------------


def test_a_store_conversation_seats_its_staff_and_its_customer(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    assert seats(number) == people(cast_of.sam, cast_of.nadia, cast_of.lea, cast_of.cleo)
    assert seat(cast_of.sam, number).unread_count == 0
    for other in (cast_of.nadia, cast_of.lea, cast_of.cleo):
        assert seat(other, number).unread_count == 1
    assert all(seat(who, number).email_notifications for who in (cast_of.sam, cast_of.nadia, cast_of.cleo))


def test_an_admin_takes_a_seat_by_starting_or_first_writing(cast_of: Cast) -> None:
    number = begin(cast_of.ada, cast_of.bakery)
    assert seats(number) == people(cast_of.ada, cast_of.sam, cast_of.nadia, cast_of.lea)
    send_message(cast_of.sam, number, "Good morning")
    assert get_unread_count(cast_of.ada) == 1
    assert get_unread_count(cast_of.abe) == 0
    send_message(cast_of.abe, number, "I take over")
    assert seat(cast_of.abe, number).last_read_seq == 2
    assert get_unread_count(cast_of.abe) == 0
    send_message(cast_of.sam, number, "Welcome")
    assert get_unread_count(cast_of.abe) == 1
    assert get_unread_count(cast_of.ada) == 3


def test_a_conversation_of_the_platform_with_a_customer_seats_no_staff(cast_of: Cast) -> None:
    number = begin(cast_of.ada, cast_of.cleo)
    assert seats(number) == people(cast_of.ada, cast_of.cleo)
    send_message(cast_of.cleo, number, "Hello platform")
    assert get_unread_count(cast_of.sam) == 0


def test_a_person_without_a_seat_sees_the_conversation_without_unread_and_reading_takes_none(cast_of: Cast) -> None:
    number = begin(cast_of.ada, cast_of.bakery)
    send_message(cast_of.sam, number, "Good morning")
    [row] = list_conversations(cast_of.abe).rows
    assert row.unread_count == 0
    assert get_conversation(cast_of.abe, number).mine is None
    assert mark_conversation_read(cast_of.abe, number) == 0
    assert seat(cast_of.abe, number) is None


def test_setting_the_switch_takes_a_seat_with_everything_read(cast_of: Cast) -> None:
    number = begin(cast_of.ada, cast_of.bakery)
    send_message(cast_of.sam, number, "Good morning")
    set_email_notifications(cast_of.abe, number, False)
    taken = seat(cast_of.abe, number)
    assert (taken.last_read_seq, taken.unread_count, taken.email_notifications) == (2, 0, False)
    send_message(cast_of.sam, number, "Are you there?")
    assert get_unread_count(cast_of.abe) == 1
    set_email_notifications(cast_of.abe, number, True)
    assert seat(cast_of.abe, number).unread_count == 1
    assert invariants.broken() == []


def test_who_joins_the_staff_gets_a_seat_with_the_next_message(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo, "Before Tomas")
    import_staff("bakery", email=EMAILS["tomas"])
    tomas = replace(cast_of.tomas, store_id=cast_of.bakery)
    assert seat(tomas, number) is None
    assert get_conversation(tomas, number).mine is None
    send_message(cast_of.cleo, number, "After Tomas")
    taken = seat(tomas, number)
    assert (taken.last_read_seq, taken.unread_count, taken.email_notifications) == (1, 1, True)
    assert get_unread_count(tomas) == 1
    assert invariants.broken() == []


def test_who_joins_and_writes_first_has_nothing_unread(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    import_staff("bakery", email=EMAILS["tomas"])
    tomas = replace(cast_of.tomas, store_id=cast_of.bakery)
    send_message(tomas, number, "I am new here")
    assert (seat(tomas, number).last_read_seq, seat(tomas, number).unread_count) == (1, 0)


def test_who_is_away_gets_nothing_counted_and_comes_back_with_everything_read(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    mark_conversation_read(cast_of.nadia, number)
    import_staff("bakery", email=EMAILS["nadia"], active=False)
    send_message(cast_of.cleo, number, "While Nadia is away")
    assert seat(cast_of.nadia, number).unread_count == 0
    import_staff("bakery", email=EMAILS["nadia"], active=True)
    assert (seat(cast_of.nadia, number).last_read_seq, seat(cast_of.nadia, number).unread_count) == (2, 0)
    send_message(cast_of.cleo, number, "Now she is back")
    assert get_unread_count(cast_of.nadia) == 1
    assert invariants.broken() == []


def test_a_deactivated_user_is_away_at_every_store(cast_of: Cast) -> None:
    at_bakery, at_cycles = begin(cast_of.sam, cast_of.cleo), begin(cast_of.tomas, cast_of.jun)
    _set_active("users", cast_of.lea.id, False)
    send_message(cast_of.cleo, at_bakery, "Hello?")
    send_message(cast_of.jun, at_cycles, "Hello?")
    assert seat(cast_of.lea, at_bakery).unread_count == 1
    assert seat(cast_of.lea_at_cycles, at_cycles).unread_count == 1


def test_who_is_no_admin_any_more_counts_no_more(cast_of: Cast) -> None:
    number = begin(cast_of.ada, cast_of.bakery)
    with writing(db.session) as session:
        session.get_one(User, cast_of.ada.id).is_admin = False
    send_message(cast_of.sam, number, "Ada?")
    assert seat(cast_of.ada, number).unread_count == 0


# --- Unread -------------------------------------------------------------------------------------------------------


def test_sending_does_not_mark_as_read(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    send_message(cast_of.cleo, number, "Two of mine")
    send_message(cast_of.cleo, number, "unread for Sam")
    send_message(cast_of.sam, number, "Sam answers without having looked")
    assert get_unread_count(cast_of.sam) == 2
    assert seat(cast_of.sam, number).last_read_seq == 0


def test_reading_leaves_exactly_the_later_messages_of_others(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)  # 1
    send_message(cast_of.cleo, number, "own words never count")  # 2
    send_message(cast_of.nadia, number, "3")
    close_conversation(cast_of.sam, number)  # 4
    reopen_conversation(cast_of.sam, number)  # 5
    send_message(cast_of.sam, number, "6")
    assert get_unread_count(cast_of.cleo) == 3
    assert [mark_conversation_read(cast_of.cleo, number, up_to) for up_to in (0, 1, 2, 3, 4, 5)] == [3, 2, 2, 1, 1, 1]
    assert mark_conversation_read(cast_of.cleo, number, 2) == 1, "reading only moves forward"
    assert seat(cast_of.cleo, number).last_read_seq == 5
    assert mark_conversation_read(cast_of.cleo, number, 6) == 0


def test_reading_further_than_there_is_stops_at_the_end(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    assert mark_conversation_read(cast_of.cleo, number, MAX_ID) == 0
    assert seat(cast_of.cleo, number).last_read_seq == 1
    send_message(cast_of.sam, number, "Later")
    assert get_unread_count(cast_of.cleo) == 1
    assert mark_conversation_read(cast_of.cleo, number) == 0, "without a number: up to the latest"


def test_everybody_reads_for_themselves(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    send_message(cast_of.cleo, number, "For all of you")
    mark_conversation_read(cast_of.sam, number)
    assert [get_unread_count(who) for who in (cast_of.sam, cast_of.nadia, cast_of.lea)] == [0, 2, 2]


def test_events_are_never_unread_and_leave_time_and_preview_alone(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo, "The last word")
    mark_conversation_read(cast_of.cleo, number)
    [before] = list_conversations(cast_of.cleo).rows
    close_conversation(cast_of.sam, number)
    [after] = list_conversations(cast_of.cleo, status="closed").rows
    assert (after.last_message_at, after.last_message_preview) == (before.last_message_at, "The last word")
    assert (after.last_seq, after.unread_count, get_unread_count(cast_of.cleo)) == (2, 0, 0)
    line = get_conversation(cast_of.cleo, number).lines[-1]
    assert (line.kind, line.event, line.sender_name, line.content) == (
        "event",
        "closed",
        "Sam",
        "Sam closed this conversation",
    )


def test_the_total_counts_messages_of_the_current_store_only(cast_of: Cast) -> None:
    at_bakery, at_cycles = begin(cast_of.sam, cast_of.cleo), begin(cast_of.tomas, cast_of.jun)
    for _ in range(2):
        send_message(cast_of.cleo, at_bakery, "Hello?")
    send_message(cast_of.jun, at_cycles, "Hello?")
    assert get_unread_count(cast_of.lea) == 3
    assert get_unread_count(cast_of.lea_at_cycles) == 2


def test_hidden_conversations_of_the_platform_are_neither_seen_nor_counted(
    cast_of: Cast, all_kinds: dict[str, int]
) -> None:
    blind = replace(cast_of.cleo, sees_platform=False)
    assert get_unread_count(cast_of.cleo) == 2
    assert get_unread_count(blind) == 1
    assert [row.id for row in list_conversations(blind, status="all").rows] == [all_kinds["bakery-cleo"]]
    assert list_conversations(blind, conversation_type="admin_customer").rows == []
    for act in (get_conversation, mark_conversation_read):
        with pytest.raises(NotFound):
            act(blind, all_kinds["admin-cleo"])
    with pytest.raises(NotFound):
        send_message(blind, all_kinds["admin-cleo"], "I cannot see you")
    send_message(cast_of.ada, all_kinds["admin-cleo"], "Counted while hidden")
    assert (get_unread_count(blind), get_unread_count(cast_of.cleo)) == (1, 3)


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


# --- Text ---------------------------------------------------------------------------------------------------------


def test_text_is_trimmed_counted_and_shown_in_one_line(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo, "  \r\nFirst\r\nsecond\t third \n ", subject=" Rye\r\nand\u2028more ")
    [row] = list_conversations(cast_of.cleo).rows
    assert row.subject == "Rye and more"
    assert row.last_message_preview == "First second third"
    assert get_conversation(cast_of.cleo, number).lines[0].content == "First\nsecond\t third"
    send_message(cast_of.cleo, number, "🥐" * 10_000 + "\n")
    assert list_conversations(cast_of.sam).rows[0].last_message_preview == "🥐" * 119 + "…"
    with pytest.raises(Invalid) as refused:
        send_message(cast_of.cleo, number, "🥐" * 10_001)
    assert [(error.field, error.code) for error in refused.value.errors] == [("content", "too_long")]
    with pytest.raises(Invalid) as refused:
        begin(cast_of.sam, cast_of.cleo, " \u200b ", subject="a\x07b", idempotency_key="x" * 201)
    assert {(e.field, e.code) for e in refused.value.errors} == {
        ("subject", "invalid_characters"),
        ("content", "required"),
        ("idempotency_key", "invalid"),
    }


def test_a_refused_beginning_leaves_nothing(cast_of: Cast) -> None:
    with pytest.raises(Invalid):
        begin(cast_of.sam, cast_of.cleo, " ")
    for table in (Conversation, ConversationParticipant, Message):
        assert db.session.scalar(select(func.count()).select_from(table)) == 0


# --- Once ---------------------------------------------------------------------------------------------------------


def test_the_same_key_sends_once_and_another_text_under_it_is_a_conflict(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    first = send_message(cast_of.cleo, number, "Thanks", idempotency_key="k")
    again = send_message(cast_of.cleo, number, " Thanks\r\n", idempotency_key="k")
    assert (again.seq, again.repeated, first.repeated) == (first.seq, True, False)
    with pytest.raises(IdempotencyConflict):
        send_message(cast_of.cleo, number, "Thanks!", idempotency_key="k")
    close_conversation(cast_of.sam, number)
    assert send_message(cast_of.cleo, number, "Thanks", idempotency_key="k").repeated, "though closed meanwhile"
    with pytest.raises(IdempotencyConflict):
        send_message(cast_of.cleo, number, "Thanks!", idempotency_key="k")
    assert get_unread_count(cast_of.sam) == 1


def test_a_key_belongs_to_its_sender(cast_of: Cast) -> None:
    first, second = begin(cast_of.ada, cast_of.cleo), begin(cast_of.ada, cast_of.cleo)
    assert not send_message(cast_of.ada, first, "Same", idempotency_key="k").repeated
    assert not send_message(cast_of.cleo, first, "Same", idempotency_key="k").repeated, "customer 1 is not user 1"
    with pytest.raises(IdempotencyConflict):
        send_message(cast_of.ada, second, "Same", idempotency_key="k")
    with pytest.raises(IdempotencyConflict):
        begin(cast_of.ada, cast_of.cleo, "Same", idempotency_key="k")


def test_the_same_key_begins_once_even_if_the_recipient_left_meanwhile(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo, idempotency_key="k")
    assert begin(cast_of.sam, cast_of.cleo, idempotency_key="k") == number
    with pytest.raises(IdempotencyConflict):
        begin(cast_of.sam, cast_of.cleo, subject="Another", idempotency_key="k")
    _set_active("customers", cast_of.cleo.id, False)
    assert begin(cast_of.sam, cast_of.cleo, idempotency_key="k") == number
    assert db.session.scalar(select(func.count()).select_from(Conversation)) == 1


def test_a_key_does_not_show_what_its_sender_may_no_longer_see(cast_of: Cast) -> None:
    number = begin(cast_of.ada, cast_of.cleo)
    send_message(cast_of.cleo, number, "Seen by both", idempotency_key="k")
    with pytest.raises(NotFound):
        send_message(replace(cast_of.cleo, sees_platform=False), number, "Seen by both", idempotency_key="k")


# --- Lists and threads --------------------------------------------------------------------------------------------


def test_a_list_is_newest_first_by_message_and_its_pages_neither_skip_nor_repeat(cast_of: Cast) -> None:
    numbers = [begin(cast_of.sam, cast_of.cleo, f"{n}") for n in range(7)]
    send_message(cast_of.cleo, numbers[2], "up to the top")
    close_conversation(cast_of.sam, numbers[0])  # an event moves nothing
    expected = [numbers[2], *(n for n in reversed(numbers) if n != numbers[2])]
    for kind in (None, "store_customer"):
        found: list[int] = []
        cursor = None
        while True:
            page = list_conversations(cast_of.nadia, status="all", conversation_type=kind, cursor=cursor, limit=2)
            found += [row.id for row in page.rows]
            if not (cursor := page.next_cursor):
                break
        assert found == expected


def test_conversations_of_the_same_moment_are_paged_by_number(cast_of: Cast) -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False):
        numbers = [begin(cast_of.ada, cast_of.cleo) for _ in range(5)]
    first = list_conversations(cast_of.cleo, limit=3)
    second = list_conversations(cast_of.cleo, limit=3, cursor=first.next_cursor)
    assert [row.id for row in (*first.rows, *second.rows)] == numbers[::-1]
    assert second.next_cursor is None


def test_filters_by_status_kind_and_unread_and_their_total(cast_of: Cast, all_kinds: dict[str, int]) -> None:
    names = {number: name for name, number in all_kinds.items()}

    def found(actor: Actor, **filters: Any) -> set[str]:
        page = list_conversations(actor, include_total=True, **filters)
        assert page.total == len(page.rows)
        return {names[row.id] for row in page.rows}

    close_conversation(cast_of.sam, all_kinds["bakery-cleo"])
    mark_conversation_read(cast_of.sam, all_kinds["admin-bakery"])
    assert found(cast_of.sam) == {"admin-bakery"}
    assert found(cast_of.sam, status="closed") == {"bakery-cleo"}
    assert found(cast_of.sam, status="all", conversation_type="store_customer") == {"bakery-cleo"}
    assert found(cast_of.sam, conversation_type="store_customer") == set()
    assert found(cast_of.sam, status="all", unread=True) == set()
    assert found(cast_of.nadia, status="all", unread=True) == {"bakery-cleo", "admin-bakery"}
    assert found(cast_of.nadia, unread=True, conversation_type="admin_store") == {"admin-bakery"}
    assert found(cast_of.ada, conversation_type="store_customer", status="all") == set()
    assert found(cast_of.lea_at_cycles, unread=True) == {"cycles-jun"}
    assert found(cast_of.cleo, unread=True, status="all") == {"bakery-cleo", "admin-cleo"}


@pytest.mark.parametrize(
    "cursor",
    ["x", "é", "1", "1.", ".1", "1.g", "-1.1", "1.-1", "1.1.1", "1.1\n", "f" * 15 + ".1", "1." + "f" * 16, "1" * 5000],
)
def test_a_cursor_that_is_not_ours_is_refused(cast_of: Cast, cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        list_conversations(cast_of.sam, cursor=cursor)
    assert refused.value.by_field().keys() == {"cursor"}


def test_the_other_side_is_named_as_each_sees_it(cast_of: Cast, all_kinds: dict[str, int]) -> None:
    def other(actor: Actor, name: str) -> tuple[Any, ...]:
        head = get_conversation(actor, all_kinds[name]).head
        return head.counterpart_type, head.counterpart_id, head.counterpart_name

    assert other(cast_of.ada, "admin-bakery") == ("store", cast_of.bakery, "Bakery")
    assert other(cast_of.ada, "admin-cleo") == ("customer", cast_of.cleo.id, "Cleo")
    assert other(cast_of.sam, "bakery-cleo") == ("customer", cast_of.cleo.id, "Cleo")
    assert other(cast_of.sam, "admin-bakery") == ("platform", None, "Platform")
    assert other(cast_of.cleo, "bakery-cleo") == ("store", cast_of.bakery, "Bakery")
    assert other(cast_of.cleo, "admin-cleo") == ("platform", None, "Platform")


def test_a_customer_learns_of_themselves_and_of_who_has_written_never_of_a_whole_staff(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    mark_conversation_read(cast_of.lea, number)
    set_email_notifications(cast_of.nadia, number, False)

    def known(actor: Actor) -> set[str]:
        return {s.participant_name for s in get_conversation(actor, number).seats}

    assert known(cast_of.cleo) == {"Sam", "Cleo"}
    assert known(cast_of.sam) == {"Sam", "Nadia", "Lea", "Cleo"}
    send_message(cast_of.nadia, number, "Me too")
    assert known(cast_of.cleo) == {"Sam", "Nadia", "Cleo"}


def test_a_thread_is_read_in_windows_without_gaps(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo, "1")
    for n in range(2, 11):
        send_message(cast_of.cleo, number, str(n))

    def shown(**window: Any) -> tuple[list[int], bool]:
        thread = get_conversation(cast_of.cleo, number, **window)
        return [line.seq for line in thread.lines], thread.has_older

    assert shown() == (list(range(1, 11)), False)
    assert shown(limit=4) == ([7, 8, 9, 10], True)
    assert shown(before=7, limit=4) == ([3, 4, 5, 6], True)
    assert shown(before=3, limit=4) == ([1, 2], False)
    assert shown(before=5, limit=4) == ([1, 2, 3, 4], False)
    assert shown(after=8)[0] == [9, 10]
    assert shown(after=2, limit=3)[0] == [3, 4, 5], "the earliest that follow"
    assert shown(after=10)[0] == []
    assert shown(before=1)[0] == []


def test_the_times_of_messages_never_run_against_their_order_though_the_clock_does(cast_of: Cast) -> None:
    with time_machine.travel("2026-03-01T12:00:10Z", tick=False):
        number = begin(cast_of.sam, cast_of.cleo)
    with time_machine.travel("2026-03-01T12:00:05Z", tick=False):
        close_conversation(cast_of.sam, number)
        reopen_conversation(cast_of.sam, number)
        send_message(cast_of.cleo, number, "The clock was set back")
    assert invariants.broken() == []
    assert {line.created_at.second for line in get_conversation(cast_of.sam, number).lines} == {10}


def test_a_sender_keeps_the_name_they_had_when_they_wrote(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    with writing(db.session) as session:
        session.get_one(User, cast_of.sam.id).name = "Samira"
    thread = get_conversation(cast_of.cleo, number)
    assert thread.lines[0].sender_name == "Sam"
    assert {s.participant_name for s in thread.seats} == {"Samira", "Cleo"}


def test_a_store_without_staff_is_written_to_all_the_same(cast_of: Cast) -> None:
    with writing(db.session) as session:
        session.execute(StoreMembership.__table__.delete().where(StoreMembership.store_id == cast_of.cycles))
    number = begin(cast_of.ada, cast_of.cycles)
    assert seats(number) == people(cast_of.ada)
    assert invariants.broken() == []


def _set_active(table: str, number: int, active: bool) -> None:
    from sqlalchemy import text

    with writing(db.session) as session:
        session.execute(text(f"UPDATE {table} SET active = :active WHERE id = :id"), {"active": active, "id": number})
