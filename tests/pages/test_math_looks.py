"""Formulas as a browser lays them out with no font for them but the site's own."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from sitegen.render import mathfont
from sitegen.render.mathml import to_mathml

pytestmark = pytest.mark.browser

STATIC = Path(__file__).resolve().parents[2] / "static"
FORMULAS = {
    "exponent": r"x^{k}",
    "index": r"d_k",
    "root": r"\sqrt{d_k}",
    "bracket": r"\left(\frac{a}{\frac{b}{c}}\right)",
    "plain": r"(x)",
    "sum": r"\sum_{i=1}^{n} x",
    "limit": r"\lim_{x \to 0} f",
    "argmin": r"\operatorname*{argmin}_w f",
    "aligned": r"\begin{aligned} a &= b \\ a + a &= b \\[40px] a &= b \end{aligned}",
    "array": r"\begin{array}{c|c} a & b \\ \hline c & d \end{array}",
    "boxed": r"\boxed{x}",
    "cancel": r"\cancel{x}",
    "tag": r"a = b \tag{1}",
    "arrow": r"A \xrightarrow{\text{a very long word along it}} B",
    "hat": r"\widehat{xyz}",
    "prime": "f'",
    "brace": r"\underbrace{a + b + c + d}_{n}",
}
BOX = """(name, path) => {
    const box = document.querySelector(`#${name} ${path}`).getBoundingClientRect();
    return [box.left, box.top, box.right, box.bottom];
}"""

Boxes = Callable[[str, str], tuple[float, float, float, float]]


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("formulas")
    shutil.copy(STATIC / "style.css", folder)
    displayed = (
        f'<div class="math" id="{name}">{to_mathml(tex, True)}</div>'
        for name, tex in FORMULAS.items()
    )
    inline = (
        f'<p id="{name}-inline">{to_mathml(FORMULAS[name], False)}</p>' for name in ("sum", "limit")
    )
    text = "\n".join((*displayed, *inline))
    (folder / "math.woff").write_bytes(mathfont.subset(mathfont.characters([text])))
    style = '<link rel="stylesheet" href="style.css">'
    (folder / "page.html").write_text(
        f"<!doctype html><meta charset='utf-8'>{style}<main class='prose'>{text}</main>", "utf-8"
    )
    page = browser.new_page(viewport={"width": 700, "height": 900})
    page.goto((folder / "page.html").as_uri())
    page.evaluate("document.fonts.ready")
    yield page
    page.close()


@pytest.fixture
def box(page: Page) -> Boxes:
    return lambda name, path: tuple(page.evaluate(f"([a, b]) => ({BOX})(a, b)", [name, path]))


def test_the_font_is_the_sites_own(page: Page) -> None:
    faces = "[...document.fonts].filter(face => face.status === 'loaded').map(face => face.family)"
    assert [family.strip('"') for family in page.evaluate(faces)] == ["Site Math"]


def test_an_exponent_stands_a_little_above_its_letter_and_is_smaller(box: Boxes) -> None:
    _, top, right, bottom = box("exponent", "msup > :first-child")
    left, upper, _, lower = box("exponent", "msup > :last-child")
    assert right - 3 <= left <= right + 3
    assert top - 14 < upper < top
    assert lower < bottom
    _, top, _, bottom = box("index", "msub > :first-child")
    _, upper, _, lower = box("index", "msub > :last-child")
    assert lower - upper < bottom - top
    assert top < upper < bottom < lower


def test_a_root_covers_what_is_under_it(box: Boxes) -> None:
    left, top, right, bottom = box("root", "msqrt")
    inner = box("root", "msqrt > *")
    assert left + 5 < inner[0]
    assert top < inner[1]
    assert inner[2] <= right + 1
    assert inner[3] - 3 <= bottom


def test_brackets_are_as_tall_as_a_fraction_and_no_taller_around_a_letter(box: Boxes) -> None:
    _, top, _, bottom = box("bracket", "mfrac")
    for side in ("first", "last"):
        _, upper, _, lower = box("bracket", f"math > mrow > mo:{side}-child")
        assert upper < top + 4
        assert lower > bottom - 4
    _, upper, _, lower = box("plain", "mo")
    assert lower - upper < 0.5 * (bottom - top)


@pytest.mark.parametrize(
    ("name", "path"), [("sum", "munderover"), ("limit", "munder"), ("argmin", "munder")]
)
def test_limits_are_centred_below(box: Boxes, name: str, path: str) -> None:
    base, below = box(name, f"{path} > :first-child"), box(name, f"{path} > :nth-child(2)")
    assert below[1] >= base[3] - 4
    assert abs(base[0] + base[2] - below[0] - below[2]) < 8


@pytest.mark.parametrize(("name", "path"), [("sum", "munderover"), ("limit", "munder")])
def test_within_a_sentence_they_stand_beside(box: Boxes, name: str, path: str) -> None:
    base = box(f"{name}-inline", f"{path} > :first-child")
    below = box(f"{name}-inline", f"{path} > :nth-child(2)")
    assert below[0] >= base[2] - 3
    assert below[1] < base[3]


def test_aligned_rows_have_their_signs_below_each_other_and_the_space_asked_for(
    box: Boxes,
) -> None:
    rows = [box("aligned", f"mtr:nth-child({row})") for row in (1, 2, 3)]
    signs = [box("aligned", f"mtr:nth-child({row}) .left mo") for row in (1, 2, 3)]
    assert max(sign[0] for sign in signs) - min(sign[0] for sign in signs) < 0.5
    gaps = [signs[at + 1][1] - signs[at][1] for at in (0, 1)]
    assert gaps[1] - gaps[0] == pytest.approx(40, abs=2)
    assert rows[0][3] <= rows[1][1] + 1


def test_rules_boxes_and_strikes_are_drawn(page: Page) -> None:
    drawn = """([path, property]) => getComputedStyle(document.querySelector(path))[property]"""
    for path, property, nothing in (
        ("#array .line-before", "borderLeftWidth", "0px"),
        ("#array .ruled > mtd", "borderTopWidth", "0px"),
        ("#boxed .boxed", "borderTopWidth", "0px"),
        ("#cancel .cancel", "backgroundImage", "none"),
    ):
        assert page.evaluate(drawn, [path, property]) != nothing


def test_a_tag_stands_at_the_edge_and_the_formula_in_the_middle(box: Boxes) -> None:
    line = box("tag", "math")
    tag, formula = box("tag", ".edge.right > *"), box("tag", "mtd:nth-child(2)")
    assert line[2] - 3 <= tag[2] <= line[2] + 1
    assert abs(line[0] + line[2] - formula[0] - formula[2]) < 6


@pytest.mark.parametrize(
    ("name", "path"), [("arrow", "mover"), ("hat", "mover"), ("brace", "munder munder")]
)
def test_arrows_accents_and_braces_are_drawn_as_wide_as_what_they_belong_to(
    page: Page, box: Boxes, name: str, path: str
) -> None:
    sign = box(name, f"{path} > mo")
    other = box(name, f"{path} > :not(mo)")
    clip = {"x": other[0], "y": sign[1], "width": other[2] - other[0], "height": sign[3] - sign[1]}
    image = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip))).convert("L")
    columns = [image.crop((x, 0, x + 1, image.height)).getextrema() for x in range(image.width)]
    drawn = [x for x, (dark, light) in enumerate(columns) if light - dark > 40]
    assert drawn[-1] - drawn[0] > 0.85 * image.width


def test_a_prime_touches_its_letter_and_is_tall_enough_to_be_seen(box: Boxes) -> None:
    letter, prime = box("prime", "msup > :first-child"), box("prime", "msup > :last-child")
    assert prime[0] - letter[2] < 3
    assert prime[3] - prime[1] > 0.3 * (letter[3] - letter[1])
