"""Decides whether a request to reset a password gets a link. Done by the worker, not during the request.

The page does the same for every address, so neither its response nor its duration reveals whether an account exists.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import exists, func, select

from messaging_app.accounts import links
from messaging_app.actors import ActorType
from messaging_app.db.engine import now, writing
from messaging_app.db.types import DbSession
from messaging_app.extensions import db
from messaging_app.models import AccountLink, AccountMail, Customer, LinkKind, Store, StoreMembership, User
from messaging_app.policies import ROLES
from messaging_app.text import email_key

MOST_AN_HOUR = 3  # links per person, over all roles


class Asked(NamedTuple):
    """An active person who asked for a link."""

    id: int
    name: str
    email: str


def make_link(mail_id: int) -> bool:
    """Add link and address to a queued mail. Returns False if no active person has the address, or if they had three
    links in the last hour.
    """
    with writing(db.session) as session:
        mail = session.get_one(AccountMail, mail_id)
        role = ROLES[json.loads(mail.words)["role"]]
        asked = find_person(session, role.actor_type, mail.email, mail.store_id)
        if asked is None or _has_had_enough(session, role.actor_type, asked.id):
            return False
        customer = role.actor_type == ActorType.CUSTOMER
        link = links.make(
            session,
            LinkKind.RESET,
            asked.email,
            role=role.name,
            user_id=None if customer else asked.id,
            customer_id=asked.id if customer else None,
            store_id=mail.store_id,
        )
        mail.link_id, mail.name, mail.email = link.id, asked.name, asked.email
        return True


def find_person(session: DbSession, actor_type: ActorType, email: str, store_id: int | None) -> Asked | None:
    """Return the person who can sign in to this role with this address, their row locked, or None."""
    key = email_key(email)
    if actor_type == ActorType.CUSTOMER:
        query: Any = (
            select(Customer.id, Customer.name, Customer.email)
            .join(Store, Store.id == Customer.store_id)
            .where(Customer.store_id == store_id, Customer.email_key == key, Customer.active, Store.active)
            .with_for_update(key_share=True, of=Customer)
        )
    else:
        query = select(User.id, User.name, User.email).where(User.email_key == key, User.active)
        query = query.with_for_update(key_share=True)
        if actor_type == ActorType.ADMIN:
            query = query.where(User.is_admin)
        else:
            member = (StoreMembership.user_id == User.id) & StoreMembership.active & Store.active
            query = query.where(exists().where(member, StoreMembership.store_id == Store.id).correlate(User))
    found = session.execute(query).one_or_none()
    return Asked(*found) if found else None


def _has_had_enough(session: DbSession, actor_type: ActorType, person_id: int) -> bool:
    if current_app.extensions["settings"].rate_limits == "off":
        return False
    theirs = AccountLink.customer_id if actor_type == ActorType.CUSTOMER else AccountLink.user_id
    lately = (AccountLink.kind == LinkKind.RESET) & (AccountLink.created_at > now() - timedelta(hours=1))
    had = session.scalar(select(func.count()).select_from(AccountLink).where(lately, theirs == person_id))
    return (had or 0) >= MOST_AN_HOUR
