"""Template tags for the results page and those who override it: long loops, and the links of a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from django import template
from django.template.base import FilterExpression, Node, NodeList, Parser, TextNode, Token, Variable, VariableNode
from django.urls import reverse

from newsindex.engines.base import Explanation
from newsindex.explaining import shown
from newsindex.forms import Parameters
from newsindex.highlighting import is_escaped
from newsindex.navigation import Narrowed, narrowed

register = template.Library()

_WORDING: Final = "{% each name, name in rows %} ... {% endeach %}"


@register.simple_tag(takes_context=True, name="narrowed")
def narrowed_by(context: template.Context, hit: Any) -> Narrowed:
    """``{% narrowed hit as by %}``: ``by.section``, ``by.authors`` and ``by.tags``, each rows of a name and its link.

    The links are those of ``narrow_url``.
    """
    parameters = context.get("parameters")
    return narrowed(parameters, hit) if parameters else narrowed(Parameters(), hit, reverse("newsindex:search"))


@register.inclusion_tag("newsindex/includes/why.html")
def why_here(explanations: Mapping[str, Explanation | None], hit: Any) -> dict[str, Any]:
    """``{% why_here explanations hit %}``: where the score of a hit comes from, in a box to open."""
    explanation = explanations.get(hit.key)
    return {"why": shown(explanation) if explanation else None}


@register.tag
def each(parser: Parser, token: Token) -> EachNode:
    """``{% each value, url in rows %} ... {% endeach %}``: ``for``, where it is faster.

    For rows of as many values as there are names, ``reversed`` or not. There is no ``forloop`` and no ``empty``; what
    is escaped already is taken as it is.
    """
    said, _in, rows = token.contents.removeprefix("each").rpartition(" in ")
    names = [name.strip() for name in said.split(",")]
    expression, *rest = rows.split() or [""]
    if not expression or rest not in ([], ["reversed"]) or not all(map(str.isidentifier, names)):
        raise template.TemplateSyntaxError(f"each is used so: {_WORDING}, not {{% {token.contents} %}}.")
    body = parser.parse(("endeach",))
    parser.delete_first_token()
    return EachNode(names, parser.compile_filter(expression), body, backwards=bool(rest))


class EachNode(Node):
    """A loop that looks nothing up which it has at hand."""

    child_nodelists = ("nodelist",)

    def __init__(self, names: Sequence[str], rows: FilterExpression, nodelist: NodeList, *, backwards: bool) -> None:
        self.names = names
        self.rows = rows
        self.nodelist = nodelist
        self.backwards = backwards
        self._steps = [(node, _name_in(node)) for node in nodelist]

    def render(self, context: template.Context) -> str:
        rows = self.rows.resolve(context, ignore_failures=True) or ()
        if self.backwards:
            rows = reversed(rows)
        out: list[str] = []
        with context.push():
            here = context.dicts[-1]
            for row in rows:
                here.update(zip(self.names, row, strict=True))
                out += self._rendered(here, context)
        return "".join(out)

    def _rendered(self, here: dict[Any, Any], context: template.Context) -> Iterator[str]:
        for node, name in self._steps:
            if type(node) is TextNode:
                yield node.s
                continue
            value = (here[name] if name in here else context.get(name)) if name else None
            yield value if is_escaped(value) else str(node.render_annotated(context))


def _name_in(node: Node) -> str:
    """The name whose value a node shows as it is; "" where it does more."""
    if type(node) is not VariableNode or node.filter_expression.filters:
        return ""
    shown = node.filter_expression.var
    name = str(shown.var) if isinstance(shown, Variable) else ""
    return name if name.isidentifier() else ""
