"""What is written into templates as they are compiled reads as if it had been looked up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import DictLoader, Environment
from markupsafe import Markup, escape

from messaging_app.actors import ActorType
from messaging_app.folding import as_written, fold

PARTS = {
    "page": '{% set name = "page" %}<a>{{ _("Open") }}{{ icon("mail", "big") }}</a>{%- include "part" -%} {{ name }}\n',
    "part": '{#- a part #}\n{% set name = "part" %}<b title="{{ _("It\'s") }}">{{ name }}</b>{% include "deeper" %}\n',
    "deeper": "{{ who }}{% for i in range(2) %}{{ icon('x') }}{% endfor %}\n",
    "choice": '{{ _("Yes") if yes else _("A or B") }}{{ _("%(n)s of it", n=3) }}{{ _(word) }}',
}


def environment(*folded: str) -> tuple[Environment, list[str]]:
    """Templates whose words are turned round, and what was looked up when they are rendered."""
    asked: list[str] = []

    def word(text: str, **values: Any) -> Markup:
        asked.append(text)
        return Markup(text) % values if values else Markup(text)

    def icon(name: str, extra: str = "") -> Markup:
        asked.append(name)
        return Markup("<svg {} {}>").format(name, extra)

    made = Environment(loader=DictLoader(PARTS), autoescape=True)
    made.globals.update(_=word, icon=icon)
    if folded:
        fold(made, *folded)
    return made, asked


@pytest.mark.parametrize("folded", [("_", "icon"), ("icon",)])
@pytest.mark.parametrize("name", ["page", "part", "choice"])
def test_a_folded_template_gives_what_the_plain_one_gives(name: str, folded: tuple[str, ...]) -> None:
    values = {"who": "<Cleo>", "yes": False, "word": "Mail"}
    assert environment(*folded)[0].get_template(name).render(values) == environment()[0].get_template(name).render(
        values
    )


def test_what_can_be_known_is_looked_up_once_and_what_depends_on_the_reader_each_time() -> None:
    made, asked = environment("_", "icon")
    template = made.get_template("page")
    asked.clear()
    template.render(who="Cleo")
    assert asked == []
    made.get_template("choice").render(word="Mail")
    assert asked == ["%(n)s of it", "Mail"]
    with_languages, asked = environment("icon")
    with_languages.get_template("page").render()
    assert [word for word in asked if word[0].isupper()] == ["Open", "It's"]


def test_a_part_keeps_to_itself_what_it_sets() -> None:
    assert environment("_", "icon")[0].get_template("page").render().endswith("page")


@given(st.text())
@example("1 < 2")
@example("2 > 1")
@example("a & b")
@example('" autofocus onfocus="alert(1)')
@example("' onclick='alert(1)")
def test_text_is_escaped_wherever_there_is_anything_to_escape(text: str) -> None:
    assert as_written(text) == str(escape(text))


@pytest.mark.parametrize("value", [7, -1, 0, True, None, 1.5, ActorType.STORE, Markup("<b>'"), ["<"], {"a": '"'}])
def test_other_values_are_written_as_escaping_writes_them(value: Any) -> None:
    assert as_written(value) == str(escape(value))
