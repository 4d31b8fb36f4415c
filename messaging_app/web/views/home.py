"""The pages around the inbox: where each role arrives, and the front door with the three sign-ins."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Response, request
from flask.typing import ResponseReturnValue

from messaging_app.accounts.sign_in import store_by_code
from messaging_app.actors import Actor, ActorType
from messaging_app.errors import NotFound, Unavailable
from messaging_app.files import BY_STORED
from messaging_app.policies import policy_of
from messaging_app.services import attachments, messaging
from messaging_app.storage import FileMissing, StorageUnavailable
from messaging_app.web.htmx import is_htmx, rendered, signed_in
from messaging_app.web.static_files import FOREVER


def index() -> ResponseReturnValue:
    """The three sign-ins."""
    return rendered("home/index.html")


def home(actor: Actor) -> ResponseReturnValue:
    """The role's first page, with the newest conversation as a foretaste."""
    page = messaging.list_conversations(actor, limit=1)
    template = {"admin": "home/admin.html", "store": "home/store.html"}.get(policy_of(actor).name, "home/account.html")
    return rendered(template, preview=page.rows[0] if page.rows else None)


def offer_store() -> ResponseReturnValue | None:
    """For a link that names another of this person's stores: a page that offers to go there. A GET never switches."""
    code = request.args["store"]
    if request.method != "GET" or is_htmx() or code == signed_in.store_code:
        return None
    args = {name: value for name, value in request.args.items() if name != "store"}
    onward = request.path + (f"?{urlencode(args)}" if args else "")
    if signed_in.type == ActorType.CUSTOMER:
        other = store_by_code(code)
        return rendered("home/other_store.html", code=code, name=other.name, onward=onward) if other else None
    for number, other_code, name in signed_in.stores:
        if other_code == code:
            return rendered("home/other_store.html", store_id=number, code=code, name=name, onward=onward)
    return None


def logo(name: str) -> ResponseReturnValue:
    """A store's logo, `<code>-<hash>`, public and immutable: its address changes with its bytes."""
    code, _dash, digest = name.rpartition("-")
    store = store_by_code(code)
    if store is None or not store.logo or digest not in (store.logo, store.logo.partition(".")[0]):
        raise NotFound
    try:
        picture = attachments.storage().open(f"logos/{code}-{store.logo}")
    except FileMissing as error:
        raise NotFound from error
    except StorageUnavailable as error:
        raise Unavailable from error
    response = Response(picture, mimetype=BY_STORED[store.logo.rpartition(".")[2]].mime)
    response.content_length = picture.length
    response.call_on_close(picture.close)
    response.headers["Cache-Control"] = FOREVER
    return response
