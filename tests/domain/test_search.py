"""Search finds what a naive reading of everything finds, for whoever asks: words, scopes, filters, pages."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from messaging_app.actors import Actor
from messaging_app.db.engine import writing
from messaging_app.errors import Invalid
from messaging_app.extensions import db
from messaging_app.models.context import Named
from messaging_app.models.scope import actor_params
from messaging_app.queries import search as queries
from messaging_app.queries.inbox import InboxRow
from messaging_app.search import indexing
from messaging_app.search.asking import parse
from messaging_app.search.documents import scope_of
from messaging_app.services import contexts, inboxes, messaging, search, turns
from messaging_app.text import search_key
from tests.cast import Cast
from tests.world import begin, four_conversations


@pytest.fixture
def numbers(app: Flask, cast_of: Cast) -> dict[str, int]:
    return four_conversations(cast_of)


def found(actor: Actor, q: str, **more: Any) -> list[tuple[int, int | None]]:
    return [(hit.row.id, hit.seq) for hit in search.search(actor, q, **more).hits]


def marked(actor: Actor, q: str) -> list[str]:
    return [hit.excerpt.text[a:b] for hit in search.search(actor, q).hits for a, b in hit.excerpt.ranges]


TEXTS = {
    "Sugar-paste is überfällig, said O'Brien": [
        "sugar",
        "sug pas",
        '"sugar paste"',
        "UBERF",
        "uberfallig",
        "obrien",
        "o'br",
    ],
    "東京都の天気です": ["東京", "京都", "天気で", "都", '"東京都"'],
    "ภาษาไทยง่าย": ["ภาษา", "ไทย", "ง่าย"],
    "ｶﾞﾗｽ と Tシャツ": ["ガラス", "tシャ", "シャツ"],
    "राम कुमार, Łukasz und Øystein; straße": ["राम", "lukasz", "oystein", "strasse", "und oys"],
    "Write to cleo@shop.example about 4711-A": ["cleo@shop", "shop.example", "4711", '"4711-a"', "about wri"],
}
TEXTS["東京 都内 京都"] = ["東京", "都内", "京都 東京"]
NOT_IN = {
    "東京 都内 京都": ["東京都", "京都内"],
    "Sugar-paste is überfällig, said O'Brien": ["ugar", '"paste sugar"', '"sugar pas"', "sugar xyz", "fällig"],
    "東京都の天気です": ["東都", "京東", '"京の"'],
    "राम कुमार, Łukasz und Øystein; straße": ["रम", "राममम", "ukasz"],
}


@pytest.mark.parametrize("content", TEXTS)
def test_words_are_found_by_their_beginnings_in_any_script(
    cast_of: Cast, numbers: dict[str, int], content: str
) -> None:
    seq = messaging.send_message(cast_of.cleo, numbers["bakery-cleo"], content).seq
    for q in TEXTS[content]:
        assert found(cast_of.sam, q) == [(numbers["bakery-cleo"], seq)], q
        assert marked(cast_of.sam, q), q
    for q in NOT_IN.get(content, ()):
        assert found(cast_of.sam, q) == [], q


def test_everybody_finds_what_they_see_and_nothing_else(cast_of: Cast, numbers: dict[str, int]) -> None:
    for name, actor in (("bakery-cleo", cast_of.sam), ("cycles-jun", cast_of.tomas), ("admin-cleo", cast_of.ada)):
        messaging.send_message(actor, numbers[name], "A planted word")
    of_cleo, of_jun, of_platform = ([(numbers[name], 2)] for name in ("bakery-cleo", "cycles-jun", "admin-cleo"))
    for actor in (cast_of.sam, cast_of.nadia, cast_of.lea):
        assert found(actor, "planted") == of_cleo
    for actor in (cast_of.tomas, cast_of.lea_at_cycles, cast_of.jun):
        assert found(actor, "planted") == of_jun
    assert found(cast_of.ada, "planted") == found(cast_of.abe, "planted") == of_platform
    assert found(cast_of.cleo, "planted") == of_platform + of_cleo
    assert found(cast_of.cleo._replace(sees_all=False), "planted") == of_cleo
    assert found(cast_of.omar, "planted") == []


def test_the_index_offers_nothing_of_what_somebody_does_not_see(cast_of: Cast, numbers: dict[str, int]) -> None:
    """Time cannot tell of a match that is hidden: a word of others is never read, not even to be left out."""
    for number in range(3):
        messaging.send_message(cast_of.cleo, numbers["bakery-cleo"], f"A planted word {number}")
    session = db.session()
    dialect = session.get_bind().dialect.name
    for actor, offered in (
        (cast_of.sam, 3),
        (cast_of.cleo, 3),
        (cast_of.tomas, 0),
        (cast_of.omar, 0),
        (cast_of.ada, 0),
    ):
        asked = queries.rendered(
            dialect, scope_of(actor.type, actor.store_id, actor.id), parse("planted", UTC).clauses()
        )
        everything = {"asked": asked, "below": search.NEWEST, "above": 0, "most": 100}
        query = queries.candidates(dialect, actor.type, actor.sees_all)
        assert len(query.all(session, **actor_params(actor), **everything)) == offered


def test_subject_names_and_addresses_are_found_where_no_line_matches(cast_of: Cast, numbers: dict[str, int]) -> None:
    own = [(numbers["bakery-cleo"], None)]
    for q in ("loaf", "your rye", "cleo loaf", "cleo@mail", "sam@mail.example"):
        assert found(cast_of.sam, q) == own, q
    assert found(cast_of.cleo, "sam") == own
    assert found(cast_of.cleo, "sam@mail") == [], "a customer does not know the address"
    assert found(cast_of.ada, "bakery") == [(numbers[name], None) for name in ("admin-cleo", "admin-bakery")]
    assert found(cast_of.sam, "ada@mail") == []
    assert found(cast_of.sam, "loaf hello") == [], "all words in one line, or in subject and names"
    messaging.send_message(cast_of.nadia, numbers["bakery-cleo"], "I am new here")
    assert found(cast_of.cleo, "nadia") == own


def test_a_new_name_is_found_and_the_old_one_is_not(cast_of: Cast, numbers: dict[str, int]) -> None:
    with writing(db.session) as session:
        session.execute(text("UPDATE customers SET name = 'Chloë Park' WHERE id = :id"), {"id": cast_of.cleo.id})
        session.execute(text("UPDATE users SET name = 'Samira' WHERE id = :id"), {"id": cast_of.sam.id})
        session.execute(text("UPDATE stores SET name = 'Rye & Rose' WHERE id = :id"), {"id": cast_of.bakery})
    indexing.run(db.session)
    assert found(cast_of.lea, "park chloe") == found(cast_of.lea, "samira") == [(numbers["bakery-cleo"], None)]
    assert [row for row, _ in found(cast_of.ada, "rose")] == [numbers["admin-cleo"], numbers["admin-bakery"]]
    assert found(cast_of.cleo, "rye rose") == [(numbers[name], None) for name in ("admin-cleo", "bakery-cleo")]
    assert found(cast_of.ada, "cleo park") == [(numbers["admin-cleo"], None)], "and cleo is in the address"


OLD_LINES = """
WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
INSERT INTO messages (conversation_id, seq, kind, sender_type, sender_id, sender_name, content, attachment_count, created_at)
SELECT {number}, i, 'message', 'customer', {cleo}, 'Cleo', 'bread and butter ' || i, 0, '2024-02-29 12:00:00+00' FROM n
"""


def test_who_writes_while_much_is_indexed_does_not_wait_for_the_end(
    app: Flask, cast_of: Cast, numbers: dict[str, int]
) -> None:
    """On SQLite the batches would follow each other so closely that somebody who waits found no gap."""
    with writing(db.session) as session:
        session.execute(text("UPDATE search_due SET after = (SELECT max(id) FROM messages)"))
        session.execute(text(OLD_LINES.format(number=numbers["bakery-cleo"], cleo=cast_of.cleo.id)))

    def index() -> None:
        with app.app_context():
            indexing.run(db.session)

    thread = threading.Thread(target=index)
    thread.start()
    written = 0
    while thread.is_alive():
        with writing(db.session, wait_ms=400) as session:
            session.execute(text("UPDATE conversations SET subject = subject"))
        written += 1
        time.sleep(0.02)
    assert written > 5
    assert found(cast_of.sam, "butter 4999") == [(numbers["bakery-cleo"], 4999)]


def test_filters(cast_of: Cast, numbers: dict[str, int]) -> None:
    sam, bakery = cast_of.sam, numbers["bakery-cleo"]
    messaging.send_message(cast_of.cleo, bakery, "Thank you, warm bread")
    messaging.send_message(sam, bakery, "Fresh bread tomorrow")
    assert found(sam, "bread") == [(bakery, 3)]
    assert found(sam, "bread from:cleo") == found(sam, 'FROM:"Cleo" bread') == [(bakery, 2)]
    assert found(sam, "bread from:nobody") == found(sam, "bread store:cycles") == []
    assert found(sam, "bread store:bak") == found(cast_of.cleo, "bread store:bakery") == [(bakery, 3)]
    assert found(cast_of.ada, "hello store:bakery") == [(numbers["admin-cleo"], 1), (numbers["admin-bakery"], 1)]
    assert found(cast_of.ada, "hello store:cycles") == []
    assert found(sam, "is:unread") == [(bakery, 3), (numbers["admin-bakery"], 1)]
    assert found(sam, "is:waiting") == [(numbers["admin-bakery"], 1)]
    messaging.close_conversation(sam, bakery)
    assert found(sam, "bread is:open") == []
    assert found(sam, "bread is:closed") == found(sam, "bread has: is:") == [(bakery, 3)]
    assert found(sam, "has:file") == []
    tomorrow, today = (f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}" for days in (1, 0))
    assert found(sam, f"bread before:{tomorrow} after:{today}") == [(bakery, 3)]
    assert found(sam, f"bread before:{today}") == found(sam, f"bread after:{tomorrow}") == []
    with writing(db.session) as session:
        session.execute(text("UPDATE messages SET created_at = '2024-02-29 12:00:00+00' WHERE seq = 2"))
        session.execute(text("DELETE FROM search_lines WHERE id = 2 * (SELECT id FROM messages WHERE seq = 2)"))
        indexing.fill(session, 0, 1000)
    for q in (
        "after:2024-02-29 before:2024-03-01",
        "after:2024 before:2025",
        "before:2024-03",
        "after:2023-12-31 before:2024-03-02",
    ):
        assert found(sam, f"bread {q}") == [(bakery, 2)], q
    assert found(sam, "bread before:2024-02-29") == []


def test_a_state_is_that_of_the_list(cast_of: Cast, numbers: dict[str, int]) -> None:
    messaging.send_message(cast_of.sam, numbers["bakery-cleo"], "Hello again")
    messaging.close_conversation(cast_of.tomas, numbers["cycles-jun"])
    turns.rule_reply_out(cast_of.ada, numbers["admin-cleo"])
    states: dict[str, Callable[[InboxRow], bool]] = {
        "open": lambda row: row.status == "open",
        "closed": lambda row: row.status == "closed",
        "unread": lambda row: row.unread_count > 0,
        "waiting": lambda row: row.waiting == "us",
    }
    seen = set()
    for actor in (cast_of.ada, cast_of.sam, cast_of.tomas, cast_of.lea, cast_of.cleo, cast_of.jun, cast_of.omar):
        rows = inboxes.list_conversations(actor, status="all", limit=100).rows
        for state, holds in states.items():
            wanted = {row.id for row in rows if holds(row)}
            assert {number for number, _seq in found(actor, f"is:{state}")} == wanted, (actor.name, state)
            assert search.count_hits(actor, f"is:{state}", 99) == (len(wanted), False)
            seen.add((state, bool(wanted)))
        assert found(actor, "is:open is:closed") == []
    assert seen == set(product(states, (True, False))), "each state was there, and was not"


def test_a_long_conversation_hides_no_other(
    cast_of: Cast, numbers: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a step has found is left out of the next, so that one full of the word costs no page its other hits."""
    monkeypatch.setattr(search, "AT_ONCE", (5, 5))
    others = [begin(cast_of.sam, "store_customer", "customer", cast_of.omar.id, "Rye", "A cake") for _ in range(4)]
    for _ in range(12):
        messaging.send_message(cast_of.cleo, numbers["bakery-cleo"], "Cake, cake")
    assert [number for number, _seq in found(cast_of.sam, "cake")] == [numbers["bakery-cleo"], *reversed(others)]
    page = search.search(cast_of.sam, "cake", limit=2)
    rest = search.search(cast_of.sam, "cake", limit=9, cursor=page.next_cursor)
    assert [hit.row.id for hit in page.hits + rest.hits] == [numbers["bakery-cleo"], *reversed(others)]


@pytest.mark.parametrize(
    "q",
    [
        "",
        " ",
        '"',
        "?!…",
        "from:",
        'from:"',
        "'",
        "\\",
        "a\\",
        "(",
        "*",
        "a*",
        "NEAR(",
        "x' OR 1",
        "\u0000",
        "{}",
        "%",
        "🥐",
        "{}:a",
    ],
)
def test_nothing_that_can_be_typed_is_an_error(cast_of: Cast, numbers: dict[str, int], q: str) -> None:
    for actor in (cast_of.sam, cast_of.ada, cast_of.cleo):
        search.search(actor, q)


def test_what_is_too_long_is_refused_in_a_sentence(cast_of: Cast, numbers: dict[str, int]) -> None:
    with pytest.raises(Invalid) as refusal:
        search.search(cast_of.sam, "x" * 10_000)
    assert [(fault.field, fault.code) for fault in refusal.value.errors] == [("q", "too_long")]
    search.search(cast_of.sam, "x " * 250)
    with pytest.raises(Invalid):
        search.search(cast_of.sam, "x", cursor="nonsense")


ALPHABET = (
    "bread",
    "breads",
    "cake",
    "cat",
    "ca",
    "rye",
    "Rye",
    "überall",
    "uber",
    "東京",
    "京都",
    "sugar-paste",
    "o'brien",
)


def test_it_finds_what_a_naive_reading_finds_page_by_page(
    cast_of: Cast, numbers: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "AT_ONCE", (7, 40))
    dice = random.Random(4711)
    writers = dict.fromkeys(("bakery-cleo",), (cast_of.sam, cast_of.cleo)) | {
        "cycles-jun": (cast_of.tomas, cast_of.jun),
        "admin-bakery": (cast_of.ada, cast_of.sam),
        "admin-cleo": (cast_of.ada, cast_of.cleo),
    }
    for number in range(4):
        numbers[f"more {number}"] = begin(cast_of.sam, "store_customer", "customer", cast_of.omar.id, "Rye")
        writers[f"more {number}"] = (cast_of.sam, cast_of.omar)
    written: dict[int, list[tuple[int, str]]] = {}
    for _ in range(60):
        name = dice.choice(list(writers))
        line = " ".join(dice.choices(ALPHABET, k=dice.randint(1, 3)))
        seq = messaging.send_message(dice.choice(writers[name]), numbers[name], line).seq
        written.setdefault(numbers[name], []).append((seq, line))
    for actor in (cast_of.sam, cast_of.ada, cast_of.cleo, cast_of.omar, cast_of.tomas):
        seen = {row.id for row in inboxes.list_conversations(actor, limit=100).rows}
        for words in [dice.choices(ALPHABET, k=dice.randint(1, 2)) for _ in range(12)]:
            keys = [search_key(word[: dice.randint(2, 6)]).strip("-' ") for word in words]
            if "東" in "".join(keys) or "京" in "".join(keys):
                keys = [key for key in keys if key.isascii()] or ["京"]
            naive = {}
            for conversation in seen & written.keys():
                seqs = [seq for seq, line in written[conversation] if all(_holds(line, key) for key in keys)]
                if seqs:
                    naive[conversation] = max(seqs)
            pages, cursor = [], None
            while True:
                page = search.search(actor, " ".join(keys), cursor=cursor, limit=2)
                pages += [(hit.row.id, hit.seq) for hit in page.hits]
                cursor = page.next_cursor
                if cursor is None:
                    break
            assert len({row for row, _ in pages}) == len(pages), "one hit a conversation"
            assert {row: seq for row, seq in pages if seq is not None} == naive, (actor.name, keys)


def _holds(line: str, key: str) -> bool:
    if not key.isascii():
        return key in line
    plain = search_key(line.replace("-", " "))
    with_parts = f"{plain} {search_key(line.replace('-', ' ').replace(chr(39), ' '))}"
    return all(any(word.startswith(part) for word in with_parts.split()) for part in key.split("-"))


def test_the_hits_of_one_conversation_are_counted_in_order(cast_of: Cast, numbers: dict[str, int]) -> None:
    for line in ("One loaf", "Nothing", "Two loaves"):
        messaging.send_message(cast_of.cleo, numbers["bakery-cleo"], line)
    assert search.hits_in(cast_of.sam, numbers["bakery-cleo"], "loa") == [2, 4]
    assert search.hits_in(cast_of.tomas, numbers["bakery-cleo"], "loa") == []


def test_a_conversation_about_exactly_this_order_comes_first(cast_of: Cast, numbers: dict[str, int]) -> None:
    order = Named("order", "4711-A")
    said = contexts.Statement(None, "cleo@mail.example", "A cake", None, None, [], 1)
    contexts.put_context(cast_of.ada, "bakery", order, said)
    about = messaging.create_conversation(
        cast_of.sam,
        conversation_type="store_customer",
        recipient_type="customer",
        recipient_id=cast_of.cleo.id,
        subject="Wings",
        content="Hello",
        context=order,
    ).conversation_id
    messaging.send_message(cast_of.cleo, numbers["bakery-cleo"], "It is 4711-A, I think")
    assert found(cast_of.sam, "4711-a") == [(about, None), (numbers["bakery-cleo"], 2)]
    assert found(cast_of.cleo, "4711") == [(numbers["bakery-cleo"], 2), (about, None)]
    assert found(cast_of.tomas, "4711-a") == []
