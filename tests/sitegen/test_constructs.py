"""Captions and numbers, references to them, citations, tabs, outputs that are hidden."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from small_course import Course

from sitegen import __main__ as command
from sitegen.parse.citations import Citation, citations
from sitegen.parse.parser import parse_lesson

HEAD = "---\ntitle: One\nslug: one\norder: 2\n---\n"
BIBTEX = """\
@article{vaswani, author={Ashish Vaswani and Noam Shazeer and Niki Parmar},
  title={Attention is all you need}, journal={NeurIPS}, year=2017, doi={10.1/a}}
@book{godel, author={G{\\"o}del, Kurt}, title={On {Formally} Undecidable}, year=1931}
"""
YAML = """\
references:
  - id: vaswani
    author: [{family: Vaswani, given: Ashish}, {family: Shazeer, given: Noam}]
    issued: {date-parts: [[2017, 6]]}
    title: Attention is all you need
    container-title: NeurIPS
    URL: https://example.org
"""
FIGURES = """
See [](#growth), [](#sizes), [](#loss), [](#named), [](#a-part) and [](two).

:::figure {#growth layout-ncol=2} How it *grows*
```python {#a}
1 + 1
```

```python {#b}
2 + 2
```
:::

:::table {#sizes} Sizes
| a | b |
|---|---|
| 1 | 2 |
:::

:::figure
Without a caption.
:::

## A part

$$
x = y
$$ (loss)

$$x = y \\tag{*}$$ (named)
"""


def test_what_has_a_number_and_a_name() -> None:
    names = parse_lesson("a.md", HEAD + FIGURES.replace("[](two)", "")).names
    assert names["growth"] == "Figure 2.1"
    assert names["sizes"] == "Table 2.1"
    assert names["loss"] == "(2.1)"
    assert names["named"] == "(*)"
    assert names["a-part"] == "A part"


def test_links_without_words_say_what_they_lead_to(course: Course) -> None:
    course.lesson(FIGURES, order=2, extra="notebook: one.ipynb\n")
    course.lesson("[](one#growth) and [](one#loss)\n", slug="two", order=3)
    course.build()
    page = course.page()
    for name in ("#growth", "#sizes", "#loss", "#named", "#a-part"):
        assert page.count(f'href="{name}"') >= 1
    for shown in (">Figure 2.1</a>", ">Table 2.1</a>", ">(2.1)</a>", ">(*)</a>", ">Lesson two</a>"):
        assert shown in page
    assert 'id="growth"' in page
    assert '<div class="row of-2">' in page
    assert re.search(r'<span class="number">Figure 2.1.</span> How it <em>grows</em>', page)
    assert '<span class="number">Figure 2.2</span>' in page
    assert 'id="loss" class="math"' in page
    assert '<a href="one.html#growth">Figure 2.1</a>' in course.page("two")
    notebook = (course.root / "site" / "notebooks" / "one.ipynb").read_text("utf-8")
    cells = ["".join(cell["source"]) for cell in json.loads(notebook)["cells"]]
    said = "\n".join(cells)
    assert "See Figure 2.1, Table 2.1, (2.1), (*), A part and Lesson two." in said
    assert cells.index("# b\n2 + 2") < next(n for n, cell in enumerate(cells) if "grows" in cell)
    assert "x = y \\tag{2.1}\n$$" in said
    assert "(loss)" not in said


def test_a_renumbered_figure_is_renumbered_everywhere(course: Course) -> None:
    course.lesson(":::figure {#a} A\nx\n:::\n", order=1)
    course.lesson("[](one#a)\n", slug="two", order=3)
    course.build()
    course.lesson(":::figure\nx\n:::\n\n:::figure {#a} A\nx\n:::\n", order=1)
    course.build()
    assert ">Figure 1.2</a>" in course.page("two")


@pytest.mark.parametrize(("name", "text"), [("references.bib", BIBTEX), ("references.yaml", YAML)])
def test_citations_and_what_they_cite(course: Course, name: str, text: str) -> None:
    course.write(f"lessons/{name}", text)
    course.lesson("As [@vaswani, p. 3] and [-@vaswani] say; [@x](https://example.org).\n")
    course.build()
    page = course.page()
    assert '<a class="citation" href="#ref-vaswani">Vaswani' in page
    assert "2017</a>, p. 3)" in page
    assert '(<a class="citation" href="#ref-vaswani">2017</a>)' in page
    assert page.count('<li id="ref-vaswani">') == 1
    assert ">@x</a>" in page


def test_names_of_bibtex_are_read(course: Course) -> None:
    course.write("lessons/references.bib", BIBTEX)
    course.lesson("[@godel]\n")
    course.build()
    assert "Kurt Gödel (1931). <cite>On Formally Undecidable</cite>." in course.page()


@pytest.mark.parametrize(
    ("files", "body", "said"),
    [
        ({}, "[@a]\n", "lessons/one.md:6: citation of 'a': no references.yaml or references.bib"),
        (
            {"lessons/references.bib": BIBTEX},
            "[@vaswan]\n",
            "no reference 'vaswan': did you mean 'vaswani'?",
        ),
        (
            {"lessons/references.bib": "@article{a, title=\n"},
            "",
            "lessons/references.bib:2: not valid BibTeX: premature end of file\n",
        ),
        (
            {"lessons/references.yaml": "- id: a\n"},
            "",
            "lessons/references.yaml:1: reference 1 lacks 'title'",
        ),
        ({}, ":::tip {#t}\nx\n:::\n\n[](#t)\n", "a link without words to '#t', which has no name"),
        ({}, "$$\nx\n$$ (a b, c)\n", "lessons/one.md:6: label 'a-b,-c' of a formula is to be"),
        ({}, ":::figure {#a} A\nx\n:::\n\n$$x$$ (a)\n", "duplicate id 'a'"),
    ],
)
def test_mistakes(course: Course, files: dict[str, str], body: str, said: str) -> None:
    for name, text in files.items():
        course.write(name, text)
    course.lesson(body)
    run = course.run()
    assert run.code == 2
    assert said in run.err
    assert len(run.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@a", (Citation("a"),)),
        ("@a:b-c, pp. 3-4; -@d", (Citation("a:b-c", "pp. 3-4"), Citation("d", "", True))),
        ("@", ()),
        ("@a; b", ()),
    ],
)
def test_what_stands_between_the_brackets(text: str, found: tuple[Citation, ...]) -> None:
    assert citations(text) == found


def test_tabs_need_no_script(course: Course) -> None:
    course.lesson(":::tabs\n### PyTorch\nOne.\n\n### JAX\nTwo.\n:::\n")
    course.build()
    page = course.page()
    assert page.count('type="radio"') == 2
    assert page.count("checked>") == 1
    for label in ("PyTorch", "JAX"):
        place = re.search(rf'<label for="([^"]+)">{label}</label>', page)
        assert place
        assert f'id="{place[1]}"' in page


def test_outputs_that_are_hidden_or_folded(course: Course) -> None:
    course.lesson(
        """
        ```python {#a hide-output}
        print("unseen")
        ```

        ```python {#b fold-output}
        print("folded")
        ```
        """
    )
    course.build()
    page = course.page()
    assert "unseen</samp>" not in page
    assert re.search(r'<details class="fold outputs">.*folded\s*</samp>', page, re.S)
    assert "unseen" in course.text("a")


def test_a_former_slug_leads_to_the_lesson(course: Course) -> None:
    course.lesson("Text.\n", extra="formerly: [first, older]\n")
    course.build()
    for name in ("first", "older"):
        moved = course.page(name)
        assert '<meta http-equiv="refresh" content="0; url=one.html">' in moved
        assert '<a href="one.html">' in moved
    course.lesson("Text.\n", extra="formerly: [first]\n")
    course.build()
    assert not (course.root / "site" / "older.html").exists()


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("formerly: [two]\n", "lessons/one.md:5: formerly 'two' is that of lessons/two.md"),
        ("formerly: [one]\n", "lessons/one.md:5: formerly 'one' is that of lessons/one.md"),
        ("formerly: [A B]\n", "formerly: slug 'A B' is to be lower-case words"),
        ("formerly: 5\n", "formerly is to be a list"),
        ("formerly: [record]\n", "formerly 'record' is that of the generator itself"),
    ],
)
def test_former_slugs_that_lead_nowhere_else(course: Course, extra: str, said: str) -> None:
    course.write("lessons/prior.yaml", "sources: []\nconcepts: []\n")
    course.lesson("Text.\n", slug="two", order=2)
    course.lesson("Text.\n", extra=extra)
    run = course.run()
    assert run.code == 2
    assert said in run.err


def test_where_the_repository_is_known_a_notebook_opens_in_colab(course: Course) -> None:
    course.configure(
        'repository = "https://github.com/someone/course"\nnotebook_requirements = ["numpy"]'
    )
    course.lesson("```python {#a}\n1\n```\n", extra="notebook: one.ipynb\n")
    course.build()
    link = "https://colab.research.google.com/github/someone/course/blob/notebooks/one.ipynb"
    assert f'<a href="{link}">open in Colab</a>' in course.page()
    notebook = json.loads((course.root / "site" / "notebooks" / "one.ipynb").read_text("utf-8"))
    first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    source = "".join(first["source"])
    begin = source[: source.index("import importlib.util")]
    assert "'https://github.com/someone/course', \"course\"]" in begin
    assert "['numpy']" in begin
    exec(compile(begin, "setup", "exec"), {})  # elsewhere it does nothing


def test_without_a_repository_nothing_speaks_of_colab(course: Course) -> None:
    course.lesson("Text.\n", extra="notebook: one.ipynb\n")
    course.build()
    assert "colab" not in course.page().lower()
    assert "colab" not in (course.root / "site" / "notebooks" / "one.ipynb").read_text("utf-8")


def test_in_colab_the_first_cell_gets_the_course(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The cell, with commands that are noted and a clone that is made here."""
    from sitegen.render.notebook import _IN_COLAB

    commands: list[list[str]] = []

    def run(command: list[str], check: bool) -> None:
        commands.append(command)
        if command[0] == "git":
            (tmp_path / "course").mkdir()
            (tmp_path / "course" / "pyproject.toml").touch()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    code = _IN_COLAB.format(repository="https://e.org/a", needed=["numpy"])
    for _ in range(2):
        exec(compile(code, "setup", "exec"), {})
    assert [command[:2] for command in commands] == [["git", "clone"], [sys.executable, "-m"]]
    assert Path.cwd().name == "course"
    assert sys.path[0] == str(Path.cwd())


@pytest.mark.parametrize("system", ["win32"])
def test_windows_gets_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], system: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert command.run() == 2
    said = capsys.readouterr().err
    assert "on Windows call it within WSL" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("target", ["#größe", "one#größe", "one.html#größe"])
def test_a_link_without_words_may_be_written_in_any_way(course: Course, target: str) -> None:
    course.lesson(f"## Größe {{#größe}}\n\nSee []({target}).\n", extra="notebook: one.ipynb\n")
    course.build()
    assert ">Größe</a>" in course.page()
    notebook = (course.root / "site" / "notebooks" / "one.ipynb").read_text("utf-8")
    assert "See Größe." in json.loads(notebook)["cells"][-1]["source"][-1]
