"""Beginning a conversation: the compose dialog, the recipient search, and creating it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from flask import g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.accounts.limits import limiter
from messaging_app.actors import Actor
from messaging_app.errors import FieldError, IdempotencyConflict, Invalid, NotFound, Refusal
from messaging_app.models.context import REFERENCE_MAX, Named
from messaging_app.policies import policy_of
from messaging_app.queries.contexts import ContextRow
from messaging_app.services import contexts, messaging, starts, threads
from messaging_app.services.drafts import wrong_recipient
from messaging_app.services.recipients import RecipientPage, find_recipient, list_recipients
from messaging_app.services.settings import Value, list_settings
from messaging_app.services.upload_limits import Limits, limits_of
from messaging_app.web.forms import new_key
from messaging_app.web.forms.messages import ComposeForm
from messaging_app.web.htmx import go_to, is_htmx, page_or_fragment, rendered, whole_number
from messaging_app.web.views import composer
from messaging_app.web.views.choosing import (
    Choice,
    at_its_field,
    find_named,
    named_in,
    offer_kinds,
    reasons_for,
)
from messaging_app.web.views.conversations import whole_page
from messaging_app.web.views.messages import uploads
from messaging_app.web.views.thread import show, window

QUERY_MAX = 100
CHOSEN = ("store", "customer")  # kinds of recipients of which there are several


@dataclass
class Compose:
    """The data for the compose templates. Settings are read only for the whole form."""

    actor: Actor
    recipient_type: str
    q: str
    recipients: list[Any]
    next_query: str
    form: ComposeForm
    recipient_id: int | None = None
    matters: list[ContextRow] = field(default_factory=list)  # contexts of the chosen recipient
    reasons: Choice | None = None

    @cached_property
    def settings(self) -> dict[str, Value]:
        """The current settings. One statement."""
        return list_settings()

    @property
    def recipient_types(self) -> tuple[str, ...]:
        """Kinds of recipients to choose from."""
        return starts.recipient_types(self.actor, self.settings)

    @property
    def conversation_type(self) -> str:
        """The conversation type for this kind of recipient."""
        return policy_of(self.actor).starts[self.recipient_type]

    @property
    def limits(self) -> Limits:
        """The limits for attachments."""
        return limits_of(self.settings.get)


def new(actor: Actor) -> ResponseReturnValue:
    """Show the form for a new conversation, as dialog or page. Searching without scripts posts it and keeps the input."""
    if request.method == "POST":
        compose = _compose(actor, request.args if "cursor" in request.args else request.form)
        _keep_chosen(actor, compose)
        known = find_named(actor, named_in(request.form))
    else:
        chosen, values, known = _number("args"), request.args.to_dict(), find_named(actor, named_in(request.args))
        if not chosen and known and known.customer_id and values.get("recipient_type") in (None, "", *CHOSEN):
            chosen, values["recipient_type"] = known.customer_id, "customer"
        compose = _compose(actor, values)
        _choose(actor, compose, chosen)
    _fill_in(actor, compose, known)
    return page_or_fragment("compose/new.html", "compose/_dialog.html", compose=compose)


def recipients(actor: Actor) -> ResponseReturnValue:
    """List the recipients that match while typing. `recipient_id` stays selected if it is still within reach."""
    compose = _compose(actor, request.args)
    _choose(actor, compose, _number("args"))
    if not is_htmx():
        _fill_in(actor, compose, find_named(actor, named_in(request.args)))
    return page_or_fragment("compose/new.html", "compose/_recipients.html", compose=compose)


def contexts_of_recipient(actor: Actor) -> ResponseReturnValue:
    """List the contexts of the chosen recipient, as suggestions for the reference field."""
    chosen = _number("args") if request.args.get("recipient_type") == "customer" else 0
    return rendered("compose/_contexts.html", matters=contexts.list_for(actor, chosen) if chosen else [])


def offer_reasons(actor: Actor) -> ResponseReturnValue:
    """List the reasons for the recipient and context in the form, with the chosen one selected."""
    form, name = ComposeForm(formdata=None, reason=request.args.get("reason", "")), named_in(request.args)
    recipient_type = request.args.get("recipient_type", "")
    offered = reasons_for(actor, form, recipient_type, name, find_named(actor, name))
    return rendered("reasons/_choose.html", reasons=offered)


def create(actor: Actor) -> ResponseReturnValue:
    """Begin the conversation and go there. A refusal keeps all input.

    Without scripts, Enter submits from every field. If the search text differs from the list, this searches instead.
    """
    if "enter" in request.args and _asks_for_another_list():
        return new(actor)
    form = ComposeForm()
    recipient_type = _listed().get("recipient_type", "")
    kind = request.form.get("conversation_type") or str(policy_of(actor).starts.get(recipient_type, ""))
    limiter.hit("create", actor.type, actor.id)
    try:
        name = (form.context_kind.data or "", form.context_reference.data or "")
        sent = messaging.create_conversation(
            actor,
            conversation_type=kind,
            recipient_type=recipient_type,
            recipient_id=_number("form") if recipient_type in CHOSEN else None,
            subject=form.subject.data or "",
            content=form.content.data or "",
            context=contexts.named(*name) if any(name) else None,
            reason=form.reason.data or "",
            idempotency_key=form.idempotency_key.data or None,
            uploads=uploads(),
            limits=g.get("upload_limits"),
        )
    except NotFound:
        return _refused(actor, ContextNotFound())
    except (Invalid, IdempotencyConflict) as refusal:
        return _refused(actor, refusal)
    if sent.was_open:
        return lead_to_open(actor, sent.conversation_id, form.content.data or "")
    return go_to(policy_of(actor).thread(sent.conversation_id))


class ContextNotFound(Invalid):
    """The context belongs to another customer, which must look the same as an unknown one."""

    status = 404
    code = "not_found"

    def __init__(self) -> None:
        super().__init__(FieldError("context_reference", "not_found", _("This customer has nothing with that number.")))


def lead_to_open(actor: Actor, conversation_id: int, text: str) -> ResponseReturnValue:
    """Go to the open conversation about the same context, with the text in its composer (with scripts, as its draft)."""
    if is_htmx():
        response = go_to(f"{policy_of(actor).thread(conversation_id)}?was_open")
        response.headers["Draft-Belongs-To"] = str(conversation_id)
        return response
    found = threads.get_head(actor, conversation_id)
    view = show(actor, threads.read_lines(found, limit=window(found)))
    view.was_open = True
    filled = composer.fresh(view)
    filled.content.data = text
    return whole_page(actor, view, filled)


def _fill_in(actor: Actor, compose: Compose, known: ContextRow | None) -> None:
    """Fill in kinds, reasons and the values that a link named. `known` is the named context, if it exists."""
    form = compose.form
    if request.method == "GET":
        form.context_kind.data = request.args.get("context_kind", "")
        form.context_reference.data = request.args.get("context_reference", "")[:REFERENCE_MAX]
        about = (form.context_kind.data, form.context_reference.data)
        form.draft.data = "?" + urlencode(dict(zip(contexts.FIELDS, about, strict=True))) if any(about) else ""
        form.reason.data = request.args.get("reason", "")
    offer_kinds(form, contexts.kinds_in(compose.settings))
    name = Named(form.context_kind.data or "", form.context_reference.data or "")
    compose.reasons = reasons_for(actor, form, compose.recipient_type, name, known)


def _number(source: str) -> int:
    """Return the selected recipient's id; 0, which no recipient has, for none or an invalid number."""
    try:
        return whole_number("recipient_id", source) or 0
    except Invalid:
        return 0


def _refused(actor: Actor, refusal: Refusal) -> ResponseReturnValue:
    compose = _compose(actor, _listed())
    _keep_chosen(actor, compose)
    is_missing = compose.recipient_id is None and compose.recipient_type in CHOSEN
    if isinstance(refusal, Invalid) and is_missing and "recipient_id" not in refusal.by_field():
        # The service checks the texts first; show all errors at once.
        refusal = Invalid(*refusal.errors, *wrong_recipient().errors)
    compose.form.refuse(at_its_field(refusal))
    _fill_in(actor, compose, find_named(actor, named_in(request.form)))
    template = "compose/_form.html" if is_htmx() else "compose/new.html"
    status = 422 if is_htmx() and compose.form.file_errors else refusal.status
    return rendered(template, status, compose=compose)


def _listed() -> dict[str, str]:
    """Return the form as its recipient list was built. If a name occurs twice, the last value is the list's."""
    return {name: values[-1] for name, values in request.form.lists()}


def _asks_for_another_list() -> bool:
    """Whether the form's list does not match its search text."""
    return any(len(set(request.form.getlist(name))) > 1 for name in ("recipient_type", "q"))


def _keep_chosen(actor: Actor, compose: Compose) -> None:
    """Select the recipient selected in the form, if the list is still of that kind."""
    if _listed().get("recipient_type") == compose.recipient_type:
        _choose(actor, compose, _number("form"))


def _choose(actor: Actor, compose: Compose, chosen: int) -> None:
    """Select a recipient, and put it first if it is not in the list."""
    listed = any(row.recipient_id == chosen for row in compose.recipients)
    if (
        compose.recipient_type in CHOSEN
        and chosen
        and not listed
        and (found := find_recipient(actor, compose.recipient_type, chosen))
    ):
        compose.recipients.insert(0, found)
        listed = True
    compose.recipient_id = chosen if listed else None
    if compose.recipient_id and compose.recipient_type == "customer":
        compose.matters = contexts.list_for(actor, compose.recipient_id)


def _compose(actor: Actor, values: Any) -> Compose:
    usual = next(iter(policy_of(actor).starts))
    recipient_type = values.get("recipient_type") or usual
    if not starts.may_write_to(actor, recipient_type):
        if request.method == "GET":
            raise Invalid(FieldError("recipient_type", "invalid", _("You cannot write to recipients of this kind.")))
        recipient_type = usual
    q = values.get("q", "")[:QUERY_MAX]
    cursor = request.args.get("cursor") or None
    page = (
        list_recipients(actor, recipient_type, q, cursor=cursor)
        if recipient_type in CHOSEN
        else RecipientPage([], None)
    )
    following = {"recipient_type": recipient_type, "q": q, "cursor": page.next_cursor}
    form = ComposeForm()
    form.q.data = q
    form.idempotency_key.data = form.idempotency_key.data or new_key()
    next_query = f"?{urlencode(following)}" if page.next_cursor else ""
    return Compose(actor, recipient_type, q, page.rows, next_query, form)
