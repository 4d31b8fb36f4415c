"""The signed cookie of each role: it holds the token of a sign-in's row and a CSRF token, nothing else.

The first part of a request's path selects the cookie, so one browser can be signed in as admin, staff and customer at
the same time.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from flask import Flask, Request, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadSignature

from messaging_app.db.engine import now
from messaging_app.policies import ROLES, RolePolicy

LINKS = "links"  # the cookie of pages behind mailed links and of the first start; holds a CSRF token, nobody's session
LINK_PAGES = frozenset(("invitation", "reset", "confirm", "setup"))


class RoleSessionInterface(SecureCookieSessionInterface):
    """A signed cookie per role, selected by the first part of the path. Other paths have no session."""

    def get_cookie_name(self, app: Flask) -> str:
        area = area_of(request)
        assert area is not None, "only asked where there is a cookie"
        return self.name_for(app, area)

    def name_for(self, app: Flask, area: str) -> str:
        """The name of an area's cookie."""
        return f"__Host-{area}" if app.config["SESSION_COOKIE_SECURE"] else area

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        area = area_of(request)
        return self.session_class(self.content_of(app, request, area) if area else None)

    def content_of(self, app: Flask, request: Request, area: str) -> dict[str, object] | None:
        """What the cookie of an area holds, whichever the request's own area is."""
        value = request.cookies.get(self.name_for(app, area))
        return self._unpacked(app, value) if value else None

    @lru_cache(maxsize=4_096)  # noqa: B019 -- there is one of these; what a signed value holds never changes
    def _unpacked(self, app: Flask, value: str) -> dict[str, object]:
        """Return the content of a cookie, or an empty dict if the signature is invalid.

        Ignores the cookie's age: the row decides, and setting the clock back must not sign users out.
        """
        serializer = self.get_signing_serializer(app)
        try:
            return dict(serializer.loads(value)) if serializer else {}
        except BadSignature:
            return {}

    def save_session(self, app: Flask, session: SessionMixin, response: Any) -> None:
        if session.modified and area_of(request) is not None:
            super().save_session(app, session, response)

    def get_expiration_time(self, app: Flask, session: SessionMixin) -> datetime | None:
        role = role_of(request)
        return now() + role.absolute if role and session.get("_user_id") else None


def role_of(request: Request) -> RolePolicy | None:
    """Return the role that a request's path belongs to. Compares whole path parts: `/storefront` is not `/store`."""
    return ROLES.get(request.path.split("/", 2)[1])


def area_of(request: Request) -> str | None:
    """Whose cookie a request uses: that of a role, that of the pages behind links, or none."""
    first = request.path.split("/", 2)[1]
    return first if first in ROLES else LINKS if first in LINK_PAGES else None
