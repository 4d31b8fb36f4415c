"""The settings page: by category, who changed what last, and two admins at once."""

from __future__ import annotations

import html
import re

from messaging_app.services import setting_changes, settings
from tests.conftest import Browser, Web

FILES = "message_attachment_max_files"
SIZE = "message_attachment_max_size_mb"
SWITCH = "customers_see_platform_conversations"


def opened(browser: Browser) -> dict[str, str]:
    """The fields of the page, as a browser would send them back."""
    return fields(browser.get("/admin/settings").text)


def fields(page: str) -> dict[str, str]:
    form = page[page.index('<form action="/admin/settings"') :]
    form = form[: form.index("</form>")]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = (re.search(rf' {key}="([^"]*)"', tag) for key in ("name", "value"))
        assert name and value, tag
        if 'type="radio"' not in tag or " checked" in tag:
            found[name[1]] = html.unescape(value[1])
    return found


def in_force(web: Web) -> dict[str, int | bool]:
    with web.app.app_context():
        return settings.list_settings()


def test_every_category_stands_with_its_settings_and_help(web: Web) -> None:
    page = web.signed_in("ada").get("/admin/settings").text
    for setting in settings.SETTINGS.values():
        assert f'aria-labelledby="{setting.category}-heading"' in page
        assert f'name="{setting.key}"' in page and html.escape(str(setting.help), quote=False) in html.unescape(page)
    assert page.count("Never changed") == len(settings.SETTINGS)


def test_the_last_change_stands_beside_its_setting(web: Web) -> None:
    ada = web.signed_in("ada")
    for files, switch in (("4", "false"), ("6", "false")):
        assert ada.post("/admin/settings", opened(ada) | {FILES: files, SWITCH: switch}).status_code == 303
    page = re.sub(r"<[^>]+>|\s+", " ", html.unescape(ada.get("/admin/settings").text))
    assert re.search(r"Changed from +4 +by +[⁨]?Ada", page) and re.search(r"Changed from +On +by +[⁨]?Ada", page)
    assert page.count("Never changed") == len(settings.SETTINGS) - 2
    with web.app.app_context():
        settings.set_settings(None, {SIZE: "3"})
        assert setting_changes.last_changes()[SIZE].by == "command line"


def test_two_admins_at_once_lose_nothing(web: Web) -> None:
    ada, abe = web.signed_in("ada"), web.signed_in("abe")
    hers, his = opened(ada), opened(abe)
    assert ada.post("/admin/settings", hers | {FILES: "4", SIZE: "7"}).status_code == 303
    refused = abe.post("/admin/settings", his | {FILES: "9", SWITCH: "false"})
    assert refused.status_code == 409
    told = refused.text[refused.text.index('class="conflict"') : refused.text.index("Save mine")]
    assert "Someone else changed this in the meantime" in told and "<bdi>4</bdi>" in told and "Ada" in told
    assert "Maximum attachment size" not in told, "only what both changed"
    kept = fields(refused.text)
    assert (kept[FILES], kept[SWITCH], kept[f"shown-{FILES}"]) == ("9", "false", "4")
    now = in_force(web)
    assert (now[FILES], now[SIZE], now[SWITCH]) == (4, 7, True), "nothing of his is saved"
    assert abe.post("/admin/settings", kept).status_code == 303
    now = in_force(web)
    assert (now[FILES], now[SIZE], now[SWITCH]) == (9, 7, False), "and nothing of hers was undone"


def test_what_somebody_else_changed_and_one_left_alone_stays(web: Web) -> None:
    ada, abe = web.signed_in("ada"), web.signed_in("abe")
    his = opened(abe)
    ada.post("/admin/settings", opened(ada) | {FILES: "4"})
    assert abe.post("/admin/settings", his | {SIZE: "7"}).status_code == 303
    assert (in_force(web)[FILES], in_force(web)[SIZE]) == (4, 7)


def test_a_refused_form_keeps_its_words_and_says_why(web: Web) -> None:
    ada = web.signed_in("ada")
    refused = ada.post("/admin/settings", opened(ada) | {FILES: "٣", SIZE: "1e3", SWITCH: "perhaps"})
    assert refused.status_code == 422
    kept = fields(refused.text)
    assert (kept[FILES], kept[SIZE]) == ("٣", "1e3") and refused.text.count("field__error") >= 3
    assert in_force(web)[FILES] == 10
