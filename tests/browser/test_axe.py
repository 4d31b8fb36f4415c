"""axe finds nothing on any page and state of any role, in light and dark, at 320 and at 1440 pixels.

bin/test looks at what everybody sees every day, bin/test --all at every page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from messaging_app.models.context import Fact, Named
from messaging_app.paths import resource
from messaging_app.services import contexts, messaging, saved_replies, saved_views
from messaging_app.services.settings import set_settings
from tests.browser import axe, stories
from tests.browser.conftest import Site, Visitors, fail_once
from tests.browser.files import PICTURE, TABLE
from tests.browser.hands import composer, messages, poll, row, sideways, write

pytestmark = pytest.mark.browser


class Looks:
    """Looks at a page after page, and tells all that is wrong in the end."""

    count = 0

    def __init__(self) -> None:
        self.found: list[str] = []

    def __call__(self, page: Page, what: str) -> None:
        Looks.count += len(axe.LOOKS)
        self.found += [f"{what}: {violation}" for violation in axe.in_every_look(page)]
        if wide := sideways(page):  # the last look is the narrow one
            self.found.append(f"{what}: {wide} px wider than the phone")
        page.set_viewport_size({"width": 1440, "height": 900})


@pytest.fixture
def look() -> Iterator[Looks]:
    looks = Looks()
    yield looks
    assert not looks.found, "\n".join(looks.found)


@pytest.fixture(scope="module", autouse=True)
def total() -> Iterator[None]:
    """How much was looked at, for the record (pytest -s)."""
    yield
    print(f"\naxe: {Looks.count} looks, {Looks.count // len(axe.LOOKS)} pages and states")


@pytest.fixture
def everyday(site: Site) -> dict[str, int]:
    """A conversation of each kind, by its subject."""
    return {story.subject: site.tell(story) for story in stories.EVERYDAY}


@pytest.mark.long
def test_nobody_signed_in(site: Site, visit: Visitors, look: Looks) -> None:
    visit.noise("422", "404")
    page = visit()
    for address in ("/", "/admin/login", "/store/login", "/storefront/login", "/storefront/login?store=bakery"):
        page.goto(address)
        look(page, address)
    page.get_by_label("E-mail").fill("cleo@mail.example")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look(page, "sign-in refused")
    page.goto("/storefront/login?store=none")
    look(page, "no such store")
    page.goto("/nothing/here")
    look(page, "no such page")
    page.goto("/api/v1/docs")
    look(page, "the API's pages")


@pytest.mark.parametrize("name", [pytest.param("ada", marks=pytest.mark.long), "lea", "cleo"])
def test_inbox_and_thread_of_every_role(
    site: Site, visit: Visitors, look: Looks, everyday: dict[str, int], name: str
) -> None:
    page = visit(name)
    look(page, "inbox")
    page.get_by_role("button", name=re.compile("^Account of")).click()
    look(page, "account menu")
    page.keyboard.press("Escape")
    if name == "lea":
        page.get_by_role("button", name=re.compile("Store:")).click()
        look(page, "store switcher")
        page.keyboard.press("Escape")
    page.get_by_role("button", name="All types").click()
    look(page, "menu of kinds")
    page.keyboard.press("Escape")
    unread = page.get_by_role("link", name="Unread", exact=True)
    unread.click()
    expect(unread).to_have_attribute("aria-current", "true")  # the other filters' links keep it from now on
    page.get_by_role("link", name="Closed", exact=True).click()
    expect(page.get_by_text("No unread conversations.")).to_be_visible()
    look(page, "nothing in the list")
    subject = "Your complaint" if name == "ada" else stories.MANY_SCRIPTS.subject
    page.goto(f"{page.url.split('?')[0]}/{everyday[subject]}")
    expect(messages(page).last).to_be_visible()
    composer(page).fill("x" * 9_500)
    look(page, "thread with a long answer")
    composer(page).fill("")
    if name != "cleo":
        page.get_by_role("button", name="Read by").click()
        look(page, "readers")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Close conversation").click()
        expect(page.get_by_role("button", name="Reopen conversation")).to_be_visible()
        look(page, "closed just now, with a toast")
    else:
        page.goto(f"/storefront/account/messages/{everyday['A blue umbrella']}")
        look(page, "closed")


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("ada", ["/admin", "/admin/settings", "/admin/tokens", "/admin/preferences", "/admin/messages/999"]),
        ("ada", ["/admin/audit", "/admin/audit?person=nobody", "/admin/system"]),
        ("sam", ["/store", "/store/tokens", "/store/preferences", "/store/messages/999"]),
        ("cleo", ["/storefront/account", "/storefront/account/tokens", "/storefront/account/preferences"]),
    ],
)
def test_other_pages_of_every_role(
    site: Site, visit: Visitors, look: Looks, everyday: dict[str, int], name: str, addresses: list[str]
) -> None:
    visit.noise("404", "422")
    site.do(set_settings, None, {"customers_may_have_tokens": "true"})
    page = visit(name)
    for address in addresses:
        page.goto(address)
        look(page, address)
    if name == "ada":
        page.goto("/admin/settings")
        page.get_by_role("main").locator("form").evaluate("form => { form.noValidate = true; }")
        page.get_by_role("spinbutton").first.fill("0")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("[aria-invalid=true]")).to_have_count(1)
        look(page, "settings refused")
    page.goto(f"/{addresses[0].split('/')[1]}{'/account' if name == 'cleo' else ''}/tokens")
    page.get_by_label("Name").fill("A script of mine")
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_role("status").filter(has_text="new token")).to_be_visible()
    look(page, "a new token")


OWN_ACCOUNT = {
    "ada": ("/admin/account", "", "/security", "/sessions"),
    "cleo": ("/storefront/account", "/security", "/sessions", "/data"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", OWN_ACCOUNT)
def test_the_own_account(site: Site, visit: Visitors, look: Looks, name: str) -> None:
    visit.noise("422")
    home, *pages = OWN_ACCOUNT[name]
    page = visit(name)
    for address in pages:
        page.goto(home + address)
        look(page, home + address)
    page.goto(f"{home}/security")
    page.get_by_label("Current password").fill("not this one")
    page.get_by_label("New password").fill("a new long one")
    page.get_by_role("button", name="Change password").click()
    expect(page.locator("#current_password[aria-invalid=true]")).to_have_count(1)
    look(page, "a password refused")


CONSOLE = {
    "ada": (
        "/admin/stores",
        "/admin/stores?q=none",
        "/admin/stores/new",
        "/admin/stores/1",
        "/admin/stores/1/edit",
        "/admin/stores/1/deactivate",
        "/admin/stores/1/staff/4/remove",
        "/admin/customers",
        "/admin/customers?q=cle&store_id=1",
        "/admin/customers/1",
        "/admin/customers/1/deactivate",
        "/admin/admins",
        "/admin/admins/2/remove",
    ),
    "sam": ("/store/staff", "/store/settings", "/store/staff?status=inactive"),
    "nadia": ("/store/staff", "/store/settings"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", CONSOLE)
def test_the_console(site: Site, visit: Visitors, look: Looks, name: str) -> None:
    page = visit(name)
    for address in CONSOLE[name]:
        page.goto(address)
        look(page, address)
    if name == "ada":
        visit.noise("422")
        page.goto("/admin/admins")
        page.get_by_label("E-mail addresses").fill("nobody")
        page.get_by_role("button", name="Invite").click()
        expect(page.get_by_role("alert").filter(has_text="nobody")).to_be_visible()
        look(page, "invitation refused")
        page.get_by_label("E-mail addresses").fill("new@mail.example, sam@mail.example")
        page.get_by_role("button", name="Invite").click()
        expect(page.get_by_label("Pass this link on to new@mail.example")).to_be_visible()
        look(page, "invited")
    if name == "sam":
        page.goto("/store/staff")
        page.get_by_role("button", name="Role of Nadia: Staff").click()
        look(page, "role menu")
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Remove Nadia").click()
        dialog = page.get_by_role("dialog", name="Remove Nadia?")
        expect(dialog.get_by_role("button", name="Keep")).to_be_focused()
        look(page, "removing somebody")
        dialog.get_by_role("button", name="Remove").click()
        expect(page.get_by_text("Nadia was removed and signed out.")).to_be_visible()
        look(page, "removed")
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_text("Nadia is back.")).to_be_visible()


@pytest.mark.long
def test_empty_inboxes(site: Site, visit: Visitors, look: Looks) -> None:
    for name in ("ada", "sam", "cleo"):
        look(visit(name), f"empty inbox of {name}")


def test_dialogs_and_drawer(site: Site, visit: Visitors, look: Looks, everyday: dict[str, int]) -> None:
    visit.noise("422")
    page = visit("ada")
    page.get_by_role("link", name="New conversation").click()
    dialog = page.get_by_role("dialog", name="New conversation")
    expect(dialog.get_by_label("To", exact=True)).to_be_focused()
    look(page, "compose")
    dialog.get_by_label("Message", exact=True).fill("x" * 10_001)
    page.keyboard.press("Control+Enter")
    expect(dialog.get_by_role("alert").first).to_be_visible()
    look(page, "compose refused")
    dialog.get_by_label("To", exact=True).fill("nobody of this name")
    expect(dialog.get_by_text("Nobody found.")).to_be_visible()
    look(page, "nobody found")
    page.reload()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    look(page, "keys")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Account of Ada").click()
    page.get_by_role("button", name="Notifications").click()
    expect(page.get_by_role("dialog", name="Notifications")).to_be_visible()
    look(page, "notices")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 320, "height": 900})
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("link", name="Settings")).to_be_visible()
    look(page, "drawer")
    page.goto("/admin/messages/new?recipient_type=customer&q=cleo")
    look(page, "compose as a page")


@pytest.mark.long
def test_troubles(site: Site, visit: Visitors, look: Looks, everyday: dict[str, int]) -> None:
    visit.noise("401", "409", "422", "503", "ERR_INTERNET_DISCONNECTED", "htmx:.*(NetworkError|Failed to fetch)")
    number = everyday[stories.MANY_SCRIPTS.subject]
    page = visit("sam", number, live=False)
    fail_once(page, f"**/messages/{number}/messages")
    write(page, "Does it arrive?")
    expect(page.get_by_text("Not sent")).to_be_visible()
    look(page, "not sent")
    composer(page).fill("x" * 10_001)
    page.keyboard.press("Control+Enter")
    expect(composer(page)).to_have_attribute("aria-invalid", "true")
    look(page, "refused")
    page.context.set_offline(True)
    expect(page.get_by_text("No connection.")).to_be_visible()
    look(page, "offline")
    page.context.set_offline(False)
    site.do(messaging.close_conversation, site.cast.nadia, number)
    composer(page).fill("One more thing")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Reopen and send")).to_be_visible()
    look(page, "closed meanwhile")
    site.end_sessions(site.cast.sam)
    poll(page)
    expect(page.get_by_role("link", name="Sign in again")).to_be_visible()
    look(page, "signed out meanwhile")


@pytest.mark.long
def test_files_and_somebody_writing(site: Site, visit: Visitors, look: Looks) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    sam, cleo = visit("sam", number), visit("cleo", number)
    sam.get_by_label("Attach files", exact=True).set_input_files([PICTURE, TABLE])
    expect(sam.get_by_role("button", name="Remove picture.png")).to_be_visible()
    composer(cleo).press_sequentially("I")
    expect(sam.get_by_text("Cleo is writing…")).to_be_visible()
    look(sam, "files to be sent, somebody writing")
    composer(sam).press("Control+Enter")
    expect(messages(sam)).to_have_count(2)
    expect(messages(cleo)).to_have_count(2)
    look(sam, "files sent")
    look(cleo, "files received")
    cleo.get_by_role("link", name="picture.png").click()
    expect(cleo.get_by_role("dialog", name="picture.png")).to_be_visible()
    look(cleo, "viewer")
    sam.get_by_label("Remove picture.png").click()
    look(sam, "about to remove a file")
    sam.get_by_role("button", name="Remove file").first.click()
    expect(sam.get_by_text("Removed by Sam")).to_be_visible()
    look(sam, "file removed")


@pytest.mark.long
def test_a_link_into_another_store(site: Site, visit: Visitors, look: Looks) -> None:
    page = visit("lea", "/store/messages?store=cycles")
    look(page, "staff")
    page = visit("cleo", "/storefront/account/messages?store=cycles")
    look(page, "customer")


def test_those_who_want_less_motion_get_none(site: Site, visit: Visitors, everyday: dict[str, int]) -> None:
    moving = """() => [...document.querySelectorAll('*')].filter((element) => {
      const style = getComputedStyle(element);
      return Math.max(...`${style.transitionDuration}, ${style.animationDuration}`.split(', ').map(parseFloat)) > 0.01;
    }).length"""
    page = visit("sam")
    row(page, "Invoices for November").click()
    page.keyboard.press("c")
    expect(page.get_by_role("dialog", name="New conversation")).to_be_visible()
    assert page.evaluate(moving) > 0, "else this test proves nothing"
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moving) == 0
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_light_and_dark_differ_in_colours_only(site: Site, visit: Visitors) -> None:
    """Themes choose between --light and --dark, whose values are colours; so axe need not ask its other rules twice."""
    sheets = "\n".join(path.read_text() for path in resource("static").glob("css/*.css"))
    chosen = re.findall(r"var\(--(?:light|dark), (\w+\(|#)", sheets)
    assert len(chosen) > 50 and len(chosen) == len(re.findall(r"var\(--(?:light|dark)\b", sheets))
    assert set(chosen) == {"oklch(", "rgb(", "#"}
    themes = re.findall(r"(?:\[data-theme[^{]*|prefers-color-scheme[^{]*\{[^{]*)\{([^}]*)\}", sheets)
    assert len(themes) == 4
    assert {part.split(":")[0].strip() for theme in themes for part in theme.split(";") if part.strip()} == {
        "color-scheme",
        "--light",
        "--dark",
    }
    colours = "axe.getRules().filter(({tags}) => tags.includes('cat.color') && tags.some((tag) => %s.includes(tag)))"
    page = visit()
    axe.violations(page)
    link = page.context.new_cdp_session(page)
    known = axe._evaluate(link, f"{colours % axe.TAGS}.map(({{ruleId}}) => ruleId)")
    assert sorted(known) == axe.COLOURS


def test_axe_is_awake(site: Site, visit: Visitors, everyday: dict[str, int]) -> None:
    page = visit("sam", everyday["Invoices for November"])
    assert not axe.violations(page)
    page.evaluate("document.getElementById('content').labels[0].remove()")
    page.evaluate("document.getElementById('content').removeAttribute('placeholder')")
    found = axe.violations(page)
    assert any(violation.startswith("label ") for violation in found), found
    page.get_by_role("link", name="New conversation").evaluate("it => it.style.color = 'light-dark(black, dimgray)'")
    page.get_by_role("link", name="New conversation").evaluate("it => it.style.background = 'light-dark(white, #444)'")
    faint = [violation for violation in axe.in_every_look(page) if "color-contrast" in violation]
    assert {violation.split(":")[0] for violation in faint} == {"dark, 1440 px"}, faint


def test_axe_looks_when_all_has_come_to_rest(site: Site, visit: Visitors, everyday: dict[str, int]) -> None:
    page = visit("sam", everyday["Invoices for November"])
    page.evaluate("void document.getElementById('subject').animate({ opacity: [0.1, 0.2] }, 3000)")
    assert axe.violations(page), "else this test proves nothing"
    assert not axe.in_every_look(page)


def test_what_a_team_does_with_many_and_with_one(
    site: Site, visit: Visitors, look: Looks, everyday: dict[str, int]
) -> None:
    visit.noise("422")
    page = visit("sam", everyday["Invoices for November"])
    press = page.keyboard.press
    for subject in (stories.MANY_SCRIPTS.subject, "Invoices for November"):
        row(page, subject).click(modifiers=["Control"])
    expect(page.get_by_text("2 chosen")).to_be_visible()
    look(page, "rows chosen")
    for key, name in (("a", "Assign"), ("h", "Snooze")):
        press(key)
        expect(page.get_by_role("dialog", name=name)).to_be_visible()
        look(page, f"{name}, for those chosen")
        press("Escape")
    press("Escape")
    press("a")
    page.get_by_role("button", name="Nadia").click()
    expect(page.locator(".toast").last).to_contain_text("Assigned.")
    press("a")
    expect(page.get_by_role("dialog", name="Assign")).to_be_visible()
    look(page, "assign, with whoever has it")
    press("Escape")
    press("h")
    dialog = page.get_by_role("dialog", name="Snooze")
    dialog.get_by_label("Another time").fill("2020-01-01T08:00")
    dialog.get_by_role("button", name="Snooze until then").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    look(page, "snooze into the past")
    dialog.get_by_role("button", name="Tomorrow").click()
    expect(page.locator("#thread-meta")).to_contain_text("Snoozed until")
    look(page, "snoozed, with a toast")


def test_the_composers_two_faces(site: Site, visit: Visitors, look: Looks) -> None:
    visit.noise("409", "422")
    cast = site.cast
    site.do(saved_replies.create_reply, cast.sam, "Nuts", "Hi {customer.first_name}, no nuts in {order.reference}.")
    number, other = site.begin(cast.sam, cast.cleo), site.begin(cast.sam, cast.omar)
    page = visit("sam", number, live=False)
    press = page.keyboard.press
    press("r")
    page.keyboard.type("/")
    expect(page.get_by_role("listbox", name="Saved replies").get_by_role("option")).to_have_count(1)
    look(page, "saved replies offered")
    press("Enter")
    expect(composer(page)).to_have_value("Hi Cleo, no nuts in {order.reference}.")
    press("Control+Enter")
    expect(page.locator("#composer-hint")).to_contain_text("Fill in what is marked")
    look(page, "something to fill in")
    site.say(cast.cleo, number, "Or with nuts?")
    composer(page).fill("No nuts.")
    press("Control+Enter")
    expect(page.get_by_role("button", name="Send anyway")).to_be_visible()
    look(page, "newer messages")
    press("Escape")
    press("Shift+R")
    page.locator("#note-attachments").set_input_files([PICTURE, TABLE])
    page.keyboard.type("Look, @")
    expect(page.get_by_role("listbox", name="Colleagues").get_by_role("option")).to_have_count(2)
    look(page, "a note with files, colleagues offered")
    press("Enter")
    press("Control+Enter")
    expect(messages(page).last).to_contain_text("Only your team")
    look(page, "a note")
    page.locator("#note-content").fill("x" * 10_001)
    press("Control+Enter")
    expect(page.locator("#note-error")).to_be_visible()
    look(page, "a note refused")
    site.do(messaging.close_conversation, cast.nadia, number)
    page.goto(f"/store/messages/{number}")
    look(page, "closed, with a draft")
    site.do(messaging.close_conversation, cast.sam, other)
    page.goto(f"/store/messages/{other}")
    look(page, "closed")


def test_a_search_with_filters(site: Site, visit: Visitors, look: Looks, everyday: dict[str, int]) -> None:
    visit.noise("422")
    page = visit("ada", at="/admin/messages?q=invoices+is:open+from:ada")
    expect(page.get_by_role("group", name="Filters of the search")).to_be_visible()
    look(page, "a search with filters")
    page.get_by_role("button", name="Sender, store, date").click()
    expect(page.get_by_label("Before this day")).to_be_visible()
    look(page, "a filter to be chosen")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Save this view").click()
    dialog = page.get_by_role("dialog", name="Save this view")
    expect(dialog).to_be_visible()
    look(page, "a view to be saved")
    page.goto("/admin/messages?q=nothing+of+the+kind")
    look(page, "nothing found")
    page.goto(f"/admin/messages?q={'x' * 501}")
    look(page, "too much to search for")


@pytest.mark.long
def test_what_a_team_keeps_and_chooses_on_pages(
    site: Site, visit: Visitors, look: Looks, everyday: dict[str, int]
) -> None:
    visit.noise("422")
    number = everyday["Invoices for November"]
    with site.app.app_context():
        saved_replies.create_reply(site.cast.sam, "Nuts", "No nuts.")
        saved_views.create_view(site.cast.sam, "Rye", "q=rye", shared=True)
    page = visit("sam")
    for address in (
        f"/messages/{number}/snooze",
        f"/messages/{number}/assignee",
        f"/messages/bulk?action=assign&ids={number}",
        f"/messages/bulk?action=snooze&ids={number}",
        "/messages?snoozed=1",
        "/messages?assignee=me",
        "/saved-replies",
        "/saved-replies/1",
        "/saved-replies/new",
        "/saved-replies/1/delete",
        "/views",
        "/views/1",
        "/views/1/delete",
        "/views/new?query=status%3Dclosed",
    ):
        page.goto(f"/store{address}")
        look(page, address)
    page.get_by_role("main").locator("form").evaluate("form => { form.noValidate = true; }")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[aria-invalid=true]")).to_have_count(1)
    look(page, "a view without a name")
    page = visit("ada")
    for address in (
        "/admin/reasons",
        "/admin/reasons/new",
        "/admin/reasons/delivery",
        "/admin/reasons/delivery/delete",
    ):
        page.goto(address)
        look(page, address)


@pytest.mark.long
def test_what_a_conversation_is_about(site: Site, visit: Visitors, look: Looks) -> None:
    order, cake = Named("order", "4711"), {"url": "https://shop.example/orders/4711", "title": "A cake"}
    with site.app.app_context():
        cast = site.cast

        def state(version: int, word: str) -> None:
            facts = [Fact(label="Total", value=f"{version} €")]
            said = contexts.Statement(None, "cleo@mail.example", **cake, state=word, facts=facts, version=version)
            contexts.put_context(cast.ada, "bakery", order, said)

        state(1, "Paid")
        number = site.begin(cast.sam, cast.cleo, "Your cake", "Hello", about=order)
        other = site.begin(cast.sam, cast.cleo, "Bread", "Hello")
        state(2, "Baking")
        contexts.state_fact(cast.ada, "bakery", order, "1", "Shipped")
    about = "context_kind=order&context_reference=4711"
    for who, place, more in (
        ("sam", "/store/messages", [f"/{other}", f"/{number}/others", f"/new?{about}", f"?{about}"]),
        ("cleo", "/storefront/account/messages", []),
    ):
        page = visit(who)
        for path in [f"/{number}", "", *more]:
            page.goto(place + path)
            if path == f"/{number}":
                page.locator(".order-card").evaluate("card => { card.open = true; }")
                expect(page.locator(".order-card__changed")).to_be_visible()
            look(page, f"{who} {path}")
