"""Links in what people write: no application, no database."""

from __future__ import annotations

import re
import sys
import unicodedata
from html import unescape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from messaging_app.text import is_invisible
from messaging_app.text.markup import linkify

URL = "https://shop.example/a"
LINK = re.compile(r'<a href="([^"]*)" rel="noopener noreferrer nofollow" target="_blank">([^<]*)</a>')


def links(text: str) -> list[str]:
    """The addresses of the links in `text`; checks that nothing of it is lost, and that a link shows where it leads."""
    page = str(linkify(text))
    found = LINK.findall(page)
    assert unescape(LINK.sub(r"\2", page)) == text
    assert "<" not in LINK.sub("", page) and '"' not in LINK.sub("", page)
    assert all(href == shown for href, shown in found)
    return [unescape(href) for href, _shown in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("请看https://shop.example/a。谢谢您", [URL]),
        ("请看https://shop.example/a，谢谢", [URL]),
        ("ここ（https://shop.example/a）です", [URL]),
        ("「https://shop.example/a」をご覧ください", [URL]),
        ("https://shop.example/aをご覧ください", [URL]),
        ("https://shop.example/a에서 보세요", [URL]),
        ("ดูhttps://shop.example/aครับ", [URL]),
        ("انظر https://shop.example/a، شكراً", [URL]),
        ("هل رأيت https://shop.example/a؟", [URL]),
        ("देखिए https://shop.example/a। धन्यवाद", [URL]),
        ("տես https://shop.example/a։", [URL]),
        ("«https://shop.example/a», „https://shop.example/a“", [URL, URL]),
        ("great—https://shop.example/a—really", [URL]),
        ("https://shop.example/o'brien/tea", ["https://shop.example/o'brien/tea"]),
        ("'https://shop.example/o'brien'", ["https://shop.example/o'brien"]),
        ("‘https://shop.example/a’", [URL]),
        ("https://fr.shop.example/L’Équipe", ["https://fr.shop.example/L’Équipe"]),
        ("https://shop.example/a_(b)", ["https://shop.example/a_(b)"]),
        ("(see https://shop.example/a_(b)).", ["https://shop.example/a_(b)"]),
        ("https://shop.example/?x[]=1&y[a]=2", ["https://shop.example/?x[]=1&y[a]=2"]),
        ("[https://shop.example/a](x) <https://shop.example/a> {https://shop.example/a}", [URL] * 3),
        ("[tea](https://shop.example/a), [more](https://shop.example/a)", [URL, URL]),
        ("https://shop.example/a(or so", [URL]),
        ("https://shop.example/a([)", [URL]),
        ("**https://shop.example/a** _https://shop.example/a_ https://shop.example/a_", [URL, URL, URL + "_"]),
        ("https://shop.example/a... https://shop.example/a?! https://shop.example/a…", [URL] * 3),
        ("https://shop.example/a\u200bb https://shop.example/a\u202eb https://shop.example/a\u3164", [URL] * 3),
        ("https://shop.example/a☕ https://shop.example/a😊", [URL] * 2),
        ("https://例え.テスト/日本語/パス?検索=茶#章", ["https://例え.テスト/日本語/パス?検索=茶#章"]),
        ("https://ru.shop.example/чай/зелёный", ["https://ru.shop.example/чай/зелёный"]),
        ("https://shop.example/हिन्दी/चाय", ["https://shop.example/हिन्दी/चाय"]),
        ("HTTPS://Shop.Example:8443/A?b=c&d=%20#e", ["HTTPS://Shop.Example:8443/A?b=c&d=%20#e"]),
        ("http://localhost:5000/ http://[::1]:5000/x http://10.0.0.1", None),
        ("https:// http://. https://[ https://? javascript://x ftp://a.b data:x www.shop.example", []),
        ("https://shop.example/a\nhttps://shop.example/a", [URL, URL]),
        ('https://shop.example/a"onclick="x <script>alert(1)</script>', [URL]),
    ],
)
def test_a_link_ends_where_people_end_it(text: str, found: list[str] | None) -> None:
    assert links(text) == (text.split() if found is None else found)


def test_no_punctuation_and_nothing_invisible_of_any_script_is_part_of_a_link_at_its_end() -> None:
    ours = set("#%&()*+-/=@[]_{}~$^|") | {"'"}  # of addresses, or tested above
    for number in range(sys.maxunicode + 1):
        char = chr(number)
        if is_invisible(char) or (unicodedata.category(char)[0] == "P" and char not in ours):
            assert links(f"{URL}{char}") == [URL], f"U+{number:04X}"
            assert links(f"{char}{URL}{char} more") == [URL], f"U+{number:04X}"


PIECES = st.sampled_from(
    [*"()[]{}<>\"'.,;:!?*_~|/\\`&#%=-。、（）「」“”’…،؟।\u200b\u202e\u00ad\ufe0f\u2028 \naé日です한ไ😊", URL, "http://"]
)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(st.one_of(st.lists(PIECES, max_size=30).map("".join), st.text(max_size=20).map(lambda text: URL + text)))
@example("https://" * 50)
def test_whatever_is_written_is_shown_whole_and_a_link_is_an_address(text: str) -> None:
    for url in links(text):
        assert not any(map(is_invisible, url)) and not re.search(r"[\s<>\"`\\]", url)
        assert url[-1] not in ".,;:!?'’"
        assert links(url) == [url], "a link is a link by itself"
        depth = 0
        for char in url:
            depth += (char in "([{") - (char in ")]}")
            assert depth >= 0
        assert depth == 0
