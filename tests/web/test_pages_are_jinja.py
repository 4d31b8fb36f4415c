"""Templates are plain Jinja: escaped, reloaded when edited, and named in tracebacks."""

from __future__ import annotations

import shutil
import traceback
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from sqlalchemy import update

from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import Conversation, Message, Store, User
from messaging_app.paths import resource
from tests.conftest import Web, new_app
from tests.world import four_conversations

NASTY = "<b title=\"x\" id='y'>&amp;"
ESCAPED = "&lt;b title=&#34;x&#34; id=&#39;y&#39;&gt;&amp;amp;"


def test_what_people_write_and_are_called_is_escaped_wherever_it_is_shown(web: Web) -> None:
    with web.app.app_context():
        number = four_conversations(web.cast)["bakery-cleo"]
        with writing(db.session) as session:
            session.execute(update(Message).values(content=NASTY, sender_name=NASTY))
            session.execute(update(Conversation).values(subject=NASTY, last_message_preview=NASTY))
            session.execute(update(Conversation).values(last_sender_name=NASTY))
            session.execute(update(Store).values(name=NASTY))
            session.execute(update(User).values(name=NASTY))
    for name, inbox in (("nadia", "/store/messages"), ("cleo", "/storefront/account/messages")):
        browser = web.signed_in(name)
        for path in (inbox, f"{inbox}/{number}", f"{inbox}/{number}/messages?after=0"):
            shown = browser.get(path).get_data(as_text=True)
            assert NASTY not in shown
            assert ESCAPED in shown


@pytest.fixture
def edited(migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Web, int, Path]:
    """The development application on a copy of the templates, a conversation, and the copy."""
    folder = Path(shutil.copytree(resource("templates"), tmp_path / "templates"))
    app = new_app(f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'messaging.db')}", tmp_path / "instance")
    monkeypatch.setattr(app.jinja_loader, "searchpath", [str(folder)])
    web = Web(app)
    with app.app_context():
        number = four_conversations(web.cast)["bakery-cleo"]
    return web, number, folder


@pytest.mark.parametrize(
    "name", ["messages/_message.html", "conversations/_row.html", "conversations/_meta.html", "_badge.html"]
)
def test_an_edited_template_shows_at_once_and_an_error_names_its_line(
    edited: tuple[Web, int, Path], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    web, number, folder = edited
    page = f"/store/messages/{number}"
    browser = web.signed_in("sam")
    assert browser.get(page).status_code == 200
    template = folder / name
    tag = "<article" if "_message" in name else "<span" if "row" not in name else "<li"
    before = template.read_text()
    template.write_text(before.replace(tag, "<i>edited</i>" + tag, 1))
    assert "<i>edited</i>" in browser.get(page).get_data(as_text=True)

    template.write_text(before.replace(tag, "{{ nothing.at_all }}" + tag, 1))
    assert browser.get(page).status_code == 500
    error = next(record.exc_info[1] for record in caplog.records if record.exc_info)
    assert isinstance(error, UndefinedError)
    place = traceback.extract_tb(error.__traceback__)[-2]  # the last is Jinja's own look-up
    line = next(number for number, text in enumerate(before.splitlines(), 1) if tag in text)
    assert (place.filename, place.lineno) == (str(template), line)
