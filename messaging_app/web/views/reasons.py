"""The platform's list of reasons, and the form of one."""

from __future__ import annotations

import re

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import SelectChoice

from messaging_app.actors import Actor
from messaging_app.errors import Invalid
from messaging_app.models.reason import Reason
from messaging_app.services import contexts, reason_changes
from messaging_app.services.reason_changes import ReasonChangedMeanwhile
from messaging_app.text.markup import with_name
from messaging_app.web.forms.reasons import NewReasonForm, ReasonForm
from messaging_app.web.htmx import rendered, see_other
from messaging_app.web.views.about import kind_name
from messaging_app.web.views.console import Done
from messaging_app.web.views.questions import Question
from messaging_app.web.views.questions import ask as ask_first

AT = "/admin/reasons"


def list_reasons(_actor: Actor) -> ResponseReturnValue:
    """Show the list, in the order in which reasons are offered."""
    done = Done(_("Saved.")) if "saved" in request.args else None
    return rendered("reasons/index.html", reasons=reason_changes.list_reasons(), done=done)


def new_reason(_actor: Actor) -> ResponseReturnValue:
    """Show the form for a new reason."""
    return _form(NewReasonForm(formdata=None, sides=["customer", "store", "platform"]))


def create_reason(actor: Actor) -> ResponseReturnValue:
    """Add a reason. A refusal keeps the input."""
    form = NewReasonForm()
    try:
        reason_changes.add_reason(actor, _entered(form, (form.code.data or "").strip()))
    except Invalid as refusal:
        form.refuse(refusal)
        return _form(form, status=refusal.status)
    return see_other(f"{AT}?saved")


def edit_reason(_actor: Actor, code: str) -> ResponseReturnValue:
    """Show the form of an existing reason."""
    reason = reason_changes.get_reason(code)
    values = {name: getattr(reason, name) for name in ("name", "sides", "kinds", "recipients", "hint", "url")}
    version, states = reason_changes.version_of(reason), "\n".join(reason.states)
    return _form(ReasonForm(formdata=None, version=version, states=states, **values), reason)


def save_reason(actor: Actor, code: str) -> ResponseReturnValue:
    """Change a reason. A refusal keeps the input."""
    form = ReasonForm()
    try:
        reason_changes.change_reason(actor, code, form.version.data or "", _entered(form, code))
    except ReasonChangedMeanwhile as refusal:
        form.version.data = reason_changes.version_of(refusal.now)
        return _form(form, refusal.now, refusal.status, theirs=refusal.now)
    except Invalid as refusal:
        form.refuse(refusal)
        return _form(form, reason_changes.get_reason(code), refusal.status)
    return see_other(f"{AT}?saved")


def raise_reason(actor: Actor, code: str) -> ResponseReturnValue:
    """Move a reason up by one."""
    reason_changes.move_up(actor, code)
    return see_other(AT)


def ask_delete_reason(_actor: Actor, code: str) -> ResponseReturnValue:
    """Ask for confirmation before removing a reason."""
    reason = reason_changes.get_reason(code)
    return ask_first(
        Question(
            with_name(_("Delete %(name)s?"), reason.name),
            f"{AT}/{code}/delete",
            AT,
            _("Reasons"),
            _("Keep it"),
            _("Delete"),
            ends=[("info-circle", _("It can no longer be chosen for new conversations."))],
            keeps=[("messages", _("Existing conversations keep it."))],
        )
    )


def delete_reason(actor: Actor, code: str) -> ResponseReturnValue:
    """Remove a reason from the list."""
    reason_changes.remove_reason(actor, code)
    return see_other(AT)


def _entered(form: ReasonForm, code: str) -> Reason:
    states = (line.strip() for line in re.split(r"[\n,]", form.states.data or ""))
    return Reason(
        code=code,
        name=form.name.data or "",
        sides=tuple(form.sides.data or ()),
        kinds=tuple(form.kinds.data or ()),
        states=tuple(filter(None, states)),
        recipients=tuple(form.recipients.data or ()),
        hint=(form.hint.data or "").strip() or None,
        url=(form.url.data or "").strip() or None,
    )


def _form(form: ReasonForm, reason: Reason | None = None, status: int = 200, theirs: Reason | None = None) -> Response:
    known = contexts.kinds()
    form.kinds.choices = [
        SelectChoice(kind, kind_name(kind)) for kind in dict.fromkeys([*known, *(form.kinds.data or ())])
    ]
    return rendered("reasons/edit.html", status, form=form, reason=reason, theirs=theirs)
