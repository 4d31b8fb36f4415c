"""Who has a seat in a conversation, since when, and what is counted for those who come and go."""

from __future__ import annotations

from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import StoreMembership, User
from messaging_app.services.inboxes import get_unread_count, list_conversations
from messaging_app.services.messaging import mark_conversation_read, send_message, set_email_notifications
from messaging_app.services.threads import get_conversation
from tests.cast import EMAILS, Cast
from tests.domain import invariants
from tests.domain.conversations import begin, import_staff, people, seat, seats, set_active


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
    tomas = cast_of.tomas._replace(store_id=cast_of.bakery)
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
    tomas = cast_of.tomas._replace(store_id=cast_of.bakery)
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
    set_active("users", cast_of.lea.id, False)
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


def test_a_store_without_staff_is_written_to_all_the_same(cast_of: Cast) -> None:
    with writing(db.session) as session:
        session.execute(StoreMembership.__table__.delete().where(StoreMembership.store_id == cast_of.cycles))
    number = begin(cast_of.ada, cast_of.cycles)
    assert seats(number) == people(cast_of.ada)
    assert invariants.broken() == []
