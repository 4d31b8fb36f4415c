"""What is unread for whom, and what reading leaves."""

from __future__ import annotations

import pytest

from messaging_app.db.types import MAX_ID
from messaging_app.errors import NotFound
from messaging_app.services.inboxes import get_unread_count, list_conversations
from messaging_app.services.messaging import (
    close_conversation,
    mark_conversation_read,
    reopen_conversation,
    send_message,
)
from messaging_app.services.threads import get_conversation
from tests.cast import Cast
from tests.domain.conversations import begin, seat


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
    blind = cast_of.cleo._replace(sees_all=False)
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
