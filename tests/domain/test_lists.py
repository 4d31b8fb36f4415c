"""What lists and threads show: order, pages, filters, and how each sees the other side."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from messaging_app.actors import Actor
from messaging_app.errors import Invalid
from messaging_app.services.inboxes import list_conversations
from messaging_app.services.messaging import (
    close_conversation,
    mark_conversation_read,
    send_message,
    set_email_notifications,
)
from messaging_app.services.threads import get_conversation
from tests.cast import Cast
from tests.domain.conversations import begin


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
