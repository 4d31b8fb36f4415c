"""Recipient search while typing: stores and customers within an actor's reach, by the beginnings of words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Select, literal, null, select, tuple_
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import SQLColumnExpression

from messaging_app.actors import Actor, ActorType
from messaging_app.db.types import MAX_ID
from messaging_app.errors import FieldError, Invalid
from messaging_app.extensions import db
from messaging_app.models import Customer, RecipientTerm, Store
from messaging_app.models.scope import active_person, stored
from messaging_app.policies import policy_of
from messaging_app.queries import cursors
from messaging_app.queries.words import term_range, words_of
from messaging_app.services import drafts


class Recipient(NamedTuple):
    """A store or a customer; `key` is the sort key."""

    recipient_type: str
    recipient_id: int
    name: str
    detail: str
    key: str


class Resolved(NamedTuple):
    """The parties of a new conversation. `says_why` is the setting that requires a reason from the actor, as stored."""

    store_id: int
    customer_id: int | None
    says_why: str | None = None


Key: TypeAlias = tuple[SQLColumnExpression[str], SQLColumnExpression[int]]
Recipients: TypeAlias = Select[str, int, str, str, str]


@dataclass(frozen=True, slots=True)
class RecipientPage:
    """A page of recipients."""

    rows: list[Recipient]
    next_cursor: str | None


def list_recipients(
    actor: Actor, recipient_type: str, q: str = "", *, cursor: str | None = None, limit: int = 20
) -> RecipientPage:
    """Return active recipients of one kind whose words begin with the words of `q` (all, by name, if `q` is empty).

    The caller has checked that the role may write to this kind. One statement, one index range.
    """
    words = words_of(q)
    query, keys = _by_words(actor, recipient_type, words) if words else _by_name(actor, recipient_type)
    if cursor:
        first, number = cursors.decode_name(cursor)
        query = query.where(tuple_(*keys) > tuple_(literal(first), literal(number)))
    rows = [Recipient(*row) for row in db.session.execute(query.order_by(*keys).limit(limit + 1))]
    more, rows = len(rows) > limit, rows[:limit]
    return RecipientPage(rows, cursors.encode_name(rows[-1].key, rows[-1].recipient_id) if more else None)


def find_recipient(actor: Actor, recipient_type: str, recipient_id: int) -> Recipient | None:
    """Return one recipient as `list_recipients` shows it, or None if it is out of reach. One statement."""
    query, (_name, number) = _by_name(actor, recipient_type)
    found = db.session.execute(query.where(number == recipient_id)).one_or_none()
    return Recipient(*found) if found else None


def resolve(session: Session, actor: Actor, recipient_type: str, recipient_id: int | None) -> Resolved:
    """Return store and customer of a new conversation. Raises `Invalid` on field `recipient_id`. One statement.

    For the platform `recipient_id` is None, since there is only one.
    """
    setting = policy_of(actor).reason_required_by
    says_why = stored(setting) if setting else null()
    if recipient_type == "platform" and recipient_id is None and actor.store_id is not None:
        return Resolved(actor.store_id, None, session.scalar(select(says_why)))
    if recipient_id is None:
        raise Invalid(FieldError("recipient_id", "required", _("Choose a recipient from the list.")))
    if recipient_type == "platform" or not 0 < recipient_id <= MAX_ID:
        raise drafts.wrong_recipient()
    if actor.type == ActorType.CUSTOMER:
        if recipient_id != actor.store_id:
            raise drafts.wrong_recipient()
        return Resolved(recipient_id, actor.id, session.scalar(select(says_why)))
    if recipient_type == "store":
        found = session.scalar(select(Store.id).where(Store.id == recipient_id, Store.active))
        if found is None:
            raise drafts.wrong_recipient()
        return Resolved(found, None)
    row = session.execute(
        select(Customer.store_id, says_why).where(
            active_person(ActorType.CUSTOMER, recipient_id, Customer.store_id), _reach(actor, Customer.store_id)
        )
    ).one_or_none()
    if row is None:
        raise drafts.wrong_recipient()
    return Resolved(row[0], recipient_id, row[1])


def _reach(actor: Actor, store_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    """Staff reach the customers of their current store; admins reach everyone."""
    return store_id == actor.store_id if actor.type == ActorType.STORE else literal(True)


def _select(recipient_type: str, key: SQLColumnExpression[str]) -> Recipients:
    """The columns of `Recipient`."""
    kind = literal(recipient_type)
    if recipient_type == "store":
        return select(kind, Store.id, Store.name, Store.code, key)
    return select(kind, Customer.id, Customer.name, Customer.email + " · " + Store.name, key)


def _by_name(actor: Actor, recipient_type: str) -> tuple[Recipients, Key]:
    if recipient_type == "store":
        return _select("store", Store.sort_name).where(Store.active), (Store.sort_name, Store.id)
    query = _select("customer", Customer.sort_name).where(
        active_person(ActorType.CUSTOMER, Customer.id, Customer.store_id)
    )
    if actor.type == ActorType.STORE:
        query = query.where(Customer.store_id == actor.store_id)
    return query, (Customer.sort_name, Customer.id)


def _by_words(actor: Actor, recipient_type: str, words: list[str]) -> tuple[Recipients, Key]:
    term = RecipientTerm
    query = _select(recipient_type, term.term)
    if recipient_type == "store":
        query = query.where(Store.id == term.recipient_id, Store.active)
    else:
        query = query.where(active_person(ActorType.CUSTOMER, term.recipient_id, Customer.store_id))
    store_id = actor.store_id if actor.type == ActorType.STORE else None
    return query.where(*term_range(recipient_type, words, store_id)), (term.term, term.recipient_id)
