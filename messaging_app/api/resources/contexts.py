"""Contexts of conversations."""

from __future__ import annotations

from messaging_app.actors import Actor
from messaging_app.api import schemas as s
from messaging_app.api.answers import Answer, summary
from messaging_app.models.context import Named
from messaging_app.queries.contexts import ContextRow
from messaging_app.services import contexts, inboxes


def put_context(actor: Actor, store_code: str, kind: str, reference: str, body: s.ContextUpdate) -> Answer:
    """Store what the shop says about a context."""
    name = contexts.named(kind, reference, ("kind", "reference"))
    said = body.model_dump(exclude={"customer"})
    row, is_new = contexts.put_context(
        actor, store_code, name, contexts.Statement(body.customer.external_id, body.customer.email, **said)
    )
    return Answer(_context(row), status=201 if is_new else None)


def get_context(_actor: Actor, store_code: str, kind: str, reference: str) -> Answer:
    """A context as it is now."""
    return Answer(_context(contexts.get_context(store_code, Named(kind, reference))))


def state_fact(actor: Actor, store_code: str, kind: str, reference: str, body: s.FactCreate) -> Answer:
    """Add a fact to every conversation about a context, once."""
    fact = contexts.state_fact(actor, store_code, Named(kind, reference), body.id, body.text)
    answer = s.FactResponse(id=fact.id, text=fact.text, stated_at=fact.stated_at)
    return Answer(answer, status=None if fact.is_new else 200)


def find_conversations_about(actor: Actor, kind: str, reference: str, store_code: str | None = None) -> Answer:
    """The conversations about a context that the actor sees."""
    found, count, unread = contexts.find_about(actor, store_code, Named(kind, reference))
    page = inboxes.list_conversations(
        actor, status="all", store_id=found.store_id, context_kind=kind, context_reference=reference, limit=s.PAGE_MAX
    )
    listed = [summary(actor, row, row.unread_count) for row in page.rows]
    body = {"count": count, "unread": unread, "conversations": listed}
    return Answer(s.ConversationsAboutResponse.model_validate(body))


def _context(row: ContextRow) -> s.ContextDetailResponse:
    customer = {name: getattr(row, f"customer_{name}") for name in s.ContextCustomer.model_fields}
    own = {name: getattr(row, name) for name in s.ContextResponse.model_fields if name != "as_of"}
    shown = own | {"as_of": row.updated_at, "customer": customer if row.customer_id is not None else None}
    return s.ContextDetailResponse.model_validate(shown)
