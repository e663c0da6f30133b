"""Pages held against standards: accessibility, HTML, weight, contrast, and how they looked."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser
from small_course import Course
from standards import UNCOLOURED, ids_of_valid, opened_for_axe, violations

ROOT = Path(__file__).resolve().parents[2]
LOOKS = Path(__file__).parent / "looks"
PAGES = ["index", "plan", "record", "404", *sorted(p.stem for p in (ROOT / "lessons").glob("*.md"))]


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(name: str, dark: bool, site: Path, browser: Browser) -> None:
    with opened_for_axe(browser, (site / f"{name}.html").as_uri(), dark, UNCOLOURED) as page:
        assert violations(page) == []


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_in_the_search(dark: bool, site: Path, browser: Browser) -> None:
    with opened_for_axe(browser, (site / "plan.html").as_uri(), dark) as page:
        page.keyboard.press("/")
        page.get_by_role("dialog").wait_for()
        page.keyboard.type("loss")
        page.get_by_role("dialog").locator("li").first.wait_for()
        assert violations(page, "dialog") == []


FAULTS = {
    "main p { color: #aaa }": "color-contrast",
    "pre code { background: #555 }": "color-contrast",
    "main p a { color: #333 !important; text-decoration: none !important }": "link-in-text-block",
}


@pytest.mark.browser
def test_axe_would_find_what_is_wrong(specimen: Path, browser: Browser) -> None:
    with opened_for_axe(browser, specimen.as_uri(), False, UNCOLOURED) as page:
        for style, rule in FAULTS.items():
            added = page.add_style_tag(content=style)
            assert rule in {one.partition(":")[0] for one in violations(page)}, style
            added.evaluate("element => element.remove()")


@pytest.mark.parametrize("name", PAGES)
def test_the_html_is_valid(name: str, site: Path) -> None:
    html = (site / f"{name}.html").read_text(encoding="utf-8")
    ids = ids_of_valid(html)
    for attribute in ("aria-labelledby", "aria-describedby", "for", "aria-controls"):
        for names in re.findall(rf'\s{attribute}="([^"]*)"', html):
            assert set(names.split()) <= set(ids), attribute


@pytest.mark.parametrize("name", PAGES)
def test_a_page_weighs_little_and_asks_for_nothing_elsewhere(name: str, site: Path) -> None:
    html = (site / f"{name}.html").read_text(encoding="utf-8")
    style = (site / "static" / "style.css").read_text(encoding="utf-8")
    loaded = re.findall(r'<(?:script|img)[^>]*\ssrc="([^"]+)"', html)
    loaded += re.findall(r'<link rel="(?:stylesheet|icon)"[^>]*\shref="([^"]+)"', html)
    loaded += [f"static/{file}" for file in re.findall(r'url\("([^"]+)"\)', style)]
    assert not [file for file in loaded if "//" in file]
    files = [f"{name}.html", *{file for file in loaded if not file.startswith("data:")}]
    assert sum(len(gzip.compress((site / file).read_bytes())) for file in files) <= 150_000


# Contrast.

STYLE = (ROOT / "static" / "style.css").read_text(encoding="utf-8")
COLOURS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", STYLE)
}
ROLES = ["attention", "ffn", "embedding", "norm", "residual"]
TEXTS = ["ink", "muted", "alert", *ROLES]
CODE = [
    {"light": light, "dark": dark}
    for light, dark in re.findall(r"\.highlight :is.*?light-dark\((#\w{6}), (#\w{6})\)", STYLE)
]
THEMES = ["light", "dark"]


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG 2.2), from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("text", "theme"), list(product(TEXTS, THEMES)))
def test_every_colour_of_text_can_be_read(text: str, theme: str) -> None:
    for ground in ("paper", "raised"):
        assert contrast(COLOURS[text][theme], COLOURS[ground][theme]) >= 4.5, ground


@pytest.mark.parametrize(("role", "theme"), list(product(ROLES, THEMES)))
def test_a_part_of_the_model_can_be_read_and_told_from_its_ground(role: str, theme: str) -> None:
    tint = COLOURS[f"{role}-tint"][theme]
    assert contrast(COLOURS["ink"][theme], tint) >= 4.5
    assert contrast(COLOURS[role][theme], tint) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_code_can_be_read_on_marked_lines_too(theme: str) -> None:
    assert len(CODE) >= 5
    for colour in [*CODE, COLOURS["ink"], COLOURS["muted"]]:
        for ground in ("raised", "marked"):
            assert contrast(colour[theme], COLOURS[ground][theme]) >= 4.5, (colour, ground)


@pytest.mark.parametrize("theme", THEMES)
def test_lines_that_mean_something_can_be_seen(theme: str) -> None:
    assert contrast(COLOURS["line"][theme], COLOURS["paper"][theme]) >= 3


# Looks. A component is compared as a thousand blurred dots without its letters, so that another
# machine's fonts pass, and a border, a ground or a margin that is gone does not.

DOTS = 32
TOLERANCE = 1.2  # of 255: another font differs by up to 0.9, a ground that is gone by 2 and more
LETTERLESS = (
    "*, ::before, ::after { color: transparent !important; text-decoration: none !important }"
)
COMPONENTS = {
    "header": ".site-header",
    "aside": ".aside",
    "insight": ".insight",
    "warning": ".warning",
    "predict": ".predict",
    "misconception": ".misconception",
    "compare": ".compare",
    "phases": ".phases",
    "summary": "div.summary",
    "code": "#block-code",
    "error": "#block-error",
}


@pytest.fixture(scope="module")
def specimen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page that holds every component once."""
    course = Course(tmp_path_factory.mktemp("specimen"))
    course.lesson((Path(__file__).parent / "specimen.md").read_text("utf-8"))
    course.build()
    return course.root / "site" / "one.html"


@pytest.fixture(scope="module")
def look(specimen: Path, browser: Browser) -> Iterator[Callable]:
    """Dots of a component: `look("aside", dark=True, style="...")`."""
    contexts = {}
    for dark in (False, True):
        context = browser.new_context(
            viewport={"width": 1000, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            bypass_csp=True,
        )
        contexts[dark] = context.new_page()
        contexts[dark].goto(specimen.as_uri())

    def dots(name: str, dark: bool, style: str = "") -> np.ndarray:
        page = contexts[dark]
        added = page.add_style_tag(content=LETTERLESS + style)
        shot = page.locator(COMPONENTS[name]).first.screenshot()
        added.evaluate("element => element.remove()")
        image = Image.open(io.BytesIO(shot)).convert("RGB")
        return np.asarray(image.resize((DOTS, DOTS), Image.Resampling.BOX), dtype=float)

    yield dots
    for page in contexts.values():
        page.context.close()


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.sqrt(((one - other) ** 2).mean()))


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_looks_as_it_did(name: str, dark: bool, look: Callable) -> None:
    file = LOOKS / f"{name}-{'dark' if dark else 'light'}.png"
    now = look(name, dark)
    if not file.exists():
        Image.fromarray(now.astype(np.uint8)).save(file)
        pytest.fail(f"{file.name} was missing and has been made: look at it and commit it")
    assert difference(now, np.asarray(Image.open(file), dtype=float)) < TOLERANCE


@pytest.mark.browser
@pytest.mark.parametrize("name", COMPONENTS)
def test_another_machines_fonts_make_no_difference(name: str, look: Callable) -> None:
    fonts = ':root { --sans: "DejaVu Serif", serif; --mono: "DejaVu Sans Mono", monospace }'
    assert difference(look(name, False), look(name, False, fonts)) < TOLERANCE


BROKEN = {
    "insight without its border": ("insight", ".insight { border: 0 }"),
    "warning without its border": ("warning", ".warning { border: 0 }"),
    "predict without its frame": ("predict", ".predict { border: 0 }"),
    "columns below each other": ("compare", ".columns { display: block }"),
    "summary without its ground": ("summary", ".summary { background: none }"),
    "code without its ground": ("code", ".code { background: none }"),
    "header without its padding": ("header", ".site-header { padding: 0 }"),
    "phases without their colours": ("phases", ".phases li::before { background: none }"),
}


@pytest.mark.browser
@pytest.mark.parametrize(("name", "style"), BROKEN.values(), ids=BROKEN)
def test_what_is_gone_is_missed(name: str, style: str, look: Callable) -> None:
    style = style.replace(" }", " !important }")
    assert difference(look(name, False), look(name, False, style)) > TOLERANCE
