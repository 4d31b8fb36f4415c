"""Saved views."""

from __future__ import annotations

from messaging_app.actors import Actor
from messaging_app.api import schemas as s
from messaging_app.api.answers import Answer
from messaging_app.models import SavedView
from messaging_app.services import saved_views


def list_views(actor: Actor) -> Answer:
    """The actor's own views and the team's."""
    return Answer(s.SavedViewListResponse(views=[_view(view) for view in saved_views.list_views(actor)]))


def create_view(actor: Actor, body: s.SavedViewCreate) -> Answer:
    """Save a filter or a search."""
    return Answer(_view(saved_views.create_view(actor, body.name, body.query, shared=body.shared)))


def delete_view(actor: Actor, view_id: int) -> Answer:
    """Delete a view."""
    saved_views.delete_view(actor, view_id)
    return Answer()


def _view(view: SavedView) -> s.SavedViewResponse:
    return s.SavedViewResponse(id=view.id, name=view.name, query=view.query, shared=view.shared)
