"""Rules for every template: used, marked for translation, escaped, and free of code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import Environment, meta, nodes

from messaging_app.paths import resource

TEMPLATES = resource("templates")
PACKAGE = Path(__file__).parents[2] / "messaging_app"
NAMES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.*"))
PAGES = [name for name in NAMES if not name.startswith("emails/")]  # mail programs know no style sheets

# Shown to people, so written in words that are translated.
SPOKEN_ATTRIBUTES = {"alt", "title", "placeholder", "aria-label", "aria-description", "aria-roledescription", "label"}
SILENT_ELEMENTS = {"kbd", "script", "style"}
TRANSLATES = {"_", "gettext", "ngettext", "pgettext", "npgettext"}
# User input and names, which must not appear in attributes that htmx interprets.
WORDS_OF_PEOPLE = {
    "content", "subject", "name", "email", "q", "filename", "detail", "typed", "error", "last_message_preview",
    "sender_name", "counterpart_name", "store_name", "customer_name", "last_sender_name", "participant_name",
}  # fmt: skip
HOLE = "\ufffc"


@pytest.fixture(scope="module")
def environment() -> Environment:
    app = Flask(__name__, template_folder=str(TEMPLATES))
    app.jinja_env.add_extension("jinja2.ext.i18n")
    return app.jinja_env


def source_of(name: str) -> str:
    """Return the template's text, without translated blocks and blocks that fill an attribute of the frame."""
    source = re.sub(r"{%-? *trans\b.*?endtrans *-?%}", "", (TEMPLATES / name).read_text(), flags=re.DOTALL)
    return re.sub(r"{% block (frame_name|accent) %}.*?{% endblock %}", "", source)


def test_every_template_is_used(environment: Environment) -> None:
    named = {
        constant.value
        for path in PACKAGE.rglob("*.py")
        for constant in ast.walk(ast.parse(path.read_text()))
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    }
    for name in NAMES:
        for node in environment.parse(source_of(name)).find_all(nodes.Const):
            if isinstance(node.value, str):
                named.add(node.value)
        named |= {found for found in meta.find_referenced_templates(environment.parse(source_of(name))) if found}
    by_folder = {name for name in NAMES if {str(Path(name).parent), Path(name).name} <= named}
    assert set(NAMES) - named - by_folder == set()


def test_every_template_that_is_named_is_there(environment: Environment) -> None:
    for name in NAMES:
        for found in meta.find_referenced_templates(environment.parse(source_of(name))):
            assert found is None or found in NAMES, f"{name} refers to {found}"
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.fullmatch(r"[\w/]+\.html", node.value)
            ):
                there = any(f"/{name}".endswith(f"/{node.value}") for name in NAMES)
                assert there, f"{path.name} names {node.value}"


class Markup(HTMLParser):
    """Parse a template's elements, attributes and texts, with placeholders for its expressions."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.inside: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag in SILENT_ELEMENTS:
            self.inside.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if self.inside[-1:] == [tag]:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.texts.append(data)


def taken_apart(environment: Environment, name: str) -> tuple[Markup, list[str]]:
    """The template's HTML with HOLE and a number for each expression, and the expressions by number."""
    html, expressions = with_holes(environment, source_of(name))
    markup = Markup()
    markup.feed(html)
    return markup, expressions


def with_holes(environment: Environment, source: str) -> tuple[str, list[str]]:
    """`source` with HOLE and a number for each expression, and the expressions by number."""
    html, expressions, current = [], [], []
    depth = False
    for _line, kind, value in environment.lex(source):
        if kind == "variable_begin":
            depth, current = True, []
        elif kind == "variable_end":
            depth = False
            html.append(f"{HOLE}{len(expressions)}{HOLE}")
            expressions.append("".join(current))
        elif depth:
            current.append(value)
        elif kind == "data":
            html.append(value)
    return "".join(html), expressions


def spoken_constants(environment: Environment, expression: str) -> Iterator[str]:
    """The strings of an expression that reach the page without having been translated."""
    output = environment.parse("{{" + expression + "}}").body[0]
    assert isinstance(output, nodes.Output)

    def spoken(node: nodes.Node) -> Iterator[str]:
        if isinstance(node, nodes.Const):
            if isinstance(node.value, str) and re.search(r"[^\W\d_]", node.value):
                yield node.value
        elif isinstance(node, nodes.CondExpr):
            yield from spoken(node.expr1)
            if node.expr2 is not None:
                yield from spoken(node.expr2)
        elif isinstance(node, (nodes.Or, nodes.And)):
            yield from spoken(node.left)
            yield from spoken(node.right)
        elif isinstance(node, nodes.Concat):
            for part in node.nodes:
                yield from spoken(part)

    for node in output.nodes:
        yield from spoken(node)


# What programmers read about the API is English, as the API's own words are.
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("api/")])
def test_every_text_is_marked_for_translation(environment: Environment, name: str) -> None:
    markup, expressions = taken_apart(environment, name)
    shown = markup.texts + [value for tag, attribute, value in markup.attributes if _is_spoken(tag, attribute, value)]
    for text in shown:
        bare = re.sub(f"{HOLE}[0-9]+{HOLE}", " ", text)
        assert not re.search(r"[^\W\d_]", bare), f"not marked for translation: {bare.strip()!r}"
        for number in re.findall(f"{HOLE}([0-9]+){HOLE}", text):
            found = list(spoken_constants(environment, expressions[int(number)]))
            assert found == [], f"not marked for translation: {found}"


def _is_spoken(tag: str, attribute: str, value: str) -> bool:
    return attribute in SPOKEN_ATTRIBUTES and value != ""


@pytest.mark.parametrize("name", NAMES)
def test_a_translated_text_is_a_constant(environment: Environment, name: str) -> None:
    """Strings built at run time cannot be extracted for translation; values are passed as named parameters.

    Sentences of events are constants too, marked in `models/events.py`.
    """
    for call in environment.parse(source_of(name)).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in TRANSLATES:
            texts = call.args[:2] if call.node.name == "ngettext" else call.args[:1]
            assert all(_is_constant(text) for text in texts), f"{name}:{call.lineno}"


def _is_constant(text: nodes.Node) -> bool:
    if isinstance(text, nodes.CondExpr):
        return text.expr2 is not None and _is_constant(text.expr1) and _is_constant(text.expr2)
    if isinstance(text, nodes.Getattr):
        return isinstance(text.node, nodes.Name) and text.node.name == "event" and "sentence" in text.attr
    return isinstance(text, nodes.Const)


@pytest.mark.parametrize("name", PAGES)
def test_templates_hold_neither_code_nor_styles_nor_unescaped_text(environment: Environment, name: str) -> None:
    source = source_of(name)
    assert not re.search(r"\|\s*safe\b|Markup|autoescape|\bjs:|javascript:", source), name
    markup, _ = taken_apart(environment, name)
    for tag, attribute, value in markup.attributes:
        assert attribute != "style", f"{name}: style on <{tag}>"
        assert not attribute.startswith(("on", "hx-on")), f"{name}: {attribute} on <{tag}>"
        assert "hx-vals" not in attribute or not value.strip().startswith(("js", "javascript")), name
        if attribute in ("src", "href", "action"):
            assert not re.match(r"\s*(https?:)?//", value), f"{name}: {value} leads elsewhere"
    assert not re.search(r"<style\b|<script(?![^>]*\bsrc=)", source), f"{name}: inline script or style"


@pytest.mark.parametrize("name", NAMES)
def test_no_words_of_people_stand_where_htmx_reads_instructions(environment: Environment, name: str) -> None:
    markup, expressions = taken_apart(environment, name)
    sets = {
        node.target.name: node.node
        for node in environment.parse(source_of(name)).find_all(nodes.Assign)
        if isinstance(node.target, nodes.Name)
    }
    for _tag, attribute, value in markup.attributes:
        if attribute.startswith("hx-"):
            for number in re.findall(f"{HOLE}([0-9]+){HOLE}", value):
                parsed = environment.parse("{{" + expressions[int(number)] + "}}")
                found = set(words_in(parsed, sets)) & WORDS_OF_PEOPLE
                assert found == set(), f"{attribute}={value}: {found}"


def words_in(node: nodes.Node, sets: dict[str, nodes.Node]) -> Iterator[str]:
    """The names and attributes that an expression reads, through the template's own `set`."""
    if isinstance(node, nodes.Getattr):
        if not (isinstance(node.node, nodes.Name) and node.node.name == "role"):
            yield node.attr
    elif isinstance(node, nodes.Name):
        yield node.name
        if node.name in sets:
            yield from words_in(sets[node.name], {k: v for k, v in sets.items() if k != node.name})
    for child in node.iter_child_nodes():
        yield from words_in(child, sets)


def test_nothing_in_the_package_marks_text_as_safe_but_links() -> None:
    for path in PACKAGE.rglob("*.py"):
        if "Markup(" in path.read_text():
            assert path.name in ("markup.py", "static_files.py"), f"{path} makes markup"


# What is a name, and what makes a date: of people, stores and files, in any script.
NAMES_OF_PEOPLE = {
    "name", "sender_name", "counterpart_name", "store_name", "last_sender_name", "removed_by_name", "filename", "writer",
}  # fmt: skip
DATES = {"clock", "day", "short_when", "exact"}
OTHERWISE_USED = {"initials", "upper", "urlencode", "iso", "date", "length", "e"}
VOID = {"img", "input", "meta", "link", "br", "hr", "use"}


class Isolated(HTMLParser):
    """The texts of a template, each with the elements around it, and the whole of each <bdi>."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.around: list[list[str]] = []  # tag and text so far
        self.texts: list[tuple[str, list[list[str]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.around.append([tag, ""])

    def handle_endtag(self, tag: str) -> None:
        tags = [around[0] for around in self.around]
        if tag in tags:
            del self.around[len(tags) - 1 - tags[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        for around in self.around:
            around[1] += data
        self.texts.append((data, list(self.around)))


def names_and_dates(node: nodes.Node, *, in_sentence: bool = False) -> Iterator[tuple[str, bool]]:
    """The names and dates that an expression writes without the filter `bdi`, and whether among words of ours."""
    if isinstance(node, nodes.Filter):
        if node.name in DATES:
            yield f"|{node.name}", in_sentence
        elif node.name not in OTHERWISE_USED | {"bdi"} and node.node is not None:
            yield from names_and_dates(node.node, in_sentence=in_sentence)
    elif isinstance(node, nodes.Getattr):
        if node.attr in NAMES_OF_PEOPLE and not (isinstance(node.node, nodes.Name) and node.node.name == "role"):
            yield node.attr, in_sentence
    elif isinstance(node, nodes.Name):
        if node.name in NAMES_OF_PEOPLE:
            yield node.name, in_sentence
    elif isinstance(node, nodes.Call):
        for value in node.kwargs:
            yield from names_and_dates(value.value, in_sentence=True)
    elif isinstance(node, nodes.CondExpr):
        yield from names_and_dates(node.expr1, in_sentence=in_sentence)
        if node.expr2 is not None:
            yield from names_and_dates(node.expr2, in_sentence=in_sentence)
    elif isinstance(node, (nodes.Or, nodes.And, nodes.Concat)):
        parts = node.nodes if isinstance(node, nodes.Concat) else [node.left, node.right]
        for part in parts:
            yield from names_and_dates(part, in_sentence=in_sentence or isinstance(node, nodes.Concat))


# Programs read the API's page, and mails have a test of their own.
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith(("api/", "emails/"))])
def test_every_name_and_every_date_stands_in_a_bdi_of_its_own(environment: Environment, name: str) -> None:
    source = re.sub(r"<title>.*?</title>|{% block title %}.*?{% endblock %}", "", source_of(name), flags=re.DOTALL)
    html, expressions = with_holes(environment, source)
    markup = Isolated()
    markup.feed(html)
    for text, around in markup.texts:
        for number in re.findall(f"{HOLE}([0-9]+){HOLE}", text):
            [output] = environment.parse("{{" + expressions[int(number)] + "}}").body
            assert isinstance(output, nodes.Output)
            own = any(tag == "bdi" and whole == f"{HOLE}{number}{HOLE}" for tag, whole in around)
            for found, in_sentence in names_and_dates(output.nodes[0]):
                assert own and not in_sentence, f"{name}: {found} in {{{{{expressions[int(number)]}}}}}"


REFUSALS = {"FieldError": 2, "Refusal": 0, "CSRFError": 0}


def test_what_views_and_services_refuse_is_marked_for_translation() -> None:
    """The sentence of a refusal is a call of `_`, or a value that comes from one."""
    cli_only = {"settings.py", "schema.py"}
    for path in [*PACKAGE.rglob("views/*.py"), *PACKAGE.rglob("services/*.py"), *PACKAGE.glob("*.py")]:
        if path.name in cli_only:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS:
                place = REFUSALS[node.func.id]
                sentence = node.args[place] if len(node.args) > place else None
                plain = isinstance(sentence, (ast.Constant, ast.JoinedStr))
                assert not plain, f"{path.name}:{node.lineno} is not marked for translation"
