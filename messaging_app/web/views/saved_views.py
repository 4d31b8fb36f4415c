"""Saved views: in the navigation with their counts, the list where they are renamed and deleted, and the form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.actors import Actor
from messaging_app.errors import Invalid
from messaging_app.formats.reader import reader_zone
from messaging_app.models import SavedView
from messaging_app.models.saved_view import VIEW_NAME_MAX
from messaging_app.policies import CONSOLE, policy_of
from messaging_app.services import poll_state, saved_views
from messaging_app.services.saved_views import Count, Wanted
from messaging_app.text.markup import with_name
from messaging_app.web.forms.saved_views import ViewForm
from messaging_app.web.htmx import page_or_fragment, rendered, see_other, signed_in
from messaging_app.web.views.questions import Question, ask


class Row(NamedTuple):
    """A view with its URL, and its count unless it was not counted."""

    view: SavedView
    link: str
    held: Count | None
    wanted: Wanted


def list_views(actor: Actor) -> ResponseReturnValue:
    """List the actor's and the team's views, to open, rename and delete."""
    return rendered("saved_views/index.html", views=list(_rows(actor)), at=_at(actor))


def count_views(actor: Actor) -> ResponseReturnValue:
    """Return the views for the navigation; 204 while `have` is current."""
    rows = list(_rows(actor))
    have = poll_state.of_views((row.view.id, row.view.name, row.view.shared, row.link, row.held) for row in rows)
    if request.args.get("have") == have:
        return Response(status=204)
    return rendered("saved_views/_sidebar.html", views=rows, have=have, at=_at(actor))


def new_view(actor: Actor) -> ResponseReturnValue:
    """Show the form that saves the current list; without a list redirect to the saved views."""
    query = request.args.get("query", "")
    if not query:
        return see_other(_at(actor))
    wanted = saved_views.parse(actor, query)
    return _form(actor, ViewForm(formdata=None, query=query, name=wanted.typed[:VIEW_NAME_MAX]), wanted)


def create_view(actor: Actor) -> ResponseReturnValue:
    """Create a view and show it."""
    form = ViewForm()
    query = form.query.data or ""
    try:
        view = saved_views.create_view(actor, form.name.data or "", query, shared=form.shared.data)
    except Invalid as refusal:
        form.refuse(refusal)
        wanted = None if form.query.errors else saved_views.parse(actor, query)
        return _form(actor, form, wanted, status=refusal.status)
    return see_other(_link(actor, saved_views.parse(actor, view.query)))


def edit_view(actor: Actor, view_id: int) -> ResponseReturnValue:
    """Show the form to rename or share a view."""
    view = saved_views.get_view(actor, view_id)
    return _form(actor, ViewForm(formdata=None, name=view.name, shared=view.shared), view=view)


def save_view(actor: Actor, view_id: int) -> ResponseReturnValue:
    """Rename or share a view."""
    form = ViewForm()
    try:
        saved_views.change_view(actor, view_id, form.name.data or "", shared=form.shared.data)
    except Invalid as refusal:
        form.refuse(refusal)
        return _form(actor, form, view=saved_views.get_view(actor, view_id), status=refusal.status)
    return see_other(_at(actor))


def ask_delete_view(actor: Actor, view_id: int) -> ResponseReturnValue:
    """Ask for confirmation before deleting a view."""
    view, at = saved_views.get_view(actor, view_id), _at(actor)
    question = Question(
        with_name(_("Delete %(name)s?"), view.name),
        f"{at}/{view_id}/delete",
        at,
        _("Saved views"),
        _("Keep it"),
        _("Delete"),
        ends=[("users", _("It disappears for everyone on your team."))] if view.shared else [],
        keeps=[("messages", _("Its conversations do not change."))],
    )
    return ask(question)


def delete_view(actor: Actor, view_id: int) -> ResponseReturnValue:
    """Delete a view."""
    saved_views.delete_view(actor, view_id)
    return see_other(_at(actor))


def _rows(actor: Actor) -> Iterator[Row]:
    for view, wanted, held in saved_views.show_views(actor, reader_zone()):
        yield Row(view, _link(actor, wanted), held, wanted)


def _link(actor: Actor, wanted: Wanted) -> str:
    """Return the URL that shows a view."""
    opens_with_waiting = signed_in.opens_with == "waiting"
    return policy_of(actor).messages + saved_views.link_of(wanted, opens_with_waiting=opens_with_waiting)


def _at(actor: Actor) -> str:
    return CONSOLE["saved_views"].at[policy_of(actor).name]


def _form(
    actor: Actor, form: ViewForm, wanted: Wanted | None = None, view: SavedView | None = None, status: int = 200
) -> Response:
    page, fragment = "saved_views/edit.html", "saved_views/_dialog.html"
    return page_or_fragment(page, fragment, status=status, form=form, wanted=wanted, view=view, at=_at(actor))
