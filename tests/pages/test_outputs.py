"""Outputs in a browser: colours in both themes, what is copied, what plays."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from standards import opened_for_axe, violations

from sitegen.output import Output
from sitegen.parse import config
from sitegen.parse.config import Config, Profile
from sitegen.parse.parser import parse_lesson
from sitegen.record.recordings import Provenance, Recording
from sitegen.render.renderer import Renderer
from sitegen.render.results import Results, Shown

HEAD = "---\ntitle: A lesson\nslug: one\norder: 1\n---\n\n## A part\n\n"
PAPERS = {"light": "rgb(253, 253, 252)", "dark": "rgb(18, 23, 30)"}
CONTRAST = """(selector) => {
  const parts = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const luminance = (colour) => parts(colour).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!/rgba.*, 0\\)|transparent/.test(colour)) return colour;
    }
  };
  return [...document.querySelectorAll(selector)].map((element) => {
    const found = [getComputedStyle(element).color, ground(element)].map(luminance);
    const [low, high] = found.sort((a, b) => a - b);
    return [element.outerHTML, (high + 0.05) / (low + 0.05)];
  });
}"""


@pytest.fixture
def opened(browser: Browser, tmp_path: Path):
    """Open the page of a lesson: `opened(text, outputs, dark=True)`."""
    (tmp_path / "static").symlink_to(config.BUILT_IN / "static")
    contexts = []

    def show(text: str, outputs: tuple[Output, ...] = (), dark: bool = False) -> Page:
        lesson = parse_lesson("lessons/one.md", HEAD + text + "\n```python {#a}\nshow()\n```\n")
        course = Config(root=tmp_path, title="A course", lessons=tmp_path / "lessons")
        laptop = Profile("cpu", "Laptop")
        shown = [Shown(laptop, Recording("f" * 16, outputs, Provenance()))]
        page = Renderer(course, [lesson]).lesson(lesson, Results((laptop,), {"a": shown}))
        (tmp_path / "one.html").write_text(page.html, encoding="utf-8")
        context = browser.new_context(color_scheme="dark" if dark else "light")
        contexts.append(context)
        tab = context.new_page()
        tab.goto((tmp_path / "one.html").as_uri())
        return tab

    yield show
    for context in contexts:
        context.close()


TRANSCRIPTS = {
    "console": ("$ echo a\na\n$ ls \\\n    -l\ntotal 0\n", "echo a\nls \\\n    -l\n"),
    "doscon": ("C:\\x> dir\n a.txt\nC:\\x> cd\n", "dir\ncd\n"),
    "sqlite3": ("sqlite> select 1\n   ...> ;\n1\n", "select 1\n;\n"),
    "pycon": (">>> if x:\n...     y\n...\n1\n>>> z\n", "if x:\n    y\n\nz\n"),
    "sh": ("$ make\ndone\n", "make\n"),
    "text": ("a\n\n  b\n\n\n", "a\n\n  b\n\n\n"),
    "js": ("const a = `$ {b}`;\n$ = 1\n", "const a = `$ {b}`;\n$ = 1\n"),
}


@pytest.mark.parametrize("language", TRANSCRIPTS)
def test_of_a_transcript_what_was_typed_is_copied_and_of_other_code_all(opened, language) -> None:
    written, typed = TRANSCRIPTS[language]
    tab = opened(f"```{language}\n{written}```\n")
    tab.evaluate("navigator.clipboard.writeText = async (text) => { self.copied = text; }")
    tab.locator(".highlight").first.hover()
    tab.locator("button.copy").first.click()
    tab.wait_for_function("self.copied !== undefined")
    assert tab.evaluate("self.copied") == typed
    assert tab.locator(".highlight code").first.text_content() == written


@pytest.mark.parametrize("theme", PAPERS)
def test_colours_of_a_terminal_can_be_read(opened, theme: str) -> None:
    codes = [*range(30, 38), *range(90, 98), *(f"38;5;{n}" for n in range(0, 256, 7))]
    codes += [*(f"{ink};{ground}" for ink in (30, 33, 37, 97) for ground in range(40, 48))]
    codes += ["7", "2", "1;31", "7;32", "48;5;226", "38;2;1;2;3", "48;2;250;250;250"]
    text = " ".join(f"\x1b[{code}mword\x1b[0m" for code in codes)
    tab = opened("", (Output("stdout", {"text/plain": text}),), theme == "dark")
    found = tab.evaluate(CONTRAST, "samp span")
    assert len(found) == len(codes)
    assert [one for one in found if one[1] < 4.5] == []


def figure(style: str, text: str = "#1f2937") -> Output:
    return Output(
        "display",
        {
            "image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="40">'
            f'<path class="x" d="M0 0h90v40h-90z" style="{style}"/>'
            f'<text y="20" style="fill: {text}">words</text></svg>'
        },
    )


@pytest.mark.parametrize("theme", PAPERS)
def test_colours_that_an_author_chose_are_the_same_in_both_themes(opened, theme: str) -> None:
    outputs = (figure("fill: #ffffe0"), figure("fill: #222222", "#ffffff"), figure("fill: none"))
    tab = opened("", outputs, theme == "dark")
    fills = tab.evaluate(
        "[...document.querySelectorAll('.output *')].map((one) => getComputedStyle(one).fill)"
    )
    fills = [fill for fill in fills if fill.startswith("rgb(")]
    assert {"rgb(255, 255, 224)", "rgb(34, 34, 34)", "rgb(255, 255, 255)"} <= set(fills)
    follows = {"light": "rgb(31, 41, 55)", "dark": "rgb(227, 232, 238)"}[theme]
    assert fills[-1] == follows, "the house's ink, where nothing else was chosen"
    grounds = "[...document.querySelectorAll('.output svg')].map((one) => %s.backgroundColor)"
    papers = tab.evaluate(grounds % "getComputedStyle(one)")
    assert papers[:2] == [PAPERS["light"]] * 2


def test_a_table_with_colours_lies_on_light_paper(opened) -> None:
    table = '<table><tr><td style="background:#ff0">yellow</td><td>plain</td></tr></table>'
    tab = opened("", (Output("display", {"text/html": table}),), dark=True)
    assert [one for one in tab.evaluate(CONTRAST, "td") if one[1] < 4.5] == []


def test_a_sound_that_is_embedded_can_be_played(opened) -> None:
    import base64
    import io
    import wave

    written = io.BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setparams((1, 1, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(range(128, 228)) * 40)
    data = base64.b64encode(written.getvalue()).decode()
    markup = f'<audio autoplay><source src="data:audio/wav;base64,{data}" type="audio/wav"></audio>'
    tab = opened("", (Output("display", {"text/html": markup}),))
    tab.wait_for_function("document.querySelector('audio').duration > 0.4")
    assert tab.evaluate("document.querySelector('audio').paused")


def test_nothing_of_this_is_in_anyone_s_way(opened, browser: Browser) -> None:
    markdown = (
        "# A heading\n\n- [x] done\n\n> [!TIP] Title\n> text\n\n$x^2$\n\n| a |\n|---|\n| 1 |\n"
    )
    outputs = (
        Output("display", {"text/markdown": markdown}),
        Output("display", {"text/latex": "$x^2$"}),
        Output("display", {"application/json": '{"a": 1}'}),
        Output("display", {"text/plain": "IntSlider(value=7)"}, needs="ipywidgets"),
        Output("stdout", {"text/plain": "\x1b[31mred\x1b[0m"}),
        figure("fill: #ffffe0"),
    )
    for dark in (False, True):
        tab = opened("- [ ] a task\n\n> [!NOTE]\n> text\n", outputs, dark)
        with opened_for_axe(browser, tab.url, dark) as page:
            assert violations(page) == []
