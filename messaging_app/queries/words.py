"""Finds stores and customers by the beginnings of words: one range of one index for every role."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, CompoundSelect, and_, case, exists, func, intersect, literal, select
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.expression import SQLColumnExpression

from messaging_app.models import RecipientTerm
from messaging_app.text import search_key

LAST = "\U0010ffff"  # sorts after every letter: the end of a prefix's range
MOST_WORDS = 5
LOOKED_UP, SELDOM = 300, 3  # fewer than 3 hits among 300: intersect whole ranges instead of looking up each row


def words_of(q: str) -> list[str]:
    """Return the words of a search, longest first, since that is likely the rarest."""
    return sorted(search_key(q).split(), key=len, reverse=True)[:MOST_WORDS]


def term_range(kind: str, words: list[str], store_id: int | None) -> Iterator[ColumnElement[bool]]:
    """Yield conditions on `RecipientTerm`: the first word's range, restricted to rows whose other words match too.

    `kind` is store or customer. A recipient with two words that begin with the first one appears once.
    """
    yield from first_range(kind, words[0], store_id)
    yield from having_words(kind, words[1:], RecipientTerm.recipient_id)


def first_range(kind: str, word: str, store_id: int | None) -> Iterator[ColumnElement[bool]]:
    """Yield the same conditions for a single word."""
    term, twin = RecipientTerm, aliased(RecipientTerm)
    yield from _range_of(kind, word, store_id)
    yield ~exists().where(_same(twin, kind, term.recipient_id), _begins(twin, word), twin.term < term.term)


def are_seldom_together(session: Session, kind: str, words: list[str], store_id: int | None) -> bool:
    """Whether the first word's range is long and hardly any row at its start has the other words. One statement.

    Looking up each row of the range would then take long, and `together` is faster.
    """
    first = select(RecipientTerm.recipient_id).where(*_range_of(kind, words[0], store_id))
    some = first.order_by(RecipientTerm.term, RecipientTerm.recipient_id).limit(LOOKED_UP).subquery()
    have_all = and_(*having_words(kind, words[1:], some.c.recipient_id))
    of_some = select(func.count(), func.count(case((have_all, 1)))).select_from(some)
    length, found = session.execute(of_some).one()
    return bool(length == LOOKED_UP and found < SELDOM)


def together(kind: str, words: list[str], store_id: int | None) -> CompoundSelect[int]:
    """Select the ids of recipients with all of `words`. Reads every word's range once, from the index alone."""
    return intersect(*(select(RecipientTerm.recipient_id).where(*_range_of(kind, word, store_id)) for word in words))


def having_words(kind: str, words: list[str], recipient_id: SQLColumnExpression[int]) -> Iterator[ColumnElement[bool]]:
    """Yield for each of `words` the condition that this store or customer has a word that begins with it."""
    for word in words:
        other = aliased(RecipientTerm)
        own = select(literal(1)).where(_same(other, kind, recipient_id), _begins(other, word))
        # Not EXISTS: PostgreSQL turns that into a join that reads everybody with this word.
        yield own.limit(1).scalar_subquery().is_not(None)


def _range_of(kind: str, word: str, store_id: int | None) -> Iterator[ColumnElement[bool]]:
    yield RecipientTerm.recipient_type == kind
    yield _begins(RecipientTerm, word)
    if store_id is not None:
        yield RecipientTerm.store_id == store_id


def _begins(term: type[RecipientTerm], word: str) -> ColumnElement[bool]:
    return and_(term.term >= word, term.term < word + LAST)


def _same(other: type[RecipientTerm], kind: str, recipient_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    return and_(other.recipient_type == kind, other.recipient_id == recipient_id)
