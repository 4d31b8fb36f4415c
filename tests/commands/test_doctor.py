"""The doctor: finds what is broken, names the first case, mends what can be derived, and sees one moment only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from messaging_app import doctor
from messaging_app.db.engine import writing
from messaging_app.doctor.checks import Check
from messaging_app.extensions import db
from messaging_app.models import Customer
from messaging_app.models.context import Named
from messaging_app.services import inboxes, messaging
from tests import cast
from tests.services import ROOT

CLEAN = [f"ok   {check.name}" for check in doctor.CHECKS]


@pytest.fixture
def shop(cast_of: cast.Cast) -> int:
    """A conversation between the bakery and Cleo: three messages, closed, reopened, one more. Nobody has read it."""
    who = cast_of
    number = messaging.create_conversation(
        who.sam,
        conversation_type="store_customer",
        recipient_type="customer",
        recipient_id=who.cleo.id,
        subject="Bread",
        content="Good morning",
    ).conversation_id
    messaging.send_message(who.cleo, number, "Good morning!\n\nTwo rye, please.")
    messaging.send_message(who.nadia, number, "They are yours.")
    messaging.close_conversation(who.sam, number)
    messaging.reopen_conversation(who.sam, number)
    messaging.send_message(who.cleo, number, "And one white.")
    messaging.mark_conversation_read(who.sam, number, 2)
    return number


@pytest.fixture
def closed(cast_of: cast.Cast) -> int:
    """A closed conversation between the platform and the bakery, about a payout."""
    number = messaging.create_conversation(
        cast_of.ada,
        conversation_type="admin_store",
        recipient_type="store",
        recipient_id=cast_of.bakery,
        subject="Welcome",
        content="Welcome",
        context=Named("payout", "7"),
    ).conversation_id
    messaging.close_conversation(cast_of.sam, number)
    return number


def run(*statements: str, **values: object) -> None:
    """Change rows behind the services' backs."""
    with writing(db.session) as session:
        for statement in statements:
            session.execute(text(statement), {name: v for name, v in values.items() if f":{name}" in statement})


def one_of_each_by_day(cases: list[tuple[str, str, str]]) -> list[Any]:
    """The cases; of each check bin/test looks at the first."""
    first = {case[0]: case for case in reversed(cases)}
    return [pytest.param(*case, marks=() if case is first[case[0]] else pytest.mark.long) for case in cases]


SEAT = "conversation_participants"
FIRST_OF_SHOP = "(SELECT min(id) FROM messages WHERE conversation_id = :shop)"
MENDED = [
    (
        "whose turn since when",
        "UPDATE conversations SET turn_since = created_at WHERE id = :shop",
        "1 conversation wrong (first: conversation {shop})",
    ),
    (
        "whose turn since when",
        "UPDATE conversations SET turn_since = NULL",
        "2 conversations wrong (first: conversation {shop})",
    ),
    (
        "no reply needed",
        "UPDATE conversations SET store_no_reply_at = created_at",  # Cleo wrote last in one, the other is closed
        "1 conversation wrong (first: conversation {closed})",
    ),
    (
        "assignees",
        "UPDATE conversations SET store_assignee_id = :ada WHERE id = :shop",
        "1 conversation wrong (first: conversation {shop} of user {ada})",
    ),
    (
        "lines of one side",
        "UPDATE conversations SET admin_lines = 2 WHERE id = :closed",
        "1 conversation wrong (first: conversation {closed}: 2 not 0)",
    ),
    (
        "search",
        f"UPDATE search_lines SET words = 'x' WHERE id = 2 * {FIRST_OF_SHOP} - 1",
        "1 document out of step (first: of message 1)",
    ),
    (
        "search",
        f"UPDATE search_lines SET id = 1000 + id % 2 WHERE id <= 2 * {FIRST_OF_SHOP}",
        "2 documents out of step (first: 1000, which is of nothing)",
    ),
    (
        "unread counters",
        f"UPDATE {SEAT} SET unread_count = unread_count + 2 WHERE conversation_id = :shop AND participant_id = :sam",
        "1 seat differs (first: conversation {shop}, store {sam}: 4 instead of 2)",
    ),
    (
        "unread counters",
        f"UPDATE {SEAT} SET unread_count = 0 WHERE conversation_id = :shop AND participant_type = 'store'",
        "3 seats differ (first: conversation {shop}, store {sam}: 0 instead of 2)",
    ),
    (
        "read positions",
        f"UPDATE {SEAT} SET last_read_seq = 99, unread_count = 0 WHERE conversation_id = :shop AND participant_id = :sam",
        "1 seat out of range (first: conversation {shop}, store {sam}: read 99 of 6)",
    ),
    (
        "read positions",
        f"UPDATE {SEAT} SET last_read_seq = -1 WHERE conversation_id = :shop AND participant_type = 'customer'",
        "1 seat out of range (first: conversation {shop}, customer {cleo}: read -1 of 6)",
    ),
    (
        "who has written",
        f"UPDATE {SEAT} SET has_written = (participant_type = 'store') WHERE conversation_id = :shop",
        "2 seats wrong (first: conversation {shop}, customer {cleo} wrote, but is not marked)",
    ),
    (
        "missing seats",
        f"DELETE FROM {SEAT} WHERE conversation_id = :shop AND participant_type = 'customer'",
        "1 seat missing (first: conversation {shop}, customer {cleo})",
    ),
    (
        "missing seats",
        f"DELETE FROM {SEAT} WHERE conversation_id = :closed AND participant_type = 'admin'",
        "1 seat missing (first: conversation {closed}, admin {ada})",
    ),
    (
        "seats' stores",
        f"UPDATE {SEAT} SET store_id = :cycles WHERE conversation_id = :closed AND participant_type = 'admin'",
        "1 seat of another store than its conversation (first: conversation {closed}, admin {ada})",
    ),
    (
        "last number",
        "UPDATE conversations SET last_seq = 9 WHERE id = :shop",
        "1 conversation wrong (first: conversation {shop}: 9 instead of 6)",
    ),
    (
        "last message",
        "UPDATE conversations SET last_message_preview = 'Good morning' WHERE id = :shop",
        "1 conversation wrong (first: conversation {shop})",
    ),
    (
        "last message",
        "UPDATE conversations SET last_sender_id = 99, last_sender_name = 'x'",
        "2 conversations wrong (first: conversation {shop})",
    ),
    (
        "last message",
        "UPDATE conversations SET last_message_at = closed_at WHERE id = :closed",
        "1 conversation wrong (first: conversation {closed})",
    ),
    (
        "closing marks",
        "UPDATE conversations SET closed_at = NULL WHERE id = :closed",
        "1 conversation wrong (first: conversation {closed}, which is closed)",
    ),
    (
        "closing marks",
        "UPDATE conversations SET closed_by_type = 'store', closed_by_id = 1 WHERE id = :shop",
        "1 conversation wrong (first: conversation {shop}, which is open)",
    ),
    (
        "conversations' contexts",
        "UPDATE conversations SET context_kind = 'order' WHERE id = :closed",
        "1 conversation wrong (first: conversation {closed})",
    ),
    (
        "e-mail keys",
        "UPDATE customers SET email = 'info@faß.example', email_key = 'info@fass.example' WHERE id = :cleo",
        "1 key wrong (first: customer {cleo})",
    ),
    (
        "recipient search",
        "DELETE FROM recipient_terms WHERE term = 'cleo'",
        "1 recipient out of step (first: customer {cleo})",
    ),
    (
        "recipient search",
        "UPDATE stores SET name = 'Renamed', sort_name = 'bakery' WHERE id = :bakery",
        "1 recipient out of step (first: store {bakery})",
    ),
    (
        "recipient search",
        "UPDATE recipient_terms SET store_id = :cycles WHERE recipient_type = 'customer' AND recipient_id = :cleo",
        "1 recipient out of step (first: customer {cleo})",
    ),
    (
        "recipient search",
        "INSERT INTO recipient_terms (recipient_type, recipient_id, term, store_id) VALUES ('store', 77, 'x', :bakery)",
        "1 recipient out of step (first: store 77, which is not there)",
    ),
    (
        "recovery codes",
        "INSERT INTO recovery_codes (user_id, code_hash) VALUES (:sam, 'x')",
        "1 code without a factor (first: user {sam})",
    ),
    (
        "platform settings",
        "INSERT INTO platform_settings VALUES ('message_attachment_max_files', 'many', '2026-01-01')",
        "1 setting cannot be read (first: message_attachment_max_files, so 10 is in force)",
    ),
]
BEYOND_REPAIR = [
    ("audit trail", "UPDATE audit_head SET last_id = 7", "entry 1 is missing or not as it was written"),
    (
        "authenticator apps",
        (
            "INSERT INTO authenticators (user_id, seed, secret_hash, last_step, created_at)"
            " VALUES (:sam, 'x', 'of another key', 0, '2026-01-01')"
        ),
        "1 app of another secret key (first: user {sam})",
    ),
    (
        "message numbers",
        "DELETE FROM messages WHERE conversation_id = :shop AND seq = 2",
        "1 conversation with gaps (first: conversation {shop}: 5 lines numbered 1 to 6)",
    ),
    (
        "message numbers",
        "DELETE FROM messages WHERE conversation_id = :closed",
        "1 conversation with gaps (first: conversation {closed}: without any line)",
    ),
    (
        "status and events",
        "UPDATE messages SET event = 'reopened' WHERE conversation_id = :closed AND kind = 'event'",
        "1 conversation unlike their events (first: conversation {closed} is closed, its last event says otherwise)",
    ),
    (
        "status and events",
        "UPDATE messages SET event = 'closed' WHERE conversation_id = :shop AND seq = 6",
        "1 line of no known kind (first: conversation {shop}, line 6)",
    ),
    (
        "who did what",
        "UPDATE messages SET sender_id = 999 WHERE conversation_id = :shop AND seq IN (1, 3)",
        "2 acts of nobody (first: conversation {shop}, line 1)",
    ),
    (
        "who did what",
        "UPDATE messages SET sender_id = :omar WHERE conversation_id = :shop AND seq = 2",
        "1 act of nobody (first: conversation {shop}, line 2)",
    ),
    (
        "who did what",
        "UPDATE conversations SET closed_by_id = 999 WHERE id = :closed",
        "1 act of nobody (first: conversation {closed}, closed by 999)",
    ),
    (
        "empty lines",
        "UPDATE messages SET content = ' ' WHERE conversation_id = :shop AND seq = 2",
        "1 line with neither words nor files (first: conversation {shop}, line 2)",
    ),
    (
        "conversations' stores",
        "UPDATE conversations SET store_id = :cycles WHERE id = :shop",
        (
            "1 conversation of another store than its customer"
            " (first: conversation {shop}: store {cycles}, its customer's is {bakery})"
        ),
    ),
    (
        "contexts",
        "UPDATE contexts SET store_id = :cycles",
        "1 conversation about nothing of their store (first: conversation {closed})",
    ),
    (
        "contexts",
        "UPDATE conversations SET context = NULL WHERE id = :closed",
        "1 conversation with half a context (first: conversation {closed})",
    ),
    (
        "contexts",
        "UPDATE contexts SET customer_id = :jun",
        "1 context of another store's customer (first: payout 7)",
    ),
    (
        "follow-ups",
        "UPDATE conversations SET follows_id = 999 WHERE id = :shop",
        "1 conversation following what they cannot (first: conversation {shop})",
    ),
    (
        "reasons",
        """INSERT INTO reason_lists (id, reasons, changed_at) VALUES (1, '[{"code"', '2026-11-30 12:00:00+00:00')""",
        "the list cannot be read; save it again by the API",
    ),
    (
        "conversations' reasons",
        "UPDATE conversations SET reason_code = 'delivery' WHERE id = :closed",
        "1 conversation with half a reason (first: conversation {closed})",
    ),
    (
        "seats' owners",
        f"UPDATE {SEAT} SET participant_id = :jun WHERE conversation_id = :shop AND participant_type = 'customer'",
        "1 seat where they do not belong (first: conversation {shop}, customer {jun})",
    ),
    (
        "seats' owners",
        f"UPDATE {SEAT} SET participant_type = 'admin' WHERE conversation_id = :shop AND participant_id = :lea",
        "1 seat where they do not belong (first: conversation {shop}, admin {lea})",
    ),
]


@pytest.fixture
def numbers(cast_of: cast.Cast, shop: int, closed: int) -> dict[str, int]:
    """What the statements above name."""
    people = {name: getattr(cast_of, name).id for name in ("ada", "sam", "lea", "cleo", "omar", "jun")}
    return {"shop": shop, "closed": closed, "bakery": cast_of.bakery, "cycles": cast_of.cycles, **people}


def test_a_healthy_database_is_all_ok(numbers: dict[str, int]) -> None:
    assert doctor.examine() == doctor.Report(CLEAN, broken=False)
    assert doctor.examine(repair=True) == doctor.Report(CLEAN, broken=False)


def test_an_admin_and_a_customer_of_the_same_number_are_told_apart(cast_of: cast.Cast) -> None:
    assert cast_of.ada.id == cast_of.cleo.id
    number = messaging.create_conversation(
        cast_of.ada,
        conversation_type="admin_customer",
        recipient_type="customer",
        recipient_id=cast_of.cleo.id,
        subject="Your account",
        content="Is it you?",
    ).conversation_id
    assert inboxes.get_unread_count(cast_of.cleo) == 1
    assert not doctor.examine().broken
    run(f"UPDATE {SEAT} SET unread_count = 0 WHERE conversation_id = :number", number=number)
    assert doctor.examine().broken


def test_an_empty_database_is_all_ok(app: Flask) -> None:
    assert doctor.examine() == doctor.Report(CLEAN, broken=False)


@pytest.mark.parametrize(("name", "statement", "told"), one_of_each_by_day(MENDED))
def test_what_can_be_derived_is_found_and_mended(numbers: dict[str, int], name: str, statement: str, told: str) -> None:
    run(statement, **numbers)
    report = doctor.examine()
    assert report.broken
    assert f"FAIL {name}: {told.format(**numbers)}" in report.lines
    report = doctor.examine(repair=True)
    assert not report.broken
    assert f"mended {name}: {told.format(**numbers)}" in report.lines
    assert doctor.examine() == doctor.Report(CLEAN, broken=False)


def test_a_message_without_a_document_is_found_unless_an_older_release_may_have_just_written_it(shop: int) -> None:
    run(f"DELETE FROM search_lines WHERE id = 2 * {FIRST_OF_SHOP}", shop=shop)
    assert not doctor.examine().broken
    run("UPDATE search_due SET after = 100")
    assert "FAIL search: 1 document out of step (first: of message 1)" in doctor.examine().lines
    assert not doctor.examine(repair=True).broken


@pytest.mark.parametrize(("name", "statement", "told"), one_of_each_by_day(BEYOND_REPAIR))
def test_what_nobody_can_know_stays_broken(numbers: dict[str, int], name: str, statement: str, told: str) -> None:
    run(statement, **numbers)
    line = f"FAIL {name}: {told.format(**numbers)}"
    before = doctor.examine()
    assert line in before.lines
    report = doctor.examine(repair=True)
    assert report.broken
    assert line in report.lines
    assert [told for told in report.lines if told.startswith("FAIL") and told not in before.lines] == []


def test_of_two_with_one_address_the_one_who_has_it_keeps_it(numbers: dict[str, int]) -> None:
    run(
        "UPDATE customers SET email = :email, email_key = :email WHERE id = :omar",
        email="i@xn--fa-hia.example",
        **numbers,
    )
    run("UPDATE customers SET email = 'i@faß.example', email_key = 'i@fass.example' WHERE id = :cleo", **numbers)
    line = "FAIL e-mail keys: 1 key wrong (first: customer {cleo})".format(**numbers)
    assert line in doctor.examine(repair=True).lines
    keys = {row.id: row.email_key for row in db.session.execute(select(Customer.id, Customer.email_key))}
    assert keys[numbers["omar"]] == "i@xn--fa-hia.example"
    assert keys[numbers["cleo"]] == f"\x1f{numbers['cleo']}", "nobody else's address any more"
    db.session.rollback()


ELSEWHERE = {  # checks whose cases stand with what they check
    "attachments": "tests/web/test_stored_files.py",
    "stored files": "tests/web/test_stored_files.py",
    "messages to be sent": "tests/domain/test_undo.py",
}


def test_every_check_has_a_case() -> None:
    here = [check for check in doctor.CHECKS if check.name not in ELSEWHERE]
    repairable = {check.name for check in here if check.repair is not None}
    assert {name for name, *_ in MENDED} == repairable
    assert {name for name, *_ in BEYOND_REPAIR} == {check.name for check in here} - repairable
    assert all((ROOT / path).exists() for path in ELSEWHERE.values())


@pytest.mark.parametrize(
    ("away", "seat"),
    [
        ("UPDATE users SET active = :no WHERE id = :sam", "participant_type = 'store' AND participant_id = :sam"),
        ("UPDATE store_memberships SET active = :no WHERE user_id = :sam", "participant_id = :sam"),
        ("UPDATE stores SET active = :no WHERE id = :bakery", "participant_type = 'store'"),
        ("UPDATE stores SET active = :no WHERE id = :bakery", "participant_type = 'customer'"),
        ("UPDATE customers SET active = :no WHERE id = :cleo", "participant_type = 'customer'"),
        ("UPDATE users SET active = :no WHERE id = :ada", "participant_type = 'admin'"),
        ("UPDATE users SET is_admin = :no WHERE id = :ada", "participant_type = 'admin'"),
    ],
)
def test_the_seats_of_inactive_people_are_not_counted(numbers: dict[str, int], away: str, seat: str) -> None:
    run(f"UPDATE {SEAT} SET unread_count = 77 WHERE {seat}", **numbers)
    assert any(line.startswith("FAIL unread counters") for line in doctor.examine().lines)
    run(away, no=False, **numbers)
    assert not doctor.examine().broken


def test_a_mended_position_is_counted_anew(numbers: dict[str, int]) -> None:
    """Mending one thing may show another: the order of the checks takes care of it in one run."""
    run(
        f"UPDATE {SEAT} SET last_read_seq = 99, unread_count = 5 WHERE conversation_id = :shop",
        "UPDATE conversations SET last_seq = 1 WHERE id = :shop",
        **numbers,
    )
    assert not doctor.examine(repair=True).broken
    assert not doctor.examine().broken


def test_a_run_sees_one_moment(monkeypatch: pytest.MonkeyPatch, numbers: dict[str, int]) -> None:
    """What is written while the doctor looks is not seen by the checks that come after."""

    def meanwhile(_connection: Connection) -> None:
        run(f"UPDATE {SEAT} SET unread_count = 99 WHERE conversation_id = :shop", **numbers)

    spoiling = [doctor.CHECKS[0], Check("meanwhile", meanwhile), *doctor.CHECKS[1:]]
    monkeypatch.setattr(doctor, "CHECKS", spoiling)
    assert not doctor.examine().broken
    monkeypatch.undo()
    assert doctor.examine().broken


def test_looking_changes_nothing_and_takes_no_lock(
    monkeypatch: pytest.MonkeyPatch, cast_of: cast.Cast, numbers: dict[str, int]
) -> None:
    def send(_connection: Connection) -> None:
        messaging.send_message(cast_of.cleo, numbers["shop"], "still open?")

    monkeypatch.setattr(doctor, "CHECKS", [*doctor.CHECKS, Check("send", send)])
    assert not doctor.examine().broken


def test_nobody_writes_while_a_repair_counts(
    monkeypatch: pytest.MonkeyPatch, cast_of: cast.Cast, numbers: dict[str, int]
) -> None:
    refused: list[str] = []

    def write_meanwhile(_connection: Connection) -> None:
        """What a send, and what reading does first."""
        wait_no_longer = {"sqlite": "PRAGMA busy_timeout = 0", "postgresql": "SET lock_timeout = '50ms'"}
        lock = {
            "sqlite": "UPDATE conversation_participants SET unread_count = 0",
            "postgresql": "SELECT id FROM conversations FOR UPDATE",
        }
        for statement in ("UPDATE conversations SET last_seq = last_seq + 1", lock[db.engine.dialect.name]):
            with db.engine.connect() as other:
                other.exec_driver_sql(wait_no_longer[other.dialect.name])
                try:
                    other.exec_driver_sql(statement)
                except OperationalError:
                    refused.append(statement)
                other.invalidate()

    always: Callable[[Connection], str] = lambda _connection: "always"  # noqa: E731
    monkeypatch.setattr(doctor, "CHECKS", [Check("meanwhile", always, write_meanwhile)])
    doctor.examine(repair=True)
    assert len(refused) == 2


def test_a_repair_that_fails_leaves_everything_as_it_was(
    monkeypatch: pytest.MonkeyPatch, numbers: dict[str, int]
) -> None:
    def fall_over(_connection: Connection) -> None:
        raise RuntimeError

    find: Callable[[Connection], str] = lambda _connection: "always"  # noqa: E731
    monkeypatch.setattr(doctor, "CHECKS", [*doctor.CHECKS, Check("last", find, fall_over)])
    run("UPDATE conversations SET last_seq = 9 WHERE id = :shop", **numbers)
    with pytest.raises(RuntimeError):
        doctor.examine(repair=True)
    monkeypatch.undo()
    assert next(line for line in doctor.examine().lines if "last number" in line).startswith("FAIL")
