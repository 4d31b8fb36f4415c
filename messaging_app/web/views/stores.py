"""Stores in the console: list, show, create, change, deactivate and reactivate."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from messaging_app.actors import Actor
from messaging_app.errors import Invalid
from messaging_app.models import Store
from messaging_app.models.platform import ALWAYS
from messaging_app.policies import CONSOLE
from messaging_app.queries.console import Asked
from messaging_app.services import staff, store_changes, store_closures, stores
from messaging_app.services.store_changes import EditedMeanwhile, Entered
from messaging_app.text.markup import with_name
from messaging_app.web.forms.stores import NewStoreForm, StoreForm
from messaging_app.web.htmx import page_or_fragment, rendered, see_other
from messaging_app.web.views import inviting
from messaging_app.web.views.console import Done, ListAddress, as_csv, what_is_asked
from messaging_app.web.views.questions import Question, ask, can_be_undone, stops_tokens
from messaging_app.web.views.staff import place_of

AT = "/admin/stores"


def list_stores(actor: Actor) -> ResponseReturnValue:
    """List stores, filtered."""
    asked = what_is_asked()
    page = stores.list_stores(actor, asked)
    owners = stores.owners_of(page.rows)
    return page_or_fragment(
        "stores/index.html",
        "stores/_list.html",
        listed=page,
        owners=owners,
        asked=asked,
        at=ListAddress(AT, asked),
        may_change=True,
    )


def export_stores(actor: Actor) -> ResponseReturnValue:
    """Export the list as CSV."""
    return as_csv("stores", stores.export_stores(actor, what_is_asked()))


def new_store(_actor: Actor) -> ResponseReturnValue:
    """Show the form for a new store."""
    return rendered("stores/new.html", form=NewStoreForm())


def create_store(actor: Actor) -> ResponseReturnValue:
    """Create a store. A refusal keeps the input."""
    form = NewStoreForm()
    try:
        number = store_changes.create_store(
            actor, form.code.data or "", entered_in(form), active=form.active.data != "false"
        )
    except Invalid as refusal:
        form.refuse(refusal)
        return rendered("stores/new.html", refusal.status, form=form)
    return see_other(f"{AT}/{number}?done=created")


def show_store(actor: Actor, store_id: int) -> ResponseReturnValue:
    """Show one store with its figures and staff."""
    store = stores.get_store(actor, store_id)
    return rendered(
        "stores/show.html",
        store=store,
        figures=stores.get_figures(actor, store_id),
        may_change=CONSOLE["staff"].is_changed_by(actor),
        accounts_at=CONSOLE["admins"].at["admin"],
        asked=Asked(),
        members=staff.list_staff(actor, store_id, Asked()),
        at=ListAddress(f"{AT}/{store_id}/staff", Asked()),
        inviting=inviting.part(actor, place_of(actor, store_id)),
        done=_done(store),
    )


def edit_store(actor: Actor, store_id: int) -> ResponseReturnValue:
    """Show the form with the store's current values."""
    return edit_page(stores.get_store(actor, store_id), f"{AT}/{store_id}")


def save_store(actor: Actor, store_id: int) -> ResponseReturnValue:
    """Change the store. A refusal keeps the input."""
    return save_page(actor, store_id, f"{AT}/{store_id}", f"{AT}/{store_id}?done=changed")


def ask_deactivate_store(actor: Actor, store_id: int) -> ResponseReturnValue:
    """Ask for confirmation, listing what deactivating would end and keep."""
    effects = store_closures.effects_of_deactivating(actor, store_id)
    store, at = stores.get_store(actor, store_id), f"{AT}/{store_id}"
    staff_out, customers_out = effects.staff_sessions, effects.customer_sessions
    gone, kept = effects.invitations, effects.conversations
    withdraws = ngettext("Withdraws %(num)s invitation, for good.", "Withdraws %(num)s invitations, for good.", gone)
    return ask(
        Question(
            with_name(_("Deactivate %(name)s?"), store.name),
            f"{at}/deactivate",
            at,
            store.name,
            _("Keep active"),
            _("Deactivate"),
            ends=[
                (
                    "logout",
                    ngettext("Ends %(num)s session of its staff.", "Ends %(num)s sessions of its staff.", staff_out),
                ),
                (
                    "logout",
                    ngettext(
                        "Ends %(num)s session of its customers.",
                        "Ends %(num)s sessions of its customers.",
                        customers_out,
                    ),
                ),
                *stops_tokens(effects.tokens),
                *([("mail", withdraws)] if gone else []),
            ],
            keeps=[
                (
                    "messages",
                    ngettext(
                        "Keeps %(num)s conversation. You can still read it; nobody at the store can answer.",
                        "Keeps %(num)s conversations. You can still read them; nobody at the store can answer.",
                        kept,
                    ),
                ),
                can_be_undone(_("Can be undone: reactivating lets staff and customers sign in again.")),
            ],
        )
    )


def deactivate_store(actor: Actor, store_id: int) -> ResponseReturnValue:
    """Deactivate the store."""
    store_closures.deactivate_store(actor, store_id)
    return see_other(f"{AT}/{store_id}?done=deactivated")


def reactivate_store(actor: Actor, store_id: int) -> ResponseReturnValue:
    """Reactivate the store."""
    store_closures.reactivate_store(actor, store_id)
    return see_other(f"{AT}/{store_id}?done=reactivated")


def edit_page(store: Store, back: str, may_change: bool = True, **more: Any) -> Response:
    """Render the form of a store; read-only without the right to change it."""
    form = StoreForm(
        name=store.name,
        accent=store.accent or "indigo",
        opening_line=store.opening_line,
        hours=store.hours,
        staff_see_only_assigned=store.staff_see_only_assigned,
        customers_may_start=store.customers_may_start,
        version=store_changes.version_of(store),
    )
    template = "stores/edit.html" if may_change else "stores/told.html"
    return rendered(template, form=form, store=store, back=back, **more)


def save_page(actor: Actor, store_id: int, back: str, onward: str) -> Response:
    """Save the form of a store, or show why it was refused."""
    form = StoreForm()
    try:
        store_changes.change_store(actor, store_id, form.version.data or "", entered_in(form))
    except EditedMeanwhile as refusal:
        form.version.data = store_changes.version_of(refusal.store)
        return rendered("stores/edit.html", refusal.status, form=form, store=refusal.store, back=back, theirs=refusal)
    except Invalid as refusal:
        form.refuse(refusal)
        store = stores.get_store(actor, store_id)
        return rendered("stores/edit.html", refusal.status, form=form, store=store, back=back)
    return see_other(onward)


def entered_in(form: StoreForm) -> Entered:
    """Return the store as entered in the form."""
    logo, accent = form.logo.data, form.accent.data or ""
    return Entered(
        name=form.name.data or "",
        accent="" if accent == "indigo" else accent,
        opening_line=form.opening_line.data or "",
        hours=form.hours.data or "",
        staff_see_only_assigned=bool(form.staff_see_only_assigned.data),
        customers_may_start=form.customers_may_start.data or ALWAYS,
        logo=logo if getattr(logo, "filename", "") else None,
        drop_logo=bool(form.drop_logo.data),
    )


def _done(store: Store) -> Done | None:
    """Return the notice about an action named in the query, if the store's state agrees."""
    what, at = request.args.get("done"), f"{AT}/{store.id}"
    if what == "deactivated" and not store.active:
        return Done(_("Deactivated. Its staff and customers are signed out."), f"{at}/reactivate")
    if what == "reactivated" and store.active:
        return Done(_("Active again. Its staff and customers can sign in."))
    if what in ("created", "changed"):
        return Done(_("Saved."))
    return None
