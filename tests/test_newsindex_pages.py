"""The tags of the results page in templates of a site."""

from __future__ import annotations

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.utils.safestring import SafeString
from hypothesis import given, settings
from hypothesis import strategies as st

from newsindex.forms import Parameters

value = st.text(st.sampled_from("a<&\"'"), max_size=3) | st.integers(0, 9999) | st.booleans() | st.none()
safe = st.just(SafeString("<b>"))


def render(source: str, **context: object) -> str:
    return Template("{% load newsindex newsindex_pages %}" + source).render(Context(context))


@settings(deadline=None)
@given(st.lists(st.tuples(value | safe, value | safe), max_size=4), value | safe)
@pytest.mark.parametrize("backwards", ["", " reversed"])
def test_each_gives_what_for_gives(backwards: str, rows: list[tuple[object, object]], around: object) -> None:
    body = (
        "{{ a }},{{ b }},{{ around }},{{ a|default:'-' }},{% if b %}{{ b|length }}{% else %}no{% endif %},"
        "{{ missing }},{{ 'around' }},{% with a=around %}{{ a }}{% endwith %};"
    )
    one = render(f"{{% each a, b in rows{backwards} %}}{body}{{% endeach %}}{{{{ a }}}}", rows=rows, around=around)
    other = render(f"{{% for a, b in rows{backwards} %}}{body}{{% endfor %}}{{{{ a }}}}", rows=rows, around=around)
    assert one == other


def test_each_takes_what_is_not_there_for_nothing() -> None:
    assert render("{% each a in rows %}x{% endeach %}{% each a in none %}x{% endeach %}", none=None) == ""


@pytest.mark.parametrize("tag", ["each", "each a", "each a in", "each a.b in rows", "each a in rows backwards"])
def test_each_says_how_it_is_used(tag: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="each is used so"):
        Template(f"{{% load newsindex_pages %}}{{% {tag} %}}{{% endeach %}}")


class Hit:
    """What a page shows of a result."""

    section = "A & B"
    authors = ("Ada",)
    tags = ("x", "<y>")


def test_links_of_a_result_narrow_the_search_of_the_page() -> None:
    source = (
        "{% narrowed hit as by %}{% each name, url in by.section %}{{ name }} {{ url }};{% endeach %}"
        "{% each name, url in by.authors %}{{ name }} {{ url }};{% endeach %}"
        "{% each name, url in by.tags %}{{ name }} {{ url }};{% endeach %}"
    )
    plain = (
        "{{ hit.section }} {% narrow_url 'section' hit.section %};"
        "{% for one in hit.authors %}{{ one }} {% narrow_url 'author' one %};{% endfor %}"
        "{% for one in hit.tags %}{{ one }} {% narrow_url 'tag' one %};{% endfor %}"
    )
    for asked in (Parameters(q="rain", tags=("x",), after=None), Parameters(), None):
        assert render(source, hit=Hit, parameters=asked) == render(plain, hit=Hit, parameters=asked)
