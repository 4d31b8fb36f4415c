"""axe-core on a page as it stands. The page's content security policy lets no foreign script in, so the browser's own
debugging protocol brings it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

SOURCE = Path(__file__).resolve().parent.parent / "vendor" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]  # what axe calls cat.color, as far as one of TAGS asks for it
LOOKS = [("light", 1440), ("dark", 1440), ("dark", 320), ("light", 320)]


@cache
def source() -> str:
    return SOURCE.read_text()


def violations(page: Page, only: list[str] | None = None) -> list[str]:
    """One sentence for each element that breaks a rule, one of `only` where these are given."""
    link = page.context.new_cdp_session(page)
    if not _evaluate(link, "typeof axe === 'object'"):
        _evaluate(link, source() + "; undefined")
    rules = {"type": "rule", "values": only} if only else {"type": "tag", "values": TAGS}
    options = {"runOnly": rules, "resultTypes": ["violations"]}
    found = _evaluate(link, f"axe.run(document, {json.dumps(options)}).then((all) => JSON.stringify(all.violations))")
    link.detach()
    return [
        f"{rule['id']} ({rule['help']}): {node['html'][:200]} {_why(node)}"
        for rule in json.loads(found)
        for node in rule["nodes"]
    ]


def in_every_look(page: Page) -> list[str]:
    """The same in light and dark, on a desk and on a small phone.

    Light and dark differ in their colours and in nothing else, which test_axe.py makes sure of: at each width all rules
    are asked once, and those of colours in the other scheme too.
    """
    found = []
    seen: set[int] = set()
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        _come_to_rest(page)
        only = COLOURS if width in seen else None
        found += [f"{scheme}, {width} px: {violation}" for violation in violations(page, only)]
        seen.add(width)
    return found


def _come_to_rest(page: Page) -> None:
    """Wait until nothing is asked for and nothing moves: what is half faded in has too little contrast.

    A transition that began before less motion was asked for still takes its time.
    """
    expect(page.locator(".htmx-request")).to_have_count(0)
    page.evaluate("Promise.allSettled(document.getAnimations().map((animation) => animation.finished))")


def _why(node: dict[str, Any]) -> str:
    return "; ".join(check["message"] for check in node["any"] + node["all"] + node["none"])


def _evaluate(link: Any, expression: str) -> Any:
    answer = link.send(
        "Runtime.evaluate", {"expression": expression, "awaitPromise": True, "returnByValue": True, "timeout": 30_000}
    )
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    return answer["result"].get("value")
