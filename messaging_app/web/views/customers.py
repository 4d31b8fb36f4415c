"""Customers in the console: list, show, deactivate and reactivate."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from messaging_app.actors import Actor
from messaging_app.policies import CONSOLE
from messaging_app.queries.console import CustomerRow
from messaging_app.services import customers, stores
from messaging_app.text.markup import with_name
from messaging_app.web.htmx import page_or_fragment, rendered, see_other
from messaging_app.web.views.console import Done, ListAddress, as_csv, what_is_asked
from messaging_app.web.views.questions import Question, ask, can_be_undone, stops_tokens

AT = CONSOLE["customers"].at["admin"]


def list_customers(actor: Actor) -> ResponseReturnValue:
    """List customers, filtered."""
    asked = what_is_asked()
    page = customers.list_customers(actor, asked)
    return page_or_fragment(
        "customers/index.html",
        "customers/_list.html",
        listed=page,
        asked=asked,
        at=ListAddress(AT, asked),
        may_change=True,
        store=stores.get_store(actor, asked.store_id) if asked.store_id else None,
    )


def export_customers(actor: Actor) -> ResponseReturnValue:
    """Export the list as CSV."""
    return as_csv("customers", customers.export_customers(actor, what_is_asked()))


def show_customer(actor: Actor, customer_id: int) -> ResponseReturnValue:
    """Show one customer, with a link to their conversations."""
    customer = customers.get_customer(actor, customer_id)
    figures = customers.get_figures(actor, customer_id)
    return rendered("customers/show.html", customer=customer, figures=figures, done=_done(customer))


def ask_deactivate_customer(actor: Actor, customer_id: int) -> ResponseReturnValue:
    """Ask for confirmation, listing what deactivating would end and keep."""
    customer, at = customers.get_customer(actor, customer_id), f"{AT}/{customer_id}"
    effects = customers.effects_of_deactivating(actor, customer_id)
    ends = ngettext("Ends %(num)s session.", "Ends %(num)s sessions.", effects.sessions)
    kept = effects.conversations
    keeps = ngettext("Keeps %(num)s conversation with you.", "Keeps %(num)s conversations with you.", kept)
    return ask(
        Question(
            with_name(_("Deactivate %(name)s?"), customer.name),
            f"{at}/deactivate",
            at,
            customer.name,
            _("Keep active"),
            _("Deactivate"),
            ends=[("logout", ends), *stops_tokens(effects.tokens)],
            keeps=[
                ("messages", keeps),
                can_be_undone(_("Can be undone: reactivating lets the customer sign in again.")),
            ],
        )
    )


def deactivate_customer(actor: Actor, customer_id: int) -> ResponseReturnValue:
    """Deactivate the customer."""
    customers.deactivate_customer(actor, customer_id)
    return see_other(f"{AT}/{customer_id}?done=deactivated")


def reactivate_customer(actor: Actor, customer_id: int) -> ResponseReturnValue:
    """Reactivate the customer."""
    customers.reactivate_customer(actor, customer_id)
    return see_other(f"{AT}/{customer_id}?done=reactivated")


def _done(customer: CustomerRow) -> Done | None:
    """Return the notice about an action named in the query, if the customer's state agrees."""
    what = request.args.get("done")
    if what == "deactivated" and not customer.active:
        return Done(_("Deactivated and signed out."), f"{AT}/{customer.id}/reactivate")
    if what == "reactivated" and customer.active:
        return Done(_("Active again. The customer can sign in."))
    return None
