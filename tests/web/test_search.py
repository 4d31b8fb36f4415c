"""The search field of every inbox: its address, its refusals, and a thread that opens at the line that was found."""

from __future__ import annotations

import pytest

from messaging_app.services import messaging
from tests.conftest import Web
from tests.world import begin

PLACES = {"sam": "/store/messages", "cleo": "/storefront/account/messages", "ada": "/admin/messages"}


@pytest.fixture
def planted(web: Web, numbers: dict[str, int]) -> int:
    """The bakery's conversation with Cleo, with 120 lines; "planted" stands in lines 10 and 60."""
    with web.app.app_context():
        for seq in range(2, 121):
            line = f"Planted <b> &amp; {seq}" if seq in (10, 60) else f"Line {seq}"
            messaging.send_message(web.cast.cleo if seq % 2 else web.cast.sam, numbers["bakery-cleo"], line)
    return numbers["bakery-cleo"]


@pytest.mark.parametrize("who", ["sam", "cleo"])
@pytest.mark.parametrize("htmx", [False, True])
def test_a_hit_shows_its_line_with_the_word_marked_and_leads_to_it(
    web: Web, planted: int, who: str, htmx: bool
) -> None:
    place, browser = PLACES[who], web.signed_in(who)
    page = browser.get(f"{place}?q=plan", htmx=htmx).text
    assert page.count('<li class="conversation') == 1
    assert "<mark>Planted</mark> &lt;b&gt; &amp;amp; 60" in page
    assert f'href="{place}/{planted}?q=plan&amp;hit=60#message-60"' in page
    assert 'value="plan"' in page and ("<html" in page) != htmx
    thread = browser.get(f"{place}/{planted}?q=plan&hit=60", htmx=htmx).text
    assert "message--hit" in thread and "<mark>Planted</mark>" in thread
    assert 'id="message-40"' in thread and 'id="message-89"' in thread and 'id="message-120"' not in thread
    assert f"{place}/{planted}?q=plan&amp;hit=10#message-10" in thread
    assert "Match 2 of 2 for" in thread


def test_others_find_nothing_and_learn_nothing(web: Web, planted: int) -> None:
    for who, place in (("ada", PLACES["ada"]), ("tomas", "/store/messages"), ("omar", PLACES["cleo"])):
        browser = web.signed_in(who)
        page = browser.get(f"{place}?q=planted").text
        assert "Nothing found" in page and "Nothing here yet" not in page
        assert browser.get(f"{place}/{planted}?q=planted").status_code == 404


def test_filters_are_chips_that_can_be_taken_away(web: Web, planted: int) -> None:
    page = web.signed_in("sam").get("/store/messages?q=planted+is:open+from:sam").text
    assert 'href="/store/messages?q=planted+from%3Asam"' in page
    assert 'href="/store/messages?q=planted+is%3Aopen"' in page
    assert 'href="/store/messages?q=planted+is%3Aopen+from%3Asam+has%3Afile"' in page
    assert "is%3Aclosed" not in page
    assert "Waiting for us" not in web.signed_in("cleo").get(f"{PLACES['cleo']}?q=planted").text


def test_filters_with_a_value_are_chosen_in_a_form(web: Web, planted: int) -> None:
    for who, place in PLACES.items():
        browser = web.signed_in(who)
        page = browser.get(f"{place}?q=planted").text
        assert ("add_store" in page) == (who == "ada")
        answer = browser.get(f"{place}?q=planted&add_from=Sam+%22O&add_after=2026-01-01&add_before=&add_store=")
        assert answer.status_code == 303
        assert answer.location == f"{place}?q=planted+from%3A%22Sam+O%22+after%3A2026-01-01"
    page = web.signed_in("sam").get("/store/messages?q=planted+from%3Asam+after%3A2026-01-01").text
    assert page.count("chip--on") == 2 and page.count('<li class="conversation') == 1
    assert web.signed_in("sam").get("/store/messages?q=planted&add_from=+").status_code == 200
    assert web.signed_in("sam").get("/store/messages?q=x&add_from=" + "y" * 10_000).status_code == 303


def test_what_is_too_long_comes_back_with_a_sentence_and_an_empty_search_is_the_inbox(web: Web, planted: int) -> None:
    browser = web.signed_in("sam")
    answer = browser.get("/store/messages?q=" + "x" * 10_000)
    assert answer.status_code == 422
    assert "at most 500 characters" in answer.text and 'value="xxxx' in answer.text
    for q in ("", "+", "%00"):
        assert browser.get(f"/store/messages?q={q}").status_code == 200
    assert 'id="conversations-poll"' in browser.get("/store/messages?q=").text
    assert "data-search" in browser.get("/store/messages?q=%22").text
    assert browser.get("/store/messages?q=x&cursor=nonsense").status_code == 422
    assert browser.get(f"/store/messages/{planted}?q=nothing").text.count("message--hit") == 0


def test_pages_of_hits_follow_each_other(web: Web, numbers: dict[str, int]) -> None:
    with web.app.app_context():
        for number in range(30):
            begin(web.cast.sam, "store_customer", "customer", web.cast.omar.id, f"Number {number}", "Planted")
    browser = web.signed_in("sam")
    first = browser.get("/store/messages?q=planted", htmx=True).text
    assert first.count('<li class="conversation') == 25
    link = first.split('id="more-conversations" href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = browser.get(link, htmx=True).text
    assert second.count('<li class="conversation') == 5 and "more-conversations" not in second
