"""Search: the conversations an actor can see that match a query, each with its newest matching line."""

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
from messaging_app.models.sides import TEAMS
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
# Documents that one page examines, step by step. Each step leaves out the conversations that earlier ones found.
AT_ONCE = (200, 300, 2_000)
SHOWN_BEFORE = 2_000  # documents examined for conversations that earlier pages have shown
COUNTED = 200  # documents examined for a saved view's count


@dataclass(frozen=True, slots=True)
class Hit:
    """A conversation that matches. `seq` is the matching line's, None if subject or names match."""

    row: InboxRow
    seq: int | None
    excerpt: Excerpt


@dataclass(frozen=True, slots=True)
class HitPage:
    """A page of hits, newest first. `next_cursor` is None on the last page."""

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
    """A query to the index, and its actor."""

    actor: Actor
    question: Question
    clauses: list[Clause]

    def candidates(
        self, most: int, *, below: int = NEWEST, above: int = 0, of: Iterable[int] = (), but: Iterable[int] = ()
    ) -> tuple[list[Candidate], int]:
        """Return the newest `most` documents between `above` and `below`, and the last id looked at, 0 at the end.

        `of` limits them to these conversations, `but` excludes some.
        """
        session = db.session()
        dialect = session.get_bind().dialect.name
        scope = scope_of(self.actor.type, self.actor.store_id, self.actor.id)
        only, without = _keys(CONVERSATION, of), _keys(CONVERSATION, but)
        asked = queries.rendered(dialect, scope, [*self.clauses, only] if only else self.clauses, without)
        query = queries.candidates(dialect, self.actor.type, self.actor.sees_all, frozenset(self.question.states))
        values: dict[str, object] = {"asked": asked, "below": below, "above": above, "most": most}
        found = query.all(session, **actor_params(self.actor), **values)
        return found, (found[-1].document_id if len(found) == most else 0)

    def newest_of_each(self, candidates: Iterable[Candidate], limit: int) -> dict[int, _Match]:
        """Return the newest match per conversation id, for at most `limit` conversations."""
        found: dict[int, _Match] = {}
        for candidate in candidates:
            if candidate.conversation_id not in found and (match := self.match(candidate)):
                found[match.conversation_id] = match
                if len(found) == limit:
                    break
        return found

    def match(self, candidate: Candidate) -> _Match | None:
        """Check a candidate against its text, since the index knows nothing of word order. None if it does not match."""
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
    """Return a page of conversations in which a line, or subject and names, match all of `typed`.

    A page can be short if few candidates match. Raises `Invalid` on fields `q` and `cursor`. Two statements; one more for
    `store:`, for each further step if the newest lines are not enough, and for each step of a later page.
    """
    question = parse(_checked(typed), zone)
    first = below = cursors.decode_document(cursor) if cursor else NEWEST
    found = _asked(actor, question)
    if found is None:
        return HitPage([], None)
    matches: dict[int, _Match] = {}
    known: set[int] = set()
    for most in AT_ONCE:
        candidates, below = found.candidates(most, below=below, but=known)
        new = found.newest_of_each(candidates, wanted := limit + 1 - len(matches))
        if len(new) == wanted:  # the remaining candidates were not examined
            below = min(match.document_id for match in new.values())
        known |= new.keys()
        if cursor and new:
            before, _last = found.candidates(SHOWN_BEFORE, above=first - 1, of=new)
            for shown in found.newest_of_each(before, len(new)):
                del new[shown]
        matches |= new
        if not below or len(matches) > limit:
            break
    page = list(matches.values())[:limit]
    last = page[-1].document_id if len(matches) > limit else below
    return HitPage(_hits(actor, question, page), cursors.encode_document(last) if last else None)


def count_hits(actor: Actor, typed: str, most: int, *, zone: tzinfo = UTC) -> tuple[int, bool]:
    """Count the conversations that match among the newest lines, up to `most`. Also returns whether there may be more.

    One statement, and one more for `store:`.
    """
    found = _asked(actor, parse(typed[:QUERY_MAX], zone))
    if found is None:
        return 0, False
    candidates, last = found.candidates(COUNTED)
    count = len(found.newest_of_each(candidates, most + 1))
    return min(count, most), count > most or bool(last)


def hits_in(actor: Actor, conversation_id: int, typed: str, *, zone: tzinfo = UTC) -> list[int]:
    """Return the seqs of matching lines in a conversation, oldest first; at most the newest 500."""
    found = _asked(actor, parse(typed[:QUERY_MAX], zone))
    if found is None:
        return []
    candidates, _last = found.candidates(HITS_MAX, of=[conversation_id])
    matches = filter(None, map(found.match, candidates))
    return sorted(match.seq for match in matches if match.seq is not None)


def marks_in(typed: str, texts: Sequence[str]) -> list[list[Range]]:
    """Return for each text the ranges of any of a search's words."""
    items = parse(typed[:QUERY_MAX], UTC).items
    return [marks.merged(span for item in items for span in marks.find(item, text)) for text in texts]


def _hits(actor: Actor, question: Question, matches: Sequence[_Match]) -> list[Hit]:
    """Return the matches with their conversations, newest first."""
    rows = inbox.listed(db.session(), actor, [match.conversation_id for match in matches], now()) if matches else {}
    hits = [
        (match.at, Hit(row, match.seq, match.excerpt)) for match in matches if (row := rows.get(match.conversation_id))
    ]
    # Sorted here, because imports may write old lines late. A conversation about exactly this order comes first.
    hits.sort(key=lambda pair: (question.is_exactly(_reference_of(pair[1].row)), pair[0]), reverse=True)
    return [hit for _at, hit in hits]


def _reference_of(row: InboxRow) -> str:
    """Return the reference of a conversation's context, such as an order number; "" without a context."""
    return row.context["reference"] if row.context else ""


def _asked(actor: Actor, question: Question) -> _Search | None:
    """Return the index query for a question; None if it is empty or can have no hits.

    The latter is a store out of the actor's reach, or `is:waiting` of a customer, for whom nothing waits.
    """
    if question.is_empty or ("waiting" in question.states and actor.type not in TEAMS):
        return None
    clauses = question.clauses()
    if question.stores:
        words = [piece.key for item in question.stores for piece in item.pieces]
        if not (stores := queries.stores_named(db.session(), actor, words, STORES_MAX)):
            return None
        clauses.append(_keys(STORE, stores))
    return _Search(actor, question, clauses)


def _keys(sign: str, numbers: Iterable[int]) -> Clause:
    return tuple(Key(f"{sign}{number}") for number in numbers)


def _checked(typed: str) -> str:
    if len(typed) > QUERY_MAX:
        sentence = _("A search can have at most %(max)s characters.", max=QUERY_MAX)
        raise Invalid(FieldError("q", "too_long", sentence))
    return typed
