"""The audit trail in plain English: one sentence for each action, and labels for the values that changed.

A sentence follows the actor's name. A key may end in a case: `/own` if actor and object are the same, `/command` for the
command line, `/admin` if the role is admin, `/one` for a single failure, `/unknown` for an unknown address, `/provider`
if an identity provider is involved.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from markupsafe import Markup, escape

from messaging_app.models import AuditEntry
from messaging_app.services.audit import Value
from messaging_app.services.settings import SETTINGS
from messaging_app.text.markup import bdi

SENTENCES: dict[str, Any] = {
    "admin.added": _("made %(object)s an administrator"),
    "admin.added/own": _("became an administrator"),
    "admin.deactivated": _("deactivated the administrator %(object)s"),
    "admin.reactivated": _("reactivated the administrator %(object)s"),
    "admin.removed": _("took the administrator’s rights from %(object)s"),
    "attachment.removed": _("removed a file that %(object)s had sent in conversation %(conversation)s"),
    "customer.deactivated": _("deactivated the customer %(object)s"),
    "customer.reactivated": _("reactivated the customer %(object)s"),
    "demo.loaded": _("loaded the demo cast"),
    "directory.imported": _("imported the directory file %(object)s"),
    "doctor.asked": _("asked the doctor for a run"),
    "doctor.repaired": _("had the doctor repair the data"),
    "email.change_asked": _("asked to change their e-mail address"),
    "email.changed": _("changed the e-mail address of %(object)s"),
    "email.changed/own": _("changed their e-mail address"),
    "export.made": _("exported the list “%(object)s”"),
    "factor.added": _("added a second factor"),
    "factor.removed": _("removed a second factor"),
    "factor.reset": _("reset the second factor of %(object)s"),
    "identity.linked": _("linked their account with the identity provider “%(provider)s”"),
    "identity.unlinked": _("unlinked their account from an identity provider"),
    "invitation.accepted": _("accepted the invitation to %(object)s"),
    "invitation.accepted/admin": _("accepted the invitation to be an administrator"),
    "invitation.resent": _("sent the invitation of %(email)s to %(object)s again"),
    "invitation.resent/admin": _("sent the invitation of %(email)s to be an administrator again"),
    "invitation.restored": _("restored the withdrawn invitation of %(email)s to %(object)s"),
    "invitation.restored/admin": _("restored the withdrawn invitation of %(email)s to be an administrator"),
    "invitation.sent": _("invited %(email)s to %(object)s as %(role)s"),
    "invitation.sent/admin": _("invited %(email)s to be an administrator"),
    "invitation.withdrawn": _("withdrew the invitation of %(email)s to %(object)s"),
    "invitation.withdrawn/admin": _("withdrew the invitation of %(email)s to be an administrator"),
    "mail.tested": _("sent a test mail to themselves"),
    "membership.added": _("added %(object)s to the staff of %(store)s as %(role)s"),
    "membership.added/own": _("joined the staff of %(store)s as %(role)s"),
    "membership.removed": _("removed %(object)s from the staff of %(store)s"),
    "membership.role_changed": _("made %(object)s %(role)s of %(store)s"),
    "password.changed": _("changed the password of %(object)s"),
    "password.changed/own": _("changed their password"),
    "password.reset": _("chose a new password for %(object)s by a mailed link"),
    "password.reset_asked": _("asked for a link to reset the password of %(email)s"),
    "profile.changed": _("changed the profile of %(object)s"),
    "profile.changed/own": _("changed their profile"),
    "reason.added": _("added the reason “%(object)s”"),
    "reason.changed": _("changed the reason “%(object)s”"),
    "reason.removed": _("removed the reason “%(object)s”"),
    "reason.sorted": _("changed the order of the reasons"),
    "recovery_code.used": _("signed in with a recovery code"),
    "recovery_codes.made": _("made new recovery codes"),
    "session.ended": _("ended %(sessions)s of their sessions"),
    "session.ended/out": _("signed out"),
    "setting.changed": _("changed the setting “%(object)s”"),
    "setup.code_made": _("made a code to set up this installation"),
    "setup.finished": _("set up this installation"),
    "sign_in.failed": _("typed %(failures)s wrong passwords for %(object)s"),
    "sign_in.failed/one": _("typed a wrong password for %(object)s"),
    "sign_in.failed/provider": _("came through the identity provider “%(provider)s” as %(object)s and was not let in"),
    "sign_in.failed/unknown": _("tried to sign in with an unknown address"),
    "sign_in.succeeded": _("signed in"),
    "sign_in.succeeded/provider": _("signed in through the identity provider “%(provider)s”"),
    "store.changed": _("changed the store %(object)s"),
    "store.created": _("created the store %(object)s"),
    "store.deactivated": _("deactivated the store %(object)s"),
    "store.reactivated": _("reactivated the store %(object)s"),
    "token.created": _("created the API token “%(name)s”"),
    "token.created/command": _("created the API token “%(name)s” of %(object)s"),
    "token.revoked": _("revoked the API token “%(name)s”"),
    "user.deactivated": _("deactivated %(object)s"),
    "user.reactivated": _("reactivated %(object)s"),
}
UNKNOWN = _("did %(action)s to %(object)s")
ROLES = {"owner": _("owner"), "staff": _("staff"), "admin": _("administrator"), "customer": _("customer")}
WORDS = {"true": _("yes"), "false": _("no"), "null": "–", '""': "–"}
# Groups of actions, by the nouns with which they begin.
GROUPS = {
    "sign-ins": (_("Sign-ins"), ("sign_in", "session")),
    "accounts": (
        _("Accounts"),
        ("profile", "email", "password", "factor", "recovery_code", "recovery_codes", "identity"),
    ),
    "people": (_("People and roles"), ("admin", "customer", "user", "membership", "invitation", "directory", "setup")),
    "stores": (_("Stores"), ("store",)),
    "settings": (_("Settings"), ("setting", "reason")),
    "tokens": (_("API tokens"), ("token",)),
    "exports": (_("Exports"), ("export",)),
    "files": (_("Files"), ("attachment",)),
    "system": (_("System"), ("doctor", "mail", "demo")),
}


@dataclass(frozen=True, slots=True)
class Detail:
    """One changed value, in words; `before` or `after` is None if there was or is none."""

    label: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Described:
    """An entry in words: the sentence, with bidi-isolated names, and the changed values."""

    entry: AuditEntry
    sentence: Markup
    details: list[Detail]


def describe(entry: AuditEntry) -> Described:
    """Describe an entry in words."""
    before, after = json.loads(entry.before), json.loads(entry.after)
    facts: dict[str, Value] = before | after
    cases = [f"{entry.action}/{case}" for case in _cases(entry, facts)]
    sentence = next((SENTENCES[key] for key in (*cases, entry.action) if key in SENTENCES), UNKNOWN)
    names = {name: str(value) for name, value in facts.items()} | {
        "object": _object(entry),
        "email": entry.object_email,
        "action": entry.action,
        "role": str(ROLES.get(str(facts.get("role")), facts.get("role", ""))),
    }
    needed = dict.fromkeys(("store", "name", "conversation", "sessions", "failures", "provider"), "")
    isolated = {name: bdi(value) for name, value in (needed | names).items()}
    return Described(entry, escape(str(sentence)) % isolated, list(_details(entry, before, after)))


def actions_of(group: str) -> tuple[str, ...]:
    """Return the actions of a group, or the single action of that name; empty if there is neither."""
    known = sorted({key.partition("/")[0] for key in SENTENCES})
    if group in GROUPS:
        return tuple(action for action in known if action.partition(".")[0] in GROUPS[group][1])
    return (group,) if group in known else ()


def _cases(entry: AuditEntry, facts: dict[str, Value]) -> Iterator[str]:
    if entry.actor_email and entry.actor_email == entry.object_email:
        yield "own"
    if entry.actor_type == "command":
        yield "command"
    if facts.get("role") == "admin":
        yield "admin"
    if "provider" in facts:
        yield "provider"
    if entry.object_type == "address":
        yield "unknown"
    if facts.get("failures") == 1:
        yield "one"
    if "session" in facts:
        yield "out"


def _object(entry: AuditEntry) -> str:
    if entry.object_type == "setting" and entry.object_id in SETTINGS:
        return str(SETTINGS[entry.object_id].label)
    return entry.object_name or entry.object_email or entry.object_id


def _details(entry: AuditEntry, before: dict[str, Value], after: dict[str, Value]) -> Iterator[Detail]:
    for key in before | after:
        name = _object(entry) if entry.object_type == "setting" else key.replace("_", " ").capitalize()
        yield Detail(name, *(_word(entry, values[key]) if key in values else None for values in (before, after)))


def _word(entry: AuditEntry, value: Value) -> str:
    if entry.object_type == "setting" and entry.object_id in SETTINGS and SETTINGS[entry.object_id].is_switch:
        return str(_("on")) if value == "true" else str(_("off"))
    if entry.object_type == "setting" and entry.object_id in SETTINGS and value in SETTINGS[entry.object_id].choices:
        return str(SETTINGS[entry.object_id].choices[str(value)])
    return str(WORDS.get(json.dumps(value), value))
