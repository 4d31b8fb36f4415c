"""The pages around the inbox: the home page of each role, and the front page with the three sign-ins."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Response, request
from flask.typing import ResponseReturnValue

from messaging_app.accounts.sign_in import store_by_code
from messaging_app.actors import Actor, ActorType
from messaging_app.errors import NotFound, Unavailable
from messaging_app.files import BY_STORED
from messaging_app.policies import policy_of
from messaging_app.queries.inbox import InboxRow
from messaging_app.queries.thread import LineRow
from messaging_app.services import attachments, inboxes, starts, threads
from messaging_app.storage import FileMissing, StorageUnavailable
from messaging_app.text import preview
from messaging_app.web.htmx import is_htmx, rendered, signed_in
from messaging_app.web.static_files import FOREVER
from messaging_app.web.views.account import profile_page
from messaging_app.web.views.files import files_of
from messaging_app.web.views.thread import window


def index() -> ResponseReturnValue:
    """Show links to the three sign-ins."""
    return rendered("home/index.html")


@dataclass(frozen=True, slots=True)
class Card:
    """The message card: its link, and the newest unread message if there is one."""

    address: str
    writer: str = ""
    text: str = ""
    row: InboxRow | None = None

    @property
    def have(self) -> str:
        """The card's state: while it is current, a poll gets 204."""
        return f"{signed_in.unread}-{self.row.id}-{self.row.last_seq}" if self.row else "0"


def home(actor: Actor) -> ResponseReturnValue:
    """The role's home page with the newest unread message. For htmx only the card, 204 while `have` is current."""
    card = _card(actor)
    if request.args.get("have") == card.have:
        return Response(status=204)
    if is_htmx():
        return rendered("home/_messages_card.html", card=card)
    policy = policy_of(actor)
    if policy.account == policy.home:
        may_ask = starts.may_ask(actor)
        return profile_page(actor, card=card, may_ask=may_ask, matters=starts.offered(actor) if may_ask else [])
    return rendered({"admin": "home/admin.html"}.get(policy.name, "home/store.html"), card=card)


def _card(actor: Actor) -> Card:
    """Return the card. It links to the conversation itself if no other has unread messages."""
    policy = policy_of(actor)
    if not signed_in.unread:
        return Card(policy.messages)
    rows = inboxes.list_conversations(actor, status="all", unread=True, limit=2).rows
    if not rows:
        return Card(policy.messages)  # it has just been read
    address = f"{policy.thread(rows[0].id)}#unread" if len(rows) == 1 else policy.messages
    for row in rows:
        if (row.last_sender_type, row.last_sender_id) != (actor.type, actor.id):
            return Card(address, row.last_sender_name or row.counterpart_name, row.last_message_preview, row)
    line = _newest_of_others(actor, rows[0].id)
    text = preview(line.content or files_of(line.files)[0].filename) if line else rows[0].last_message_preview
    return Card(address, line.sender_name if line else actor.name, text, rows[0])


def _newest_of_others(actor: Actor, conversation_id: int) -> LineRow | None:
    """Return the newest message of another sender, for users who replied without reading what they replied to."""
    found = threads.get_head(actor, conversation_id)
    lines = threads.read_lines(found, limit=window(found)).lines
    mine = (actor.type, actor.id)
    said = (line for line in reversed(lines) if line.kind == "message")
    return next((line for line in said if (line.sender_type, line.sender_id) != mine), None)


def offer_store() -> ResponseReturnValue | None:
    """For a link to another store of this user: a page that offers to switch. A GET never switches."""
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
    """A store's logo, `<code>-<hash>`, public and immutable, because its path changes with its bytes."""
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
