"""Mail about accounts: links, and notices of changes.

A service writes the row in its own transaction (`post`); the worker composes the mail and sends it at once. These mails
ignore preferences and have no unsubscribe link, because they are about the security of the account.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

from flask import current_app
from flask_babel import force_locale

from messaging_app.accounts import email_links, links, reset_links
from messaging_app.bus import Event
from messaging_app.db.engine import now
from messaging_app.db.types import DbSession
from messaging_app.extensions import db
from messaging_app.mail import MAIL_TOPIC, envelope
from messaging_app.mail.message import ACCENTS, PAGE, TEXTS, new_message_id
from messaging_app.models import AccountLink, AccountMail, LinkKind, Store
from messaging_app.policies import ROLES
from messaging_app.services import announcements

AT_ONCE = "at once"  # the event that wakes the worker for an immediate sweep
TEMPLATES = {
    "invitation": "emails/invitation",
    "added": "emails/added",
    "reset": "emails/reset",
    "password_changed": "emails/password_changed",
    "email_confirm": "emails/email_confirm",
    "email_taken": "emails/email_taken",
    "email_change_asked": "emails/email_change_asked",
    "email_changed": "emails/email_changed",
    "second_factor": "emails/second_factor",
    "identity": "emails/identity",
    "test": "emails/test",
}


@dataclass(frozen=True, slots=True)
class LetterMail:
    """A composed mail."""

    message: EmailMessage
    message_id: str

    def identity(self) -> dict[str, object]:
        """The values that the row stores once a server may have received the mail."""
        return {"message_id": self.message_id}

    def sent(self, session: DbSession, at: datetime, window: timedelta) -> None:
        """Called after sending; does nothing."""


def is_on() -> bool:
    """Whether this installation sends mail."""
    return current_app.extensions["settings"].mail_url is not None


def post(
    session: DbSession,
    kind: str,
    email: str,
    name: str = "",
    *,
    store_id: int | None = None,
    link_id: int | None = None,
    **words: str,
) -> AccountMail | None:
    """Queue a mail in the caller's transaction and return its row; None while mail is off.

    `kind` is a key of TEMPLATES, `words` are what its templates show besides `name`, `store` and `link`.
    """
    if not is_on():
        return None
    moment = now()
    mail = AccountMail(
        kind=kind,
        email=email,
        name=name,
        store_id=store_id,
        link_id=link_id,
        words=json.dumps(words, ensure_ascii=False),
        message_id=new_message_id(),
        created_at=moment,
        next_at=moment,
    )
    session.add(mail)
    announcements.after_commit(Event((MAIL_TOPIC,), AT_ONCE))
    return mail


def compose(mail: AccountMail) -> LetterMail | None:
    """Compose the mail from current data; None if its link is no longer valid, or if nobody should get one."""
    if mail.kind == "reset" and mail.link_id is None and not reset_links.make_link(mail.id):
        return None
    link = db.session.get(AccountLink, mail.link_id) if mail.link_id is not None else None
    if link is not None and not (link.is_living and links.is_of_this_key(link)):
        return None
    kind = mail.kind
    if kind == "email_confirm" and link is not None and email_links.is_taken(db.session, link):
        kind, link = "email_taken", None  # so that the person who asked learns nothing
    settings = current_app.extensions["settings"]
    store = db.session.get(Store, mail.store_id) if mail.store_id is not None else None
    words = json.loads(mail.words)
    as_customer = store is not None and words.get("role") == "storefront"
    context: dict[str, Any] = words | {
        "name": mail.name,
        "email": mail.email,
        "store": store.name if store else "",
        "brand": store.name if store and as_customer else "",
        "accents": ACCENTS[store.accent if store and as_customer else None],
        "link": f"{settings.public_url}{_path(mail, link, store)}",
        "reply_to": parseaddr(settings.mail_reply_to or "")[1],
    }
    with force_locale("en"):
        find = current_app.jinja_env.get_template
        for name, part in (("subject", TEXTS[0]), ("text", TEXTS[1]), ("page", PAGE)):
            context[name] = find(f"{TEMPLATES[kind]}/{part}").render(context).strip()
    message = envelope(
        sender=settings.mail_from,
        to_name=mail.name,
        to=mail.email,
        subject=context["subject"],
        message_id=mail.message_id,
        reply_to=settings.mail_reply_to,
    )
    message.set_content(context["text"] + "\n")
    message.add_alternative(context["page"], subtype="html")
    return LetterMail(message, mail.message_id)


def _path(mail: AccountMail, link: AccountLink | None, store: Store | None) -> str:
    """Return the path of the mail's button: its link's page, or the sign-in page of the person's role."""
    if link is not None:
        return f"/{LinkKind(link.kind)}/{links.token_of(link)}"
    role = ROLES[json.loads(mail.words).get("role", "admin")]
    return role.login + (f"?store={store.code}" if store else "")
