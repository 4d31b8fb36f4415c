"""Beginning a conversation: the compose dialog, the recipient search, and creating it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import SelectChoice

from messaging_app.accounts.limits import limiter
from messaging_app.actors import Actor
from messaging_app.errors import FieldError, IdempotencyConflict, Invalid, NotFound, Refusal
from messaging_app.models.context import REFERENCE_MAX, Named
from messaging_app.policies import policy_of
from messaging_app.queries.contexts import ContextRow
from messaging_app.services import contexts, messaging
from messaging_app.services.attachments import Limits, get_limits
from messaging_app.services.drafts import wrong_recipient
from messaging_app.services.recipients import find_recipient, list_recipients
from messaging_app.web.forms import new_key
from messaging_app.web.forms.messages import ComposeForm
from messaging_app.web.htmx import go_to, is_htmx, page_or_fragment, rendered, whole_number
from messaging_app.web.views import composer
from messaging_app.web.views.about import kind_name
from messaging_app.web.views.conversations import whole_page
from messaging_app.web.views.messages import uploads
from messaging_app.web.views.thread import show, window

QUERY_MAX = 100


@dataclass(slots=True)
class Compose:
    """The data for the compose templates."""

    recipient_types: tuple[str, ...]
    recipient_type: str
    q: str
    recipients: list[Any]
    next_query: str
    form: ComposeForm
    recipient_id: int | None = None
    matters: list[ContextRow] = field(default_factory=list)  # what it can be about, with the chosen recipient

    @property
    def limits(self) -> Limits:
        """What may be attached."""
        return get_limits()


def new(actor: Actor) -> ResponseReturnValue:
    """The form for a new conversation, as dialog or page. A search without scripts posts it and keeps the input."""
    if request.method == "POST":
        compose = _compose(actor, request.args if "cursor" in request.args else request.form)
        _keep_chosen(actor, compose)
    else:
        chosen, values = _number("args"), request.args.to_dict()
        if not chosen and (chosen := _customer_of_context(actor)):
            values["recipient_type"] = "customer"
        compose = _compose(actor, values)
        _choose(actor, compose, chosen)
    _fill_in_context(compose)
    return page_or_fragment("compose/new.html", "compose/_dialog.html", compose=compose)


def recipients(actor: Actor) -> ResponseReturnValue:
    """The recipients found while typing. `recipient_id` stays selected if it is still within reach."""
    compose = _compose(actor, request.args)
    _choose(actor, compose, _number("args"))
    return page_or_fragment("compose/new.html", "compose/_recipients.html", compose=compose)


def contexts_of_recipient(actor: Actor) -> ResponseReturnValue:
    """What a conversation with the chosen recipient can be about, for the field of the number."""
    chosen = _number("args") if request.args.get("recipient_type") == "customer" else 0
    return rendered("compose/_contexts.html", matters=contexts.list_for(actor, chosen) if chosen else [])


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
            recipient_id=_number("form"),
            subject=form.subject.data or "",
            content=form.content.data or "",
            context=contexts.named(*name) if any(name) else None,
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
    """The context is another customer's: as if it were not there."""

    status = 404
    code = "not_found"

    def __init__(self) -> None:
        super().__init__(FieldError("context_reference", "not_found", _("This customer has nothing with this number.")))


def lead_to_open(actor: Actor, conversation_id: int, text: str) -> ResponseReturnValue:
    """Go to the open conversation about the same matter. The text waits in its composer: with scripts as its draft."""
    if is_htmx():
        response = go_to(f"{policy_of(actor).thread(conversation_id)}?was_open")
        response.headers["Draft-Belongs-To"] = str(conversation_id)
        return response
    found = messaging.get_head(actor, conversation_id)
    view = show(actor, messaging.read_lines(found, limit=window(found)))
    view.was_open = True
    filled = composer.fresh(view)
    filled.content.data = text
    return whole_page(actor, view, filled)


def _customer_of_context(actor: Actor) -> int:
    """Return the customer of the context that a link names alone; 0 if nobody knows it."""
    name = Named(*(request.args.get(field, "").replace("\0", "") for field in contexts.FIELDS))
    found = contexts.find_by_name(actor, name) if all(name) else None
    return (found.customer_id if found else None) or 0


def _fill_in_context(compose: Compose) -> None:
    """Offer the kinds of contexts, and what a link or the form named."""
    form, offered = compose.form, contexts.kinds()
    if request.method == "GET":
        form.context_kind.data = request.args.get("context_kind", "")
        form.context_reference.data = request.args.get("context_reference", "")[:REFERENCE_MAX]
        about = (form.context_kind.data, form.context_reference.data)
        form.draft.data = "?" + urlencode(dict(zip(contexts.FIELDS, about, strict=True))) if any(about) else ""
    chosen = form.context_kind.data or ""
    listed = offered if chosen in ("", *offered) else [*offered, chosen]
    names = [SelectChoice(kind, kind_name(kind)) for kind in listed]
    form.context_kind.choices = [SelectChoice("", _("Nothing in particular")), *names]


def _number(source: str) -> int:
    """Return the selected recipient's id; 0, which no recipient has, for none or an invalid number."""
    try:
        return whole_number("recipient_id", source) or 0
    except Invalid:
        return 0


def _refused(actor: Actor, refusal: Refusal) -> ResponseReturnValue:
    compose = _compose(actor, _listed())
    _keep_chosen(actor, compose)
    if isinstance(refusal, Invalid) and compose.recipient_id is None and "recipient_id" not in refusal.by_field():
        # The service checks the texts first; show all errors at once.
        refusal = Invalid(*refusal.errors, *wrong_recipient().errors)
    compose.form.refuse(refusal)
    _fill_in_context(compose)
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
    if chosen and not listed and (found := find_recipient(actor, compose.recipient_type, chosen)):
        compose.recipients.insert(0, found)
        listed = True
    compose.recipient_id = chosen if listed else None
    if compose.recipient_id and compose.recipient_type == "customer":
        compose.matters = contexts.list_for(actor, compose.recipient_id)


def _compose(actor: Actor, values: Any) -> Compose:
    types = policy_of(actor).recipient_types
    recipient_type = values.get("recipient_type") or types[0]
    if recipient_type not in types:
        if request.method == "GET":
            raise Invalid(FieldError("recipient_type", "invalid", _("You cannot write to recipients of this kind.")))
        recipient_type = types[0]
    q = values.get("q", "")[:QUERY_MAX]
    page = list_recipients(actor, recipient_type, q, cursor=request.args.get("cursor") or None)
    following = {"recipient_type": recipient_type, "q": q, "cursor": page.next_cursor}
    form = ComposeForm()
    form.q.data = q
    form.idempotency_key.data = form.idempotency_key.data or new_key()
    next_query = f"?{urlencode(following)}" if page.next_cursor else ""
    return Compose(types, recipient_type, q, page.rows, next_query, form)
