"""Contexts: what the shop states about its orders and products, and the context of a new conversation.

Locks are always taken in the same order: first the context, then conversations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from messaging_app.actors import Actor
from messaging_app.db.engine import now, writing
from messaging_app.errors import FieldError, Invalid, NotFound
from messaging_app.extensions import db
from messaging_app.models import Context, ContextFact, Conversation, Message
from messaging_app.models import context as limits
from messaging_app.models.context import Details, Fact, Held, Named
from messaging_app.models.platform import CONTEXT_KINDS
from messaging_app.policies import policy_of
from messaging_app.queries import contexts as queries
from messaging_app.queries.contexts import ContextRow
from messaging_app.services import announcements
from messaging_app.services.settings import get_setting
from messaging_app.text import TextRefused, clean_subject

OFFERED = 20  # contexts to choose from
FIELDS = ("context_kind", "context_reference")  # how forms call the two parts of a name
_SENTENCES = {
    "required": _("Fill this in."),
    "too_long": _("This can have at most %(max)s characters."),
    "invalid_characters": _("This contains control characters. Remove them."),
}
_BY_ONE = _("Name the customer by external_id or by email.")
_BAD_URL = _("The address must begin with http:// or https://, without spaces.")


class Statement(NamedTuple):
    """What the shop states about a context, not yet validated. It names the customer by its own id or by e-mail."""

    external_id: str | None
    email: str | None
    title: str
    url: str | None
    state: str | None
    facts: Sequence[Fact]
    version: int


@dataclass(frozen=True, slots=True)
class StatedFact:
    """A fact as first stated. `is_new` is False if its id was stated before."""

    id: str
    text: str
    stated_at: datetime
    is_new: bool


def kinds() -> list[str]:
    """Return the kinds of contexts that the settings allow. One statement."""
    return kinds_in({CONTEXT_KINDS: get_setting(CONTEXT_KINDS)})


def kinds_in(settings: Mapping[str, object]) -> list[str]:
    """Return the kinds of contexts that these settings allow."""
    return str(settings[CONTEXT_KINDS]).split(", ")


def named(kind: str, reference: str, fields: tuple[str, str] = FIELDS) -> Named:
    """Return the name of a context: a known kind, and a reference of 1-100 characters in one line. Raises `Invalid`."""
    return clean_name(kind, reference, kinds(), fields)


def clean_name(kind: str, reference: str, known: Sequence[str], fields: tuple[str, str] = FIELDS) -> Named:
    """Do what `named` does, with `known` kinds that were already loaded."""
    errors: list[FieldError] = []
    cleaned = one_line(fields[1], reference, limits.REFERENCE_MAX, errors)
    if kind not in known:
        errors.append(
            FieldError(fields[0], "not_a_choice", _("This must be one of %(kinds)s.", kinds=", ".join(known)))
        )
    if errors:
        raise Invalid(*errors)
    return Named(kind, cleaned or "")


def named_by(actor: Actor, kind: str, reference: str, fields: tuple[str, str] = FIELDS) -> Named:
    """Return the name of a context that `actor` writes about. For customers an invalid name is treated as unknown."""
    try:
        return named(kind, reference, fields)
    except Invalid:
        if policy_of(actor).names_any_context:
            raise
        raise NotFound from None


def put_context(actor: Actor, store_code: str, name: Named, statement: Statement) -> tuple[ContextRow, bool]:
    """Store what the shop states about a context. Returns the stored context, and whether it is new.

    A version that is not newer than the stored one changes nothing. A context's customer never changes once stated.
    """
    details = check_details(statement)
    if statement.external_id is None and statement.email is None:
        raise Invalid(FieldError("customer", "invalid", _BY_ONE))
    with writing(db.session) as session:
        store_id = _store(session, store_code)
        customer_id = queries.customer_of(session, store_id, statement.external_id, statement.email)
        if customer_id is None:
            raise Invalid(FieldError("customer", "unknown_customer", _("The store has no such customer.")))
        held, is_new = Context.add(session, store_id, name, customer_id)
        if details["version"] > held.snapshot["version"]:
            if held.snapshot["version"] and held.customer_id != customer_id:
                raise Invalid(FieldError("customer", "other_customer", _("This belongs to another customer.")))
            Context.restate(session, held.id, customer_id, details, now())
            for conversation in Conversation.about(session, held._replace(customer_id=customer_id)):
                announcements.context_changed(actor, conversation)
        return _found(queries.find(session, store_id, name)), is_new


def get_context(store_code: str, name: Named) -> ContextRow:
    """Return a stored context. Raises `NotFound`."""
    session = db.session()
    return _found(queries.find(session, _store(session, store_code), name))


def state_fact(actor: Actor, store_code: str, name: Named, fact_id: str, text: str) -> StatedFact:
    """Add a fact from the shop to every conversation about a context, once per id. Events never count as unread."""
    errors: list[FieldError] = []
    number = one_line("id", fact_id, limits.FACT_ID_MAX, errors)
    words = one_line("text", text, limits.FACT_TEXT_MAX, errors)
    if errors or number is None or words is None:
        raise Invalid(*errors)
    at = now()
    with writing(db.session) as session:
        held = Context.hold(session, _store(session, store_code), name)
        if held is None:
            raise NotFound
        if not ContextFact.state(session, held.id, number, words, at):
            return StatedFact(number, *ContextFact.stated(session, held.id, number), is_new=False)
        lines = Conversation.take_seqs_about(session, held, at)
        if lines:
            Message.note_fact(session, actor, lines, words)
        for line in lines:
            announcements.turned(actor, line)
    return StatedFact(number, words, at, is_new=True)


def find_about(actor: Actor, store_code: str | None, name: Named) -> tuple[ContextRow, int, int]:
    """Return a context, how many conversations about it `actor` sees, and how many messages there are unread for them.

    For staff `store_code` is None: it is their own store.
    """
    session = db.session()
    store_id = _store(session, store_code) if store_code is not None else actor.store_id
    found = _found(queries.find(session, store_id or 0, name))
    return found, *queries.count_about(session, actor, found.id)


def find_by_name(actor: Actor, name: Named) -> ContextRow | None:
    """Return the context with this name that `actor` may write about. For admins None if several stores have one."""
    rows = queries.find_by_name(db.session(), actor, name)
    return rows[0] if len(rows) == 1 else None


def list_for(actor: Actor, customer_id: int) -> list[ContextRow]:
    """Return the newest contexts that a conversation with a customer can be about. One statement."""
    return queries.find_of_customer(db.session(), actor, customer_id, OFFERED)


def of_new_conversation(session: Session, actor: Actor, name: Named, store_id: int, customer_id: int | None) -> Held:
    """Return the context of a new conversation, locked. Raises `NotFound` for another customer's.

    Only roles that may name any context can add an unknown one, or use one that has no customer yet.
    """
    held = Context.hold(session, store_id, name)
    if policy_of(actor).names_any_context:
        if held is None:
            held, _is_new = Context.add(session, store_id, name, customer_id)
        if held.customer_id is None and customer_id is not None:
            Context.claim(session, held.id, customer_id)
            held = held._replace(customer_id=customer_id)
    if held is None or customer_id not in (None, held.customer_id):
        raise NotFound
    return held


def _store(session: Session, code: str) -> int:
    found = queries.store_by_code(session, code)
    if found is None:
        raise NotFound
    return found


def _found(row: ContextRow | None) -> ContextRow:
    if row is None:
        raise NotFound
    return row


def check_details(statement: Statement) -> Details:
    """Validate a statement and return its details as stored. Raises `Invalid` naming each field."""
    errors: list[FieldError] = []
    if statement.external_id is not None and statement.email is not None:
        errors.append(FieldError("customer", "invalid", _BY_ONE))
    details = Details(
        title=one_line("title", statement.title, limits.TITLE_MAX, errors),
        url=web_address(statement.url, errors),
        state=one_line("state", statement.state, limits.STATE_MAX, errors) if statement.state else None,
        facts=_facts(statement.facts, errors),
        version=statement.version,
    )
    if errors:
        raise Invalid(*errors)
    return details


def _facts(given: Sequence[Fact], errors: list[FieldError]) -> list[Fact]:
    if len(given) > limits.FACTS_MAX:
        errors.append(FieldError("facts", "too_many", _("There can be at most %(max)s facts.", max=limits.FACTS_MAX)))
        return []
    kept: list[Fact] = []
    for fact in given:
        label = one_line("facts", fact["label"], limits.LABEL_MAX, errors)
        value = one_line("facts", fact["value"], limits.VALUE_MAX, errors)
        kept.append(Fact(label=label or "", value=value or ""))
    return kept


def one_line(field: str, raw: str, most: int, errors: list[FieldError]) -> str | None:
    """Return `raw` as one line of 1 to `most` characters, or add to `errors` and return None."""
    try:
        return clean_subject(raw, most)
    except TextRefused as refused:
        errors.append(FieldError(field, refused.code, str(_SENTENCES[refused.code]) % {"max": most}))
        return None


def web_address(raw: str | None, errors: list[FieldError]) -> str | None:
    """Return `raw` if pages may link to it (http or https only), or add to `errors`. It is never fetched."""
    if not raw:
        return None
    try:
        parts = urlsplit(raw)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and len(raw) <= limits.URL_MAX
    except ValueError:
        fits = False
    if not fits or not raw.isprintable() or " " in raw:
        errors.append(FieldError("url", "invalid", _BAD_URL))
        return None
    return raw
