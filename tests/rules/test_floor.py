"""Style sheets and scripts keep to the browsers that README.md promises: Safari 16.4, Firefox ESR 115, Chrome 109."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from messaging_app.paths import resource

CSS = sorted(resource("static").joinpath("css").glob("*.css"))
JS = sorted(resource("static").joinpath("js").glob("*.js"))

# Features newer than one of the three browsers, and the files that may use them because they have a fallback.
NEWER_STYLES = {
    r"light-dark\(": (),
    r"color-mix\(": (),
    r":popover-open": ("thread.css",),  # beside [data-popover-open]
    r"(?<!content: )\"[^\"]*\" / \"": (),
    r"&[\s.:\[>]": (),  # nesting
    r"@scope|@layer [^;{]*\{[^}]*@layer": (),
}
NEWER_SCRIPTS = {
    r"\.checkVisibility\(": (),
    r":popover-open|\.(show|hide|toggle)Popover\(": ("menus.js",),
    r"beforetoggle|[\"']toggle[\"']": (),
    r"withResolvers|Promise\.try|Array\.fromAsync|(Object|Map)\.groupBy": (),
    r"\.to(Sorted|Reversed|Spliced)\(|\.isSubsetOf\(|\.union\(": (),
    r"URL\.(canParse|parse)\(|AbortSignal\.any|Iterator\.from": (),
    r"/[dgimsuy]*v[dgimsuy]*[;,.)]": (),  # regular expressions of the newer kind
}


def always(sheet: str) -> str:
    """Return a style sheet without comments and without @supports blocks."""
    sheet = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    kept, rest = "", sheet
    while (start := rest.find("@supports")) >= 0:
        kept, rest = kept + rest[:start], rest[rest.index("{", start) + 1 :]
        depth = 1
        while depth:
            depth += {"{": 1, "}": -1}.get(rest[0], 0)
            rest = rest[1:]
    return kept + rest


@pytest.mark.parametrize("path", CSS, ids=lambda path: path.name)
def test_no_style_needs_a_newer_browser(path: Path) -> None:
    for pattern, exempt in NEWER_STYLES.items():
        found = re.search(pattern, always(path.read_text()))
        assert not found or path.name in exempt, found


@pytest.mark.parametrize("path", JS, ids=lambda path: path.name)
def test_no_script_needs_a_newer_browser(path: Path) -> None:
    code = re.sub(r"^\s*//.*$|\s// .*$", "", path.read_text(), flags=re.MULTILINE)
    for pattern, exempt in NEWER_SCRIPTS.items():
        found = re.search(pattern, code)
        assert not found or path.name in exempt, found


@pytest.mark.parametrize(
    "path", [path for path in CSS if "oklch(" in always(path.read_text())], ids=lambda path: path.name
)
def test_every_colour_has_another_for_browsers_without_oklch(path: Path) -> None:
    """Chrome 109 and 110. What is drawn on or over another colour may be missing there: a shadow, a hint of hover."""
    fallback = "".join(re.findall(r"@supports not \(color: oklch\(.*", path.read_text(), re.DOTALL))
    for line in always(path.read_text()).splitlines():
        for name, value in re.findall(r"(--?[\w-]+|\b[a-z-]+): ([^;]*oklch\([^;]*);", line):
            assert re.search(rf"{name}: (?!.*oklch)", fallback) or ":hover" in line, (name, value)
