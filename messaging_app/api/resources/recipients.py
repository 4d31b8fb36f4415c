"""Recipients to write to."""

from __future__ import annotations

from messaging_app.actors import Actor
from messaging_app.api import schemas as s
from messaging_app.api.answers import Answer
from messaging_app.services import recipients


def list_recipients(actor: Actor, query: s.RecipientQuery) -> Answer:
    """The recipients within the actor's reach."""
    page = recipients.list_recipients(actor, query.recipient_type, query.q, cursor=query.cursor, limit=query.limit)
    found = [
        {
            "recipient_type": row.recipient_type,
            "recipient_id": row.recipient_id,
            "name": row.name,
            "detail": row.detail,
        }
        for row in page.rows
    ]
    body = s.RecipientListResponse.model_validate({"recipients": found, "next_cursor": page.next_cursor})
    return Answer(body, next_page={"cursor": page.next_cursor} if page.next_cursor else None)
