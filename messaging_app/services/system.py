"""The health of this installation: each part with its state, and what to do if it needs attention."""

from __future__ import annotations

import shutil
import time
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import select, text

from messaging_app.accounts.limits import limiter
from messaging_app.actors import Actor
from messaging_app.db.engine import now, writing
from messaging_app.doctor import runs
from messaging_app.errors import NotAllowed, Refusal
from messaging_app.extensions import db
from messaging_app.formats.numbers import file_size, number
from messaging_app.mail import account, heartbeat, outbox
from messaging_app.models import AccountMail, User
from messaging_app.oidc import providers
from messaging_app.oidc.answers import ProviderDown
from messaging_app.ops import health
from messaging_app.services import audit, trail
from messaging_app.services.console import require_right, require_sight

TEST = "test"  # the kind of a test mail
ROOM_LEFT = 1024**3  # bytes; with less free space, storage needs attention


class MailIsOff(Refusal):
    """There is no mail server."""

    status = 409
    code = "mail_off"

    def __init__(self) -> None:
        super().__init__(_("Mail is off: MESSAGING_MAIL_URL is not set."))


class Part(NamedTuple):
    """One part. `says` describes its state, or what to do if it is not good. `end` is a figure shown beside it."""

    label: str
    is_good: bool
    says: str
    end: str = ""
    sends_mail: bool = False  # offers a test mail


class TestMail(NamedTuple):
    """The state of a test mail."""

    email: str
    state: str
    at: datetime
    error: str


def list_parts(actor: Actor) -> list[Part]:
    """Return every part; those that need attention come first. Writes nothing."""
    require_sight(actor, "system")
    signing_in = _providers()
    parts = [look() for look in (_database, _migrations, _bus, _storage, _mail, _queue, _worker, _doctor, _trail)]
    return sorted([*parts, *signing_in], key=lambda part: part.is_good)


def send_test_mail(actor: Actor) -> int:
    """Send the actor a test mail and return its id. Raises `MailIsOff`, `RateLimited`."""
    require_right(actor, "system")
    if not account.is_on():
        raise MailIsOff
    limiter.hit("test_mail", actor.id)
    with writing(db.session) as session:
        user = session.get_one(User, actor.id)
        mail = account.post(session, TEST, user.email, user.name, role="admin")
        if mail is None:
            raise NotAllowed
        session.flush()
        audit.record(session, actor, "mail.tested", audit.Object("user", user.id, user.name, user.email))
        return mail.id


def find_test_mail(actor: Actor, mail_id: int) -> TestMail | None:
    """Return the state of one of the actor's test mails; None for any other mail. One statement."""
    row = AccountMail
    query = select(row).join(User, User.email == row.email)
    mail = db.session.scalar(query.where(row.id == mail_id, row.kind == TEST, User.id == actor.id))
    if mail is None:
        return None
    return TestMail(mail.email, mail.state, mail.settled_at or mail.created_at, mail.last_error or "")


def _providers() -> list[Part]:
    """Check each identity provider, as a sign-in would: responses are cached for an hour."""
    db.session.rollback()  # hold no connection while waiting for a provider
    parts = []
    for provider in providers().values():
        name = _("Sign-in with %(provider)s", provider=provider.label)
        try:
            provider.discover()
            failure = provider.last_failure
        except ProviderDown:
            failure = provider.last_failure or _("no response yet")
        says = _("%(address)s answers", address=provider.issuer)
        if failure:
            says = _(
                "Does not respond correctly (%(error)s). Check %(setting)s, and that this server can reach the address.",
                error=failure,
                setting=f"MESSAGING_OIDC__{provider.name.upper()}__ISSUER",
            )
        parts.append(Part(name, not failure, says))
    return parts


def _database() -> Part:
    engine = db.engine
    began = time.perf_counter()
    db.session.execute(text("SELECT 1"))
    milliseconds = (time.perf_counter() - began) * 1000
    if engine.dialect.name == "postgresql":
        version = str(db.session.scalar(text("SHOW server_version"))).split()[0]
        size = db.session.scalar(text("SELECT pg_database_size(current_database())"))
        name = f"PostgreSQL {version}"
    else:
        name = f"SQLite {db.session.scalar(text('SELECT sqlite_version()'))}"
        pages = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        size = db.session.scalar(text(pages))
    says = _("%(name)s, responds in %(time)s ms", name=name, time=f"{milliseconds:.1f}")
    return Part(_("Database"), True, says, file_size(int(size or 0)))


def _migrations() -> Part:
    found = ", ".join(sorted(map(str, db.session.scalars(text("SELECT version_num FROM alembic_version")))))
    if health.PARTS["migrations"]() == "ok":
        return Part(_("Migrations"), True, _("Up to date at %(version)s", version=found))
    says = _("The database is at %(version)s, which is too old. Run “flask --app wsgi db upgrade”.", version=found)
    return Part(_("Migrations"), False, says)


def _bus() -> Part:
    if current_app.extensions["settings"].redis_url is None:
        return Part(_("Live updates"), True, _("Within this process"))
    if health.PARTS["bus"]() == "ok":
        return Part(_("Live updates"), True, _("Redis is connected"))
    says = _(
        "Redis cannot be reached, so pages update every 30 seconds only. Check the server behind MESSAGING_REDIS_URL."
    )
    return Part(_("Live updates"), False, says)


def _storage() -> Part:
    name = _("Storage")
    if health.PARTS["storage"]() != "ok":
        says = _(
            "Files cannot be read or written. Check the folder or bucket of MESSAGING_STORAGE_URL and its permissions."
        )
        return Part(name, False, says)
    root = getattr(current_app.extensions["storage"], "root", None)
    if root is None:
        return Part(name, True, _("The bucket responds"))
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < ROOM_LEFT:
        return Part(
            name, False, _("The disk is nearly full. Free space, or move files to a larger one."), file_size(free)
        )
    return Part(name, True, _("Folder on this machine"), _("%(size)s free", size=file_size(free)))


def _mail() -> Part:
    url = current_app.extensions["settings"].mail_url
    if url is None:
        says = _("Off. New invitations show their link once, to copy. Set MESSAGING_MAIL_URL to send mail.")
        return Part(_("Mail"), True, says)
    host = urlsplit(url).hostname or ""
    return Part(_("Mail"), True, _("Sent through %(host)s", host=host), sends_mail=True)


def _queue() -> Part:
    standing = outbox.standing()
    name = _("Mail queue")
    end = _("%(number)s given up", number=number(standing.failed)) if standing.failed else ""
    if standing.on and standing.overdue_seconds > health.LATE.total_seconds():
        minutes, waiting = number(int(standing.overdue_seconds // 60)), number(standing.waiting)
        says = _(
            "%(count)s mails wait, the oldest for %(minutes)s minutes. Check that the worker runs and reaches the mail server.",
            count=waiting,
            minutes=minutes,
        )
        error = outbox.last_error()
        return Part(name, False, f"{says} {error}" if error else says, end)
    return Part(name, True, _("%(count)s mails wait", count=number(standing.waiting)), end)


def _worker() -> Part:
    last = heartbeat.last_beat()
    if last is None:
        return Part(
            _("Worker"), False, _("No worker has run yet. Start “flask --app wsgi worker” beside the web processes.")
        )
    seconds = int((now() - last).total_seconds())
    if now() - last < health.LATE:
        return Part(_("Worker"), True, _("Last heard from %(seconds)s seconds ago", seconds=number(max(seconds, 0))))
    says = _(
        "Not heard from for %(minutes)s minutes. Start “flask --app wsgi worker” again and look at its log.",
        minutes=number(seconds // 60),
    )
    return Part(_("Worker"), False, says)


def _doctor() -> Part:
    last = runs.latest().last
    name = _("Doctor")
    if last is None:
        return Part(name, True, _("Has not run yet"))
    if last.error:
        says = _("The last run ended early (%(error)s). Run “flask --app wsgi check” in a shell.", error=last.error)
        return Part(name, False, says)
    broken = [line.removeprefix("FAIL ") for line in last.lines.splitlines() if line.startswith("FAIL ")]
    if broken:
        says = _(
            "Found what is wrong: %(what)s. Run “flask --app wsgi check --repair” in a shell.", what="; ".join(broken)
        )
        return Part(name, False, says)
    return Part(name, True, _("All %(number)s checks passed", number=len(last.lines.splitlines())))


def _trail() -> Part:
    entries, chain = trail.count_entries(), runs.chain()
    name, end = _("Audit trail"), _("%(number)s entries", number=number(entries))
    if chain is None:
        return Part(name, True, _("Not verified yet: run the doctor"), end)
    if chain.bad:
        says = _("Somebody changed it: %(what)s. Compare with a backup or an export.", what=chain.bad)
        return Part(name, False, says, end)
    return Part(name, True, _("Intact up to entry %(number)s", number=number(chain.entries)), end)
