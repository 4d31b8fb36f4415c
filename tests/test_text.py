"""Trimming, counting, refusing and shortening what people write: no application, no database."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging_app.text import (
    CONTENT_MAX,
    PREVIEW_MAX,
    SUBJECT_MAX,
    TextRefused,
    clean_content,
    clean_subject,
    email_key,
    preview,
    search_key,
    search_words,
    shows_something,
)

ANYTHING = st.text(st.characters(codec=None), max_size=60)
INVISIBLE = (
    "",
    " ",
    "\t\r\n",
    "\u00a0",
    "\u2003",
    "\u200b",
    "\u200d\ufeff\u2060",
    "\u3164",
    "\u2800",
    "\u202e",
    "\x01",
)


def refusal(clean: object, raw: str) -> str:
    with pytest.raises(TextRefused) as refused:
        clean(raw)  # type: ignore[operator]
    return refused.value.code


def test_content_is_unified_then_trimmed_then_counted() -> None:
    assert clean_content("  a\r\nb\rc\n ") == "a\nb\rc"
    assert clean_content(" \r\n" + "x" * CONTENT_MAX + "\r\n ") == "x" * CONTENT_MAX
    assert clean_content("a\r\n" * 4_999 + "bc") == "a\n" * 4_999 + "bc"
    assert refusal(clean_content, "x" * (CONTENT_MAX + 1)) == "too_long"
    assert len(clean_content("👩‍👩‍👧" * (CONTENT_MAX // 5))) == CONTENT_MAX, (
        "code points count, not what looks like one"
    )


@pytest.mark.parametrize("raw", INVISIBLE)
def test_what_shows_nothing_is_nothing(raw: str) -> None:
    assert not shows_something(raw)
    assert refusal(clean_content, raw) == "required"
    assert refusal(clean_subject, raw) in ("required", "invalid_characters")
    assert clean_content(raw, required=False) == ""


@pytest.mark.parametrize("raw", ["a\0b", "\ud83d", "x\udc00", "\0"])
def test_what_cannot_be_stored_is_refused_and_not_repaired(raw: str) -> None:
    assert refusal(clean_content, raw) == "invalid_characters"
    assert refusal(clean_subject, raw) == "invalid_characters"


def test_a_subject_is_one_line() -> None:
    assert clean_subject("a\r\nb\nc\rd\u0085e\u2028f\u2029g") == "a b c d e f g"
    assert clean_subject("\n  Rye  \n") == "Rye"
    assert clean_subject("ü" * SUBJECT_MAX) == "ü" * SUBJECT_MAX
    assert refusal(clean_subject, "ü" * (SUBJECT_MAX + 1)) == "too_long"
    for control in ("\x01", "\x07", "\x1b", "\x7f", "\x9b", "a\tb"):
        assert refusal(clean_subject, f"a{control}b") == "invalid_characters", repr(control)
    assert clean_subject("שלום \u200fabc") == "שלום \u200fabc", "marks of direction belong to people's scripts"


def test_a_preview_is_one_line_of_at_most_120() -> None:
    assert preview("a\n\n b\t c\u2028d") == "a b c d"
    assert preview("x" * PREVIEW_MAX) == "x" * PREVIEW_MAX
    assert preview("x" * (PREVIEW_MAX + 1)) == "x" * (PREVIEW_MAX - 1) + "…"
    assert preview("x" * 118 + " yy") == "x" * 118 + "…", "no space before the ellipsis"
    assert preview("a" + "\n" * 5_000 + "b").startswith("a")


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(ANYTHING)
def test_whatever_is_accepted_can_be_stored_and_cleaned_again(raw: str) -> None:
    for clean in (clean_content, clean_subject):
        try:
            cleaned = clean(raw)
        except TextRefused as refused:
            assert refused.code in ("required", "too_long", "invalid_characters")
            continue
        assert "\0" not in cleaned and "\r\n" not in cleaned
        assert clean(cleaned) == cleaned
        cleaned.encode()
        line = preview(cleaned)
        assert 0 < len(line) <= PREVIEW_MAX
        assert len(line.splitlines()) == 1 or any(char in line for char in "\x1c\x1d\x1e")


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(ANYTHING)
def test_a_key_for_searching_is_stable_and_can_be_stored(raw: str) -> None:
    key = search_key(raw)
    assert "\0" not in key
    assert key == key.strip()


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("Émile O’Brien-Çelik", "emile obrien-celik"),
        ("O'Neill O`Neill O´Neill Oʻahu ＇x", "oneill oneill oneill oahu x"),
        ("ＦＵＬＬ Acme™", "full acmetm"),
        ("STRASSE Straße GROẞ", "strasse strasse gross"),
        ("日本語・カナ", "日本語 カナ"),
        (
            "Łukasz Øystein Đorđe Æsa Œuvre Þór Guðrún Işık Ħal Ŋ Ğ İzmir ə",
            "lukasz oystein dorde aesa oeuvre thor gudrun isik hal ng g izmir e",
        ),
        ("राम कुमार", "राम कुमार"),
        ("मीरा रमण", "मीरा रमण"),
        ("ज़ाकिर", "जाकिर"),  # people leave the nukta out
        ("শ্রী", "শ্রী"),
        ("தமிழ்", "தமிழ்"),
        ("ശ്രീ\u200dകുമാർ", "ശ്രീകുമാർ"),
        ("กุหลาบ คุณ ทั้ง", "กุหลาบ คุณ ทั้ง"),
        ("ວິໄລ", "ວິໄລ"),
        ("ភាសា\u200bខ្មែរ", "ភាសា ខ្មែរ"),
        ("မြန်မာ", "မြန်မာ"),
        ("བོད་ཡིག", "བོད ཡིག"),
        ("がくせい ﾊﾟﾝ", "がくせい パン"),
        ("شَمْس ٱلنُّور أحمد إيمان", "شمس النور احمد ايمان"),
        ("کریم علی على فاطمة مـحمد", "كريم علي علي فاطمه محمد"),
        ("می\u200cخواهم", "ميخواهم"),
        ("שָׁלוֹם ג׳ורג׳", "שלום גורג"),
        ("Ёлкин Ґалаґан", "елкин ґалаґан"),
        ("ΑΛΈΞΑΝΔΡΟΣ", "αλεξανδροσ"),
        ("٣٤ ۵ ７ ①", "34 5 7 1"),
        ("so\u00adft \u202eabc ✈\ufe0f x\u034fy", "soft abc xy"),
        ("cleo+shop@mail.example C_1.2", "cleo+shop@mail.example c_1.2"),
    ],
)
def test_words_are_kept_whole_and_found_by_plain_keys(raw: str, key: str) -> None:
    assert unicodedata.normalize("NFC", search_key(raw)) == unicodedata.normalize("NFC", key)


def test_a_vowel_sign_parts_no_word_in_any_script() -> None:
    for number in range(sys.maxunicode + 1):
        if unicodedata.category(mark := chr(number))[0] == "M":
            assert len(search_key(f"\u0915{mark}\u0915").split()) == 1, f"U+{number:04X}"


def test_every_latin_letter_is_typed_with_plain_keys() -> None:
    for number in range(0xC0, 0x250):
        if chr(number).isalpha() and unicodedata.name(chr(number)).startswith("LATIN "):
            assert re.fullmatch("[a-z0-9]*", search_key(chr(number))), chr(number)


def test_a_compound_name_is_found_by_its_parts() -> None:
    words = search_words("Zoë O’Brien-Łoś", "zoe.o'brien-los@mail.example", "K-17")
    assert words == {
        *("zoe", "obrien-los", "brien-los", "obrien", "brien", "o", "los"),
        *("zoe.obrien-los@mail.example", "k-17"),
    }


def test_e_mails_compare_without_case_and_space() -> None:
    assert email_key(" Ada@Mail.EXAMPLE ") == "ada@mail.example"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("info@faß.example", "INFO@FAẞ.example"),
        ("info@faß.example", "info@XN--FA-HIA.example"),
        ("rené@mail.example", "RENE\u0301@mail.example"),
        ("cleo@bücher.example", "cleo@BU\u0308CHER.example"),
        ("cleo@mail.example", "cleo@ｍａｉｌ。example"),
        ("cleo@ΟΔΟΣ.example", "cleo@οδοσ.example"),
    ],
)
def test_two_spellings_of_one_address(one: str, other: str) -> None:
    assert email_key(one) == email_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("info@faß.example", "info@fass.example"),
        ("straße@mail.example", "strasse@mail.example"),
        ("οδος@mail.example", "οδοσ@mail.example"),
        ("cleo@οδος.example", "cleo@οδοσ.example"),
        ("ﬁona@mail.example", "fiona@mail.example"),
        ("kılıç@mail.example", "kilic@mail.example"),
        ("café@mail.example", "cafe@mail.example"),
    ],
)
def test_addresses_that_only_look_alike_are_two(one: str, other: str) -> None:
    assert email_key(one) != email_key(other)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.one_of(ANYTHING, st.tuples(ANYTHING, ANYTHING).map("@".join)))
def test_whatever_is_typed_has_a_key_which_is_its_own(raw: str) -> None:
    key = email_key(raw)
    assert email_key(key) == key == email_key(unicodedata.normalize("NFD", raw))
