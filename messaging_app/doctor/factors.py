"""Second factors: made with the secret key of today, and no recovery codes without one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.engine import Connection

from messaging_app.accounts import totp
from messaging_app.doctor.checks import Query, first_of, some
from messaging_app.models import Authenticator, RecoveryCode
from messaging_app.queries.second_factor import has_factor

APPS: Any = Authenticator.__table__
CODES: Any = RecoveryCode.__table__


def find_of_other_key(connection: Connection) -> str | None:
    """Every authenticator app still makes the codes that we expect. If not, its user needs a reset."""
    living = select(APPS.c.user_id, APPS.c.seed, APPS.c.secret_hash).where(APPS.c.ended_at.is_(None))
    rows = connection.execute(living.order_by(APPS.c.user_id).execution_options(yield_per=1000))
    wrong = [row.user_id for row in rows if totp.hash_of(totp.secret_of(row.seed)) != row.secret_hash]
    return f"{some(len(wrong), 'app')} of another secret key (first: user {wrong[0]})" if wrong else None


def find_stray_codes(connection: Connection) -> str | None:
    """Only users with a factor have recovery codes."""
    found = first_of(connection, _strays())
    return f"{some(found[1], 'code')} without a factor (first: user {found[0].user_id})" if found else None


def drop_stray_codes(connection: Connection) -> None:
    """Delete recovery codes of users without a factor."""
    connection.execute(delete(CODES).where(CODES.c.id.in_(_strays().with_only_columns(CODES.c.id))))


def _strays() -> Query:
    return select(CODES.c.user_id, CODES.c.id).where(~has_factor(CODES.c.user_id))
