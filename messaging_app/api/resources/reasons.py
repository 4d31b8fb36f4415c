"""Reasons for conversations: the platform's list, and those that each side can choose."""

from __future__ import annotations

from messaging_app.actors import Actor
from messaging_app.api import schemas as s
from messaging_app.api.answers import Answer
from messaging_app.models.reason import Reason
from messaging_app.services import reason_changes, reasons


def list_reasons(actor: Actor, query: s.StoreReasonQuery | s.StorefrontReasonQuery) -> Answer:
    """The reasons of the actor's side."""
    matter = reasons.matter_of(actor, query.context_kind, query.context_reference)
    found = [_reason(one) for one in reasons.offer(actor, query.recipient_type, matter).reasons]
    return Answer(s.ReasonListResponse.model_validate({"reasons": found}))


def list_all_reasons(actor: Actor, query: s.AdminReasonQuery) -> Answer:
    """Every reason there is."""
    matter = reasons.matter_of(actor, query.context_kind, query.context_reference)
    return _all_reasons(actor, query.recipient_type, matter)


def put_reasons(actor: Actor, body: s.ReasonsUpdate) -> Answer:
    """Replace the list of reasons."""
    reason_changes.put_reasons(actor, [_entered(one) for one in body.reasons])
    return _all_reasons(actor)


def _entered(one: s.ReasonUpdate) -> Reason:
    limits = (tuple(one.sides), tuple(one.kinds), tuple(one.states), tuple(one.recipients))
    return Reason(one.code, one.name, *limits, one.hint, one.url)


def _all_reasons(actor: Actor, recipient_type: str | None = None, matter: reasons.KindAndState | None = None) -> Answer:
    found = [
        _reason(one) | {name: list(getattr(one.reason, name)) for name in ("sides", "kinds", "states", "recipients")}
        for one in reasons.offer_all(actor, recipient_type, matter)
    ]
    return Answer(s.ReasonDetailListResponse.model_validate({"reasons": found}))


def _reason(offered: reasons.Offered) -> dict[str, object]:
    own = {name: getattr(offered.reason, name) for name in ("code", "name", "hint", "url")}
    return own | {"allowed": offered.allowed, "because": offered.because or None}
