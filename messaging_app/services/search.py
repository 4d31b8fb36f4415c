"""Search: the conversations that an actor sees and that hold what was asked for, each with its newest line that does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from flask_babel import gettext as _

from messaging_app.actors import Actor
from messaging_app.db.engine import now
from messaging_app.errors import FieldError, Invalid
from messaging_app.extensions import db
from messaging_app.models.scope import actor_params
from messaging_app.queries import cursors, inbox
from messaging_app.queries import search as queries
from messaging_app.queries.inbox import InboxRow
from messaging_app.queries.search import Candidate
from messaging_app.search import marks
from messaging_app.search.asking import Clause, Key, Question, parse
from messaging_app.search.documents import CONVERSATION, STORE, About, Line, scope_of
from messaging_app.search.marks import Excerpt, Range
from messaging_app.text import preview

PAGE = 25
QUERY_MAX = 500
STORES_MAX = 200
HITS_MAX = 500  # in one conversation
NEWEST = 1 << 60  # above every document
AT_ONCE = (200, 800, 2_000)  # documents that one page looks at: usually the first step is enough
SOME_ARE_ENOUGH = 800  # from so many on the page is not filled: what was found is shown


@dataclass(frozen=True, slots=True)
class Hit:
    """A conversation that matches. `seq` is that of the line, None where subject or names match."""

    row: InboxRow
    seq: int | None
    excerpt: Excerpt


@dataclass(frozen=True, slots=True)
class HitPage:
    """A page of hits, newest first. `next_cursor` is None where nothing is left to look at."""

    hits: list[Hit]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class _Match:
    document_id: int
    conversation_id: int
    seq: int | None
    at: datetime
    excerpt: Excerpt


@dataclass(frozen=True, slots=True)
class _Search:
    """What is asked of the index, and by whom."""

    actor: Actor
    question: Question
    clauses: list[Clause]

    def matches(
        self, most: int, *, below: int = NEWEST, above: int = 0, of: Iterable[int] = ()
    ) -> tuple[list[_Match], int]:
        """Return what matches among the `most` newest documents between two (of these conversations), and how many they are."""
        session = db.session()
        dialect = session.get_bind().dialect.name
        scope = scope_of(self.actor.type, self.actor.store_id, self.actor.id)
        only = tuple(Key(f"{CONVERSATION}{number}") for number in of)
        asked = queries.rendered(dialect, scope, [*self.clauses, only] if only else self.clauses)
        query = queries.candidates(dialect, self.actor.type, self.actor.sees_all)
        values: dict[str, object] = {"asked": asked, "below": below, "above": above, "most": most}
        found = query.all(session, **actor_params(self.actor), **values)
        matches = [match for candidate in found if (match := self.match(candidate))]
        return matches, (found[-1].document_id if len(found) == most else 0)

    def match(self, candidate: Candidate) -> _Match | None:
        """Return how a document matches. The index knows neither order nor place of words, so the text decides."""
        if not candidate.is_seen:
            return None
        found = self._line(candidate.line) if candidate.document_id % 2 == 0 else self._head(candidate.about)
        if found is None:
            return None
        line, seq = candidate.line, candidate.seq if candidate.document_id % 2 == 0 else None
        return _Match(candidate.document_id, line.conversation_id, seq, line.created_at, found)

    def _head(self, about: About) -> Excerpt | None:
        texts = about.fields(self.actor.type)
        ranges = None if self.question.wants_line else marks.marked(self.question.items, texts)
        return marks.joined(texts, ranges) if ranges is not None else None

    def _line(self, line: Line) -> Excerpt | None:
        question, filenames = self.question, json.loads(line.filenames or "[]")
        early = question.since is not None and line.created_at < question.since
        late = question.until is not None and line.created_at >= question.until
        of_sender = all(marks.find(item, line.sender_name) for item in question.senders)
        texts = [line.content, *filenames]
        ranges = marks.marked(question.items, texts)
        if early or late or not of_sender or (question.with_file and not filenames) or ranges is None:
            return None
        if ranges[0]:
            return marks.excerpt(line.content, ranges[0])
        if any(ranges):
            return marks.joined(texts, ranges)
        return Excerpt(preview(line.content or (filenames[0] if filenames else "")), [])


def search(actor: Actor, typed: str, *, cursor: str | None = None, limit: int = PAGE, zone: tzinfo = UTC) -> HitPage:
    """Return a page of conversations with a line, or with subject and names, that holds all of `typed`.

    A page can be short where few of many lines match. Raises `Invalid` on fields `q` and `cursor`. Two statements, and
    one more for a later page, for `store:`, or where the newest lines are not enough.
    """
    question, below = parse(_checked(typed), zone), cursors.decode_document(cursor) if cursor else NEWEST
    found = _asked(actor, question)
    if found is None:
        return HitPage([], None)
    for most in AT_ONCE:
        matches, last = found.matches(most, below=below)
        firsts = {match.conversation_id: match for match in reversed(matches)}  # the newest of each
        if cursor and firsts:
            before, _last = found.matches(AT_ONCE[-1], above=below - 1, of=firsts)
            firsts = {number: firsts[number] for number in firsts.keys() - {match.conversation_id for match in before}}
        hits, next_of_page = _hits(actor, question, firsts.values(), limit)
        if next_of_page or not last or (hits and most >= SOME_ARE_ENOUGH):
            break
    last = next_of_page or last
    return HitPage(hits, cursors.encode_document(last) if last else None)


def count_hits(actor: Actor, typed: str, most: int, *, zone: tzinfo = UTC) -> tuple[int, bool]:
    """Count the conversations that a search finds among its newest lines, up to `most`; and say whether there may be more.

    One statement, another one for `store:` and for a state.
    """
    question = parse(typed[:QUERY_MAX], zone)
    found = _asked(actor, question)
    if found is None:
        return 0, False
    matches, last = found.matches(AT_ONCE[0])
    ids = {match.conversation_id for match in matches}
    if question.states and ids:
        rows = inbox.listed(db.session(), actor, ids, now())
        ids = {number for number, row in rows.items() if all(state(row) for state in question.states)}
    return min(len(ids), most), len(ids) > most or bool(last)


def hits_in(actor: Actor, conversation_id: int, typed: str, *, zone: tzinfo = UTC) -> list[int]:
    """Return the seq of each line of a conversation that matches, oldest first: the newest 500 at most."""
    found = _asked(actor, parse(typed[:QUERY_MAX], zone))
    if found is None:
        return []
    matches, _last = found.matches(HITS_MAX, of=[conversation_id])
    return sorted(match.seq for match in matches if match.seq is not None)


def marks_in(typed: str, texts: Sequence[str]) -> list[list[Range]]:
    """Return for each text where it holds a word of a search, whether it holds the others or not."""
    items = parse(typed[:QUERY_MAX], UTC).items
    return [marks.merged(span for item in items for span in marks.find(item, text)) for text in texts]


def _hits(actor: Actor, question: Question, matches: Iterable[_Match], limit: int) -> tuple[list[Hit], int]:
    """Return the first `limit` matches in a state that was asked for, and where to go on if there are more."""
    ordered = sorted(matches, key=lambda match: -match.document_id)
    wanted = ordered if question.states else ordered[: limit + 1]
    rows = inbox.listed(db.session(), actor, [match.conversation_id for match in wanted], now()) if wanted else {}
    shown = [
        (match, row)
        for match in wanted
        if (row := rows.get(match.conversation_id)) and all(state(row) for state in question.states)
    ]
    # Imports may have written old lines late. A conversation about exactly this order comes before lines that name it.
    page = sorted(
        shown[:limit], key=lambda pair: (question.is_exactly(_reference_of(pair[1])), pair[0].at), reverse=True
    )
    hits = [Hit(row, match.seq, match.excerpt) for match, row in page]
    return hits, shown[limit - 1][0].document_id if len(shown) > limit else 0


def _reference_of(row: InboxRow) -> str:
    """Return what the shop calls what a conversation is about; empty if it is about nothing."""
    return row.context["reference"] if row.context else ""


def _asked(actor: Actor, question: Question) -> _Search | None:
    """Return the search for a question, or None if it asks for nothing, or for a store that `actor` does not reach."""
    if question.is_empty:
        return None
    clauses = question.clauses()
    if question.stores:
        words = [piece.key for item in question.stores for piece in item.pieces]
        if not (stores := queries.stores_named(db.session(), actor, words, STORES_MAX)):
            return None
        clauses.append(tuple(Key(f"{STORE}{number}") for number in stores))
    return _Search(actor, question, clauses)


def _checked(typed: str) -> str:
    if len(typed) > QUERY_MAX:
        sentence = _("A search can have at most %(max)s characters.", max=QUERY_MAX)
        raise Invalid(FieldError("q", "too_long", sentence))
    return typed
