"""The filters of an inbox, from the address of a request."""

from __future__ import annotations

from dataclasses import replace

from flask import request

from messaging_app.actors import Actor
from messaging_app.errors import Invalid
from messaging_app.services.filters import OF_WAITING, Filters, checked
from messaging_app.web.htmx import signed_in


def read_filters(actor: Actor, *, ignore_bad: bool = False) -> Filters:
    """Return the filters of the request's query. Raises `Invalid` naming each invalid one, or ignores them all."""
    opens = signed_in.opens_with == "waiting"
    default = Filters(opens_with_waiting=opens)
    if opens and not {"status", *OF_WAITING, "snoozed"} & set(request.args):
        default = replace(default, waiting=OF_WAITING["waiting"], order=OF_WAITING["order"])
    try:
        return checked(actor, request.args, default)
    except Invalid:
        if ignore_bad:
            return default
        raise
