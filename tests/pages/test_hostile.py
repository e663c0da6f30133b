"""Hostile outputs in a browser that nothing protects: they can neither act, fetch nor leave.

The pages are looked at without their security policy. `hostile.txt` holds outputs by hand; more
are made by putting those into each other.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from sitegen.output import Output
from sitegen.parse import config
from sitegen.parse.config import Config, Profile
from sitegen.parse.parser import parse_lesson
from sitegen.record.recordings import Provenance, Recording
from sitegen.render.renderer import Renderer
from sitegen.render.results import Results, Shown

HERE = Path(__file__).parent
TYPES = {
    "svg": "image/svg+xml",
    "svg-root": "image/svg+xml",
    "html": "text/html",
    "mathml": "text/html",
    "markdown": "text/markdown",
    "latex": "text/latex",
    "json": "application/json",
    "text": "text/plain",
}
LESSON = """---
title: A lesson
slug: one
order: 1
---

## Before

Some words, and `code`.

```python {#hostile title="file.py"}
show()
```

## After {#after}

:::predict {#guess} What comes next?
Well?

---

This.
:::
"""


@dataclass(frozen=True)
class Hostile:
    """One output of the corpus."""

    kind: str
    name: str
    text: str

    @property
    def output(self) -> Output:
        text = self.text
        if self.kind == "svg":
            text = (
                '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
                f' xmlns:h="http://www.w3.org/1999/xhtml" width="90" height="90">{text}</svg>'
            )
        return Output("display", {TYPES[self.kind]: text, "text/plain": "its text"})

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


def corpus() -> list[Hostile]:
    """Whatever stands in `hostile.txt`."""
    found = []
    for part in re.split(r"^%% ", (HERE / "hostile.txt").read_text("utf-8"), flags=re.M)[1:]:
        head, _, text = part.partition("\n")
        kind, _, name = head.partition(": ")
        for escape in ("\\x1b", "\\ue000", "\\ue001"):
            text = text.replace(escape, json.loads(f'"{escape}"'.replace("\\x", "\\u00")))
        found.append(Hostile(kind, name, text.rstrip("\n")))
    return found


CORPUS = corpus()


def generated(count: int, seed: int = 1) -> Iterator[Hostile]:
    """Outputs of the corpus put into each other, and into attributes and places of text."""
    chance = random.Random(seed)
    markup = [one for one in CORPUS if one.kind in ("svg", "html", "mathml", "markdown")]
    for number in range(count):
        outer, inner = chance.choice(markup), chance.choice(markup)
        place = chance.randrange(len(outer.text) + 1)
        text = outer.text[:place] + inner.text + outer.text[place:]
        if chance.random() < 0.3:
            text = chance.choice(
                (
                    '<p title="{}">x</p>',
                    "<div style='{}'>x",
                    "<svg><desc>{}",
                    "<math><mtext>{}",
                    "{}</div>",
                )
            ).format(text)
        kind = chance.choice(("html", "markdown", outer.kind))
        yield Hostile(kind, f"{number}: {outer.name} + {inner.name}", text)


LOOK = """() => {
  const own = (element) => !element.closest(".output");
  const outside = [...document.querySelectorAll("*")].filter(own);
  const changing = ["style", "aria-current", "tabindex"];  // as the page is scrolled or measured
  const describe = (element) => element.tagName + [...element.attributes]
    .filter((one) => !changing.includes(one.name))
    .map((one) => ` ${one.name}=${one.value}`).sort().join("");
  const hit = (element) => {
    const box = element.getBoundingClientRect();
    const x = box.left + Math.min(box.width / 2, 40), y = box.top + box.height / 2;
    if (!box.width || y < 0 || y > innerHeight || x > innerWidth) return "out of sight";
    const top = document.elementFromPoint(x, y);
    return top && !top.closest(".output") ? "to be seen" : "covered";
  };
  const place = (element) => {
    const box = element.getBoundingClientRect();
    return [Math.round(box.left), Math.round(box.width)];
  };
  const marks = ".site-header, .site-title, #theme, .side a, h1, h2, .code, .prose > p, footer";
  const parts = [...document.querySelectorAll(marks)].filter(own);
  const names = [];
  for (let object = document; object; object = Object.getPrototypeOf(object))
    for (const name of Object.getOwnPropertyNames(object))
      if (document[name] instanceof Element && document[name].closest(".output")) names.push(name);
  const foreign = [...document.querySelectorAll(".output [id], .output [name]")]
    .filter((one) => !one.id.startsWith("block-hostile-") || one.hasAttribute("name"));
  return {
    ran: self.hurt ?? 0,
    elements: outside.map(describe),
    // A block takes the margin for a table that it displays, and its code goes along.
    places: parts.filter((one) => !one.matches(".code")).map(place),
    covered: parts.map(hit).filter((found) => found === "covered").length,
    tops: [...document.querySelectorAll(".site-header, h1, .code")].filter(own)
      .map((one) => Math.round(one.getBoundingClientRect().top)),
    clobbered: names,
    foreign: foreign.map((one) => one.outerHTML.slice(0, 200)),
    alive: document.documentElement.matches(".js") && !document.querySelector("#theme").hidden,
    wide: document.documentElement.scrollWidth > innerWidth,
  };
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with the static files, to which pages are written."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "static").symlink_to(config.BUILT_IN / "static")
    return folder


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script("self.evil = () => { self.hurt = (self.hurt ?? 0) + 1; }")
    yield context.new_page()
    context.close()


def pages(folder: Path) -> Callable[[Sequence[Output]], Path]:
    """Writes the page of a lesson whose block shows these outputs, without a security policy."""
    lesson = parse_lesson("lessons/one.md", LESSON)
    course = Config(root=folder, title="A course", lessons=folder / "lessons")
    profile = Profile("cpu", "Laptop")

    def write(outputs: Sequence[Output]) -> Path:
        recording = Recording("f" * 16, tuple(outputs), Provenance())
        results = Results((profile,), {"hostile": [Shown(profile, recording)]})
        html = Renderer(course, [lesson]).lesson(lesson, results).html
        html, gone = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>\n', "", html)
        assert gone == 1
        page = folder / "one.html"
        page.write_text(html, encoding="utf-8")
        return page

    return write


def looked_at(tab: Page, page: Path) -> tuple[dict[str, Any], list[str]]:
    """How the page stands, and what it has asked for beyond the site's own files."""
    asked: list[str] = []

    def note(request: Any) -> None:
        own = request.url.startswith("data:") or re.search(
            r"/(one\.html|static/\w+\.(css|js|svg|woff)\w*)$", request.url
        )
        if not own or "evil" in request.url.replace("hostile", ""):
            asked.append(request.url)

    tab.on("request", note)
    try:
        tab.goto(page.as_uri(), wait_until="load")
        return tab.evaluate(LOOK), asked
    finally:
        tab.remove_listener("request", note)


def wrong(tab: Page, folder: Path, groups: Sequence[Sequence[Hostile]]) -> list[str]:
    """What these outputs did that they must not."""
    write = pages(folder)
    usual: dict[int, Any] = {}
    found = []
    for group in groups:
        if len(group) not in usual:
            usual[len(group)], _ = looked_at(tab, write([Output("display", {"text/plain": "x"})]))
        now, asked = looked_at(tab, write([one.output for one in group]))
        before = usual[len(group)]
        problems = [f"asked for {url}" for url in asked]
        problems += [
            f"{key}: {now[key]}"
            for key in ("ran", "covered", "clobbered", "foreign", "wide")
            if now[key]
        ]
        problems += [] if now["alive"] else ["the page's script doesn't run"]
        own = [one for one in now["elements"] if "instead" not in one]
        if own != before["elements"]:
            changed = sorted(set(own) ^ set(before["elements"]))[:4]
            problems.append(f"elements: {len(before['elements'])} -> {len(own)} {changed}")
        problems += [f"{key} differ" for key in ("places", "tops") if now[key] != before[key]]
        if problems:
            found.append(f"{' | '.join(map(str, group))}: {'; '.join(problems)}")
    return found


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) >= 150
    assert len({str(one) for one in CORPUS}) == len(CORPUS)


def test_no_output_of_the_corpus_acts_fetches_or_leaves_its_box(tab: Page, folder: Path) -> None:
    assert not wrong(tab, folder, _groups(CORPUS, 6))


def test_no_mixture_of_them_does(tab: Page, folder: Path) -> None:
    """`HOSTILE_OUTPUTS=5000 HOSTILE_SEED=2` looks at more of them, and at others."""
    count = int(os.environ.get("HOSTILE_OUTPUTS", "160"))
    made = list(generated(count, int(os.environ.get("HOSTILE_SEED", "1"))))
    assert not wrong(tab, folder, _groups(made, 8))


def _groups(outputs: Sequence[Hostile], size: int) -> list[Sequence[Hostile]]:
    """So many to a page, each in its own box."""
    return [outputs[place : place + size] for place in range(0, len(outputs), size)]
