"""Whatever is pressed twice, gone back to or opened in two tabs: each message is sent once, and none is lost."""

from __future__ import annotations

from sqlalchemy import select

from messaging_app.extensions import db
from messaging_app.models import Message
from tests.conftest import Web
from tests.web.forms import HOW, alerts, beginning, check_shape, chosen, count, field


@HOW
def test_a_double_submit_sends_once(htmx: bool, web: Web, numbers: dict[str, int]) -> None:
    place = f"/storefront/account/messages/{numbers['bakery-cleo']}"
    cleo = web.signed_in("cleo")
    form = {"content": "Thanks!", "idempotency_key": field(cleo.get(place).text, "idempotency_key"), "after": "1"}
    answers = [cleo.post(f"{place}/messages", form, htmx=htmx) for _ in range(3)]
    assert [answer.status_code for answer in answers] == ([200] * 3 if htmx else [303] * 3)
    if htmx:
        assert all("Thanks!" in answer.text for answer in answers)
        keys = {field(answer.text, "idempotency_key") for answer in answers if 'name="idempotency_key"' in answer.text}
        assert form["idempotency_key"] not in keys
    else:
        assert {answer.location for answer in answers} == {f"{place}#message-2"}
    assert cleo.get(place).text.count("Thanks!") == 1


@HOW
def test_a_double_submit_begins_once(htmx: bool, web: Web) -> None:
    sam = web.signed_in("sam")
    form = beginning(web, idempotency_key=field(sam.get("/store/messages/new").text, "idempotency_key"))
    answers = [sam.post("/store/messages", form, htmx=htmx) for _ in range(3)]
    places = {
        answer.headers.get("HX-Redirect") or answer.headers.get("HX-Location") or answer.location for answer in answers
    }
    assert places == {"/store/messages/1"}
    assert count(web)[:2] == (1, 1)


@HOW
def test_the_back_button_and_another_text_ask_whether_to_send_this_one_too(
    htmx: bool, web: Web, numbers: dict[str, int]
) -> None:
    place = f"/storefront/account/messages/{numbers['bakery-cleo']}"
    cleo = web.signed_in("cleo")
    key = field(cleo.get(place).text, "idempotency_key")
    assert cleo.post(f"{place}/messages", {"content": "First", "idempotency_key": key}).status_code == 303
    # Back: the browser shows the page as it was, with its key.
    answer = cleo.post(f"{place}/messages", {"content": "Second", "idempotency_key": key, "after": "1"}, htmx=htmx)
    assert answer.status_code == 409
    check_shape(answer, htmx)
    assert "?" in alerts(answer.text), "it asks"
    assert field(answer.text, "content") == "Second"
    fresh = field(answer.text, "idempotency_key")
    assert fresh and fresh != key
    form = {"content": field(answer.text, "content"), "idempotency_key": fresh}
    assert cleo.post(f"{place}/messages", form).status_code == 303
    with web.app.app_context():
        said = db.session.scalars(
            select(Message.content).where(Message.sender_name == "Cleo").order_by(Message.seq)
        ).all()
    assert said == ["First", "Second"]


@HOW
def test_the_back_button_on_a_beginning_asks_too(htmx: bool, web: Web) -> None:
    sam = web.signed_in("sam")
    key = field(sam.get("/store/messages/new").text, "idempotency_key")
    sam.post("/store/messages", beginning(web, idempotency_key=key))
    answer = sam.post("/store/messages", beginning(web, idempotency_key=key, content="Another"), htmx=htmx)
    assert answer.status_code == 409
    assert "?" in alerts(answer.text)
    assert field(answer.text, "content") == "Another" and field(answer.text, "subject") == "About bread"
    assert chosen(answer.text) == [str(web.cast.omar.id)]
    assert field(answer.text, "idempotency_key") != key
    assert count(web)[1] == 1


def test_two_tabs_of_one_person_are_two_messages(web: Web, numbers: dict[str, int]) -> None:
    place = f"/storefront/account/messages/{numbers['bakery-cleo']}"
    cleo = web.signed_in("cleo")
    keys = [field(cleo.get(place).text, "idempotency_key") for _tab in range(2)]
    for key in keys:
        assert cleo.post(f"{place}/messages", {"content": "Same words", "idempotency_key": key}).status_code == 303
    assert cleo.get(place).text.count(">Same words<") == 2


def test_a_key_that_no_form_of_ours_made_does_not_lock_the_composer(web: Web, numbers: dict[str, int]) -> None:
    place = f"/storefront/account/messages/{numbers['bakery-cleo']}"
    cleo = web.signed_in("cleo")
    for key in ("k" * 201, "a\0b", "a\nb"):
        answer = cleo.post(f"{place}/messages", {"content": "Hello", "idempotency_key": key})
        assert answer.status_code == 422
        again = {"content": field(answer.text, "content"), "idempotency_key": field(answer.text, "idempotency_key")}
        assert cleo.post(f"{place}/messages", again).status_code == 303
    assert cleo.post(f"{place}/messages", {"content": "Without a key"}).status_code == 303
