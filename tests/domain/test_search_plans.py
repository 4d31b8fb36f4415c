"""How both databases search 500,000 documents: by the index, block by block, and no further than the page needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC
from itertools import islice, product
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from messaging_app.actors import ActorType
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.queries import search as queries
from messaging_app.search.asking import parse
from messaging_app.services.search import NEWEST
from tests.cast import Cast
from tests.conftest import executed

pytestmark = pytest.mark.slow

DOCUMENTS = {"sqlite": 10_000, "postgresql": 500_000}  # SQLite plans alike for few and many
BLOCK = 262_144  # 2 ** BLOCK_BITS
PAGE = 200
# Half of all documents hold "common", one in 100,000 holds "rare"; all of them are the platform's. Ids are even.
FILL = {
    "sqlite": (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most})"
        " INSERT INTO search_lines (id, words) SELECT 2 * i, 'p.' || (2 * i / {block}) || ':w' || (i % 999)"
        " || CASE WHEN i % 2 = 0 THEN ' p.' || (2 * i / {block}) || ':common' ELSE '' END"
        " || CASE WHEN i % 100000 = 7 THEN ' p.' || (2 * i / {block}) || ':rare' ELSE '' END FROM n"
    ),
    "postgresql": (
        "INSERT INTO search_lines (id, words) SELECT 2 * i, ('''p.' || (2 * i / {block}) || ':w' || (i % 999) || ''''"
        " || CASE WHEN i % 2 = 0 THEN ' ''p.' || (2 * i / {block}) || ':common''' ELSE '' END"
        " || CASE WHEN i % 100000 = 7 THEN ' ''p.' || (2 * i / {block}) || ':rare''' ELSE '' END)::tsvector"
        " FROM generate_series(1, {most}) AS n(i)"
    ),
}


@pytest.fixture
def filled(app: Flask, cast_of: Cast) -> Iterator[str]:
    """The dialect of a database with that many documents."""
    dialect = db.engine.dialect.name
    with writing(db.session) as session:
        session.execute(text(FILL[dialect].format(most=DOCUMENTS[dialect], block=BLOCK).replace(":", "\\:")))
    if dialect == "postgresql":
        with db.engine.connect() as connection:
            connection.execute(text("VACUUM ANALYZE search_lines"))
    yield dialect


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def explained(dialect: str, q: str, before: str = "") -> Any:
    """The plan of a search, with what it really did on PostgreSQL. `before`: what is said to the planner before."""
    asked = queries.rendered(dialect, "p", parse(q, UTC).clauses())
    values: dict[str, object] = {"asked": asked, "below": NEWEST, "above": 0, "most": PAGE}
    with executed() as seen:
        queries.candidates(dialect, ActorType.ADMIN, True).all(db.session(), **values)
    statement, parameters = seen[-1]
    prefix = "EXPLAIN (ANALYZE, FORMAT JSON) " if dialect == "postgresql" else "EXPLAIN QUERY PLAN "
    with db.engine.connect() as connection:
        if before:
            connection.exec_driver_sql(before)
        rows = connection.exec_driver_sql(prefix + statement, parameters).all()
    if dialect == "sqlite":
        return "\n".join(str(row) for row in rows)
    [(answer,)] = rows
    return (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]


def test_a_search_reads_blocks_by_the_index_until_the_page_is_full(filled: str) -> None:
    """On PostgreSQL a slice of the newest comes first, by both indexes."""
    every_block = DOCUMENTS["postgresql"] * 2 // BLOCK + 1
    for q, blocks in (("common", 0), ("comm", 0), ("rare", every_block), ("nothing", every_block)):
        plan = explained(filled, q)
        if filled == "sqlite":
            assert "SCAN found VIRTUAL TABLE INDEX" in plan and "SEARCH messages USING INTEGER PRIMARY KEY" in plan
            continue
        both, in_slice, of_block = [
            node for node in nodes(plan)
            if node["Node Type"] == "BitmapAnd" or node.get("Index Name") == "ix_search_lines_words"
        ]  # fmt: skip
        assert in_slice in both["Plans"], q
        assert [(node["Node Type"], node["Actual Loops"]) for node in (in_slice, of_block)] == [
            ("Bitmap Index Scan", 1), ("Bitmap Index Scan", blocks),
        ], q  # fmt: skip
        whole = [node for node in nodes(plan) if node["Node Type"] == "Seq Scan"]
        assert not any(node["Relation Name"] == "search_lines" for node in whole), q


def test_what_the_index_offers_is_looked_up_by_its_number(filled: str) -> None:
    """The place of a message is reckoned in whole numbers: as a fraction no index knows it, and all messages are read."""
    if filled == "sqlite":
        assert "SEARCH messages USING INTEGER PRIMARY KEY" in explained(filled, "common")
        return
    plan = explained(
        filled, "common", "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
    )
    [look_up] = [node for node in nodes(plan) if node.get("Relation Name") == "messages"]
    assert (look_up["Index Name"], "Index Cond" in look_up) == ("pk_messages", True)


def test_at_every_border_of_blocks_and_slices_it_is_what_one_reading_finds(filled: str) -> None:
    """Every document, and one in 999, from places around each border."""
    last = 2 * DOCUMENTS[filled]
    borders = [last, last - queries.SLICE, *range(BLOCK, last, BLOCK)]
    near = [border + step for border in borders for step in (-4, -1, 0, 1, 2, queries.SLICE, queries.SLICE + 4)]
    query = queries.candidates(filled, ActorType.ADMIN, True)
    for q, is_in in (("w", lambda i: True), ('"w5"', lambda i: i % 999 == 5)):
        asked = queries.rendered(filled, "p", parse(q, UTC).clauses())
        for below, most in product(near, (3, 40)):
            found = query.all(db.session(), asked=asked, below=below, above=below - BLOCK - 9, most=most)
            reading = range((min(below, last + 1) - 1) // 2, max((below - BLOCK - 9) // 2, 0), -1)
            expected = [2 * i for i in islice(filter(is_in, reading), most)]
            assert [one.document_id for one in found] == expected, (q, below, most)
