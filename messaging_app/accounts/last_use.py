"""When a session or token was last used. Recorded at intervals, and never at the expense of a read."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.models import ApiToken, SignInSession

EVERY = timedelta(minutes=5)


def note_use(
    model: type[SignInSession] | type[ApiToken], row_id: int, last_used_at: datetime | None, **seen: str
) -> None:
    """Record that a session or token is in use, with the values in `seen`, at most once in five minutes.

    A read request never fails or waits because of a concurrent writer: the next request records the use instead.
    """
    if last_used_at is not None and now() - last_used_at < EVERY:
        return
    unlocked = select(model.id).where(model.id == row_id).with_for_update(skip_locked=True)
    try:
        with writing(db.session, wait_ms=0) as session:
            session.execute(update(model).where(model.id.in_(unlocked)).values(last_used_at=now(), **seen))
    except SQLAlchemyError as error:
        current_app.logger.warning("last use of a row of %s not noted: %s", model.__tablename__, type(error).__name__)
        db.session.rollback()
