"""The System page for admins: the health of each part, a test mail, and the doctor."""

from __future__ import annotations

from flask import Response, current_app
from flask.typing import ResponseReturnValue

from messaging_app.actors import Actor
from messaging_app.api.openapi import VERSION
from messaging_app.doctor import runs
from messaging_app.errors import Refusal
from messaging_app.services import system
from messaging_app.services.console import require_right
from messaging_app.web.htmx import page_or_fragment, see_other, whole_number

AT = "/admin/system"


def show_system(actor: Actor) -> ResponseReturnValue:
    """Show every part. `mail` is the id of a test mail whose state is shown."""
    return _page(actor)


def run_doctor(actor: Actor) -> ResponseReturnValue:
    """Ask a worker to run the doctor. The page shows when it is done."""
    require_right(actor, "system")
    runs.ask(actor)
    return see_other(AT)


def send_test_mail(actor: Actor) -> ResponseReturnValue:
    """Send the actor a test mail."""
    try:
        return see_other(f"{AT}?mail={system.send_test_mail(actor)}")
    except Refusal as refusal:
        return _page(actor, refusal)


def _page(actor: Actor, refusal: Refusal | None = None) -> Response:
    number = whole_number("mail")
    doctor = runs.latest()
    parts = system.list_parts(actor)
    return page_or_fragment(
        "system/index.html",
        "system/_parts.html",
        status=refusal.status if refusal else 200,
        parts=parts,
        troubled=[part for part in parts if not part.is_good],
        doctor=doctor,
        mail=system.find_test_mail(actor, number) if number is not None else None,
        mail_number=number,
        refused=refusal.detail if refusal else "",
        version=VERSION,
        command="flask --app wsgi check",
        address=current_app.extensions["settings"].public_url,
    )
