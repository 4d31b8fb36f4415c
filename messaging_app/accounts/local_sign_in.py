"""Whether admins and staff can sign in with a password, or only through an identity provider (a setting).

One emergency admin always can, so that a broken provider never locks everyone out: the active admin with a password
whose account is oldest.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import ColumnElement, exists, false, func, or_, select
from sqlalchemy.orm import aliased

from messaging_app.actors import ActorType
from messaging_app.extensions import db
from messaging_app.models import PlatformSetting, User
from messaging_app.models.platform import LOCAL_SIGN_IN
from messaging_app.services.settings import get_setting

_Admin = aliased(User)


def is_open_to(actor_type: ActorType) -> ColumnElement[bool]:
    """Return the condition that a user may sign in to a role without a provider."""
    is_off = exists(
        select(PlatformSetting.key).where(PlatformSetting.key == LOCAL_SIGN_IN, PlatformSetting.value == "false")
    )
    longest = select(func.min(_Admin.id)).where(_Admin.is_admin, _Admin.active, _Admin.password_hash.is_not(None))
    emergency = User.id == longest.scalar_subquery() if actor_type == ActorType.ADMIN else false()
    return or_(~is_off, emergency)


def form_for(actor_type: ActorType) -> Literal["open", "emergency", "none"]:
    """Return which password form a role's sign-in page shows. One statement."""
    if get_setting(LOCAL_SIGN_IN):
        return "open"
    return "emergency" if actor_type == ActorType.ADMIN else "none"


def may_sign_in_locally(actor_type: ActorType, user_id: int) -> bool:
    """Whether an admin or a member of staff may sign in without a provider. One statement."""
    return bool(db.session.scalar(select(User.id).where(User.id == user_id, is_open_to(actor_type))))
