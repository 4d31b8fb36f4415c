"""What is written: its text, once for each key, its time and its sender's name."""

from __future__ import annotations

import pytest
import time_machine
from sqlalchemy import func, select

from messaging_app.db.engine import writing
from messaging_app.errors import IdempotencyConflict, Invalid, NotFound
from messaging_app.extensions import db
from messaging_app.models import Conversation, ConversationParticipant, Message, User
from messaging_app.services.inboxes import get_unread_count, list_conversations
from messaging_app.services.messaging import close_conversation, reopen_conversation, send_message
from messaging_app.services.threads import get_conversation
from tests.cast import Cast
from tests.domain import invariants
from tests.domain.conversations import begin, set_active

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
    set_active("customers", cast_of.cleo.id, False)
    assert begin(cast_of.sam, cast_of.cleo, idempotency_key="k") == number
    assert db.session.scalar(select(func.count()).select_from(Conversation)) == 1


def test_a_key_does_not_show_what_its_sender_may_no_longer_see(cast_of: Cast) -> None:
    number = begin(cast_of.ada, cast_of.cleo)
    send_message(cast_of.cleo, number, "Seen by both", idempotency_key="k")
    with pytest.raises(NotFound):
        send_message(cast_of.cleo._replace(sees_all=False), number, "Seen by both", idempotency_key="k")


# --- Time and name ------------------------------------------------------------------------------------------------


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
