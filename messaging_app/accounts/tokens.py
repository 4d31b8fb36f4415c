"""API tokens: create, find, list and revoke. A token acts as its user in one role and store, and ends with them.

Everything that must hold for a token to be valid is a condition of its statement. Deactivating the user or removing
them from the store therefore takes effect at the next request. The directory import ends such tokens for good.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, func, select, update

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.db.types import DbSession
from messaging_app.errors import FieldError, Invalid, NotFound
from messaging_app.extensions import db
from messaging_app.models import ApiToken, Store, User
from messaging_app.models.api_token import NAME_MAX
from messaging_app.models.platform import CUSTOMERS_MAY_HAVE_TOKENS, CUSTOMERS_SEE_PLATFORM
from messaging_app.models.scope import active_person
from messaging_app.queries import people
from messaging_app.services import audit
from messaging_app.services.settings import get_setting, parse_or_default
from messaging_app.text import email_key, shows_something

MOST_TOKENS = 50  # active tokens per user and role
LIFETIMES = (30, 90, 365)  # days to choose from; None: until revoked

# The prefix lets scanners find leaked tokens, and identifies the role before any look-up.
_SHAPE = re.compile(r"msg_(admin|store|customer)_[0-9a-f]{48}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Bearer:
    """An active token and its actor."""

    token_id: int
    last_used_at: datetime | None
    actor: Actor


class OwnToken(NamedTuple):
    """A token as its owner sees it in a list."""

    id: int
    name: str
    hint: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    store_name: str | None


def may_manage_tokens(actor: Actor) -> bool:
    """Whether `actor` has a page to create and revoke tokens. One statement for customers, none for others."""
    return actor.type != ActorType.CUSTOMER or bool(get_setting(CUSTOMERS_MAY_HAVE_TOKENS))


def create_token(
    actor_type: ActorType,
    person_id: int,
    store_id: int | None,
    name: str,
    lifetime: timedelta | None = None,
    *,
    actor: Actor | None = None,
) -> str:
    """Create a token and return it; it cannot be shown again. `name` is one line of 1-100 characters.

    `actor` creates it, None on the command line. A token without `lifetime` is valid until revoked. Raises `Invalid` on
    field `name`, also if the user already has 50 active tokens.
    """
    name = clean_name(name)
    token = f"msg_{actor_type}_{secrets.token_hex(24)}"
    moment = now()
    mine = (ApiToken.actor_type == actor_type) & (ApiToken.person_id == person_id)
    person = people.person_of(actor_type)
    with writing(db.session) as session:
        # Serialise: on PostgreSQL, parallel requests would not count each other's new tokens.
        session.execute(select(person.id).where(person.id == person_id).with_for_update(key_share=True))
        living = session.scalar(select(func.count()).select_from(ApiToken).where(mine, ApiToken.living_at(moment)))
        if (living or 0) >= MOST_TOKENS:
            sentence = _("You have reached the limit of %(max)s tokens. Revoke one you no longer use.", max=MOST_TOKENS)
            raise Invalid(FieldError("name", "too_many", sentence))
        row = ApiToken(
            token_hash=digest(token),
            hint=token[-4:],
            name=name,
            actor_type=actor_type,
            person_id=person_id,
            store_id=store_id,
            created_at=moment,
            expires_at=moment + lifetime if lifetime else None,
        )
        session.add(row)
        session.flush()
        expires = row.expires_at.date().isoformat() if row.expires_at else None
        facts: audit.Facts = {"name": name, "role": str(actor_type), "expires": expires}
        audit.record(session, actor, "token.created", _about(session, row.id, actor_type, person_id), after=facts)
    return token


def find_person(actor_type: ActorType, email: str, store_code: str | None) -> tuple[int, int | None]:
    """Return the user or customer id and the store id for a token created on the command line.

    Raises `Invalid` if no active person of this role has the e-mail. Also raises it, listing the choices, if the store
    is missing: always required for a customer, and for staff with several stores.
    """
    if actor_type == ActorType.ADMIN:
        admin = db.session.scalar(
            select(User.id).where(User.email_key == email_key(email), active_person(actor_type, User.id))
        )
        if admin is None:
            raise Invalid(FieldError("email", "unknown", _("There is no active admin %(email)s.", email=email)))
        if store_code is not None:
            raise Invalid(FieldError("store", "unknown", _("An admin's token has no store. Leave --store out.")))
        return admin, None
    person = people.person_of(actor_type)
    query = select(person.id, Store.id.label("store_id"), Store.code).where(
        person.email_key == email_key(email), active_person(actor_type, person.id, Store.id)
    )
    found = {row.code: row for row in db.session.execute(query.order_by(Store.code))}
    if not found:
        nobody = _("There is no active customer %(email)s.", email=email)
        if actor_type == ActorType.STORE:
            nobody = _("There is no active member of a store's staff %(email)s.", email=email)
        raise Invalid(FieldError("email", "unknown", nobody))
    wanted = store_code.strip() if store_code is not None else None
    if wanted not in found and wanted is not None:
        wanted = wanted.lower()
    if wanted is None and len(found) == 1 and actor_type == ActorType.STORE:
        wanted = next(iter(found))
    if wanted not in found:
        theirs = ", ".join(found)
        why = _("Say which store with --store: %(stores)s.", stores=theirs)
        if wanted is not None:
            why = _(
                "%(email)s is not active in the store %(code)s: %(stores)s.",
                email=email,
                code=store_code,
                stores=theirs,
            )
        raise Invalid(FieldError("store", "required", why))
    return found[wanted].id, found[wanted].store_id


def clean_name(raw: str) -> str:
    """Return a token's name as stored. Raises `Invalid` on field `name`."""
    name = raw.strip()
    if not shows_something(name):
        raise Invalid(FieldError("name", "required", _("Enter a name, so that you know later what uses this token.")))
    if len(name) > NAME_MAX:
        raise Invalid(FieldError("name", "too_long", _("A name can have at most %(max)s characters.", max=NAME_MAX)))
    if not name.isprintable():
        raise Invalid(FieldError("name", "invalid_characters", _("A name is one line without control characters.")))
    return name


def find_bearer(token: str) -> Bearer | None:
    """Return an active token and its actor, or None. One statement; none if `token` is malformed."""
    shape = _SHAPE.fullmatch(token)
    if shape is None:
        return None
    actor_type = ActorType(shape[1])
    found = people.bearer(actor_type).all(db.session(), token_hash=digest(token), moment=now())
    if not found:
        return None
    row = found[0]
    sees_all = bool(parse_or_default(CUSTOMERS_SEE_PLATFORM, row.sees_all))
    return Bearer(
        row.token_id,
        row.last_used_at,
        Actor(actor_type, row.person_id, row.name, row.store_id, sees_all, row.is_owner),
    )


def list_tokens(actor: Actor) -> list[OwnToken]:
    """Return the actor's active tokens in this role, newest first. One statement."""
    row = ApiToken
    query = select(row.id, row.name, row.hint, row.created_at, row.last_used_at, row.expires_at, Store.name)
    query = query.outerjoin(Store, Store.id == row.store_id).where(_own(actor), row.living_at(now()))
    return [OwnToken(*found) for found in db.session.execute(query.order_by(row.id.desc()))]


def revoke_token(actor: Actor, token_id: int) -> None:
    """Revoke one of the actor's tokens; revoking it again is allowed. Raises `NotFound` for any other token."""
    with writing(db.session) as session:
        found = session.scalar(select(ApiToken.id).where(ApiToken.id == token_id, _own(actor)).with_for_update())
        if found is None:
            raise NotFound
        revoked = session.scalar(
            update(ApiToken)
            .where(ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
            .values(revoked_at=now())
            .returning(ApiToken.name)
            .execution_options(synchronize_session=False)
        )
        if revoked is not None:
            about = _about(session, token_id, actor.type, actor.id)
            audit.record(session, actor, "token.revoked", about, before={"name": revoked, "role": str(actor.type)})


def end_tokens_of(
    session: DbSession,
    actor_types: Collection[ActorType],
    person_ids: Collection[int],
    store_id: int | None = None,
) -> int:
    """End every token of these people in these roles (at one store, if given) and return how many ended.

    Joins the caller's transaction. Used when somebody leaves a store, and when a password changes because it may have
    leaked: the intruder may have created tokens.
    """
    theirs = ApiToken.actor_type.in_(actor_types) & ApiToken.person_id.in_(person_ids)
    return _end(session, theirs if store_id is None else theirs & (ApiToken.store_id == store_id))


def end_tokens_at(session: DbSession, store_id: int) -> int:
    """End all tokens of a store's staff and customers in the caller's transaction. Returns how many ended."""
    return _end(session, ApiToken.store_id == store_id)


def count_living(*conditions: ColumnElement[bool]) -> int:
    """Return how many valid tokens meet `conditions`. One statement."""
    query = select(func.count()).select_from(ApiToken).where(ApiToken.living_at(now()), *conditions)
    return db.session.scalar(query) or 0


def _end(session: DbSession, which: ColumnElement[bool]) -> int:
    moment = now()
    ended = session.execute(
        update(ApiToken)
        .where(which, ApiToken.living_at(moment))
        .values(revoked_at=moment)
        .returning(ApiToken.id)
        .execution_options(synchronize_session=False)
    )
    return len(ended.all())


def end_orphans(session: DbSession) -> None:
    """End every token whose user may no longer act in its role and store. Joins the caller's transaction.

    These tokens stay ended even if the user comes back.
    """
    for actor_type in ActorType:
        is_active = active_person(actor_type, ApiToken.person_id, ApiToken.store_id)
        living = select(ApiToken.id).where(ApiToken.actor_type == actor_type, is_active)
        orphans = (ApiToken.actor_type == actor_type) & ApiToken.revoked_at.is_(None) & ApiToken.id.not_in(living)
        session.execute(
            update(ApiToken).where(orphans).values(revoked_at=now()).execution_options(synchronize_session=False)
        )


def digest(token: str) -> str:
    """Return the stored digest of a token. 192 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def _about(session: DbSession, token_id: int, actor_type: ActorType, person_id: int) -> audit.Object:
    return audit.about_person(session, actor_type, person_id)._replace(type="token", id=token_id)


def _own(actor: Actor) -> ColumnElement[bool]:
    return (ApiToken.actor_type == actor.type) & (ApiToken.person_id == actor.id)
