"""What older browsers, and other engines, stumble over, tested where it can be seen: in the names and colours of pages."""

from __future__ import annotations

import re

import pytest

from messaging_app.paths import resource
from tests.browser.conftest import Site, Visitors

pytestmark = pytest.mark.browser

NAMES_ON_WINDOW = """() => {
    const names = new Set();
    for (let part = window; part; part = Object.getPrototypeOf(part))
        for (const name of Object.getOwnPropertyNames(part)) names.add(name);
    for (const { id } of document.querySelectorAll("[id]")) if (window[id] === document.getElementById(id)) names.delete(id);
    return [...names];
}"""
FALLBACKS = """(fallbacks) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const brush = canvas.getContext("2d", { willReadFrequently: true });
    const paint = (colour) => {
        brush.clearRect(0, 0, 1, 1);
        brush.fillStyle = colour;
        brush.fillRect(0, 0, 1, 1);
        return [...brush.getImageData(0, 0, 1, 1).data];
    };
    const probe = document.body.appendChild(document.createElement("i"));
    const computed = (colour) => { probe.style.color = colour; return getComputedStyle(probe).color; };
    return Object.entries(fallbacks)
        .map(([name, colour]) => [name, paint(computed(`var(${name})`)), paint(computed(colour))])
        .filter(([, one, other]) => one.some((part, index) => Math.abs(part - other[index]) > 2));
}"""


@pytest.mark.long
def test_no_element_id_is_a_name_that_scripts_look_for_on_window(site: Site, visit: Visitors) -> None:
    """An element's id becomes a name on `window` where the browser has none of its own there: `navigation` in WebKit."""
    names = set(visit(None, "/").evaluate(NAMES_ON_WINDOW))
    assert {"navigation", "status", "name", "history"} <= names
    for script in resource("static").rglob("*.js"):
        names |= set(re.findall(r"\b(?:window|globalThis|self|top)\??\.(\w+)", script.read_text()))
    ids = {
        found
        for template in resource("templates").rglob("*.html")
        for found in re.findall(r'\bid="([\w-]+)"', template.read_text())
    }
    number = site.begin(site.cast.sam, site.cast.cleo)
    for name, address in (
        ("sam", number),
        ("sam", "/store/messages/new"),
        ("ada", "/admin/settings"),
        ("cleo", number),
    ):
        ids |= set(visit(name, address).evaluate("[...document.querySelectorAll('[id]')].map(({ id }) => id)"))
    assert {"thread", "main-navigation", "attachments"} <= ids
    assert ids & names == set()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_without_oklch_are_those_with_it(site: Site, visit: Visitors, theme: str) -> None:
    sheet = resource("static").joinpath("css", "tokens.css").read_text()
    block = sheet[sheet.index("@supports not (color: oklch") :]
    pairs = re.findall(r"(--[\w-]+): var\(--light, (.*)\) var\(--dark, (.*)\);", block)
    fallbacks = {name: light if theme == "light" else dark for name, light, dark in pairs}
    assert len(fallbacks) > 20
    page = visit("sam", color_scheme=theme)
    assert page.evaluate(FALLBACKS, fallbacks) == []
    page.evaluate(
        "theme => { document.documentElement.dataset.theme = theme; }", "dark" if theme == "light" else "light"
    )
    assert len(page.evaluate(FALLBACKS, fallbacks)) > 15, "the chosen theme wins over the system's"
