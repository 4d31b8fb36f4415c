"""The page of the audit trail: sentences, filters and exports."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from datetime import timedelta

import pytest
import time_machine

from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.services import audit, settings, trail
from tests import cast
from tests.conftest import Browser, Web

AT = "/admin/audit"
FILES = "message_attachment_max_files"


@pytest.fixture
def ada(web: Web) -> Browser:
    """Ada, after she and others did some things."""
    ada = web.signed_in("ada")
    ada.post("/admin/settings", {FILES: "4"})
    ada.post("/admin/stores/1/staff/6/role", {"role": "owner"})
    web.browser().sign_in("store", "sam", "not his")
    with web.app.app_context():
        settings.set_settings(None, {"customers_see_platform_conversations": "false"})
    return ada


def sentences(page: str) -> list[str]:
    found = re.findall(r'class="entry__what">(.*?)</span>', page, re.DOTALL)
    return [re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]+>", "", one))).strip() for one in found]


def test_each_entry_is_one_sentence_the_newest_first(ada: Browser) -> None:
    page = ada.get(AT).text
    assert sentences(page) == [
        "Command line changed the setting “Customers see conversations with the platform”",
        "Somebody typed a wrong password for Sam",
        "Ada made Lea owner of bakery",
        "Ada changed the setting “Maximum attachments per message”",
        "Ada signed in",
    ]
    assert page.count('class="entry"') == 5 and page.count('<h2 class="trail__day') == 1
    opened = page[page.index("setting.changed") :]
    assert "<del><bdi>on</bdi></del>" in opened and "<ins><bdi>off</bdi></ins>" in opened
    assert "127.0.0.1" in page and "Not verified yet" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("person=sam@mail.example", ["sign_in.failed"]),
        ("q=SAM@mail.example", ["sign_in.failed"]),
        ("person=Le", ["membership.role_changed"]),
        ("person=ada&action=settings", ["setting.changed"]),
        ("person=nobody", []),
        ("person=nobody@x.example", []),
        ("action=sign-ins", ["sign_in.failed", "sign_in.succeeded"]),
        ("action=sign_in.failed", ["sign_in.failed"]),
        ("object=setting", ["setting.changed", "setting.changed"]),
        (f"object={FILES}", ["setting.changed"]),
        ("object=maximum attachments per message", ["setting.changed"]),
        ("object=lea@mail.example", ["membership.role_changed"]),
        ("object=user:6&action=people", ["membership.role_changed"]),
        ("object=bakery", []),
        ("object=%FF%00", []),
        ("time=today&action=settings", ["setting.changed", "setting.changed"]),
        ("cursor=3", ["setting.changed", "sign_in.succeeded"]),
    ],
)
def test_filters_find(ada: Browser, query: str, found: list[str]) -> None:
    page = ada.get(f"{AT}?{query}")
    assert page.status_code == 200
    assert re.findall(r'class="entry__action">([^<]*)', page.text) == found
    assert ("No entry matches" in page.text) == (not found)


def test_times_are_those_of_the_reader(ada: Browser) -> None:
    with time_machine.travel(now().replace(hour=12) + timedelta(days=3), tick=False):
        ada.sign_in("admin", "ada")
        for time, more in (("today", 0), ("7", 5), ("", 5)):
            page = ada.get(f"{AT}?time={time}")
            assert page.text.count('class="entry"') == more + 2, time


@pytest.mark.parametrize("query", ["action=x", "time=8", "cursor=x", "cursor=-1", "cursor=" + "9" * 30])
def test_filters_that_do_not_exist_are_refused(ada: Browser, query: str) -> None:
    assert ada.get(f"{AT}?{query}").status_code == 422


def test_a_page_leads_to_the_next(web: Web) -> None:
    with web.app.app_context(), writing(db.session) as session:
        changes = [audit.Change("demo.loaded", audit.Object("platform", str(number))) for number in range(120)]
        audit.record_all(session, None, changes)
    ada = web.signed_in("ada")
    numbers: list[int] = []
    address: str | None = f"{AT}?action=demo.loaded"
    while address:
        page = ada.get(address).text
        numbers += map(int, re.findall(r'id="entry-(\d+)"', page))
        onward = re.search(r'href="([^"]*)" rel="next"', page)
        address = html.unescape(onward[1]) if onward else None
    assert numbers == list(range(120, 0, -1))


def test_the_whole_trail_is_taken_away_as_a_file_and_that_is_in_it(ada: Browser, web: Web) -> None:
    with web.app.app_context(), writing(db.session) as session:
        audit.record(session, None, "demo.loaded", audit.Object("platform", "x", "=HYPERLINK(1)"))
    answer = ada.get(f"{AT}.csv")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [row["action"] for row in rows][-2:] == ["demo.loaded", "export.made"] and len(rows) == 7
    assert rows[5]["object_name"] == "'=HYPERLINK(1)" and json.loads(rows[1]["after"]) == {"value": "4"}
    lines = [json.loads(line) for line in ada.get(f"{AT}.jsonl?action=settings").data.splitlines()]
    assert [line["action"] for line in lines] == ["setting.changed"] * 2
    with web.app.app_context():
        whole, some = [json.loads(entry.after) for entry in trail.all_entries(trail.Filters(actions=("export.made",)))]
        assert whole == {} and "setting.changed" in some["actions"] and trail.verify() is None


def test_only_admins_have_it(web: Web) -> None:
    for who, role in (("sam", "store"), ("cleo", "storefront")):
        browser = web.signed_in(who)
        for path in (AT, f"{AT}.csv", f"{AT}.jsonl"):
            answer = browser.get(path)
            assert answer.status_code == 302 and answer.location.startswith("/admin/login"), (who, path)
            assert browser.get(path.replace("admin", role)).status_code == 404


def test_what_somebody_else_typed_is_only_text(web: Web) -> None:
    bad = "<b>%(object)s</b> ‮"
    with web.app.app_context(), writing(db.session) as session:
        audit.record(
            session, None, "invitation.sent", audit.Object("invitation", 1, bad, "n@x.example"), after={bad: bad}
        )
        audit.record(session, None, "odd.one", audit.Object("odd", 1, "100%"))
    page = web.signed_in("ada").get(AT).text
    assert "<b>%(" not in page and "Command line did odd.one to 100%" in sentences(page)
    assert cast.PASSWORD not in page
