"""The last change of each setting, for the settings page."""

from __future__ import annotations

import json
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select, union_all

from messaging_app.extensions import db
from messaging_app.models import AuditEntry, PlatformSetting
from messaging_app.services.settings import SETTINGS


class LastChange(NamedTuple):
    """The last change of a setting. `by` and `before` are empty if it is older than the audit trail."""

    at: datetime
    by: str = ""
    before: str = ""


def last_changes() -> dict[str, LastChange]:
    """Return the last change of every setting that was ever changed. Two statements."""
    row = AuditEntry
    mine = (row.object_type == "setting") & (row.action == "setting.changed")
    newest = union_all(*(select(func.max(row.id)).where(mine, row.object_id == key) for key in SETTINGS))
    found = {setting.key: LastChange(setting.updated_at) for setting in db.session.scalars(select(PlatformSetting))}
    for entry in db.session.scalars(select(row).where(row.id.in_(newest))):
        before = json.loads(entry.before).get("value", "")
        found[entry.object_id] = LastChange(entry.at, entry.actor_name, before)
    return found
