"""Formulas: what LaTeX writes is shown as it means it, or refused with the command's name."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET

import pytest
from fontTools.ttLib import TTFont
from small_course import Course

from sitegen.course import load as load_course
from sitegen.errors import SiteError
from sitegen.parse.config import load
from sitegen.render import mathfont
from sitegen.render.mathml import FormulaError, to_mathml

SHOWN = {
    # The first course's own.
    "attention": (
        r"\operatorname{softmax}\left(\frac{QK^\top}{\sqrt{d_k}} + M\right)V",
        "<mi>softmax</mi>",
        "<msqrt><msub><mi>d</mi><mi>k</mi></msub></msqrt>",
        '<mo form="prefix" stretchy="true" lspace="0" rspace="0">(</mo>',
    ),
    "words with indices": (
        r"\operatorname{Concat}(\text{head}_1, \dots, \text{head}_h)\,W_O",
        "<msub><mtext>head</mtext><mn>1</mn></msub>",
        "<mi>…</mi>",
    ),
    "a prime": (r"x' = x", "<msup><mi>x</mi><mo", ">′</mo>"),
    "a script letter": (r"\mathcal{N}(0, 0.02^2)", "<mi>𝒩</mi>", "<msup><mn>0.02</mn><mn>2</mn>"),
    "an index in words": (r"n_\text{layer} \cdot n", "<msub><mi>n</mi><mtext>layer</mtext></msub>"),
    "an exponent with a minus": (r"C^{-0.05}", '<mo form="prefix">−</mo><mn>0.05</mn>'),
    "a fraction of indices": (r"\frac{A}{N^{\alpha}}", "<mfrac><mi>A</mi><msup>"),
    "a factorial": (r"k \ge \log_2 n!.", "<msub><mi>log</mi><mn>2</mn></msub>", ">!</mo>"),
    # Rows and columns.
    "aligned": (
        r"\begin{aligned} a &= b \\[4pt] -c &\le \frac{1}{2} \end{aligned}",
        '<mtr style="--skip:4pt"><mtd class="right"><mi>a</mi></mtd>',
        '<mtd class="left"><mo>=</mo><mi>b</mi></mtd>',
    ),
    "align with two pairs": (r"\begin{align*} a &= b & c &= d \end{align*}", *["<mtd"] * 4),
    "a sum that goes on": (
        r"\begin{aligned} &+ c \end{aligned}",
        '<mo form="infix" lspace="0.2222em" rspace="0.2222em">+</mo>',
    ),
    "gather": (r"\begin{gather} a \\ b \end{gather}", 'class="rows"', "<mtr", "<mtr"),
    "lines without an environment": (r"a = b \\ c = d", "<mtable", "<mtr", "<mtr"),
    "split in equation": (r"\begin{equation}\begin{split} a &= b \end{split}\end{equation}", "b"),
    "multline": (r"\begin{multline} a \\ b \\ c \end{multline}", 'class="left"', 'class="right"'),
    "cases": (
        r"\begin{cases} x & \text{if } x > 0 \\[4pt] 0 & \text{else} \end{cases}",
        '<mo form="prefix" stretchy="true" lspace="0" rspace="0">{</mo>',
        '<mtd class="left"><mtext>if\u00a0</mtext>',
    ),
    "matrices": (
        r"\begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix} \begin{Vmatrix} a \end{Vmatrix}",
        ">(</mo><mtable>",
        ">‖</mo><mtable>",
    ),
    "a matrix with its side": (
        r"\begin{bmatrix*}[r] -1 & 2 \end{bmatrix*}",
        '<mtd class="right">',
        '<mtd class="right"><mn>2</mn>',
    ),
    "a small matrix": (r"\begin{smallmatrix} a & b \end{smallmatrix}", 'scriptlevel="1"'),
    "rules of an array": (
        r"\begin{array}{c|c} a & b \\ \hline c & d \\ \hline \end{array}",
        '<mtd class="line-before"><mi>b</mi>',
        '<mtr class="ruled ruled-below">',
    ),
    "substack": (r"\sum_{\substack{i < n \\ j}} x", "<munder><mo", 'class="small rows"'),
    "an empty last row": (r"\begin{matrix} a \\ b \\ \end{matrix}", "</mtr></mtable>"),
    "a tag": (r"e = mc^2 \tag{1}", 'class="edge right"><mrow><mtext>(</mtext><mtext>1</mtext>'),
    "tags of rows": (
        r"\begin{align} a &= b \tag{1} \\ c &= d \tag*{A} \end{align}",
        "<mtext>1</mtext>",
        '<mtd class="edge right"><mtext>A</mtext></mtd>',
    ),
    "a label and no number": (r"\begin{equation} a \label{x} \nonumber \end{equation}", "<mi>a"),
    # Above, below and around.
    "braces with words": (
        r"\overbrace{a + b}^{n} + \underbrace{x}_{\text{two}}",
        "<mover><mover",
        "<munder><munder",
        "⏞",
        "⏟",
    ),
    "underset": (r"\underset{w}{\operatorname{argmin}} f", "<munder><mi>argmin</mi><mi>w</mi>"),
    "overset": (r"a \overset{!}{=} b", "<mover><mo>=</mo><mo"),
    "stackrel": (r"a \stackrel{\text{def}}{=} b", "<mover><mo>=</mo><mtext>def</mtext></mover>"),
    "boxed": (r"\boxed{E = mc^2}", '<mrow class="boxed">'),
    "cancel": (r"\cancel{x} \xcancel{y}", 'class="cancel"', 'class="cancel bcancel"'),
    "accents": (
        r"\hat y \widehat{xyz} \bar x \vec v \tilde x \dot x \ddot{x} \overline{ab}",
        '<mover accent="true"><mi>y</mi><mo stretchy="false">ˆ</mo>',
        '<mo stretchy="true">ˆ</mo>',
        "¯",
        "→",
        "˜",
        "˙",
        "¨",
        "‾",
    ),
    "roots": (r"\sqrt x \sqrt[3]{x + y}", "<msqrt><mi>x</mi>", "<mroot><mrow>", "<mn>3</mn>"),
    "fractions": (
        r"\frac12 \dfrac{a}{b} \tfrac ab \binom{n}{k} {n \over k} {n \choose k}",
        "<mfrac><mn>1</mn><mn>2</mn></mfrac>",
        '<mstyle displaystyle="true" scriptlevel="0"><mfrac>',
        '<mstyle displaystyle="false"',
        '<mfrac linethickness="0"><mi>n</mi><mi>k</mi></mfrac>',
    ),
    "arrows with words": (
        r"A \xrightarrow{f} B \xleftarrow[\text{below}]{g} C",
        '<mover><mo stretchy="true">→</mo>',
        '<munderover><mo stretchy="true"',
        ">←</mo>",
    ),
    "what stands before": (
        r"\prescript{a}{b}{X} {}^{14}_{6}C",
        "<mprescripts />",
        "<msubsup><mrow",
    ),
    # Fonts.
    "a bold letter without braces": (r"\mathbf X y", "<mi>𝐗</mi><mi>y</mi>"),
    "fonts": (
        r"\bm{w} \boldsymbol\beta \mathbb{R} \mathfrak{g} \mathsf{A} \mathtt{b} \mathit{f} \bm{+}",
        *"𝒘𝜷ℝ𝔤𝖠𝚋𝑓",
        '<mo class="bold"',
    ),
    "an upright letter": (r"\mathrm{d}x \mathrm{softmax}", '<mi mathvariant="normal">d</mi><mi>x'),
    "Greek capitals are upright": (r"\Gamma\gamma", '"normal">Γ</mi><mi>γ</mi>'),
    "an escape in a text": (r"\text{train\_loss} < 5\%", "<mtext>train_loss</mtext>", "%"),
    "a formula in a text": (r"\text{if $x_1$, } y", "if\u00a0", "<msub><mi>x</mi><mn>1</mn>"),
    "a bold text": (r"\textbf{bold} \text{a \emph{b}}", '<mtext class="bold">bold', '"italic">b'),
    # Operators and their places.
    "operatorname with limits": (r"\operatorname*{argmin}_w f", "<munder><mo", ">argmin</mo>"),
    "lim": (r"\lim_{x \to 0} f", "<munder><mo", 'movablelimits="true"', ">lim</mo>", "→"),
    "two words over an index": (r"\limsup_n a_n", "lim\u2009sup</mo><mi>n</mi></munder>"),
    "limits by hand": (
        r"\int\limits_0^1 \sum\nolimits_i",
        "<munderover><mo movablelimits",
        "<msub><mo",
    ),
    "integrals have none": (r"\int_0^1 f\,dx", "<msubsup><mo", ">∫</mo>"),
    "brackets by hand": (r"\bigl( x \bigr) \Big|", 'minsize="1.2em"', 'minsize="1.8em"'),
    "a bar in the middle": (
        r"\left\{ x \middle| \frac12 \right.",
        'form="infix" stretchy="true"',
        ">{</mo>",
    ),
    "norms": (r"\|x\|_2 + |a| + \lVert v \rVert", '<mo stretchy="false" lspace="0" rspace="0">‖'),
    "a struck sign": (r"a \not= b \not\in C", "≠", "∉"),
    "mod": (r"a \equiv b \pmod n, a \bmod b", "<mi>mod</mi>", "≡"),
    "spaces": (r"a\,b\!c\quad d \hspace{2em} e", '"0.1667em"', "margin-left:-0.1667em", '"2em"'),
    "colours": (r"\color{red} x \textcolor{#0a0}{y}", 'mathcolor="red"', 'mathcolor="#0a0"'),
    "a comma in a number": (r"1{,}000", '<mo lspace="0" rspace="0">,</mo>'),
    "dots as high as what follows": (r"1 + \dots + n, \ldots", "<mi>⋯</mi>", "<mi>…</mi>"),
    "a command of one's own": (r"\newcommand{\R}[1]{\mathbb{R}^{#1}} \R{n}", "<msup><mi>ℝ</mi>"),
    "an operator of one's own": (r"\DeclareMathOperator*{\am}{am} \am_x", "<munder><mo", ">am<"),
    "a comment": ("a % b\n+ c", "<mi>a</mi><mo>+</mo><mi>c</mi>"),
    "signs as they are": ("α ≤ β → ∞", "<mi>α</mi><mo>≤</mo>", "<mo>→</mo>"),
    "less and greater": ("a < b > c", "<mo>&lt;</mo>", "<mo>&gt;</mo>"),
}

REFUSED = {
    "an unknown command": (r"\nosuch{x}", r"unknown command '\nosuch'", 0),
    "one that is near": (r"\aplha", r"did you mean '\alpha'?", 0),
    "one on a later line": ("a +\n\\frac{1}{2} +\n\\nosuch", r"unknown command '\nosuch'", 2),
    "one in a text": (r"\text{a \nosuch b}", r"unknown command '\nosuch' in a text", 0),
    "one in a row": ("\\begin{aligned}\na \\\\\n\\nosuch\n\\end{aligned}", r"'\nosuch'", 2),
    "an unknown environment": (r"\begin{nosuch} x \end{nosuch}", "environment 'nosuch'", 0),
    "an environment that goes on": ("x\n\\begin{cases} a", r"'\begin' is not closed", 1),
    "one that ends as another": (r"\begin{matrix} a \end{cases}", r"ends as '\end{cases}'", 0),
    "a brace too few": (r"\frac{1}{2", "unbalanced braces", 0),
    "a brace too many": ("}x{", "unbalanced braces", 0),
    "half a fraction": (r"\frac{1}", r"'\frac' lacks a part", 0),
    "an empty exponent": ("x^", "'^' lacks a part", 0),
    "two exponents": ("x^2^3", "two superscripts", 0),
    "half a pair": (r"\left( x", r"'\left' is not closed", 0),
    "the other half": (r"x \right)", r"'\right' without '\left'", 0),
    "a bracket that is none": (r"\left\alpha x \right)", "followed by a bracket", 0),
    "a column out of place": ("a & b", "to be escaped", 0),
    "more columns than there are": (r"\begin{array}{c} a & b \end{array}", "its 1 columns", 0),
    "columns that can't be read": (r"\begin{array}{p{2em}} a \end{array}", "the columns", 0),
    "an unknown colour": (r"\color{nosuch} x", "unknown colour 'nosuch'", 0),
    "an unknown length": (r"\begin{matrix} a \\[4foo] b \end{matrix}", "the length '4foo'", 0),
    "a reference": (r"\eqref{x}", "no numbers", 0),
    "a tag within a line": (r"\text{a} \frac{\tag{1}}{2} \tag{2}", r"'\tag' stands once", 0),
    "a macro without an end": (r"\def\a{\a}\a", "holds itself", 0),
    "a depth without an end": ("{" * 5000 + "}" * 5000, "too deep", 0),
    "nothing": (" ", "nothing", 0),
}

CORE = {
    *("math", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom"),
    *("mprescripts", "mroot", "mrow", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup"),
    *("mtable", "mtd", "mtext", "mtr", "munder", "munderover"),
}
"""What every browser knows, MathML Core: no `menclose`, no `mlabeledtr`, no `merror`."""
ARITY = dict.fromkeys(("mfrac", "mroot", "msub", "msup", "munder", "mover"), 2)
ARITY |= dict.fromkeys(("msubsup", "munderover"), 3)


@pytest.mark.parametrize("name", SHOWN)
def test_a_formula_is_shown_as_it_is_meant(name: str) -> None:
    tex, *parts = SHOWN[name]
    markup = to_mathml(tex, True)
    assert markup.startswith('<math display="block"')
    for part in parts:
        assert markup.count(part) >= parts.count(part), markup


@pytest.mark.parametrize("display", [True, False])
@pytest.mark.parametrize("name", SHOWN)
def test_it_is_whole_mathml_that_every_browser_knows(name: str, display: bool) -> None:
    tex = SHOWN[name][0]
    if r"\tag" in tex and not display:
        pytest.skip("a tag belongs to a displayed formula")
    markup = to_mathml(tex, display)
    assert "\\" not in markup
    for node in ET.fromstring(markup).iter():
        assert node.tag in CORE
        assert len(node) == ARITY.get(node.tag, len(node))
        assert node.get("mathvariant", "normal") == "normal"  # others are characters of their own


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_shown_is_an_error_that_says_what_and_where(name: str) -> None:
    tex, said, line = REFUSED[name]
    with pytest.raises(FormulaError) as caught:
        to_mathml(tex, True)
    assert said in str(caught.value)
    assert caught.value.line == line


def test_a_tag_within_a_sentence_is_refused() -> None:
    with pytest.raises(ValueError, match="displayed formula"):
        to_mathml(r"x \tag{1}", False)


def test_limits_stand_beside_within_a_sentence_and_below_when_displayed() -> None:
    for display in (True, False):  # the browser moves them, for both are marked as movable
        assert '<munder><mo form="prefix" movablelimits="true"' in to_mathml(r"\lim_x", display)


@pytest.mark.parametrize(
    ("tex", "prefix"),
    [("-1", True), ("a = -1", True), ("(-1)", True), ("a, -1", True), ("2 - 1", False)],
)
def test_a_minus_is_a_sign_or_an_operation(tex: str, prefix: bool) -> None:
    assert ('form="prefix"' in to_mathml(tex, False)) is prefix


def test_indices_are_set_tight() -> None:
    markup = to_mathml("x_{i=1} + y", False)
    assert '<mo lspace="0" rspace="0">=</mo>' in markup
    assert "<mo>+</mo>" in markup


def test_a_formula_is_the_same_every_time() -> None:
    to_mathml.cache_clear()
    first = [to_mathml(tex, True) for tex, *_ in SHOWN.values()]
    to_mathml.cache_clear()
    assert first == [to_mathml(tex, True) for tex, *_ in SHOWN.values()]


# On a page.


def test_the_error_of_a_formula_has_its_own_line(tmp_path) -> None:
    course = Course(tmp_path)
    course.lesson("\n$$\na\n+ \\nosuch\n$$\n\nSo $x +\n\\other$ it is.\n\nAnd $$\\nope$$ too.\n")
    with pytest.raises(SiteError) as caught:
        load_course(load(tmp_path))
    lines = re.findall(r"one\.md:(\d+): formula: unknown command '(\S+)'", str(caught.value))
    assert lines == [("9", "\\nosuch"), ("13", "\\other"), ("15", "\\nope")]


# The font.


def font_of(*formulas: str) -> TTFont:
    pages = [to_mathml(tex, True) for tex in formulas]
    return TTFont(io.BytesIO(mathfont.subset(mathfont.characters(pages))))


def test_the_font_has_every_character_that_formulas_are_written_with() -> None:
    pages = [to_mathml(tex, True) for tex, *_ in SHOWN.values()]
    wanted = mathfont.characters(pages)
    assert {"𝑥", "𝒩", "√", "∑", "(", "head"[0]} <= wanted
    found = TTFont(io.BytesIO(mathfont.subset(wanted))).getBestCmap()
    assert {character for character in wanted if ord(character) not in found} <= {"\u2005"}


def test_the_font_of_all_these_formulas_is_light() -> None:
    pages = [to_mathml(tex, True) for tex, *_ in SHOWN.values()]
    assert len(mathfont.subset(mathfont.characters(pages))) < 45_000


def test_the_font_stretches_brackets_roots_and_arrows() -> None:
    font = font_of(r"\sqrt{\left(\frac12\right)} \xrightarrow{f} \widetilde{xyz}")
    signs, variants = font.getBestCmap(), font["MATH"].table.MathVariants
    assert {signs[ord("(")], signs[ord("√")]} <= set(variants.VertGlyphCoverage.glyphs)
    assert {signs[ord("→")], signs[ord("˜")]} <= set(variants.HorizGlyphCoverage.glyphs)


def test_the_font_names_its_licence_and_is_the_same_every_time() -> None:
    font = font_of("x")
    assert "SIL Open Font License" in font["name"].getDebugName(13)
    mathfont.subset.cache_clear()
    first = mathfont.subset(frozenset("x+√"))
    mathfont.subset.cache_clear()
    assert mathfont.subset(frozenset("√+x")) == first


def test_pages_without_formulas_need_no_font() -> None:
    assert not mathfont.characters(["<p>x</p>"])
