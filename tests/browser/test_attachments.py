"""Files as people handle them: dropped, pasted, hinted at, on slow lines, looked at, removed; and how that looks."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Locator, Page, Route, expect

from messaging_app.services.settings import set_settings
from tests.browser import axe
from tests.browser.conftest import Site, Visitors
from tests.browser.files import EMPTY, FALSE_PICTURE, PICTURE, PROGRAM, TABLE, picture
from tests.browser.hands import composer, messages, poll, row, send_button, thread, write
from tests.services import wait_for

pytestmark = pytest.mark.browser
SECOND: FilePayload = {**PICTURE, "name": "second.png"}
NOTES: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"words " * 200}
LARGE: FilePayload = {"name": "large.txt", "mimeType": "text/plain", "buffer": b"x" * (3 * 2**20)}


def field(page: Page) -> Locator:
    return page.get_by_label("Attach files", exact=True).and_(page.locator("input"))


def staged(page: Page) -> Locator:
    """The files that are about to be sent."""
    return page.get_by_role("list", name="Files to send").get_by_role("listitem")


def hand_over(page: Page, event: str, selector: str, *files: FilePayload, text: str = "") -> bool:
    """Drag or paste files onto an element, as the system hands them to a page. Says whether the page took them."""
    told = [{"name": f["name"], "type": f["mimeType"], "data": base64.b64encode(f["buffer"]).decode()} for f in files]
    return bool(
        page.evaluate(
            """([event, selector, files, text]) => {
            const data = new DataTransfer();
            for (const { name, type, data: b } of files)
                data.items.add(new File([Uint8Array.from(atob(b), (c) => c.charCodeAt(0))], name, { type }));
            if (text) data.setData("text/plain", text);
            const options = { bubbles: true, cancelable: true };
            const hand = (event) => !document.querySelector(selector).dispatchEvent(event);
            if (event === "paste") return hand(new ClipboardEvent("paste", { ...options, clipboardData: data }));
            return ["dragenter", "dragover", "drop"].map((type) => hand(new DragEvent(type, { ...options, dataTransfer: data }))).at(-1);
        }""",
            [event, selector, told, text],
        )
    )


def test_files_are_dropped_pasted_and_chosen_and_one_is_removed(site: Site, visit: Visitors) -> None:
    page = visit("sam", site.begin(site.cast.sam, site.cast.cleo))
    hand_over(page, "drop", "#thread-messages", PICTURE, TABLE)
    expect(staged(page)).to_have_count(2)
    expect(staged(page).first.locator("img")).to_be_visible()
    expect(staged(page).nth(1)).to_contain_text("prices.csv")
    expect(page.locator(".composer--drop")).to_have_count(0)
    assert hand_over(page, "drop", "#conversations", NOTES), "the browser leaves the page for a file dropped beside"
    expect(staged(page)).to_have_count(2)
    hand_over(page, "drop", "#thread-messages", TABLE)
    expect(staged(page)).to_have_count(3)  # another file of the same name; only the very same file is taken once
    staged(page).nth(2).get_by_role("button").click()
    hand_over(page, "paste", "#content", {**PICTURE, "name": "image.png"})
    expect(staged(page).last).to_contain_text(re.compile(r"image-\d{4}-\d\d-\d\dT?-?.*\.png"))
    hand_over(page, "paste", "#content", PICTURE, text="from a table")  # office programs bring a picture of the text
    expect(staged(page)).to_have_count(3)
    with page.expect_file_chooser() as chooser:
        page.get_by_title("Attach files", exact=True).click()
    chooser.value.set_files([NOTES])
    expect(staged(page)).to_have_count(4)  # choosing adds to what was there
    page.get_by_role("button", name="Remove prices.csv").click()
    expect(staged(page)).to_have_count(3)
    send_button(page).click()
    expect(messages(page)).to_have_count(2)
    expect(messages(page).last.get_by_role("listitem")).to_have_count(3)
    expect(messages(page).last.get_by_role("link", name="prices.csv")).to_have_count(0)
    expect(staged(page)).to_have_count(0)


def test_chosen_files_wait_for_who_looks_into_another_conversation(site: Site, visit: Visitors) -> None:
    site.begin(site.cast.sam, site.cast.omar, "Another one")
    page = visit("sam", site.begin(site.cast.sam, site.cast.cleo))
    field(page).set_input_files([PICTURE, TABLE])
    row(page, "Another one").click()
    expect(thread(page, "Another one")).to_be_visible()
    expect(staged(page)).to_have_count(0)
    row(page, "Your rye loaf").click()
    expect(staged(page)).to_have_count(2)
    staged(page).first.get_by_role("button").click()
    send_button(page).click()
    expect(messages(page).last).to_contain_text("prices.csv")
    row(page, "Another one").click()
    row(page, "Your rye loaf").click()
    expect(messages(page)).to_have_count(2)
    expect(staged(page)).to_have_count(0)


def test_hints_before_sending_say_what_the_server_will(site: Site, visit: Visitors) -> None:
    visit.noise("422")
    site.do(set_settings, None, {"message_attachment_max_size_mb": "1", "message_attachment_max_files": "5"})
    page = visit("cleo", site.begin(site.cast.sam, site.cast.cleo))
    field(page).set_input_files([TABLE, LARGE, PROGRAM, EMPTY, FALSE_PICTURE, NOTES])
    said = [
        "20 B|1 kB",
        "Larger than 1 MB",
        "documents as PDF",
        "This file is empty",
        "kB",
        "At most 5",
    ]
    for item, words in zip(staged(page).all(), said, strict=True):
        expect(item).to_contain_text(re.compile(words))
    page.get_by_role("button", name="Remove notes.txt").click()
    composer(page).fill("Not to be lost")
    refused = page.locator(".staged__file--refused")
    expect(refused).to_have_count(3)
    for name in ("large.txt", "program.exe", "empty.txt"):
        page.get_by_role("button", name=f"Remove {name}").click()
    hand_over(page, "drop", "#thread-messages", {**PICTURE, "name": "photo.HEIC"})
    expect(staged(page).last).to_contain_text("HEIC photo. Save it as JPEG")
    page.get_by_role("button", name="Remove photo.HEIC").click()
    send_button(page).click()
    expect(refused).to_have_count(1)
    expect(refused.filter(has_text="false.png")).to_contain_text("is plain text. Rename it")
    expect(composer(page)).to_have_value("Not to be lost")
    page.get_by_role("button", name="Remove false.png").click()
    send_button(page).click()
    expect(messages(page).last.get_by_role("link", name="prices.csv")).to_be_visible()
    expect(messages(page).last).to_contain_text("Not to be lost")


def slow_line(page: Page, upload: int) -> Any:
    """A line that carries `upload` bytes a second; 0 lets it run free again."""
    link = page.context.new_cdp_session(page)
    link.send("Network.enable")
    speed = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": upload or -1}
    link.send("Network.emulateNetworkConditions", {"offline": False, **speed})
    return link


def test_a_slow_line_shows_progress_and_lets_one_stop(site: Site, visit: Visitors) -> None:
    visit.noise("ERR_ABORTED")
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number)
    field(page).set_input_files([NOTES, LARGE])
    slow = slow_line(page, 400_000)
    composer(page).fill("With two files")
    send_button(page).click()
    bar = page.get_by_role("progressbar", name="large.txt")
    expect(bar).to_be_visible()
    wait_for(lambda: 0 < bar.evaluate("bar => bar.position") < 1, every=0.05, what="progress")
    expect(staged(page).last).to_contain_text("of 3 MB")
    page.get_by_role("button", name="Cancel upload of large.txt").click()
    expect(bar).to_be_hidden()
    expect(staged(page)).to_have_count(2)
    expect(composer(page)).to_have_value("With two files")
    expect(send_button(page)).to_have_attribute("aria-busy", "false")
    expect(messages(page)).to_have_count(1)
    slow.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
    )
    send_button(page).click()
    expect(messages(page)).to_have_count(2)
    expect(messages(page).last.get_by_role("listitem")).to_have_count(2)
    page.reload()
    expect(messages(page)).to_have_count(2)  # the stopped one left nothing


def test_who_leaves_while_a_file_travels_is_asked_first(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("cleo", number)
    held: list[Route] = []
    page.route(f"**/messages/{number}/messages", lambda route: held.append(route))
    field(page).set_input_files(PICTURE)
    with page.expect_request(f"**/messages/{number}/messages"):
        send_button(page).click()
    with page.expect_event("dialog") as asked:
        page.once("dialog", lambda dialog: dialog.dismiss())
        page.get_by_role("link", name="Back to conversations").click(no_wait_after=True)
    assert asked.value.type == "beforeunload"
    held[0].continue_()
    expect(messages(page)).to_have_count(2)
    page.get_by_role("link", name="Back to conversations").click()
    expect(row(page, "Your rye loaf")).to_contain_text("picture.png")


def test_pictures_keep_their_place_and_open_large(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number)
    field(page).set_input_files([PICTURE, SECOND, TABLE])
    write(page, "Two pictures")
    expect(messages(page)).to_have_count(2)
    cleo = visit("cleo", "/storefront/account")
    held: list[Route] = []
    cleo.route("**/thumbnail", lambda route: held.append(route))
    cleo.goto(f"/storefront/account/messages/{number}", wait_until="commit")
    cleo.evaluate(
        """() => { window.shifted = 0; new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.shifted += entry.value;
        }).observe({ type: "layout-shift", buffered: true }); }"""
    )
    pictures = messages(cleo).last.locator("img")
    expect(pictures).to_have_count(2)
    place = pictures.first.bounding_box()
    wait_for(lambda: len(held) + cleo.evaluate("0") == 2, what="both previews to be asked for")
    for route in held:
        route.continue_()
    for one in pictures.all():
        expect(one).to_have_js_property("naturalWidth", 320)
    assert pictures.first.bounding_box() == place
    assert pictures.first.get_attribute("width") == "184" and pictures.first.get_attribute("height") == "115"
    assert cleo.evaluate("window.shifted") < 0.01
    pictures.first.click()
    viewer = cleo.locator("#viewer")
    expect(viewer.get_by_role("heading")).to_have_text("picture.png")
    expect(viewer.locator("[data-viewer-image]")).to_have_js_property("naturalWidth", 320)
    for key, name in (("ArrowRight", "second.png"), ("ArrowRight", "picture.png"), ("ArrowLeft", "second.png")):
        cleo.keyboard.press(key)
        expect(viewer.get_by_role("heading")).to_have_text(name)
    viewer.get_by_role("button", name="Next picture").click()
    expect(viewer.get_by_role("heading")).to_have_text("picture.png")
    assert axe.in_every_look(cleo) == []
    cleo.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    expect(messages(cleo).last.get_by_role("link", name="picture.png")).to_be_focused()


def test_on_a_phone_a_picture_is_seen_and_its_file_removed_at_the_end_of_a_full_thread(
    site: Site, visit: Visitors
) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo, "Your rye loaf", *("It leaves tomorrow." for _ in range(20)))
    page = visit("cleo", number, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    field(page).set_input_files([PICTURE, {**PICTURE, "name": f"{'long' * 40}.png"}, TABLE])
    write(page, "Is it done?")
    expect(messages(page)).to_have_count(21)
    messages(page).last.locator("a[data-view]").last.tap()
    viewer = page.locator("#viewer")
    image = viewer.locator("[data-viewer-image]")
    expect(image).to_have_js_property("naturalWidth", 320)
    for part in (image, *viewer.get_by_role("button").all()):
        box = part.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390
    width = image.evaluate("image => image.clientWidth")
    assert width > 300, "the picture has what its buttons leave"
    viewer.get_by_text("Remove this picture").tap()
    viewer.get_by_role("button", name="Remove file").tap()
    expect(viewer).to_be_hidden()
    expect(messages(page).last.get_by_role("listitem").nth(1)).to_contain_text("Removed by Cleo")
    expect(messages(page).last.locator("a[data-view] + details summary")).to_be_hidden()  # no way to hit it by chance
    file = messages(page).last.get_by_role("listitem").last
    file.locator("summary").tap()
    file.get_by_role("button", name="Remove file").tap()
    expect(file).to_contain_text("Removed by Cleo")


SHAPES = {"portrait.png": (900, 1600), "square.png": (1200, 1200), "landscape.png": (1600, 900), "tiny.png": (24, 16)}
# How large the picture is seen, which may be less than its element takes, and where its element and the arrows are.
SEEN = """viewer => {
    const box = (e) => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
    const image = viewer.querySelector("[data-viewer-image]");
    const scale = Math.min(1, image.clientWidth / image.naturalWidth, image.clientHeight / image.naturalHeight);
    return { fit: getComputedStyle(image).objectFit, scale, dialog: box(viewer),
        boxes: [image, ...viewer.querySelectorAll("[data-viewer-turn], .dialog__header a, .dialog__header button, summary")].map(box) };
}"""


@pytest.mark.parametrize("width", [390, 1280, *(pytest.param(width, marks=pytest.mark.long) for width in (544, 768))])
def test_a_picture_of_any_shape_is_seen_whole_and_no_larger_than_it_is(site: Site, visit: Visitors, width: int) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("cleo", number, viewport={"width": width, "height": 720})
    for name, size in SHAPES.items():
        field(page).set_input_files(picture(name, *size))
        send_button(page).click()
        expect(page.get_by_role("link", name=name)).to_be_visible()
    viewer = page.locator("#viewer")
    for name, (wide, high) in SHAPES.items():
        link = page.get_by_role("link", name=name)
        shown = link.locator("img").bounding_box()
        assert shown and shown["width"] <= min(wide, 320) and shown["height"] <= min(high, 240) + 1
        assert abs(shown["width"] / shown["height"] - wide / high) < 0.02, "it keeps its proportions"
        place = link.bounding_box()
        assert place and min(place["width"], place["height"]) >= 44, "a finger finds it"
        more = page.get_by_label(f"Remove {name}").bounding_box()
        assert more and (more["x"] >= place["x"] + place["width"] or more["x"] + more["width"] <= place["x"])
        link.click()
        expect(viewer.locator("[data-viewer-image]")).to_have_js_property("naturalWidth", wide)
        wait_for(lambda: viewer.evaluate("v => v.getAnimations().length === 0"), what="the viewer to stand still")
        seen = viewer.evaluate(SEEN)
        left, top, right, bottom = seen["dialog"]
        assert left >= 0 and top >= 0 and right <= width and bottom <= 720
        for box in seen["boxes"]:
            assert left <= box[0] and top <= box[1] and box[2] <= right and box[3] <= bottom, (name, seen)
        assert seen["fit"] == "scale-down" and (name != "tiny.png" or seen["scale"] == 1)
        page.keyboard.press("Escape")


def test_fingers_find_files_gallery_and_camera(site: Site, visit: Visitors) -> None:
    page = visit("cleo", site.begin(site.cast.sam, site.cast.cleo), has_touch=True, is_mobile=True)
    icons = []
    for title, several, capture in (("Attach files", True, None), ("Choose pictures", True, None),
                                    ("Take a photo", False, "environment")):  # fmt: skip
        button = page.get_by_title(title, exact=True)
        icons.append(button.locator("use").get_attribute("href"))
        with page.expect_file_chooser() as chooser:
            button.tap()
        assert chooser.value.is_multiple() == several
        assert chooser.value.element.get_attribute("capture") == capture
        chooser.value.set_files([{**PICTURE, "name": f"{title}.png"}])
    assert len(set(icons)) == 3
    expect(staged(page)).to_have_count(3)
    assert "image/*" not in str(field(page).get_attribute("accept")), "an iPhone would hand over HEIC"


def test_a_removed_picture_leaves_the_other_sides_page(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    sam, cleo = visit("sam", number), visit("cleo", number, live=False)
    field(sam).set_input_files([PICTURE, TABLE])
    write(sam, "Oops")
    expect(messages(sam)).to_have_count(2)
    poll(cleo)
    expect(cleo.get_by_role("link", name="picture.png")).to_be_visible()
    sam.get_by_label("Remove picture.png").click()
    sam.get_by_label("Reason (optional)").first.fill("The wrong <picture>")
    sam.get_by_role("button", name="Remove file").first.click()
    expect(sam.get_by_text("Removed by Sam")).to_be_visible()
    poll(cleo)
    for page in (sam, cleo):
        expect(page.get_by_text("The wrong <picture>")).to_be_visible()
        expect(page.get_by_role("link", name="picture.png")).to_have_count(0)
        expect(page.get_by_role("link", name="prices.csv")).to_be_visible()
    answer = cleo.request.get(f"{site.url}/storefront/account/messages/{number}/attachments/1")
    assert answer.status == 404


def test_without_scripts_a_plain_field_sends_and_a_form_removes(site: Site, visit: Visitors) -> None:
    visit.noise("422")
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number, java_script_enabled=False)
    field(page).set_input_files([TABLE, FALSE_PICTURE])
    composer(page).fill("Plainly")
    send_button(page).click()
    expect(page.get_by_text("“false.png” is plain text.")).to_be_visible()
    expect(composer(page)).to_have_value("Plainly")
    field(page).set_input_files([TABLE])
    send_button(page).click()
    expect(messages(page).last).to_contain_text("Plainly")
    expect(messages(page).last.get_by_role("link", name="prices.csv")).to_be_visible()
    page.get_by_label("Remove prices.csv").click()
    page.get_by_label("Reason (optional)").fill("Old prices")
    page.get_by_role("button", name="Remove file").click()
    expect(messages(page).last).to_contain_text("Old prices")


def test_a_conversation_begins_with_a_file(site: Site, visit: Visitors) -> None:
    visit.noise("422")
    page = visit("sam")
    page.get_by_role("link", name="New conversation").or_(page.get_by_role("button", name="New conversation")).click()
    dialog = page.get_by_role("dialog", name="New conversation")
    dialog.get_by_label("To", exact=True).press_sequentially("cle")
    dialog.get_by_role("radio", name=re.compile("Cleo")).check(force=True)
    dialog.get_by_label("Subject").fill("A picture for you")
    dialog.get_by_label("Attach files", exact=True).and_(dialog.locator("input")).set_input_files([FALSE_PICTURE])
    hand_over(page, "drop", "#compose", PICTURE)
    items = dialog.get_by_role("list", name="Files to send").get_by_role("listitem")
    expect(items).to_have_count(2)
    dialog.get_by_role("button", name="Send", exact=True).click()
    expect(items.filter(has_text="false.png")).to_contain_text("is plain text")
    expect(dialog.get_by_label("Subject")).to_have_value("A picture for you")
    assert axe.in_every_look(page) == []
    page.set_viewport_size({"width": 1280, "height": 800})
    dialog.get_by_role("button", name="Remove false.png").click()
    dialog.get_by_role("button", name="Send", exact=True).click()
    expect(messages(page).last.get_by_role("link", name="picture.png")).to_be_visible()


@pytest.mark.long
def test_axe_finds_nothing_with_files_staged_and_shown(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number)
    field(page).set_input_files([PICTURE, TABLE, NOTES])
    write(page, "Three files")
    expect(messages(page)).to_have_count(2)
    page.get_by_label("Remove notes.txt").click()
    page.get_by_role("button", name="Remove file").last.click()
    expect(page.get_by_text("Removed by Sam")).to_be_visible()
    field(page).set_input_files([PICTURE, TABLE, PROGRAM])
    expect(page.locator(".staged__file--refused")).to_have_count(1)
    page.get_by_label("Remove picture.png").first.click()
    assert axe.in_every_look(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Remove program.exe").focus()
    page.keyboard.press("Enter")
    expect(staged(page)).to_have_count(2)
