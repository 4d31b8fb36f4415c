"""Saved replies on pages: kept, changed, imported, offered and filled in."""

from __future__ import annotations

import io

import pytest

from tests.conftest import Browser, Web

AT = "/store/saved-replies"


def upload(browser: Browser, content: bytes) -> tuple[int, str]:
    answer = browser.post(f"{AT}/import", {"file": (io.BytesIO(content), "replies.csv")})
    return answer.status_code, answer.text


def test_a_team_keeps_changes_and_deletes_a_reply(web: Web, numbers: dict[str, int]) -> None:
    sam = web.signed_in("sam")
    sam.get(f"{AT}/new")
    refused = sam.post(AT, {"name": "", "text": "kept <b>words</b>"})
    assert refused.status_code == 422 and "kept &lt;b&gt;words&lt;/b&gt;" in refused.text
    assert sam.post(AT, {"name": "Nuts", "text": "No nuts."}).status_code == 303
    assert sam.post(f"{AT}/1", {"name": "Nuts & more", "text": "None."}).status_code == 303
    assert "Nuts &amp; more" in sam.get(AT).text
    assert sam.get(f"{AT}/1/delete").status_code == 200
    assert sam.post(f"{AT}/1/delete").status_code == 303
    assert "Nuts" not in sam.get(AT).text and sam.get(f"{AT}/1").status_code == 404


def test_variables_are_filled_in_and_what_is_empty_or_unknown_stays(web: Web, numbers: dict[str, int]) -> None:
    sam = web.signed_in("sam")
    text = "Hi {customer.first_name}, {me.first_name} of {store.name}. {order.reference} {{7*7}} <script> {no.such}"
    sam.get(AT)
    sam.post(AT, {"name": "All", "text": text})
    place = f"/store/messages/{numbers['bakery-cleo']}/saved-replies"
    assert "All" in sam.get(f"{place}?q=al", htmx=True).text and "All" not in sam.get(f"{place}?q=zz", htmx=True).text
    filled = sam.post(f"{place}/1")
    assert filled.text == "Hi Cleo, Sam of Bakery. {order.reference} {{7*7}} <script> {no.such}"
    assert filled.mimetype == "text/plain"
    assert "used once" in sam.get(AT).text
    nobody = web.signed_in("tomas")
    nobody.get(AT)
    assert nobody.post(f"{place}/1").status_code == 404, "another store's conversation"
    assert nobody.post(f"/store/messages/{numbers['cycles-jun']}/saved-replies/1").status_code == 404


def test_a_file_is_taken_whole_or_not_at_all(web: Web) -> None:
    sam = web.signed_in("sam")
    sam.get(AT)
    assert upload(sam, '\ufeffname,text\r\nHours,"Open,\nmost days"\r\nThanks,Thank you!\r\n'.encode())[0] == 303
    assert upload(sam, b"name,text\nThanks,Many thanks!\n")[0] == 303
    page = sam.get(AT).text
    assert page.count("Thanks") == 2 and "Many thanks!" in page, "its name, and what the button for it is called"
    for content, word in {
        b"": "first line",
        b"title,body\nA,b\n": "first line",
        b"name,text\nNew,fine\nA\n": "Line 3",
        b"name,text\nNew,fine\n,b\n": "Line 3",
        b"name,text\nNew,\xff\n": "UTF-8",
        b'name,text\nNew,"open\n': "CSV",
    }.items():
        status, text = upload(sam, content)
        assert status == 422 and word in text, content
    assert "New," not in sam.get(AT).text and "fine" not in sam.get(AT).text


@pytest.mark.parametrize("path", ["/saved-replies", "/account/saved-replies"])
def test_customers_have_none(path: str, web: Web) -> None:
    assert web.signed_in("cleo").get(f"/storefront{path}").status_code == 404
