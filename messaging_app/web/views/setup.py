"""First start: the page that creates the first admin. While there are no accounts every page leads to it."""

from __future__ import annotations

from flask import Blueprint, Flask, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from messaging_app.accounts.limits import limiter
from messaging_app.accounts.sessions import start_session_at
from messaging_app.errors import Invalid, NotFound, Unavailable
from messaging_app.extensions import csrf, db
from messaging_app.policies import ADMIN
from messaging_app.services import setup
from messaging_app.web.bodies import SMALL
from messaging_app.web.forms.joining import SetupForm
from messaging_app.web.htmx import rendered, see_other
from messaging_app.web.origin import check_origin

OPEN = ("setup.show", "setup.finish", "static", "storefront.logo", "healthz", "readyz", "metrics")
blueprint = Blueprint("setup", __name__)


def init_app(app: Flask) -> None:
    """Register the page, and the redirect to it while there are no accounts."""
    app.register_blueprint(blueprint)
    app.before_request(lead_to_setup)


def lead_to_setup() -> ResponseReturnValue | None:
    """Redirect to the setup page while there are no accounts; API clients get 503."""
    if request.endpoint in OPEN:
        return None
    try:
        known = setup.has_people()
    except SQLAlchemyError:  # the page itself reports that the database is down
        db.session.rollback()
        return None
    if known:
        return None
    if request.path.startswith("/api/"):
        raise Unavailable(str(_("This installation is not set up yet. Open /setup in a browser.")))
    return see_other("/setup")


@blueprint.get("/setup")
def show() -> ResponseReturnValue:
    """Show the form; not found once there is an admin."""
    if setup.has_admin():
        raise NotFound
    return rendered("setup.html", form=SetupForm(formdata=None))


@blueprint.post("/setup")
def finish() -> ResponseReturnValue:
    """Create the first admin and sign them in."""
    request.max_content_length = SMALL
    check_origin()
    csrf.protect()
    form = SetupForm()
    limiter.hit("sign_in_address", request.remote_addr or "")
    try:
        number = setup.finish(
            form.code.data or "", form.email.data or "", form.name.data or "", form.password.data or ""
        )
    except Invalid as refusal:
        form.refuse(refusal)
        return rendered("setup.html", refusal.status, form=form)
    limiter.give_back("sign_in_address", request.remote_addr or "")
    response = see_other(ADMIN.messages)
    start_session_at(response, ADMIN, number, None)
    return response
