"""Files in a conversation: chosen, sent, looked at, refused by name, removed."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site, Visitors
from tests.browser.files import EMPTY, FALSE_PICTURE, PICTURE, TABLE
from tests.browser.hands import composer, messages, send_button, write

pytestmark = pytest.mark.browser


def test_files_without_words_arrive_and_the_next_message_is_another(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    sam, cleo = visit("sam", number), visit("cleo", number)
    sam.get_by_label("Attach files", exact=True).set_input_files([PICTURE, TABLE])
    expect(sam.get_by_role("button", name="Remove prices.csv")).to_be_visible()
    send_button(sam).click()
    expect(messages(sam)).to_have_count(2)
    expect(sam.get_by_role("button", name="Remove prices.csv")).to_have_count(0)
    write(sam, "These are the prices.")
    for page in (sam, cleo):
        expect(messages(page)).to_have_count(3)
        expect(messages(page).last).to_contain_text("These are the prices.")
    picture = cleo.get_by_role("link", name="picture.png")
    expect(picture).to_be_visible()
    with cleo.expect_download() as coming:
        cleo.get_by_role("link", name="prices.csv").click()
    assert coming.value.suggested_filename == "prices.csv"
    picture.click()
    viewer = cleo.get_by_role("dialog", name="picture.png")
    expect(viewer).to_be_visible()
    cleo.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    expect(picture).to_be_focused()


@pytest.mark.parametrize(("bad", "sentence"), [(EMPTY, "empty"), (FALSE_PICTURE, "false.png")], ids=["empty", "false"])
def test_a_refused_file_is_named_and_the_rest_is_kept(
    site: Site, visit: Visitors, bad: dict[str, object], sentence: str
) -> None:
    visit.noise("422")
    page = visit("cleo", site.begin(site.cast.sam, site.cast.cleo))
    page.get_by_label("Attach files", exact=True).set_input_files([TABLE, bad])  # type: ignore[list-item]
    composer(page).fill("Both of them")
    send_button(page).click()
    expect(page.locator("#composer").get_by_text(sentence).first).to_be_visible()
    expect(composer(page)).to_have_value("Both of them")
    expect(messages(page)).to_have_count(1)
    page.get_by_role("button", name=f"Remove {bad['name']}").click()
    expect(page.get_by_role("button", name="Remove prices.csv")).to_be_visible()
    send_button(page).click()
    expect(messages(page)).to_have_count(2)
    expect(messages(page).last).to_contain_text("Both of them")
    expect(messages(page).last.get_by_role("link", name="prices.csv")).to_be_visible()


def test_a_removed_file_is_gone_for_everybody(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    sam, cleo = visit("sam", number), visit("cleo", number)
    sam.get_by_label("Attach files", exact=True).set_input_files([TABLE])
    write(sam, "Oops")
    expect(cleo.get_by_role("link", name="prices.csv")).to_be_visible()
    expect(cleo.get_by_label("Remove prices.csv")).to_have_count(0)
    sam.get_by_label("Remove prices.csv").click()
    sam.get_by_label("Reason (optional)").fill("The wrong list")
    sam.get_by_role("button", name="Remove file").click()
    for page in (sam, cleo):
        expect(page.get_by_text("Removed by Sam")).to_be_visible()
        expect(page.get_by_text("The wrong list")).to_be_visible()
        expect(page.get_by_role("link", name="prices.csv")).to_have_count(0)
