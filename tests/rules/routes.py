"""The route table, as the tests of the rules read it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Flask

from messaging_app.policies import ROLES

SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Route:
    """One address with one method at one role's mount."""

    role: str
    view: str
    rule: str
    method: str
    guarded: bool

    @property
    def changes(self) -> bool:
        return self.method not in SAFE

    def path(self, conversation: object = 1, other: object = 1) -> str:
        """The address of a conversation and, where the rule names another thing too, of that."""
        path = self.rule.replace("<id:conversation_id>", str(conversation))
        return (
            re.sub("<id:[a-z_]+>", str(other), path)
            .replace("<name>", "bakery-0123456789abcdef")
            .replace("<provider>", "acme")
            .replace("<code:code>", "delivery")
        )

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"


def is_export(route: Route) -> bool:
    """Whether a list is taken away as a file: the one thing that is read and leaves a row, in the audit trail."""
    return route.rule.endswith((".csv", ".jsonl"))


def role_routes(app: Flask) -> list[Route]:
    """Every address and method under the three roles' mounts, HEAD and OPTIONS left out."""
    found = []
    for rule in app.url_map.iter_rules():
        role, _, view = rule.endpoint.partition(".")
        if role in ROLES and view:
            guarded = getattr(app.view_functions[rule.endpoint], "behind_door", False)
            methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            found += [Route(role, view, rule.rule, method, guarded) for method in sorted(methods)]
    return found
