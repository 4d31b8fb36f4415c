"""Check that a form came from one of our own pages."""

from __future__ import annotations

from flask import request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError

from messaging_app.web.urls import parts_of


def check_origin(*, may_be_hidden: bool = False) -> None:
    """Refuse requests from another site's pages. Raises `CSRFError`.

    `may_be_hidden`: the page has the policy `no-referrer`, so browsers send `Origin: null`.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None and site not in ("same-origin", "none"):
        raise CSRFError(_("This request came from another site."))
    is_known = site is not None or origin is None or (may_be_hidden and origin == "null")
    if not is_known and parts_of(origin or "").netloc != request.host:
        raise CSRFError(_("This request came from another site."))
