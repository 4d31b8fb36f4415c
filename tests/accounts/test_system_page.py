"""The System page: what it says of each part, the test mail, and the doctor that a worker runs."""

from __future__ import annotations

import html
import re
import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from messaging_app.db.engine import now, writing
from messaging_app.doctor import runs
from messaging_app.extensions import db
from messaging_app.mail import heartbeat
from messaging_app.mail.worker import Worker
from messaging_app.models import DoctorRun, WorkerBeat
from messaging_app.services.settings import set_settings
from tests.accounts.conftest import actions, arrived, browse
from tests.conftest import Browser
from tests.post import Post

AT = "/admin/system"


@pytest.fixture
def ada(post: Post) -> Browser:
    return browse(post, "ada", "admin")


def told(page: str) -> dict[str, tuple[bool, str]]:
    """Each part: whether it is good, and what is said of it."""
    found = {}
    for row in re.findall(r'<li class="check(.*?)</li>', page, re.DOTALL):
        name, says = (
            re.search(rf'check__{part}">(.*?)</span>\s*<span|check__{part}">(.*?)$', row, re.DOTALL)
            for part in ("name", "says")
        )
        assert name and says
        words = re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]+>", "", says[1] or says[2]))).strip()
        found[re.sub("<[^>]+>", "", name[1]).strip()] = ("check--caution" not in row[:40], words)
    return found


def test_every_part_is_good_or_says_what_to_do(post: Post, ada: Browser) -> None:
    parts = told(ada.get(AT).text)
    assert (
        next(iter(parts)) == "Worker"
        and parts["Worker"][0] is False
        and "flask --app wsgi worker" in parts["Worker"][1]
    )
    assert all(good for name, (good, _says) in parts.items() if name != "Worker"), parts
    assert {"Database", "Migrations", "Live updates", "Storage", "Mail", "Mail queue", "Doctor", "Audit trail"} < set(
        parts
    )
    heartbeat.beat()
    page = ada.get(AT).text
    assert "Everything is working" in page and "check--caution" not in page
    with writing(db.session) as session:
        session.execute(update(WorkerBeat).values(at=now() - timedelta(minutes=12)))
    assert "Not heard from for 12 minutes" in told(ada.get(AT).text)["Worker"][1]
    assert "secret" not in page and post.app.config["SECRET_KEY"] not in page


def test_the_doctor_is_run_by_a_worker_and_once(post: Post, ada: Browser) -> None:
    ada.get(AT)
    for _ in range(2):
        assert ada.post(f"{AT}/doctor").status_code == 303
    assert db.session.scalar(select(func.count()).select_from(DoctorRun)) == 1
    page = ada.get(AT)
    assert "as soon as a worker is free" in page.text and 'hx-trigger="every 2s"' in page.text
    fragment = ada.get(f"{AT}?have=1", htmx=True).text
    assert fragment.lstrip().startswith('<div id="parts"') and "<html" not in fragment
    Worker(post.app)._sweep()
    for thread in threading.enumerate():
        if thread.name == "worker-doctor":
            thread.join(30)
    db.session.rollback()
    page = ada.get(AT)
    good, says = told(page.text)["Doctor"]
    assert good and re.fullmatch(r"All \d\d checks passed", says) and "The doctor last ran" in page.text
    assert "every 2s" not in page.text and "Intact up to entry" in told(page.text)["Audit trail"][1]
    assert "No entry was changed or removed" in ada.get("/admin/audit").text
    assert [action for _who, action, _whom in actions()] == ["doctor.asked"]
    assert not runs.run_asked(), "nothing is left to do"


def test_a_trail_that_was_tampered_with_is_told_on_both_pages(post: Post, ada: Browser) -> None:
    set_settings(None, {"message_attachment_max_files": "3"})
    with writing(db.session) as session:
        session.execute(text("UPDATE audit_entries SET after = '{}' WHERE action = 'setting.changed'"))
    done = post.app.test_cli_runner().invoke(args=["check"])
    assert done.exit_code == 1 and "FAIL audit trail: entry" in done.stdout
    db.session.rollback()
    parts = told(ada.get(AT).text)
    assert not parts["Audit trail"][0] and not parts["Doctor"][0] and "audit trail: entry" in parts["Doctor"][1]
    assert "The audit trail was tampered with" in ada.get("/admin/audit").text


def test_a_run_that_fails_or_is_left_says_so(post: Post, ada: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.ask(post.cast.ada)
    with writing(db.session) as session:
        session.execute(update(DoctorRun).values(started_at=now() - timedelta(hours=3)))
    assert runs.latest().pending is None, "its worker is gone"
    runs.ask(post.cast.ada)

    def fail() -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(runs.doctor, "examine", fail)
        assert runs.run_asked()
    good, says = told(ada.get(AT).text)["Doctor"]
    assert not good and "MemoryError" in says and "flask --app wsgi check" in says


def test_the_answer_of_a_test_mail_stands_in_its_row(post: Post, ada: Browser) -> None:
    ada.get(AT)
    sent = ada.post(f"{AT}/test-mail")
    assert sent.status_code == 303 and sent.location.startswith(f"{AT}?mail=")
    assert "On its way to ada@mail.example" in told(ada.get(sent.location).text)["Mail"][1]
    [mail] = arrived(post)
    assert mail["To"] == "Ada <ada@mail.example>" and mail["Subject"] == "Test mail"
    assert "Sent to ada@mail.example" in told(ada.get(sent.location).text)["Mail"][1]
    post.server.refuse = "550 no such mailbox"
    refused = ada.post(f"{AT}/test-mail").location
    assert arrived(post) == []
    answer = told(ada.get(refused).text)["Mail"][1]
    assert "ada@mail.example" in answer and "550" in answer
    assert "ada@mail.example" not in browse(post, "abe", "admin").get(sent.location).text, "hers"
    assert ada.get(f"{AT}?mail=999").status_code == 200 and ada.get(f"{AT}?mail=x").status_code == 422


def test_without_mail_there_is_no_test_mail(post: Post, ada: Browser) -> None:
    post.app.extensions["settings"].mail_url = None
    page = ada.get(AT).text
    assert "Send me a test mail" not in page and "MESSAGING_MAIL_URL" in told(page)["Mail"][1]
    assert ada.post(f"{AT}/test-mail").status_code == 409


def test_only_admins_have_it(post: Post) -> None:
    sam = browse(post, "sam")
    for path in (AT, f"{AT}/doctor", f"{AT}/test-mail"):
        for answer in (sam.get(path), sam.post(path)):
            assert answer.status_code in (302, 405), path
    assert db.session.scalar(select(func.count()).select_from(DoctorRun)) == 0
