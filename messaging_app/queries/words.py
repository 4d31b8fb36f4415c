"""Stores and customers by the beginnings of their words: one range of one index, whoever asks."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, and_, exists, literal, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql.expression import SQLColumnExpression

from messaging_app.models import RecipientTerm
from messaging_app.text import search_key

LAST = "\U0010ffff"  # sorts after every letter: the end of a prefix's range
MOST_WORDS = 5


def words_of(q: str) -> list[str]:
    """What is looked for, the longest word first, since it is the rarest."""
    return sorted(search_key(q).split(), key=len, reverse=True)[:MOST_WORDS]


def term_range(kind: str, words: list[str], store_id: int | None) -> Iterator[ColumnElement[bool]]:
    """Conditions on `RecipientTerm`: the first word's range, of those whose other words match as well.

    `kind` is store or customer. Whoever has two words that begin with the first one is in it once, under the earlier.
    """
    term = RecipientTerm
    yield term.recipient_type == kind
    yield _begins(term, words[0])
    if store_id is not None:
        yield term.store_id == store_id
    twin = aliased(term)
    yield ~exists().where(_same(twin, kind, term.recipient_id), _begins(twin, words[0]), twin.term < term.term)
    yield from having_words(kind, words[1:], term.recipient_id)


def having_words(kind: str, words: list[str], recipient_id: SQLColumnExpression[int]) -> Iterator[ColumnElement[bool]]:
    """The condition, for each of `words`, that this store or customer has a word which begins so."""
    for word in words:
        other = aliased(RecipientTerm)
        own = select(literal(1)).where(_same(other, kind, recipient_id), _begins(other, word))
        # Not EXISTS, of which PostgreSQL makes a join that reads everybody with this word.
        yield own.limit(1).scalar_subquery().is_not(None)


def _begins(term: type[RecipientTerm], word: str) -> ColumnElement[bool]:
    return and_(term.term >= word, term.term < word + LAST)


def _same(other: type[RecipientTerm], kind: str, recipient_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    return and_(other.recipient_type == kind, other.recipient_id == recipient_id)
