"""Checks whether a requested e-mail address is free. Done by the worker, so that response times reveal nothing."""

from __future__ import annotations

from sqlalchemy import exists, select

from messaging_app.db.types import DbSession
from messaging_app.models import AccountLink, Customer, User


def is_taken(session: DbSession, link: AccountLink) -> bool:
    """Whether the address of a confirmation link belongs to another account that conflicts. One statement."""
    if link.customer_id is not None:
        others = (Customer.store_id == link.store_id) & (Customer.id != link.customer_id)
        return bool(session.scalar(select(exists().where(others, Customer.email_key == link.email_key))))
    return bool(session.scalar(select(exists().where(User.id != link.user_id, User.email_key == link.email_key))))
