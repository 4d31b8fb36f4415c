"""Bad input: shows an error next to its field, keeps what was typed, and never causes a 5xx."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from messaging_app import doctor
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import Customer, Message, RecipientTerm
from tests.conftest import Browser, Web
from tests.domain import invariants
from tests.web.forms import HOW, alerts, beginning, check_shape, chosen, count, field
from tests.world import four_conversations

DATABASES = pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])

INVISIBLE = "\u200b\u200d\u2060\ufeff\u3164"

BAD_CONTENT = {
    "nothing": ("", "Write a message."),
    "blank": (" \r\n\t\u00a0\u2003 ", "Write a message."),
    "only zero-width": (INVISIBLE, "Write a message."),
    "one too many": ("🥐" * 10_001, "10,000 characters"),
    "NUL": ("He\0llo", "cannot be stored"),
}

BAD_SUBJECT = {
    "nothing": ("", "Write a subject."),
    "only zero-width": (INVISIBLE, "Write a subject."),
    "one too many": ("ü" * 201, "200 characters"),
    "NUL": ("a\0b", "control characters"),
    "escape": ("a\x1bb", "control characters"),
}


@pytest.fixture(scope="module")
def places(webs: Callable[[str], Web]) -> Callable[[str], tuple[Web, dict[str, int]]]:
    """A web with the four conversations, by database; the tests of this module leave them open and clean up nothing."""
    kept: dict[str, tuple[Web, dict[str, int]]] = {}

    def of(database: str) -> tuple[Web, dict[str, int]]:
        if database not in kept:
            tried.add(database)
            web = webs(database)
            with web.app.app_context():
                kept[database] = web, four_conversations(web.cast)
        return kept[database]

    return of


@pytest.fixture(scope="module", autouse=True)
def nothing_to_mend(webs: Callable[[str], Web], places: Any) -> Any:
    """After all that was tried here the doctor finds nothing."""
    yield
    for database in ("sqlite", "postgres"):
        if database in tried:
            web, _ = places(database)
            with web.app.app_context():
                assert invariants.broken() == []
                assert not doctor.examine(repair=False).broken


tried: set[str] = set()


# --- Text ---------------------------------------------------------------------------------------------------------


@HOW
@DATABASES
@pytest.mark.parametrize("what", BAD_CONTENT)
def test_a_message_that_cannot_be_sent_stays_where_it_was_typed(
    what: str, database: str, htmx: bool, places: Any
) -> None:
    web, numbers = places(database)
    cleo = web.signed_in("cleo")
    place = f"/storefront/account/messages/{numbers['bakery-cleo']}"
    key = field(cleo.get(place).text, "idempotency_key")
    content, sentence = BAD_CONTENT[what]
    before = count(web)
    answer = cleo.post(f"{place}/messages", {"content": content, "idempotency_key": key, "after": "1"}, htmx=htmx)
    assert answer.status_code == 422
    check_shape(answer, htmx)
    assert sentence in alerts(answer.text)
    assert as_typed(field(answer.text, "content")) == as_typed(content)
    assert field(answer.text, "idempotency_key") == key
    assert 'aria-describedby="composer-error"' in answer.text
    assert count(web) == before


@HOW
@DATABASES
@pytest.mark.parametrize("what", BAD_CONTENT)
def test_a_conversation_that_cannot_begin_keeps_subject_text_and_recipient(
    what: str, database: str, htmx: bool, places: Any
) -> None:
    web, _ = places(database)
    sam = web.signed_in("sam")
    key = field(sam.get("/store/messages/new").text, "idempotency_key")
    content, sentence = BAD_CONTENT[what]
    form = beginning(web, content=content, idempotency_key=key)
    before = count(web)
    answer = sam.post("/store/messages", form, htmx=htmx)
    assert answer.status_code == 422
    check_shape(answer, htmx)
    assert sentence in alerts(answer.text)
    assert as_typed(field(answer.text, "content")) == as_typed(content)
    assert field(answer.text, "subject") == form["subject"]
    assert field(answer.text, "idempotency_key") == key
    assert chosen(answer.text) == [str(web.cast.omar.id)]
    assert 'aria-describedby="compose-content-error"' in answer.text
    assert count(web) == before


@HOW
@DATABASES
@pytest.mark.parametrize("what", BAD_SUBJECT)
def test_a_subject_that_cannot_be_is_refused_at_the_subject(what: str, database: str, htmx: bool, places: Any) -> None:
    web, _ = places(database)
    sam = web.signed_in("sam")
    sam.get("/store/messages/new")
    subject, sentence = BAD_SUBJECT[what]
    answer = sam.post("/store/messages", beginning(web, subject=subject), htmx=htmx)
    assert answer.status_code == 422
    assert sentence in alerts(answer.text)
    assert as_typed(field(answer.text, "subject")) == as_typed(subject)
    assert field(answer.text, "content") == "Hello Omar"
    assert 'aria-describedby="compose-subject-error"' in answer.text
    assert 'aria-describedby="compose-content-error"' not in answer.text


@HOW
def test_everything_that_is_wrong_is_said_at_once(htmx: bool, web: Web) -> None:
    sam = web.signed_in("sam")
    sam.get("/store/messages/new")
    answer = sam.post("/store/messages", {"recipient_type": "customer"}, htmx=htmx)
    assert answer.status_code == 422
    said = alerts(answer.text)
    for sentence in ("Choose a recipient", "Write a subject", "Write a message"):
        assert sentence in said


@DATABASES
def test_what_a_browser_cannot_send_but_a_program_can_is_stored_whole_or_refused(database: str, places: Any) -> None:
    """Half a surrogate pair and broken UTF-8 in a form: replaced by Werkzeug, never a fault of ours."""
    web, numbers = places(database)
    sam = web.signed_in("sam")
    place = f"/store/messages/{numbers['bakery-cleo']}/messages"
    for raw in (b"half %ED%A0%BD pair", b"%FF%FE", b"%C3%28", b"\xed\xa0\xbd", b"%F4%90%80%80", b"%u0041", b"%"):
        body = b"content=" + raw + b"&csrf_token=" + sam.token.encode()
        answer = sam.client.post(place, data=body, content_type="application/x-www-form-urlencoded")
        assert answer.status_code in (303, 400), raw
        body = b"subject=" + raw + body + f"&recipient_type=customer&recipient_id={web.cast.cleo.id}".encode()
        answer = sam.client.post("/store/messages", data=body.replace(raw + b"content", raw + b"&content"))
        assert answer.status_code < 500, raw
    page = sam.get(f"/store/messages/{numbers['bakery-cleo']}")
    assert page.status_code == 200


@DATABASES
def test_what_is_just_within_bounds_is_sent_as_it_is(database: str, places: Any) -> None:
    web, numbers = places(database)
    sam, cleo = web.signed_in("sam"), web.signed_in("cleo")
    place = f"/store/messages/{numbers['bakery-cleo']}"
    nasty = "<script>alert(1)</script> {{ 7*7 }} %s ' \" \\ & \u202e RLO \x01 \x1b[31m\n\nhttps://x.example/?a=1&b=<2>"
    for content in ("🥐" * 9_999 + "\r\n" + "x" * 0, "a\r\n" * 4_998 + "end", "x", nasty, "-" * 10_000):
        assert sam.post(f"{place}/messages", {"content": f"\r\n {content} \n"}).status_code == 303
        with web.app.app_context():
            stored = db.session.scalar(select(Message.content).order_by(Message.id.desc()).limit(1))
        assert stored == content.replace("\r\n", "\n").strip()
        page = cleo.get(f"/storefront/account/messages/{numbers['bakery-cleo']}").text
        assert "<script>alert" not in page
    sam.post(f"{place}/messages", {"content": nasty})
    page = cleo.get(f"/storefront/account/messages/{numbers['bakery-cleo']}").text
    assert "<script>alert" not in page and "{{ 7*7 }} %s" in page


# --- Recipients ---------------------------------------------------------------------------------------------------

WRONG_RECIPIENTS = ("", "0", "-1", "1e0", "1.0", "٣", "true", "\0", " ", "9" * 20, "9223372036854775807", "[1]")


@HOW
@DATABASES
def test_a_recipient_of_any_wrong_shape_is_refused_at_the_recipient(database: str, htmx: bool, places: Any) -> None:
    web, _ = places(database)
    sam = web_sam(web)
    sam.get("/store/messages/new")
    for number in WRONG_RECIPIENTS:
        answer = sam.post("/store/messages", beginning(web, recipient_id=number), htmx=htmx)
        assert answer.status_code == 422, number
        assert "Choose a recipient" in alerts(answer.text), number
        assert field(answer.text, "content") == "Hello Omar"
        assert chosen(answer.text) == []


@HOW
@pytest.mark.parametrize("kind", ["", "store", "admin", "customers", "\0", "x" * 1000])
def test_a_kind_of_recipient_that_is_not_theirs_is_refused_at_the_recipient(kind: str, htmx: bool, web: Web) -> None:
    sam = web.signed_in("sam")
    sam.get("/store/messages/new")
    form = beginning(web, recipient_type=kind)
    answer = sam.post("/store/messages", form, htmx=htmx)
    assert answer.status_code == 422
    assert "Choose a recipient" in alerts(answer.text)
    assert field(answer.text, "content") == "Hello Omar"


@HOW
def test_another_stores_customer_is_nobody(htmx: bool, web: Web) -> None:
    sam = web.signed_in("sam")
    page = sam.get("/store/messages/new").text
    assert "Jun" not in page
    answer = sam.post("/store/messages", beginning(web, recipient_id=str(web.cast.jun.id)), htmx=htmx)
    assert answer.status_code == 422 and "Choose a recipient" in alerts(answer.text)
    assert "Jun" not in answer.text


@HOW
def test_a_recipient_found_by_searching_stays_chosen_over_a_refusal(htmx: bool, web: Web) -> None:
    """The refused form shows the top of the list; whom one had searched for may stand far below."""
    with web.app.app_context(), writing(db.session) as session:
        for number in range(60):
            name = f"Aaron {number:02}"
            customer = Customer(
                store_id=web.cast.bakery,
                email=f"a{number}@x",
                email_key=f"a{number}@x",
                name=name,
                sort_name=name.lower(),
            )
            session.add(customer)
            session.flush()
            session.add(
                RecipientTerm(
                    recipient_type="customer", recipient_id=customer.id, term="aaron", store_id=web.cast.bakery
                )
            )
    sam = web.signed_in("sam")
    assert "Omar" not in sam.get("/store/messages/new").text
    assert "Omar" in sam.get("/store/messages/new?q=om").text
    answer = sam.post("/store/messages", beginning(web, content=""), htmx=htmx)
    assert answer.status_code == 422
    assert chosen(answer.text) == [str(web.cast.omar.id)]


def test_a_recipient_asked_for_by_number_is_chosen_only_where_theirs_to_reach(web: Web) -> None:
    sam, place = web.signed_in("sam"), "/store/messages/recipients"
    asked = {"recipient_id": str(web.cast.omar.id), "q": "cleo"}
    assert chosen(sam.get(place, query_string=asked, htmx=True).text) == [asked["recipient_id"]]
    for number in (*WRONG_RECIPIENTS, str(web.cast.jun.id)):
        answer = sam.get(place, query_string={"recipient_id": number}, htmx=True)
        assert answer.status_code == 200 and chosen(answer.text) == [] and "Jun" not in answer.text, number


# --- Numbers, filters and what nobody typed -----------------------------------------------------------------------

WRONG_NUMBERS = ("-1", "1e0", "1.0", "٣", "true", "\0", "99999999999999999999", "x", "1 OR 1=1", "[]")


@DATABASES
def test_reading_up_to_no_number_reads_nothing(database: str, places: Any) -> None:
    web, numbers = places(database)
    place = f"/store/messages/{numbers['admin-bakery']}"
    nadia = web.signed_in("nadia")
    before = nadia.get("/store/messages/unread-count").text
    for form in ({}, *({"up_to": number} for number in ("", " ", *WRONG_NUMBERS))):
        assert nadia.post(f"{place}/read", form).status_code == 422, form
        assert nadia.put(f"{place}/read", form).status_code == 422, form
    assert nadia.get("/store/messages/unread-count").text == before


@pytest.mark.parametrize("value", ["", "maybe", "1", "\0", "TRUE"])
def test_a_switch_is_on_or_off(value: str, web: Web, numbers: dict[str, int]) -> None:
    place = f"/store/messages/{numbers['bakery-cleo']}/preferences"
    sam = web.signed_in("sam")
    for form in ({"email_notifications": value}, {}):
        assert sam.post(place, form).status_code == 422
        assert sam.put(place, form).status_code == 422


@DATABASES
@pytest.mark.parametrize("name", ["before", "after", "cursor", "status", "type", "recipient_type"])
def test_a_filter_of_any_wrong_shape_is_told_and_breaks_nothing(name: str, database: str, places: Any) -> None:
    web, numbers = places(database)
    sam = web_sam(web)
    paths = {
        "before": f"/store/messages/{numbers['bakery-cleo']}",
        "after": f"/store/messages/{numbers['bakery-cleo']}/messages",
        "recipient_type": "/store/messages/recipients",
    }
    for value in WRONG_NUMBERS:
        if (name, value) == ("cursor", "1.0"):
            continue  # that is a cursor: of the first microsecond of 1970
        for htmx in (False, True):
            answer = sam.get(paths.get(name, "/store/messages"), query_string={name: value}, htmx=htmx)
            assert answer.status_code == 422, (value, answer.status)


UNKNOWN = (
    "unread=2", "unread=", "status=", "type=", "cursor=", "x=y", "status=all&status=open", "have=%00",
    "have=" + "x" * 2000, "%00=%00", "status[]=open", "q=%ED%A0%80", "type=store_customer&status=closed&unread=1",
)  # fmt: skip


@DATABASES
def test_pages_ignore_what_they_do_not_know(database: str, places: Any) -> None:
    web, _ = places(database)
    for query in UNKNOWN:
        assert web_sam(web).get(f"/store/messages?{query}").status_code == 200, query


SEARCHES = ("\0", "%", "_", "'", '"', "\\", "🥐", "\u202e", "a" * 5000, "\ud7ff", "İ", "ß", " ", "*", "cleo om")


@DATABASES
def test_a_search_for_anything_finds_somebody_or_nobody(database: str, places: Any) -> None:
    web, _ = places(database)
    ada = web.signed_in("ada")
    for q in SEARCHES:
        for browser, role, kind in (
            (web_sam(web), "store", "customer"),
            (ada, "admin", "customer"),
            (ada, "admin", "store"),
        ):
            for path in ("recipients", "new"):
                query = {"recipient_type": kind, "q": q}
                answer = browser.get(f"/{role}/messages/{path}", query_string=query, htmx=True)
                assert answer.status_code == 200, (q, answer.status)


@DATABASES
@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b'{"content": "Hello"}', 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="content"\r\n\r\n' + b"x" * (600 * 1024) + b"\r\n--x--",
            413,
        ),
        ("application/x-www-form-urlencoded", b"x=" + b"y" * (1024 * 1024 + 1), 413),
        ("multipart/form-data", b"no boundary", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nbroken", 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n' * 300 + b"--x--",
            413,
        ),
        ("application/x-www-form-urlencoded; charset=utf-7", b"content=%2BADw-", 400),
        ("", b"content=Hello", 400),
    ],
    ids=["json", "large field", "large body", "no boundary", "broken", "many parts", "charset", "no type"],
)
def test_a_body_that_is_no_form_of_ours_is_refused_without_a_fault(
    content_type: str, body: bytes, status: int, database: str, places: Any
) -> None:
    web, numbers = places(database)
    sam = web_sam(web)
    before = count(web)
    for path in ("/store/messages", f"/store/messages/{numbers['bakery-cleo']}/messages"):
        answer = sam.client.post(path, data=body, content_type=content_type)
        assert answer.status_code == status, answer.status
    assert count(web) == before


@pytest.mark.parametrize("place", ["typing", "read", "preferences", "close"])
def test_a_form_as_large_as_files_is_read_only_where_files_are_sent(place: str, places: Any) -> None:
    web, numbers = places("sqlite")
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + b"x" * (1024 * 1024)
    path = f"/store/messages/{numbers['bakery-cleo']}/{place}"
    answer = web_sam(web).client.post(path, data=part + b"\r\n--x--", content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 413, answer.status


# --- Helpers ------------------------------------------------------------------------------------------------------


def as_typed(value: str) -> str:
    """A form's text but for what HTML itself does to it: line ends, and NUL that no page can show."""
    return value.replace("\r\n", "\n").replace("\0", "").replace("\ufffd", "")


_sams: dict[int, Browser] = {}


def web_sam(web: Web) -> Browser:
    """Sam, signed in once for all tests that change nothing."""
    if id(web) not in _sams:
        _sams[id(web)] = web.signed_in("sam")
    return _sams[id(web)]
