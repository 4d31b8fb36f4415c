"""The audit trail."""

from __future__ import annotations

from messaging_app.actors import Actor
from messaging_app.api import schemas as s
from messaging_app.api.answers import Answer
from messaging_app.services import trail
from messaging_app.text import email_key


def list_audit(actor: Actor, query: s.AuditQuery) -> Answer:
    """A page of the audit trail, oldest first, for programs that follow it."""
    people = (email_key(query.person),) if query.person else ()
    filters = trail.Filters(people, query.object, (query.action,) if query.action else ())
    found = trail.entries_after(filters, int(query.after or 0), query.limit + 1)
    page = found[: query.limit]
    cursor = str(page[-1].id) if len(found) > query.limit else None
    entries = [s.AuditEntryResponse.model_validate(trail.as_json(entry)) for entry in page]
    body = s.AuditResponse(entries=entries, next_cursor=cursor)
    return Answer(body, next_page={"after": cursor} if cursor else None)
