"""The choices of context and reason in the form for a new conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _
from wtforms import HiddenField, SelectChoice

from messaging_app.actors import Actor
from messaging_app.errors import ContextRequired, FieldError, Invalid, Refusal
from messaging_app.models.context import Named
from messaging_app.queries.contexts import ContextRow
from messaging_app.services import contexts, reasons
from messaging_app.services.reasons import KindAndState, Offered
from messaging_app.web.forms.messages import ComposeForm
from messaging_app.web.views.about import kind_name


@dataclass(slots=True)
class Choice:
    """The data for `reasons/_choose.html`. `is_settled` if nothing in the form can still make a reason fit."""

    field: HiddenField
    offered: list[Offered]
    is_required: bool
    is_settled: bool


def choice(
    actor: Actor, field: HiddenField, recipient_type: str, matter: KindAndState | None, *, is_settled: bool
) -> Choice:
    """Return the reasons that `actor` can choose from. One statement."""
    offer = reasons.offer(actor, recipient_type, matter)
    return Choice(field, offer.reasons, offer.is_required, is_settled)


def named_in(values: Mapping[str, str]) -> Named:
    """Return the context name in a link or form, cleaned of characters a database rejects; empty if there is none."""
    return Named(*(values.get(field, "").replace("\0", "") for field in contexts.FIELDS))


def find_named(actor: Actor, name: Named) -> ContextRow | None:
    """Return the context with this name, or None. One statement, none for an empty name."""
    return contexts.find_by_name(actor, name) if all(name) else None


def reasons_for(actor: Actor, form: ComposeForm, recipient_type: str, name: Named, found: ContextRow | None) -> Choice:
    """Return the reasons for a form with context `name`, whose stored row is `found`."""
    matter = KindAndState(name.kind, found.state if found else None) if name.kind else None
    return choice(actor, form.reason, recipient_type, matter, is_settled=all(name))


def offer_kinds(form: ComposeForm, known: list[str]) -> None:
    """Fill in the kinds of contexts to choose from, including the chosen one if it no longer exists."""
    chosen = form.context_kind.data or ""
    listed = known if chosen in ("", *known) else [*known, chosen]
    names = [SelectChoice(kind, kind_name(kind)) for kind in listed]
    form.context_kind.choices = [SelectChoice("", _("Nothing in particular")), *names]


def at_its_field(refusal: Refusal) -> Refusal:
    """Return a refusal with its errors moved to the field where the context is chosen."""
    if not isinstance(refusal, ContextRequired):
        return refusal
    return Invalid(*(FieldError("context_kind", error.code, error.message) for error in refusal.errors))
