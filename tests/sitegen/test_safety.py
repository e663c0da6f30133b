"""What blocks display stands on the page and can do nothing there: no script, no request."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import pytest

from sitegen.render.html import clean
from sitegen.render.svg import inline_svg


def svg(inner: str, attributes: str = "") -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'xmlns:h="http://www.w3.org/1999/xhtml" {attributes}>{inner}</svg>'
    )


HOSTILE_SVG = {
    "a script": "<script>evil()</script>",
    "a script in capitals, which HTML reads as one": "<SCRIPT>evil()</SCRIPT>",
    "a script of HTML": "<h:script>evil()</h:script>",
    "a handler": '<rect onclick="evil()"/>',
    "a handler in capitals": '<rect ONLOAD="evil()"/>',
    "a handler with a prefix": '<rect xlink:onclick="evil()"/>',
    "a link that runs": '<a href="javascript:evil()"><text>x</text></a>',
    "an old link that runs": '<a xlink:href=" JavaScript:evil()"><text>x</text></a>',
    "a link made up on the spot": '<a href="data:image/svg+xml,evil"><text>x</text></a>',
    "a link that is animated": '<a><animate attributeName="href" to="javascript:evil()"/></a>',
    "a handler that is set": '<rect><set attributeName="onclick" to="evil()"/></rect>',
    "foreign content": "<foreignObject><h:img src='x' onerror='evil()'/></foreignObject>",
    "foreign content in capitals": "<FOREIGNOBJECT><h:img src='evil'/></FOREIGNOBJECT>",
    "a picture of HTML": '<h:img srcset="https://evil/x.png"/>',
    "a refresh": '<h:meta http-equiv="refresh" content="0;url=https://evil"/>',
    "a frame": '<h:iframe src="https://evil"/>',
    "a form": '<h:form action="https://evil"><h:button>x</h:button></h:form>',
    "HTML in a title": "<title><h:img src='x' onerror='evil()'/></title>",
    "a style": "<style>@import url(https://evil);</style>",
    "a picture from elsewhere": '<image href="https://evil/x.png"/>',
    "a picture from elsewhere, of old": '<image xlink:href="//evil/x.png"/>',
    "a symbol from elsewhere": '<use href="https://evil/x.svg#a"/>',
    "a symbol made up on the spot": '<use href="data:image/svg+xml,evil#a"/>',
    "a filter from elsewhere": '<feImage href="https://evil"/>',
    "a fill from elsewhere": '<rect fill="url(https://evil#a)"/>',
    "a style that fetches": "<rect style=\"fill: URL( 'https://evil' )\"/>",
    "a style that hides what it fetches": r'<rect style="fill: \75rl(https://evil)"/>',
    "a base": '<g xml:base="https://evil/"/>',
    "a comment": "<!-- evil -->",
    "an instruction": "<?evil x?>",
}


@pytest.mark.parametrize("inner", HOSTILE_SVG.values(), ids=HOSTILE_SVG)
def test_a_drawing_can_neither_act_nor_fetch(inner: str) -> None:
    markup = inline_svg(svg(f"{inner}<text>kept</text>"), "p")
    assert "evil" not in markup
    assert "<text>kept</text>" in markup
    assert re.search(r"\son\w+=", markup, re.I) is None


def test_a_drawing_s_own_element_is_cleaned_too() -> None:
    markup = inline_svg(svg("", 'onload="evil()" style="background:url(//evil)" width="9"'), "p")
    assert "evil" not in markup
    assert 'width="9"' in markup


@pytest.mark.parametrize(
    "text", ["", "no markup", "<svg", "<html/>", '<!DOCTYPE x [<!ENTITY e SYSTEM "/">]><svg>&e;']
)
def test_what_is_no_drawing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="SVG"):
        inline_svg(text, "p")


def test_a_drawing_keeps_what_it_draws_and_its_ids_are_its_own() -> None:
    inner = (
        '<defs><linearGradient id="g"><stop offset="0"/></linearGradient>'
        '<clipPath id="c"><rect/></clipPath></defs>'
        "<title>A name</title><desc>More &lt;words&gt;</desc>"
        '<g clip-path="url(#c)" style="fill: url(\'#g\'); stroke: #1F77B4">'
        '<use xlink:href="#c"/><image href="data:image/png;base64,AAAA"/></g>'
        '<text x="1">a &lt; b &amp; c</text>'
    )
    markup = inline_svg(svg(inner, 'width="72pt" height="10cm"'), "p")
    for part in (
        'id="p-g"',
        'clip-path="url(#p-c)"',
        "fill:url(#p-g);stroke:#1f77b4",
        '<use href="#p-c" />',
        'href="data:image/png;base64,AAAA"',
        '<text x="1">a &lt; b &amp; c</text>',
        "More &lt;words&gt;",
        'width="96"',
        'aria-labelledby="p-title"',
        'aria-describedby="p-desc"',
        'role="img"',
    ):
        assert part in markup
    assert "height" not in markup


HOSTILE_HTML = {
    "a script": "<script>evil()</script>",
    "a handler": '<p onclick="evil()">x</p>',
    "a link that runs": '<a href="javascript:evil()">x</a>',
    "a link that runs, hidden": '<a href="java&#10;script:evil()">x</a>',
    "a document made up on the spot": '<a href=" data:text/html,evil">x</a>',
    "a picture from elsewhere": '<img src="https://evil/x.png">',
    "a picture that fails": '<img src="x" onerror="evil()">',
    "other pictures": '<img srcset="https://evil/x.png 2x">',
    "a frame": '<iframe srcdoc="evil"></iframe>',
    "an object": '<object data="https://evil"></object>',
    "a style": "<style>@import 'https://evil';</style>",
    "a style of its own": '<p style="background:url(https://evil)">x</p>',
    "a sheet": '<link rel="stylesheet" href="https://evil">',
    "a refresh": '<meta http-equiv="refresh" content="0;url=https://evil">',
    "a form": '<form action="https://evil"><input name="evil"></form>',
    "a base": '<base href="https://evil/">',
    "a drawing that acts": '<svg><script>evil()</script><a href="javascript:evil()">x</a></svg>',
    "mathematics that hides": "<math><mtext><script>evil()</script></mtext></math>",
    "a template": '<template><img src="https://evil"></template>',
    "an id of the page": '<p id="evil">x</p>',
    "a comment": "<!-- evil -->",
}


@pytest.mark.parametrize("html", HOSTILE_HTML.values(), ids=HOSTILE_HTML)
def test_html_can_neither_act_nor_fetch(html: str) -> None:
    assert "evil" not in clean(html, "").html


def test_html_keeps_its_structure() -> None:
    html = '<table class="c"><tbody><tr><td>1 &lt; 2</td></tr></tbody></table>'
    assert clean(html, "").html == html
    assert "<details open" in clean("<details open><summary>s</summary>t</details>", "").html
    assert 'href="https://example.org"' in clean('<a href="https://example.org">x</a>', "").html


def test_a_long_word_of_a_cell_may_be_broken_where_its_name_has_parts() -> None:
    def cell(text: str) -> str:
        start, end = "<table><tbody><tr><td>", "</td></tr></tbody></table>"
        return clean(start + text + end, "").html.removeprefix(start).removesuffix(end)

    assert cell("transformer.h.0.attn") == "transformer.<wbr>h.0.<wbr>attn"
    assert cell("CausalSelfAttention") == "Causal<wbr>Self<wbr>Attention"
    assert cell("normal_and_scaled") == "normal_<wbr>and_<wbr>scaled"
    assert cell("a" * 14) == "a" * 12 + "<wbr>aa"
    assert cell("&lt;" * 14) == "&lt;" * 12 + "<wbr>" + "&lt;" * 2
    for kept in ("Chinchilla", "124,439,808", "two words of it", '<b title="a_long.title">b</b>'):
        assert cell(kept) == kept


class Acts(HTMLParser):
    """Collects what on a page could act or fetch, and has a word of ours in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        for name, value in attrs:
            link = name in ("href", "src", "srcset", "action") and "#" not in (value or "")[:1]
            if "evil" in (value or "") and (name.startswith("on") or link):
                self.found.append(f"{tag} {name}={value}")
            if name.startswith("on"):
                self.found.append(f"{tag} {name}")

    def handle_data(self, data: str) -> None:
        if self.inside in ("script", "style") and "evil" in data:
            self.found.append(f"{self.inside}: {data}")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""


EVIL = "\"'><script>evil()</script><img src=x onerror=evil()><b>&amp;"


def test_nothing_that_a_page_shows_can_act(course) -> None:
    payload = f"payload = {EVIL!r}"
    course.configure('base_url = "https://example.org/course"')
    course.lesson(
        f"""
        ## A title with `<script>evil()</script>` in it

        ```python {{#streams title="<script>evil()</script>"}}
        import sys
        {payload}
        print(payload)
        print(payload, file=sys.stderr)
        payload
        ```

        ```python {{#rich}}
        from IPython.display import HTML, Markdown, SVG
        display(HTML(payload), Markdown(payload), Markdown("[x](javascript:evil())"))
        display(SVG('<svg xmlns="http://www.w3.org/2000/svg"><SCRIPT>evil()</SCRIPT></svg>'))
        display({{"image/svg+xml": payload, "text/plain": payload}}, raw=True)
        display({{"image/png": "QUJD", "text/plain": payload}}, raw=True)
        ```

        ```python {{#raised raises=ValueError}}
        raise ValueError(payload)
        ```

        The value is `{{python}} payload or "><script>evil()</script>"`.
        """,
        extra='summary: \'" onload="evil()"><script>evil()</script>\'\n',
    )
    course.build()
    for name in ("one", "index"):
        assert Acts(course.page(name)).found == [], name
    assert course.page().count("&lt;script&gt;evil()") >= 6  # it is there to be read


def test_pictures_of_any_kind_are_shown(course) -> None:
    picture = b"\x89PNG\r\n\x1a\nnot really"
    course.lesson(
        f"\n```python {{#a}}\nclass Bytes:\n    def _repr_png_(self):\n        return {picture!r}\n"
        "Bytes()\n```\n"
    )
    course.build()
    assert course.recording("a").with_suffix(".png").read_bytes() == picture
    assert f"data:image/png;base64,{base64.b64encode(picture).decode()}" in course.page()
