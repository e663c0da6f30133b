"""What a block displayed, as its page shows it: every kind, and what can't be shown."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from sitegen.output import Output
from sitegen.parse.config import Config, Profile
from sitegen.parse.parser import parse_lesson
from sitegen.record.recordings import Provenance, Recording, Recordings
from sitegen.render.ansi import legible
from sitegen.render.renderer import Page, Renderer
from sitegen.render.results import Results, Shown
from sitegen.render.svg import inline_svg, luminance
from sitegen.trace import Trace

LESSON = (
    "---\ntitle: A lesson\nslug: one\norder: 1\n---\n\n## A part\n\n```python {#a}\nshow()\n```\n"
)
PICTURE = base64.b64encode(b"picture").decode()


def page(*outputs: Output) -> Page:
    """The page of a lesson whose block displayed these."""
    lesson = parse_lesson("lessons/one.md", LESSON)
    config = Config(root=Path(), title="A course", lessons=Path("lessons"))
    recording = Recording(Trace(), outputs, Provenance())
    laptop = Profile("cpu", "Laptop")
    results = Results((laptop,), {"a": [Shown(laptop, recording)]})
    return Renderer(config, [lesson]).lesson(lesson, results)


def shown(
    data: Mapping[str, str], picture: Mapping[str, str | int] | None = None, needs: str = ""
) -> str:
    """What stands in the result of a block that displayed a bundle."""
    whole = page(Output("display", data, picture or {}, needs)).html
    found = re.search(
        r'<div class="result"[^>]*>\n(.*?)\n<details class="badge"[^>]*>', whole, re.S
    )
    assert found
    return found[1]


def warned(data: Mapping[str, str], needs: str = "") -> str:
    return "\n".join(page(Output("display", data, needs=needs)).warnings)


KINDS = {
    "a drawing": ({"image/svg+xml": "<svg><title>T</title></svg>"}, ">T</title></svg>"),
    "HTML": ({"text/html": "<b>bold</b>"}, "<b>bold</b>"),
    "Markdown": ({"text/markdown": "*x*"}, "<em>x</em>"),
    "a formula": ({"text/latex": r"$\displaystyle \frac{a}{b}$"}, "<mfrac>"),
    "a formula between double signs": ({"text/latex": "$$x^2$$"}, "<msup>"),
    "a formula between no signs": ({"text/latex": "x^2"}, "<msup>"),
    "text with a formula": ({"text/latex": "Let $x^2$ be"}, "Let <math"),
    "PNG": ({"image/png": PICTURE}, f'src="data:image/png;base64,{PICTURE}"'),
    "JPEG": ({"image/jpeg": PICTURE}, f'src="data:image/jpeg;base64,{PICTURE}"'),
    "GIF": ({"image/gif": PICTURE}, f'src="data:image/gif;base64,{PICTURE}"'),
    "WebP": ({"image/webp": PICTURE}, f'src="data:image/webp;base64,{PICTURE}"'),
    "JSON": ({"application/json": '{"a": 1}'}, '<span class="mi">1</span>'),
    "text": ({"text/plain": "a < b"}, "<samp>a &lt; b</samp>"),
    "MathML in HTML": (
        {"text/html": "<math><msup><mi>x</mi><mn>2</mn></msup></math>"},
        "<math><msup><mi>x</mi><mn>2</mn></msup></math>",
    ),
    "a drawing in HTML": (
        {"text/html": '<p>a<svg viewBox="0 0 1 1"><linearGradient id="g"/></svg></p>'},
        'viewBox="0 0 1 1"',
    ),
    "a sound": (
        {"text/html": '<audio><source src="data:audio/wav;base64,AAAA" type="audio/wav"></audio>'},
        '<audio controls=""><source src="data:audio/wav;base64,AAAA" type="audio/wav"></audio>',
    ),
    "a film": (
        {"text/html": '<video controls src="data:video/mp4;base64,AAAA" width="99"></video>'},
        'src="data:video/mp4;base64,AAAA"',
    ),
    "a page within the page": (
        {"text/html": '<iframe src="https://example.org/a?b=1&c=2"></iframe>'},
        '<a href="https://example.org/a?b=1&amp;c=2" rel="noopener">',
    ),
}


@pytest.mark.parametrize(("data", "seen"), KINDS.values(), ids=KINDS)
def test_every_kind_is_shown(data: Mapping[str, str], seen: str) -> None:
    found = shown({**data, "text/plain": data.get("text/plain", "<IPython.core.display.X object>")})
    assert seen in found
    assert "IPython" not in found


def test_a_picture_has_the_size_and_the_words_that_its_author_gives_it() -> None:
    said = {"width": 200, "alt": 'A "dot"'}
    assert '<img alt="A &#34;dot&#34;" width="200" src=' in shown({"image/png": PICTURE}, said)
    both = shown({"image/jpeg": PICTURE}, {"width": 20, "height": 90})
    assert 'width="20" height="90" style="aspect-ratio:20/90"' in both
    assert 'width="50"' in shown({"image/svg+xml": '<svg width="9" height="9"/>'}, {"width": 50})
    assert 'alt="Figure"' in shown({"image/png": PICTURE, "text/plain": "<Figure size 640x480>"})
    assert 'alt="a curve"' in shown({"image/png": PICTURE, "text/plain": "a curve"})


def test_what_is_said_of_an_output_is_recorded_with_it(tmp_path: Path) -> None:
    outputs = (
        Output("display", {"image/gif": PICTURE}, {"width": 9, "alt": "x"}),
        Output("display", {"text/plain": "y"}, needs="plotly"),
    )
    recordings = Recordings(tmp_path / "recordings")
    recordings.save("one", "cpu", "a", Recording(Trace(), outputs))
    loaded = recordings.load("one", "cpu", "a")
    assert loaded is not None
    assert loaded.outputs == outputs
    assert (tmp_path / "recordings/one/cpu/a.gif").read_bytes() == b"picture"


WITHOUT = {
    "plotly": ("a Figure", "a notebook shows an interactive figure by plotly", "install kaleido"),
    "altair": ("alt.Chart(...)", "an interactive figure by altair", "install vl-convert-python"),
    "ipywidgets": ("IntSlider(value=7)", "a widget by ipywidgets", "print or plot"),
    "JavaScript": ("<IPython.core.display.Javascript object>", "JavaScript", "needs a script"),
}


@pytest.mark.parametrize("needs", WITHOUT)
def test_where_only_a_script_would_show_it_page_and_build_say_so(needs: str) -> None:
    text, said, told = WITHOUT[needs]
    data = {"text/html": "<div id='x'></div>", "text/plain": text}
    found = shown(data, needs=needs)
    assert said in found
    assert ("<samp>" in found) == ("IPython" not in text)
    assert warned(data, needs).startswith("lessons/one.md:9: block 'a' displays what needs ")
    assert told in warned(data, needs)


def test_the_picture_in_a_bundle_is_shown_instead_and_nothing_is_said() -> None:
    data = {"text/html": "<div></div>", "image/png": PICTURE, "text/plain": "x"}
    assert "<img" in shown(data, needs="plotly")
    assert "needs" not in shown(data, needs="plotly")
    assert warned(data, "plotly") == ""


LOST = {
    "a script": ("<p>x</p><script>y()</script>", "a script"),
    "handlers": ('<p onclick="x()" onkeyup="y()">x</p>', "a handler of events (2 times)"),
    "a picture from elsewhere": ('<p>x<img src="https://e.example/x.png"></p>', "from elsewhere"),
    "controls": ("<p>x</p><button>y</button>", "controls of a form"),
    "a page": ('<iframe src="https://e.example"></iframe>', "an embedded page"),
    "a place": (
        '<p style="position:fixed;top:0">x</p>',
        "the style 'position' and the style 'top'",
    ),
    "an import": ("<style>@import 'x.css';</style><p>x</p>", "the style rule '@import'"),
    "a link to a file": ('<a href="data.csv">x</a>', "a link to 'data.csv'"),
    "a film that is too large": (
        f'<video src="data:video/mp4;base64,{"A" * 4_000_000}"></video>',
        "video of 3.0 MB",
    ),
}


@pytest.mark.parametrize(("markup", "told"), LOST.values(), ids=LOST)
def test_whatever_is_taken_out_is_told_once(markup: str, told: str) -> None:
    assert warned({"text/html": markup}).count(told) == 1


@pytest.mark.parametrize(
    "markup",
    [
        '<p class="x" style="color: red; cursor: pointer" data-x="1" id="y">x</p>',
        "<style>p:hover { color: red } p { color: blue }</style><p>x</p>",
        '<a href="two.html#x">x</a><a href="#y">y</a><a href="https://example.org">z</a>',
        '<img src="data:image/png;base64,AAAA" alt="x">',
    ],
)
def test_of_what_nobody_misses_nothing_is_told(markup: str) -> None:
    assert warned({"text/html": markup}) == ""


NOTHING = {
    "a picture from elsewhere": '<img src="https://e.example/x.png">',
    "a style sheet for the page": "<style>body { margin: 0 }</style>",
}


@pytest.mark.parametrize("markup", NOTHING.values(), ids=NOTHING)
def test_where_nothing_is_left_the_page_says_so(markup: str) -> None:
    found = shown({"text/html": markup, "text/plain": "<IPython.core.display.HTML object>"})
    assert "Nothing of what this displayed can be shown on a page." in found
    assert "IPython" not in found
    assert "; " in warned({"text/html": markup})


def test_what_is_empty_shows_nothing_and_a_plain_object_its_text() -> None:
    assert (
        shown({"text/html": " ", "text/plain": "<IPython.core.display.HTML object>"}).strip() == ""
    )
    assert "&lt;object object at 0x…&gt;" in shown({"text/plain": "<object object at 0x…>"})


SHEET = """<style type="text/css">
#T_1 td { color: red; padding: 1px 2px; position: sticky }
#T_1 .high:nth-child(2) { background: linear-gradient(90deg, #d65f5f 50%, transparent 50%) }
#T_1 > caption { font-weight: bold !important }
#T_1 tr:first-child td { width: 10em; left: 0 }
table + p, td:hover { color: green }
</style><table id="T_1"><caption style="font-weight: 100">c</caption>
<tr><td>1</td><td class="high" style="color: blue">2</td></tr></table><p>after</p>"""


def test_rules_of_an_output_are_written_onto_what_they_select() -> None:
    found = shown({"text/html": SHEET})
    assert "<style" not in found
    assert '<caption style="font-weight:bold">' in found
    assert '<td style="color:red;padding:1px 2px;width:10em">1</td>' in found
    assert re.search(r'<td class="high" style="[^"]*linear-gradient[^"]*color:blue[^"]*">2', found)
    assert '<p style="color:green">after' in found


def test_an_output_with_colours_of_its_own_keeps_them_on_light_paper() -> None:
    assert 'class="output html own"' in shown({"text/html": '<b style="background:#ff0">x</b>'})
    assert 'class="output html"' in shown({"text/html": '<b style="width:9em;border:0">x</b>'})


def test_ids_and_classes_of_an_output_are_its_own() -> None:
    found = shown({"text/html": '<i id="main" class="read x" name="y"></i><a href="#main">z</a>'})
    assert '<i id="block-a-cpu-1-main" class="x"></i><a href="#block-a-cpu-1-main"' in found


MARKDOWN = """# Top

x^2 is $x^2$, $5 and \\$6.

## Below

```python
def f(): ...
```

- [x] done

> [!NOTE]
> noted

| a |
|---|
| $y$ |

<b onclick="x()">raw</b> [^1]

[^1]: note
"""


def test_markdown_of_a_block_goes_the_way_of_a_lesson_s() -> None:
    found = shown({"text/markdown": MARKDOWN})
    for part in (
        "<h3>Top</h3>",
        "<h4>Below</h4>",
        "<math",
        '<span class="k">def</span>',
        'aria-label="done">☑</span> done',
        '<div class="aside" role="note">',
        "<b>raw</b>",
        'id="block-a-cpu-1-fn1"',
        'href="#block-a-cpu-1-fn1"',
    ):
        assert part in found, part
    assert found.count("<math") == 2
    assert "<h1" not in found
    assert "$5 and $6" in html.unescape(found)


@pytest.mark.parametrize("text", [":::tip\nx", ":::nothing\nx\n:::", ":::", ":::constraints\n:::"])
def test_markdown_that_can_t_be_drawn_is_shown_as_it_is(text: str) -> None:
    data = {"text/markdown": text, "text/plain": "<IPython.core.display.Markdown object>"}
    assert html.escape(text) in shown(data) or "its form as Markdown" not in warned(data)


def test_a_formula_that_can_t_be_read_is_shown_as_it_is_and_told() -> None:
    assert r"<code>\frac{1}</code>" in shown({"text/markdown": r"a $\frac{1}$ b"})
    assert "a formula" in warned({"text/markdown": r"a $\frac{1}$ b"})
    assert "x + 1" in shown({"text/latex": r"$\frac{1}$", "text/plain": "x + 1"})


def test_colours_of_a_terminal_are_the_theme_s_and_can_be_read() -> None:
    found = shown({"text/plain": "\x1b[31mred\x1b[0m \x1b[1;93mx\x1b[0m \x1b[38;5;226m<y>\x1b[0m"})
    assert '<span class="ansi-red">red</span>' in found
    assert '<span class="ansi-bold ansi-bright-yellow">x</span>' in found
    assert re.search(r'<span style="color:light-dark\(#\w{6},#ffff00\)">&lt;y&gt;</span>', found)


@pytest.mark.parametrize("ground", ["fdfdfc", "12171e", "0000ff", "ffff00", "777777"])
@pytest.mark.parametrize("colour", ["000000", "ffffff", "ff0000", "00ff00", "0000ff", "808080"])
def test_any_colour_is_made_legible_on_any_ground(colour: str, ground: str) -> None:
    high, low = sorted((luminance(legible(colour, ground)), luminance(ground)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 4.5


def figure(*shapes: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="9">{"".join(shapes)}</svg>'


FIXED = {
    "a light ground": '<path style="fill: #ffffe0"/>',
    "a dark ground": '<path style="fill: #222222; stroke: none"/>',
    "a white line": '<path style="fill: none; stroke: #ffffff"/><path style="fill: #222222"/>',
    "a black line": '<path style="fill: none; stroke: #000000"/>',
    "a shape that nobody coloured": '<circle class="nobody-s"/>',
    "a colour by its name": '<rect fill="navy"/>',
    "black, as an attribute": '<text fill="#000">x</text>',
}
FOLLOWS = {
    "the house's colours": '<path style="fill: #fdfdfc; stroke: #1f2937"/>',
    "colours seen on both papers": '<path style="fill: none; stroke: #1f77b4"/>',
    "the ink of the text around": '<circle fill="currentColor"/>',
    "classes of a stylesheet": '<rect class="attention"/><g class="paper" fill="#fff"><path/></g>',
    "text that nobody coloured": "<text>x</text>",
}


@pytest.mark.parametrize("shape", FIXED.values(), ids=FIXED)
def test_a_figure_that_could_not_be_seen_in_the_dark_stays_as_it_was_drawn(shape: str) -> None:
    markup = inline_svg(figure(shape), "p")
    assert 'class="figure fixed"' in markup
    assert "var(" not in markup


@pytest.mark.parametrize("shape", FOLLOWS.values(), ids=FOLLOWS)
def test_another_one_follows_the_theme(shape: str) -> None:
    assert 'class="figure"' in inline_svg(figure(shape), "p")


def test_only_colours_of_the_house_are_the_theme_s() -> None:
    markup = inline_svg(figure('<path style="fill: #0369a1; stroke: #1f77b4"/>'), "p")
    assert 'style="fill:var(--figure-0369a1,#0369a1);stroke:#1f77b4"' in markup


def test_rules_within_a_drawing_are_written_onto_its_shapes() -> None:
    sheet = (
        "<style>* { stroke-linejoin: round } .a { fill: #1f77b4 } #b { position: fixed }</style>"
    )
    markup = inline_svg(figure(sheet, '<rect class="a"/><rect id="b" fill="#1f77b4"/>'), "p")
    assert "<style" not in markup
    assert '<rect class="a" style="fill:#1f77b4" />' in markup
    assert 'style="stroke-linejoin:round"' in markup
    assert "position" not in markup
