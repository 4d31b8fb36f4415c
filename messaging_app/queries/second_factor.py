"""Who has a second factor, and who must have one: conditions for statements about users."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, exists, literal_column, or_, select
from sqlalchemy.orm import aliased

from messaging_app.actors import ActorType
from messaging_app.db.types import Column
from messaging_app.models import Authenticator, Passkey, PlatformSetting, Store, StoreMembership
from messaging_app.models.platform import SECOND_FACTOR_ADMINS, SECOND_FACTOR_OWNERS
from messaging_app.models.scope import Number

GRACE = timedelta(days=7)  # from the moment the setting is switched on
OWNER: ColumnElement[str] = literal_column("'owner'")
SETTINGS = {ActorType.ADMIN: SECOND_FACTOR_ADMINS, ActorType.STORE: SECOND_FACTOR_OWNERS}


def has_factor(user_id: Number) -> ColumnElement[bool]:
    """The condition that a user signs in with more than a password."""
    app = exists().where(Authenticator.user_id == user_id, Authenticator.ended_at.is_(None))
    passkey = exists().where(Passkey.user_id == user_id)
    # Explicit, because automatic correlation reaches only the directly enclosing statement.
    return or_(app.correlate_except(Authenticator), passkey.correlate_except(Passkey))


def needed_since(actor_type: ActorType, user_id: Number) -> Column:
    """Return since when a user without a second factor has been required to have one; null if they have one or need none.

    For staff the rule covers store owners, who then need it in all their stores.
    """
    setting = aliased(PlatformSetting)
    since = select(setting.updated_at).where(
        setting.key == literal_column(f"'{SETTINGS[actor_type]}'"), setting.value == literal_column("'true'")
    )
    if actor_type == ActorType.STORE:
        member, store = aliased(StoreMembership), aliased(Store)
        owns = (member.role == OWNER) & member.active & (store.id == member.store_id) & store.active
        since = since.where(exists().where(member.user_id == user_id, owns).correlate_except(member, store))
    return since.where(~has_factor(user_id)).correlate_except(setting).scalar_subquery()
