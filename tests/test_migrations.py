"""The one chain of migrations: up, down and up again with data, on both databases, and never apart from the models."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import MetaData, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateIndex

from messaging_app import doctor
from messaging_app.extensions import db
from messaging_app.models.search import is_compared
from messaging_app.paths import resource
from messaging_app.search import indexing
from messaging_app.services import inboxes, messaging, threads
from tests import cast
from tests.domain import invariants
from tests.world import four_conversations

CHAIN = sorted(path.name[:4] for path in resource("migrations").glob("versions/*.py"))
SEARCH = next(path.name[:4] for path in resource("migrations").glob("versions/*_search.py"))
BEFORE_SEARCH, FILLED = CHAIN[CHAIN.index(SEARCH) - 1], CHAIN[CHAIN.index(SEARCH) + 1]


@pytest.fixture
def app(empty_app: Flask) -> Flask:
    """The application on an empty database, inside its context."""
    return empty_app


def script() -> ScriptDirectory:
    return ScriptDirectory(str(resource("migrations")))


def tables() -> set[str]:
    """The tables, without those that SQLite keeps for the full-text index."""
    names = set(inspect(db.engine).get_table_names()) - {"alembic_version"}
    return {name for name in names if is_compared(None, name, "table", True, None)}


def run(*statements: str) -> None:
    with db.engine.connect().execution_options(transaction="IMMEDIATE") as connection:
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()


def rows(statement: str) -> list[tuple[Any, ...]]:
    with db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def test_there_is_one_chain_without_gaps_and_branches() -> None:
    revisions = [revision.revision for revision in script().walk_revisions()][::-1]
    assert revisions == CHAIN
    tested = Path(__file__).read_text()
    without = [
        number for number in CHAIN if number not in ("0001", SEARCH, FILLED) and f"def test_{number}" not in tested
    ]
    assert not without, "a migration needs its test in this file"
    assert script().get_heads() == CHAIN[-1:]
    for path in resource("migrations").glob("versions/*.py"):
        assert re.match(r"\d{4}_\w+\.py$", path.name)


def test_up_down_and_up_again_leaves_nothing_and_then_everything(app: Flask) -> None:
    upgrade()
    assert tables() == set(db.metadata.tables)
    downgrade(revision="base")
    assert tables() == set()
    if db.engine.dialect.name == "postgresql":
        left = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        assert rows(left) == [(0,)], "functions are left behind"
    upgrade()
    assert tables() == set(db.metadata.tables)


def test_upgrading_what_is_up_to_date_changes_nothing(app: Flask) -> None:
    upgrade()
    people = cast.bring_in()
    numbers = four_conversations(people)
    upgrade()
    assert threads.get_conversation(people.sam, numbers["bakery-cleo"]).lines[0].content == "Hello"


@pytest.mark.parametrize("far", ["0001", CHAIN[-2]])
def test_conversations_survive_the_way_down_and_up_again(app: Flask, far: str) -> None:
    upgrade()
    people = cast.bring_in()
    numbers = four_conversations(people)
    for number in range(3):
        messaging.send_message(people.cleo, numbers["bakery-cleo"], f"Hello {number}")
    messaging.mark_conversation_read(people.sam, numbers["bakery-cleo"], 2)
    messaging.close_conversation(people.ada, numbers["admin-bakery"])
    kept = [
        "SELECT id, conversation_type, subject, status, last_seq, last_message_preview FROM conversations ORDER BY id",
        "SELECT id, conversation_id, seq, kind, event, sender_name, content, created_at FROM messages ORDER BY id",
        (
            "SELECT conversation_id, participant_type, participant_id, unread_count, last_read_seq, email_notifications"
            " FROM conversation_participants ORDER BY 1, 2, 3"
        ),
        "SELECT id, email_key, password_hash FROM users ORDER BY id",
        "SELECT id, email_key, store_id FROM customers ORDER BY id",
    ]
    before, shape = [rows(statement) for statement in kept], described()
    db.session.remove()

    downgrade(revision=far)
    assert [rows(statement) for statement in kept] == before
    upgrade()
    assert [rows(statement) for statement in kept] == before
    assert described() == shape
    with pytest.raises(IntegrityError):  # references are checked again
        run("DELETE FROM users")

    assert invariants.broken() == []
    assert not doctor.examine(repair=False).broken
    assert inboxes.get_unread_count(people.sam) == 3  # two of Cleo's, one of Ada's
    sent = messaging.send_message(people.cleo, numbers["bakery-cleo"], "After the way")
    assert sent.seq == 5
    assert inboxes.get_unread_count(people.sam) == 4
    assert invariants.broken() == []


# --- Each migration on rows that stood there before it --------------------------------------------------------------

MOMENT = "'2026-03-01 12:00:00+00'"
OLD_ROWS = (
    f"INSERT INTO stores (id, code, name, sort_name, active, created_at) VALUES (1, 'bakery', 'Bakery', 'bakery', true, {MOMENT})",
    (
        "INSERT INTO users (id, email, email_key, name, is_admin, active, created_at)"
        f" VALUES (1, 'Sam@x', 'sam@x', 'Sam', false, true, {MOMENT})"
    ),
    f"INSERT INTO store_memberships (store_id, user_id, role, active, created_at) VALUES (1, 1, 'owner', true, {MOMENT})",
    (
        "INSERT INTO customers (id, store_id, email, email_key, name, sort_name, active, created_at)"
        f" VALUES (1, 1, 'c@x', 'c@x', 'Cleo', 'cleo', true, {MOMENT})"
    ),
    (
        "INSERT INTO conversations (id, conversation_type, subject, status, store_id, customer_id, last_seq, last_message_at,"
        " last_message_preview, last_sender_type, last_sender_id, last_sender_name, created_at, created_by_type, created_by_id)"
        f" VALUES (1, 'store_customer', 'Rye', 'open', 1, 1, 2, {MOMENT}, 'Two', 'store', 1, 'Sam', {MOMENT}, 'store', 1)"
    ),
    (
        "INSERT INTO messages (id, conversation_id, seq, kind, sender_type, sender_id, sender_name, content, created_at)"
        f" VALUES (1, 1, 1, 'message', 'store', 1, 'Sam', 'One', {MOMENT}), (2, 1, 2, 'message', 'store', 1, 'Sam', 'Two', {MOMENT})"
    ),
    (
        "INSERT INTO conversation_participants (conversation_id, participant_type, participant_id, store_id, unread_count,"
        " last_read_seq, has_written, email_notifications)"
        " VALUES (1, 'store', 1, 1, 0, 0, true, true), (1, 'customer', 1, 1, 2, 0, false, false)"
    ),
)


@pytest.fixture(scope="module")
def kept_revisions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Empty SQLite databases by their revision, each kept when a test has first come to it."""
    return tmp_path_factory.mktemp("revisions")


@pytest.fixture
def at(app: Flask, kept_revisions: Path) -> Callable[[str], None]:
    """Bring the empty database to a revision and put the old rows there."""

    def bring(revision: str) -> None:
        if db.engine.dialect.name == "sqlite":
            come_near(revision)
        upgrade(revision=revision)
        run(*OLD_ROWS)

    def come_near(revision: str) -> None:
        """The way from the bottom is long: go on from what is kept, and keep what is reached."""
        file = str(db.engine.url.database)
        before = [number for number in CHAIN if number < revision and (kept_revisions / number).exists()]
        if not (kept_revisions / revision).exists():
            if before:
                shutil.copy(kept_revisions / before[-1], file)
            upgrade(revision=revision)
            db.session.remove()
            db.engine.dispose()  # writes everything into the one file
            shutil.copy(file, kept_revisions / revision)
        shutil.copy(kept_revisions / revision, file)

    return bring


def test_0002_gives_old_messages_no_files(at: Callable[[str], None]) -> None:
    at("0001")
    upgrade(revision="0002")
    assert rows("SELECT attachment_count FROM messages") == [(0,), (0,)]
    assert rows("SELECT removed_files FROM conversations") == [(0,)]
    assert rows("SELECT count(*) FROM message_attachments") == [(0,)]
    downgrade(revision="0001")
    assert "message_attachments" not in tables()
    assert rows("SELECT content FROM messages ORDER BY seq") == [("One",), ("Two",)]


def test_0002_goes_down_with_files_in_it(at: Callable[[str], None]) -> None:
    at("0002")
    run(
        "INSERT INTO message_attachments (id, message_id, conversation_id, seq, filename, mime_type, size, sha256, key, scanned)"
        " VALUES (1, 2, 1, 2, 'list.txt', 'text/plain', 3, 'x', 'messages/2026/03/1/x.txt', true)",
        "UPDATE messages SET attachment_count = 1 WHERE id = 2",
    )
    downgrade(revision="0001")
    upgrade(revision="0002")
    assert rows("SELECT attachment_count FROM messages") == [(0,), (0,)]


def test_0003_begins_without_tokens(at: Callable[[str], None]) -> None:
    at("0002")
    upgrade(revision="0003")
    run(
        "INSERT INTO api_tokens (id, token_hash, hint, name, actor_type, person_id, created_at)"
        f" VALUES (1, 'x', 'y', 'z', 'admin', 1, {MOMENT})"
    )
    downgrade(revision="0002")
    assert "api_tokens" not in tables()


def test_0004_wants_mail_for_everybody_and_is_due_none(at: Callable[[str], None]) -> None:
    at("0003")
    upgrade(revision="0004")
    assert [
        bool(on) for (on,) in rows("SELECT mail_enabled FROM users UNION ALL SELECT mail_enabled FROM customers")
    ] == [
        True,
        True,
    ]
    assert (
        rows("SELECT mail_due_at, mail_not_before, mailed_seq FROM conversation_participants") == [(None, None, 0)] * 2
    )
    run(
        f"UPDATE conversation_participants SET mail_due_at = {MOMENT}",
        "INSERT INTO notifications (id, conversation_id, participant_type, participant_id, email_key, message_id, state,"
        f" attempts, created_at, next_at) VALUES (1, 1, 'customer', 1, 'c@x', 'm@x', 'due', 0, {MOMENT}, {MOMENT})",
    )
    downgrade(revision="0003")
    assert "notifications" not in tables()
    assert rows("SELECT participant_type, unread_count FROM conversation_participants ORDER BY 1") == [
        ("customer", 2),
        ("store", 0),
    ]


def test_0005_adds_up_what_is_unread_and_keeps_it_so(at: Callable[[str], None]) -> None:
    at("0004")
    upgrade(revision="0005")
    whole = "SELECT participant_type, participant_id, store_id, sum(unread) FROM unread_totals GROUP BY 1, 2, 3"
    assert [tuple(map(str, row)) for row in rows(whole)] == [("customer", "1", "0", "2")]
    run("UPDATE conversation_participants SET unread_count = unread_count + 3 WHERE participant_type = 'store'")
    assert {(row[0], row[2], int(row[3])) for row in rows(whole)} == {("customer", 0, 2), ("store", 1, 3)}
    run("DELETE FROM conversation_participants WHERE participant_type = 'customer'")
    assert {row[0]: int(row[3]) for row in rows(whole)} == {"customer": 0, "store": 3}
    downgrade(revision="0004")
    run("UPDATE conversation_participants SET unread_count = 1")
    upgrade(revision="0005")
    assert {row[0]: int(row[3]) for row in rows(whole)} == {"store": 1}


def test_0006_begins_without_a_worker(at: Callable[[str], None]) -> None:
    at("0005")
    upgrade(revision="0006")
    run(f"INSERT INTO worker_beats (name, at) VALUES ('mail', {MOMENT})")
    downgrade(revision="0005")
    assert "worker_beats" not in tables()


def test_0007_looks_who_is_active_when_it_is_asked(at: Callable[[str], None]) -> None:
    at("0006")
    upgrade(revision="0007")
    if db.engine.dialect.name != "postgresql":
        return
    function = "SELECT provolatile FROM pg_proc WHERE proname = 'messaging_people'"
    assert rows(function) == [("v",)], "stable, it would see what was there before the send waited for its lock"
    assert [row[0] for row in rows("SELECT type FROM messaging_people(1, 1) ORDER BY 1")] == ["customer", "store"]
    downgrade(revision="0006")
    assert rows(function) == []


def test_0008_keeps_the_totals_and_lets_each_connection_write_its_own_part(at: Callable[[str], None]) -> None:
    at("0007")
    more = "UPDATE conversation_participants SET unread_count = unread_count + 1 WHERE participant_type = 'customer'"
    run(more)
    upgrade(revision="0008")
    for _ in range(9):  # each on a connection of its own
        db.engine.dispose()
        run(more)
    whole = "SELECT count(*), sum(unread) FROM unread_totals WHERE participant_type = 'customer'"
    (parts, unread), *_ = rows(whole)
    assert unread == 12
    assert parts > 1 if db.engine.dialect.name == "postgresql" else parts == 1
    downgrade(revision="0007")
    run(more, "DELETE FROM conversation_participants WHERE participant_type = 'customer'")
    assert rows(whole)[0][1] == 0


def test_0009_knows_the_sender_and_leaves_out_who_is_not_active(at: Callable[[str], None]) -> None:
    at("0008")
    upgrade(revision="0009")
    if db.engine.dialect.name != "postgresql":
        return
    function = "SELECT provolatile FROM pg_proc WHERE proname = 'messaging_seats'"
    assert rows(function) == [("v",)], "stable, it would see what was there before the send waited for its lock"
    by_staff = "SELECT type, id FROM messaging_seats(1, 1, 'store', 1) ORDER BY 1"
    by_customer = "SELECT type, id FROM messaging_seats(1, 1, 'customer', 1) ORDER BY 1"
    both = [("customer", 1), ("store", 1)]
    assert rows(by_staff) == rows(by_customer) == both, "each once, whoever writes"
    run("UPDATE customers SET active = false")
    assert rows(by_staff) == [("store", 1)]
    assert rows(by_customer) == both, "who writes was let in a moment ago"
    run("UPDATE stores SET active = false")
    assert rows(by_customer) == [("customer", 1)]
    downgrade(revision="0008")
    assert rows(function) == []


def test_0016_lets_seats_be_vacuumed_sooner(at: Callable[[str], None]) -> None:
    at("0015")
    upgrade(revision="0016")
    if db.engine.dialect.name == "postgresql":
        options = "SELECT reloptions FROM pg_class WHERE relname = 'conversation_participants'"
        assert rows(options) == [(["autovacuum_vacuum_scale_factor=0.01"],)]
        downgrade(revision="0015")
        assert rows(options) == [(None,)]


def test_0021_begins_with_nothing_shared_out(at: Callable[[str], None]) -> None:
    at("0020")
    upgrade(revision="0021")
    assert rows("SELECT turn_since, store_assignee_id, store_lines, admin_lines FROM conversations") == [
        (None, None, 0, 0)
    ]
    downgrade(revision="0020")
    assert "side_lines" not in tables()


def test_0022_knows_since_when_each_conversation_waits(at: Callable[[str], None]) -> None:
    at("0021")
    later, last = MOMENT.replace("12:00", "13:00"), MOMENT.replace("12:00", "14:00")
    run(
        f"UPDATE messages SET created_at = {later} WHERE seq = 2",
        "INSERT INTO messages (id, conversation_id, seq, kind, sender_type, sender_id, sender_name, content, created_at)"
        f" VALUES (13, 1, 3, 'message', 'customer', 1, 'Cleo', 'Three', {later}),"
        f" (14, 1, 4, 'message', 'customer', 1, 'Cleo', 'Four', {last})",
        "UPDATE conversations SET last_seq = 4, last_sender_type = 'customer'",
    )
    upgrade(revision="0022")
    hour = "SELECT substr(CAST(turn_since AS TEXT), 12, 2) FROM conversations"
    assert rows(hour) == [("13",)]
    run("UPDATE conversations SET turn_since = NULL")  # as after an interruption: it begins again
    downgrade(revision="0021")
    upgrade(revision="0022")
    assert rows(hour) == [("13",)]
    downgrade(revision="0021")


def test_0026_knows_no_session_s_device(at: Callable[[str], None]) -> None:
    at("0025")
    run(
        "INSERT INTO sign_in_sessions (id, token_hash, actor_type, person_id, created_at, last_used_at)"
        f" VALUES (1, '{'a' * 64}', 'admin', 1, {MOMENT}, {MOMENT})"
    )
    upgrade(revision="0026")
    assert rows("SELECT address, user_agent FROM sign_in_sessions") == [(None, None)]


def test_0028_chose_no_users_language(at: Callable[[str], None]) -> None:
    at("0027")
    upgrade(revision="0028")
    assert set(rows("SELECT locale, time_zone FROM users")) == {(None, None)}


def test_0033_opens_inboxes_as_before(at: Callable[[str], None]) -> None:
    at("0032")
    upgrade(revision="0033")
    assert rows("SELECT count(*) FROM users WHERE opens_with = 'open' AND opens_next") == [(1,)]
    downgrade(revision="0032")


def test_0041_chose_no_customers_language(at: Callable[[str], None]) -> None:
    at("0040")
    upgrade(revision="0041")
    assert set(rows("SELECT locale, time_zone FROM customers")) == {(None, None)}
    downgrade(revision="0040")


def test_0047_knows_nobodys_reason_and_no_list(at: Callable[[str], None]) -> None:
    at("0046")
    upgrade(revision="0047")
    assert rows("SELECT reason_code, reason_name FROM conversations") == [(None, None)]
    assert rows("SELECT count(*) FROM reason_lists") == [(0,)], "the shipped one is in force"
    downgrade(revision="0046")
    assert "reason_lists" not in tables()


def test_0048_indexes_what_has_a_reason(at: Callable[[str], None]) -> None:
    at("0047")
    indexes = lambda: {index["name"] for index in inspect(db.engine).get_indexes("conversations")}  # noqa: E731
    upgrade(revision="0048")
    assert {"ix_conversations_platform_reason", "ix_conversations_store_reason"} <= indexes()
    downgrade(revision="0047")
    assert "ix_conversations_store_reason" not in indexes()


def test_0049_takes_functions_and_totals_away_and_brings_them_back_right(at: Callable[[str], None]) -> None:
    at("0015")
    upgrade(revision=CHAIN[-2])
    more = "UPDATE conversation_participants SET unread_count = unread_count + 1 WHERE participant_type = 'customer'"
    whole = "SELECT participant_type, sum(unread) FROM unread_totals GROUP BY 1"
    run(more)
    upgrade(revision=CHAIN[-1])
    assert "unread_totals" not in tables()
    run(more)
    assert rows("SELECT participant_type, unread_count FROM conversation_participants ORDER BY 1") == [
        ("customer", 4),
        ("store", 0),
    ]
    if db.engine.dialect.name == "postgresql":
        functions = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname <> 'search_names_changed'"
        assert rows(functions) == [(0,)]
        downgrade(revision=CHAIN[-2])
        assert rows(functions) == [(5,)], "two for sends, three for totals"
    else:
        downgrade(revision=CHAIN[-2])
    run(more)
    assert [(kind, int(unread)) for kind, unread in rows(whole)] == [("customer", 5)]


def test_0049_puts_right_what_the_old_code_left_in_columns_that_it_does_not_know(at: Callable[[str], None]) -> None:
    """Its sends change who wrote last, but neither since when nor a mark of the side that is to answer."""
    at("0016")
    upgrade(revision=CHAIN[-2])
    marked, answered = MOMENT.replace("12:00", "12:30"), MOMENT.replace("12:00", "13:00")
    mark = "UPDATE conversations SET store_no_reply_at = {at}, admin_no_reply_at = {at}, store_snoozed_until = {at}"
    run(
        "INSERT INTO side_lines (conversation_id, side, after_seq, event, actor_id, actor_name, content, created_at)"
        f" VALUES (1, 'store', 2, 'no_reply', 1, 'Sam', '', {marked})",
        "INSERT INTO messages (id, conversation_id, seq, kind, sender_type, sender_id, sender_name, content, created_at)"
        f" VALUES (13, 1, 3, 'message', 'customer', 1, 'Cleo', 'Three', {answered})",
        f"UPDATE conversations SET last_seq = 3, last_sender_type = 'customer', last_message_at = {answered}",
        mark.format(at=marked),
    )
    upgrade(revision=CHAIN[-1])
    moments = "substr(CAST(turn_since AS TEXT), 12, 5), store_no_reply_at, store_snoozed_until"
    assert rows(f"SELECT {moments}, admin_no_reply_at IS NULL FROM conversations") == [("13:00", None, None, False)]
    run(mark.format(at=answered), f"UPDATE side_lines SET created_at = {answered}")
    downgrade(revision=CHAIN[-2])
    upgrade(revision=CHAIN[-1])
    assert rows("SELECT store_no_reply_at IS NULL, store_snoozed_until IS NULL FROM conversations") == [(False, False)]


def test_0049_has_nothing_to_do_where_0016_dropped_it_all(app: Flask) -> None:
    upgrade()
    run(f"UPDATE alembic_version SET version_num = '{CHAIN[-2]}'")
    before = described()
    upgrade()
    assert described() == before


# --- Models and head ------------------------------------------------------------------------------------------------


def test_the_models_ask_for_nothing_that_the_head_lacks(app: Flask) -> None:
    upgrade()
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": is_compared})
        assert compare_metadata(context, db.metadata) == []


def test_the_head_is_what_the_models_would_make(app: Flask) -> None:
    """Alembic looks past the conditions of indexes, checks, collations and nullability; here they are compared too."""
    upgrade()
    migrated = described()
    run(*(f"DROP TABLE {table.name} {'CASCADE' if db.engine.dialect.name == 'postgresql' else ''}"
          for table in reversed(db.metadata.sorted_tables)))  # fmt: skip
    db.metadata.create_all(db.engine)
    assert migrated == described()


def test_search_notes_whose_name_has_changed_and_filling_finds_what_was_written_before(
    at: Callable[[str], None],
) -> None:
    at(BEFORE_SEARCH)
    upgrade(revision=SEARCH)
    run("UPDATE customers SET name = 'Cleo Martin'", "UPDATE users SET name = name", "UPDATE stores SET active = true")
    assert rows("SELECT kind, id, after FROM search_due ORDER BY 1") == [("customer", 1, 0), ("lines", 0, 0)]
    upgrade(revision=FILLED)
    assert rows("SELECT kind, id, after FROM search_due") == [("lines", 0, 2)]
    assert rows("SELECT id FROM search_lines ORDER BY 1") == [(1,), (2,), (4,)]
    assert holding("s1.0:two") == [4]
    assert holding("c1.0:mart") == [1]
    assert holding("p.0:two") == []
    downgrade(revision=BEFORE_SEARCH)
    assert "search_lines" not in tables()
    upgrade(revision=FILLED)
    assert holding("s1.0:one") == [2]


def holding(key: str) -> list[int]:
    """The documents with a word that begins so."""
    if db.engine.dialect.name == "postgresql":
        return [number for (number,) in rows(f"SELECT id FROM search_lines WHERE words @@ $q$'{key}':*$q$")]
    return [-number for (number,) in rows(f"SELECT rowid FROM search_index WHERE search_index MATCH '\"{key}\" *'")]


def test_filling_can_be_stopped_and_goes_on(at: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    at(SEARCH)
    monkeypatch.setattr(indexing, "BATCH", 1)
    assert indexing.catch_up(db.session) == 1
    assert rows("SELECT after FROM search_due") == [(1,)]
    upgrade(revision=FILLED)
    assert rows("SELECT id FROM search_lines ORDER BY 1") == [(1,), (2,), (4,)]


def described() -> dict[str, Any]:
    """Tables, columns, keys, checks and indexes as the database itself tells them."""
    inspector = inspect(db.engine)
    found: dict[str, Any] = {}
    for table in sorted(tables()):
        for column in inspector.get_columns(table):
            kind = column["type"].compile(db.engine.dialect)
            found[f"{table}.{column['name']}"] = (kind, column["nullable"], getattr(column["type"], "collation", None))
        found[f"{table} primary key"] = inspector.get_pk_constraint(table)["constrained_columns"]
        for key in inspector.get_foreign_keys(table):
            found[f"{table} {key['name']}"] = (
                key["constrained_columns"],
                key["referred_table"],
                key["referred_columns"],
            )
        for check in inspector.get_check_constraints(table):
            found[f"{table} check {check['name']}"] = re.sub(r"\s+", " ", check["sqltext"])
        for unique in inspector.get_unique_constraints(table):
            found[f"{table} unique {unique['name']}"] = unique["column_names"]
    meta = MetaData()
    meta.reflect(db.engine)
    for table in meta.tables.values():
        for index in table.indexes:
            found[f"index {index.name}"] = re.sub(r"\s+", " ", str(CreateIndex(index).compile(db.engine)))
    if db.engine.dialect.name == "postgresql":
        found |= dict(rows("SELECT 'pg ' || indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"))
    else:
        query = "SELECT 'sqlite ' || name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        found |= {name: re.sub(r"[\s\"]+", " ", sql).strip() for name, sql in rows(query)}
    found.pop("alembic_version primary key", None)
    return {name: value for name, value in found.items() if "alembic_version" not in name}


def test_0010_tells_addresses_apart_that_case_folding_took_for_one(at: Callable[[str], None]) -> None:
    at("0009")
    more = "INSERT INTO customers (id, store_id, email, email_key, name, sort_name, active, mail_enabled, created_at) VALUES "
    old = {2: ("I@faß.example", "i@fass.example"), 3: ("i@xn--fa-hia.example", "i@xn--fa-hia.example")}
    old |= {
        4: ("Straße@x", "strasse@x"),
        5: ("ΟΔΟΣ@x", "οδοσ@x"),
        6: ("RENÉ@x", "rené@x"),
        7: ("RENE\u0301@x", "rene\u0301@x"),
    }
    run(*(f"{more} ({n}, 1, '{email}', '{key}', 'x', 'x', true, true, {MOMENT})" for n, (email, key) in old.items()))
    upgrade(revision="0010")
    assert dict(rows("SELECT id, email_key FROM customers")) == {
        1: "c@x",
        2: "\x1f2",  # the same address as the third one's, who keeps it
        3: "i@xn--fa-hia.example",
        4: "straße@x",
        5: "οδος@x",
        6: "rené@x",
        7: "\x1f7",
    }
    downgrade(revision="0009")
    assert dict(rows("SELECT id, email_key FROM customers")) == {1: "c@x"} | {n: key for n, (_, key) in old.items()}


def test_0011_lets_people_be_found_who_were_not(at: Callable[[str], None]) -> None:
    at("0010")
    run(
        "UPDATE customers SET name = 'Łucja मीरा', sort_name = 'łucja म र' WHERE id = 1",
        "INSERT INTO recipient_terms (recipient_type, recipient_id, term, store_id)"
        " VALUES ('customer', 1, 'łucja', 1), ('customer', 1, 'म', 1), ('customer', 1, 'c@x', 1)",
    )
    upgrade(revision="0011")
    terms = "SELECT recipient_type, term FROM recipient_terms"
    now_found = {("customer", "lucja"), ("customer", "मीरा"), ("customer", "c@x"), ("store", "bakery")}
    assert set(rows(terms)) == now_found
    assert rows("SELECT sort_name FROM customers") == [("lucja मीरा",)]
    downgrade(revision="0010")
    assert set(rows(terms)) == now_found


def test_0012_begins_with_an_empty_trail(at: Callable[[str], None]) -> None:
    at("0011")
    upgrade(revision="0012")
    assert rows("SELECT count(*) FROM audit_entries") == [(0,)]
    assert rows("SELECT last_id, hash FROM audit_head") == [(0, "")]


def test_0013_has_handed_nothing_over(at: Callable[[str], None]) -> None:
    at("0012")
    run(
        "INSERT INTO notifications (id, conversation_id, participant_type, participant_id, email_key, message_id, state,"
        f" attempts, created_at, next_at) VALUES (1, 1, 'customer', 1, 'c@x', 'm@x', 'due', 3, {MOMENT}, {MOMENT})"
    )
    upgrade(revision="0013")
    assert rows("SELECT claim, hand_overs, told_seq, attempts FROM notifications") == [(None, 0, None, 3)]
    downgrade(revision="0012")
    assert rows("SELECT message_id, state, attempts FROM notifications") == [("m@x", "due", 3)]


def test_0014_knows_nobodys_time_zone(at: Callable[[str], None]) -> None:
    at("0013")
    run(
        "INSERT INTO sign_in_sessions (token_hash, actor_type, person_id, created_at, last_used_at)"
        f" VALUES ('x', 'customer', 1, {MOMENT}, {MOMENT})"
    )
    upgrade(revision="0014")
    assert rows("SELECT token_hash, time_zone FROM sign_in_sessions") == [("x", None)]
    downgrade(revision="0013")
    assert rows("SELECT token_hash FROM sign_in_sessions") == [("x",)]


def test_0015_begins_without_links_and_mails(at: Callable[[str], None]) -> None:
    at("0014")
    upgrade(revision="0015")
    run(
        "INSERT INTO account_links (id, kind, token_hash, seed, email, email_key, role, created_at, created_by, expires_at)"
        f" VALUES (1, 'invitation', 'x', 'y', 'n@x', 'n@x', 'staff', {MOMENT}, 1, {MOMENT})",
        "INSERT INTO account_mails (id, message_id, state, attempts, hand_overs, created_at, next_at, kind, email, name,"
        f" link_id, words) VALUES (1, 'm@x', 'due', 0, 0, {MOMENT}, {MOMENT}, 'invitation', 'n@x', '', 1, '{{}}')",
    )
    downgrade(revision="0014")
    assert not {"account_links", "account_mails"} & tables()


def test_0017_greets_no_customer_yet(at: Callable[[str], None]) -> None:
    at("0016")
    upgrade(revision="0017")
    assert rows("SELECT code, opening_line FROM stores WHERE NOT staff_see_only_assigned") == [("bakery", "")]
    downgrade(revision="0016")
    assert rows("SELECT code FROM stores") == [("bakery",)]


def test_0018_builds_its_indexes_anew_where_an_attempt_broke_off(at: Callable[[str], None]) -> None:
    at("0017")
    if db.engine.dialect.name == "postgresql":
        run("CREATE INDEX ix_users_admins ON users (name)")  # stands for an invalid one
    upgrade(revision="0018")
    found = {index["name"]: index["column_names"] for index in inspect(db.engine).get_indexes("users")}
    assert found["ix_users_admins"] == ["id"]
    downgrade(revision="0017")
    assert "ix_users_admins" not in {index["name"] for index in inspect(db.engine).get_indexes("users")}


def test_0019_builds_its_index_anew_where_an_attempt_broke_off(at: Callable[[str], None]) -> None:
    at("0018")
    name = "ix_customers_inactive_of_store"
    if db.engine.dialect.name == "postgresql":
        run(f"CREATE INDEX {name} ON customers (name)")
    upgrade(revision="0019")
    found = {index["name"]: index["column_names"] for index in inspect(db.engine).get_indexes("customers")}
    assert found[name] == ["store_id", "sort_name", "id"]
    downgrade(revision="0018")
    assert name not in {index["name"] for index in inspect(db.engine).get_indexes("customers")}


def test_0020_knows_nobody_by_a_provider(at: Callable[[str], None]) -> None:
    at("0019")
    upgrade(revision="0020")
    known = (
        "INSERT INTO identities (issuer, subject, user_id, granted, created_at) VALUES ('https://a', {}, 1, '[]', {})"
    )
    run(known.format("'s'", MOMENT), known.format("'S'", MOMENT))
    with pytest.raises(IntegrityError):
        run(known.format("'s'", MOMENT))
    downgrade(revision="0019")
    assert "identities" not in tables()


def test_0023_begins_without_contexts_and_goes_down_with_some(at: Callable[[str], None]) -> None:
    at("0022")
    upgrade(revision="0023")
    assert rows("SELECT context_id, context_kind, context FROM conversations") == [(None, None, None)]
    run(
        "INSERT INTO contexts (id, store_id, kind, reference, customer_id, facts, version, created_at, updated_at)"
        f" VALUES (1, 1, 'order', '4711', 1, '[]', 0, {MOMENT}, {MOMENT})",
        f"INSERT INTO context_facts (context_id, fact_id, text, stated_at) VALUES (1, '1', 'Shipped', {MOMENT})",
        "UPDATE conversations SET context_id = 1, context_kind = 'order', context = '{}'",
    )
    downgrade(revision="0022")
    assert not {"contexts", "context_facts"} & tables()
    assert rows("SELECT subject, status, last_seq FROM conversations") == [("Rye", "open", 2)]


def test_0024_allows_one_open_conversation_about_one_matter(at: Callable[[str], None]) -> None:
    at("0023")
    run(
        "INSERT INTO contexts (id, store_id, kind, reference, customer_id, facts, version, created_at, updated_at)"
        f" VALUES (1, 1, 'order', '4711', 1, '[]', 0, {MOMENT}, {MOMENT})"
    )
    upgrade(revision="0024")
    columns = (
        "conversation_type, subject, status, store_id, customer_id, last_seq, last_message_at, last_message_preview,"
        " last_sender_type, last_sender_id, last_sender_name, created_at, created_by_type, created_by_id, removed_files"
    )
    twin = f"INSERT INTO conversations (id, {columns}, context_id) SELECT {{}}, {columns}, 1 FROM conversations WHERE id = 1"
    run(twin.format(2))
    with pytest.raises(IntegrityError):
        run(twin.format(3))
    run("UPDATE conversations SET status = 'closed' WHERE id = 2", twin.format(3))
    downgrade(revision="0023")
    run(twin.format(4))


def test_0025_begins_without_second_factors(at: Callable[[str], None]) -> None:
    at("0024")
    upgrade(revision="0025")
    app = "INSERT INTO authenticators (id, user_id, seed, secret_hash, last_step, created_at, ended_at) VALUES "
    run(app + f"(1, 1, 'a', 'b', 0, {MOMENT}, {MOMENT})", app + f"(2, 1, 'c', 'd', 0, {MOMENT}, NULL)")
    with pytest.raises(IntegrityError):
        run(app + f"(3, 1, 'e', 'f', 0, {MOMENT}, NULL)")
    downgrade(revision="0024")
    assert not {"authenticators", "recovery_codes", "passkeys"} & tables()


def test_0027_knows_of_no_provider(at: Callable[[str], None]) -> None:
    at("0026")
    run(
        "INSERT INTO sign_in_sessions (token_hash, actor_type, person_id, created_at, last_used_at)"
        f" VALUES ('x', 'store', 1, {MOMENT}, {MOMENT})"
    )
    upgrade(revision="0027")
    assert rows("SELECT token_hash, provider FROM sign_in_sessions") == [("x", None)]
    downgrade(revision="0026")
    assert rows("SELECT token_hash FROM sign_in_sessions") == [("x",)]


def test_0031_builds_its_indexes_anew_where_an_attempt_broke_off(at: Callable[[str], None]) -> None:
    at("0030")
    if db.engine.dialect.name == "postgresql":
        run("CREATE INDEX ix_audit_entries_at_id ON audit_entries (id)")  # stands for an invalid one
    upgrade(revision="0031")
    found = {index["name"]: index["column_names"] for index in inspect(db.engine).get_indexes("audit_entries")}
    assert found["ix_audit_entries_at_id"] == ["at", "id"]
    downgrade(revision="0030")
    assert "ix_audit_entries_at_id" not in {one["name"] for one in inspect(db.engine).get_indexes("audit_entries")}


def test_0032_knows_of_no_run_of_the_doctor(at: Callable[[str], None]) -> None:
    at("0031")
    upgrade(revision="0032")
    assert rows("SELECT count(*) FROM doctor_runs") == [(0,)]
    downgrade(revision="0031")
    assert "doctor_runs" not in tables()


def test_0037_lets_every_store_leave_it_to_the_platform(at: Callable[[str], None]) -> None:
    at("0036")
    upgrade(revision="0037")
    assert set(rows("SELECT customers_may_start FROM stores")) == {("always",)}
    downgrade(revision="0036")


def test_0034_begins_without_saved_replies(at: Callable[[str], None]) -> None:
    at("0033")
    upgrade(revision="0034")
    assert rows("SELECT count(*) FROM saved_replies") == [(0,)]


def test_0035_begins_without_notes(at: Callable[[str], None]) -> None:
    at("0034")
    upgrade(revision="0035")
    assert rows("SELECT count(*) FROM notes") == [(0,)]
    note = (
        "INSERT INTO notes (conversation_id, side, after_seq, author_id, author_name, content, mentions, created_at,"
        f" idempotency_key) VALUES (1, 'store', 1, {{}}, 'Sam', 'x', '[]', {MOMENT}, 'key')"
    )
    run(note.format(1), note.format(2))
    with pytest.raises(IntegrityError):
        run(note.format(1))
    assert set(rows("SELECT attachment_count FROM notes")) == {(0,)}
    downgrade(revision="0034")
    assert "notes" not in tables()


def test_0036_knows_of_no_mention(at: Callable[[str], None]) -> None:
    at("0035")
    upgrade(revision="0036")
    assert rows("SELECT count(*) FROM conversation_participants WHERE mentions > 0 OR by_mention") == [(0,)]


def test_0038_begins_without_saved_views(at: Callable[[str], None]) -> None:
    at("0037")
    upgrade(revision="0038")
    assert rows("SELECT count(*) FROM saved_views") == [(0,)]
    downgrade(revision="0037")
    assert "saved_views" not in tables()


def test_0039_follows_nothing_yet(at: Callable[[str], None]) -> None:
    at("0038")
    upgrade(revision="0039")
    assert rows("SELECT follows_id FROM conversations") == [(None,)]
    downgrade(revision="0038")
    assert rows("SELECT subject FROM conversations") == [("Rye",)]


def test_0040_lets_one_conversation_continue_another(at: Callable[[str], None]) -> None:
    at("0039")
    name = "uq_conversations_follows"
    if db.engine.dialect.name == "postgresql":
        run(f"CREATE INDEX {name} ON conversations (subject)")  # stands for an invalid one
    upgrade(revision="0040")
    found = {index["name"]: index for index in inspect(db.engine).get_indexes("conversations")}
    assert found[name]["column_names"] == ["follows_id"] and found[name]["unique"]
    downgrade(revision="0039")
    assert name not in {index["name"] for index in inspect(db.engine).get_indexes("conversations")}


def test_0042_has_told_nobody_of_anything(at: Callable[[str], None]) -> None:
    at("0041")
    upgrade(revision="0042")
    told = "SELECT count(*) FROM conversation_participants WHERE mailed_note_id > 0 OR given_by IS NOT NULL"
    assert rows(told) == [(0,)]
    downgrade(revision="0041")


def test_0043_handed_over_no_mention(at: Callable[[str], None]) -> None:
    at("0042")
    upgrade(revision="0043")
    assert rows("SELECT count(*) FROM notifications WHERE told_note_id IS NOT NULL") == [(0,)]
    downgrade(revision="0042")


def test_0044_knows_no_opening_hours(at: Callable[[str], None]) -> None:
    at("0043")
    upgrade(revision="0044")
    assert rows("SELECT code, hours FROM stores") == [("bakery", "")]
    downgrade(revision="0043")
    assert rows("SELECT code FROM stores") == [("bakery",)]


def test_0045_knows_no_note_with_files(at: Callable[[str], None]) -> None:
    at("0044")
    upgrade(revision="0045")
    assert rows("SELECT count(*) FROM note_attachments") == [(0,)]
    downgrade(revision="0044")
    assert "note_attachments" not in tables()


def test_0046_lets_nobody_wait_who_has_not_asked_for_it(at: Callable[[str], None]) -> None:
    at("0045")
    upgrade(revision="0046")
    assert set(rows("SELECT undo_send_seconds FROM users")) <= {(0,)}
    assert rows("SELECT count(*) FROM delayed_messages") == [(0,)]
    downgrade(revision="0045")
    assert "delayed_messages" not in tables()
