"""What can be known before a page is asked for is written into its template as it is compiled: parts, words, icons.

A page is made of a dozen parts and asks for a hundred words and icons by constant names; looking each up takes longer
than everything else in it.
Words are folded only while the installation speaks no language but the templates' own, English: with a further
catalogue they depend on who reads, and are looked up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from types import CodeType
from typing import Any

from flask.templating import Environment as FlaskEnvironment
from jinja2 import Environment, Template
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup, escape

BEGINS = ("name", "lparen", "string")
INCLUDE = re.compile(r"""({%-?)\s*include\s+["']([^"']+)["']\s*(-?%})""")


class PlainTemplate(Template):
    """Jinja's, which puts pieces into a page as they are: its own way copies each of them first."""

    @classmethod
    def from_code(
        cls,
        environment: Environment,
        code: CodeType,
        globals: MutableMapping[str, Any],
        uptodate: Callable[[], bool] | None = None,
    ) -> Template:
        """The template of compiled `code`, as its base class makes it."""
        template = super().from_code(environment, code, globals, uptodate)
        template.root_render_func.__globals__["escape"] = as_written
        return template


def as_written(value: Any) -> str:
    """`value` as it stands in a page: escaped, unless it is marked as safe or holds nothing to escape."""
    kind = type(value)
    if kind is Markup:
        return value  # type: ignore[no-any-return]
    if kind is str and not ("&" in value or "<" in value or ">" in value or '"' in value or "'" in value):
        return value  # type: ignore[no-any-return]
    return str(value) if kind is int else escape(value)


class PlainEnvironment(FlaskEnvironment):
    """Flask's, with all that a template may ask for in one plain dictionary.

    Jinja chains two and copies them entry by entry whenever it renders. In exchange, what is added to `globals` once a
    template was used is not seen by it.
    """

    template_class = PlainTemplate

    def make_globals(self, d: Mapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The globals of one template: `d` over the environment's."""
        return {**self.globals, **(d or {})}


class Folding(Extension):
    """Replaces `{% include "part" %}` by the part, and `{{ icon("name") }}` and its like by what they give.

    `environment.folded` names the functions whose value depends on their arguments alone.
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """`source` with its parts in it; what a part sets stays its own, as if it were included."""
        return INCLUDE.sub(lambda found: f"{found[1]} with %}}{self._part(found[2])}{{% endwith {found[3]}", source)

    def _part(self, name: str) -> str:
        loader = self.environment.loader
        assert loader is not None
        source, filename, _is_current = loader.get_source(self.environment, name)
        return self.preprocess(source.removesuffix("\n"), name, filename)

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """The tokens of a template, with what is known already in the place of calls."""
        tokens = list(stream)
        at = 0
        while at < len(tokens):
            length, value = self._call(tokens, at)
            if not length:
                yield tokens[at]
                at += 1
            else:
                yield Token(tokens[at].lineno, "data" if tokens[at].type == "variable_begin" else "string", value)
                at += length

    def _call(self, tokens: list[Token], at: int) -> tuple[int, str]:
        """How many tokens from `at` on are a call that can be folded, and its value; 0 where they are none.

        Alone between braces it becomes text of the page. Of words inside an expression only the plain string stays,
        which is escaped where it is put out.
        """
        alone = tokens[at].type == "variable_begin"
        first = at + alone
        kinds = tuple(token.type for token in tokens[first : first + 6])
        name = tokens[first].value if kinds[:3] == BEGINS else ""
        if name not in self.environment.folded:  # type: ignore[attr-defined]
            return 0, ""
        arguments = 2 if kinds[3:] == ("comma", "string", "rparen") else 1
        end = first + 2 + 2 * arguments - 1
        if tokens[end].type != "rparen" or (alone and tokens[end + 1].type != "variable_end"):
            return 0, ""
        if not alone and name != "_":
            return 0, ""
        values = [tokens[first + 2 + 2 * number].value for number in range(arguments)]
        call: Any = self.environment.globals[name]
        return end + 1 + alone - at, values[0] if name == "_" else str(call(*values))


def fold(environment: Environment, *names: str) -> None:
    """Fold calls of these functions of `environment` in every template that is compiled from now on."""
    environment.folded = names  # type: ignore[attr-defined]
    environment.add_extension(Folding)
