"""A store's own settings: its owners change them, its staff read them."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.actors import Actor
from messaging_app.policies import CONSOLE, policy_of
from messaging_app.services import stores
from messaging_app.web.views.console import Done
from messaging_app.web.views.stores import edit_page, save_page


def store_settings(actor: Actor) -> ResponseReturnValue:
    """Show name, logo, accent and texts of the actor's own store."""
    resource = CONSOLE["store_settings"]
    done = Done(_("Saved.")) if request.args.get("done") == "changed" else None
    assert actor.store_id is not None, "only staff get here"
    store = stores.get_store(actor, actor.store_id)
    return edit_page(store, "", resource.is_changed_by(actor), done=done)


def save_store_settings(actor: Actor) -> ResponseReturnValue:
    """Change them. A refusal keeps the input."""
    assert actor.store_id is not None, "only staff get here"
    here = CONSOLE["store_settings"].at[policy_of(actor).name]
    return save_page(actor, actor.store_id, "", f"{here}?done=changed")
