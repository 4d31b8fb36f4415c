"""A customer's question to their store: about one of their contexts, or about anything if that is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from flask import g, request
from flask.typing import ResponseReturnValue

from messaging_app.accounts.limits import limiter
from messaging_app.actors import Actor
from messaging_app.errors import ContextRequired, IdempotencyConflict, Invalid, NotAllowed, NotFound, Refusal
from messaging_app.models.context import Named
from messaging_app.models.platform import ALWAYS, NEVER
from messaging_app.policies import policy_of
from messaging_app.queries.contexts import ContextRow
from messaging_app.queries.thread import SeatRow
from messaging_app.services import contexts, messaging, starts, threads
from messaging_app.services.reasons import KindAndState
from messaging_app.services.starts import Matter, StartsUsedUp
from messaging_app.services.upload_limits import Limits, get_limits
from messaging_app.web.forms import new_key
from messaging_app.web.forms.messages import AskForm
from messaging_app.web.htmx import go_to, is_htmx, rendered, whole_number
from messaging_app.web.views.about import kind_name
from messaging_app.web.views.choosing import Choice, choice, named_in
from messaging_app.web.views.compose import lead_to_open
from messaging_app.web.views.messages import uploads


@dataclass(slots=True)
class Asking:
    """The data for the page. `matters` are the contexts to choose from while none is chosen."""

    form: AskForm
    store_id: int
    conversation_type: str
    matter: ContextRow | None
    is_free: bool  # whether a question without a context is allowed
    follows: SeatRow | None = None  # the closed conversation that it continues
    matters: list[Matter] = field(default_factory=list)
    reasons: Choice | None = None

    @property
    def limits(self) -> Limits:
        """The limits for attachments."""
        return get_limits()

    @property
    def draft(self) -> str:
        """The key of the draft in this browser: each context has its own draft."""
        about = {"kind": self.matter.kind, "reference": self.matter.reference} if self.matter else {}
        again = {"follows": self.follows.id} if self.follows else {}
        return "new" + ("?" if about or again else "") + urlencode(about | again)


def ask(actor: Actor) -> ResponseReturnValue:
    """Show the form for a question, or first the choice of a context unless a link names one."""
    name = _named(request.args)
    follows = whole_number("follows")
    form = AskForm(formdata=None, idempotency_key=new_key(), follows=follows, reason=request.args.get("reason", ""))
    try:
        asking = _asking(actor, form, name, follows)
    except NotAllowed:
        raise NotFound from None
    if name and not asking.matter:
        raise NotFound
    return rendered("asking/new.html", asking=asking)


def create_question(actor: Actor) -> ResponseReturnValue:
    """Begin the conversation and go there, or to an open one about the same context. A refusal keeps all input."""
    form = AskForm()
    limiter.hit("create", actor.type, actor.id)
    name = _named(request.form)
    starts.require_allowed(actor, name or Named("", ""))
    try:
        number = whole_number("recipient_id", "form") or 0
        follows = whole_number("follows", "form")
        asked_for = contexts.named_by(actor, *name) if name else None
        sent = messaging.create_conversation(
            actor,
            conversation_type=request.form.get("conversation_type") or policy_of(actor).starts["store"],
            recipient_type=request.form.get("recipient_type", "store"),
            recipient_id=number,
            subject=form.subject.data or (kind_name(name.kind) + " " + name.reference if name else ""),
            content=form.content.data or "",
            context=asked_for,
            follows=follows,
            reason=form.reason.data or "",
            idempotency_key=form.idempotency_key.data or None,
            uploads=uploads(),
            limits=g.get("upload_limits"),
        )
    except (Invalid, IdempotencyConflict, StartsUsedUp) as refusal:
        return _refused(actor, form, name, refusal)
    if sent.was_open:
        return lead_to_open(actor, sent.conversation_id, form.content.data or "")
    return go_to(policy_of(actor).thread(sent.conversation_id))


def _refused(actor: Actor, form: AskForm, name: Named | None, refusal: Refusal) -> ResponseReturnValue:
    form.idempotency_key.data = form.idempotency_key.data or new_key()
    form.refuse(refusal)
    template = "asking/_form.html" if is_htmx() and not isinstance(refusal, ContextRequired) else "asking/new.html"
    status = 422 if is_htmx() and form.file_errors else refusal.status
    follows = ("follows" not in form.errors and whole_number("follows", "form")) or None
    answer = rendered(template, status, asking=_asking(actor, form, name, follows))
    if isinstance(refusal, StartsUsedUp):
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer


def _asking(actor: Actor, form: AskForm, name: Named | None, follows: int | None) -> Asking:
    mode = starts.allowed(actor)
    if actor.store_id is None or mode == NEVER:
        raise NotAllowed
    matter = starts.find_offered(actor, name) if name else None
    asking = Asking(form, actor.store_id, policy_of(actor).starts["store"], matter, mode == ALWAYS)
    if follows:
        asking.follows = threads.get_head(actor, follows).head
        form.subject.data = form.subject.data or asking.follows.subject
    if matter:
        form.context_kind.data, form.context_reference.data = matter.kind, matter.reference
        form.subject.data = form.subject.data or matter.title or f"{kind_name(matter.kind)} {matter.reference}"
    else:
        asking.matters = starts.offered(actor)
    about = KindAndState(matter.kind, matter.state) if matter else None
    asking.reasons = choice(actor, form.reason, "store", about, is_settled=True)
    return asking


def _named(values: Mapping[str, str]) -> Named | None:
    """Return the context that a link or the form names, or None."""
    name = named_in(values)
    return name if any(name) else None
