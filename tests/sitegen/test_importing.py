"""`--import`: what becomes of each construct of other tools, and what is said of what is lost."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from small_course import Course, Run

from sitegen.cli import main
from sitegen.parse.parser import parse_lesson

PIXEL = base64.b64encode(b"\x89PNG").decode()

Import = Callable[..., "Imported"]


class Imported:
    """A lesson that was made of a document, and what was said."""

    def __init__(self, course: Course, run: Run, slug: str) -> None:
        self.course = course
        self.run = run
        path = course.root / "lessons" / f"{slug}.md"
        self.text = path.read_text("utf-8") if path.exists() else ""
        self.body = self.text.partition("\n---\n")[2].strip("\n")

    @property
    def losses(self) -> list[str]:
        return [line for line in self.run.out.split("\n") if re.match(r"doc\.\w+:", line)]

    def sound(self) -> None:
        """What there is, a build can read."""
        assert "what a build will ask" not in self.run.err
        parse_lesson("doc.md", self.text)


def called(course: Course, *arguments: str) -> Run:
    """Call the command, which writes no report of what is no build."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(course.root),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = main(["--import", *arguments])
    return Run(code, out.getvalue(), err.getvalue(), {})


@pytest.fixture
def brought(course: Course) -> Import:
    def bring(text: str, name: str = "doc.md", *arguments: str, slug: str = "doc") -> Imported:
        (course.root / name).write_text(text, "utf-8")
        run = called(course, name, *arguments)
        assert run.code == 0, run.err
        return Imported(course, run, slug)

    return bring


def notebook(*cells: object, **metadata: object) -> str:
    made = []
    for cell in cells:
        if isinstance(cell, str):
            cell = {"cell_type": "markdown", "metadata": {}, "source": cell}
        made.append(cell)
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def code(source: str, *tags: str, outputs: Sequence[object] = ()) -> dict[str, object]:
    return {
        "cell_type": "code",
        "metadata": {"tags": list(tags)},
        "source": source,
        "outputs": list(outputs),
        "execution_count": None,
    }


MARKDOWN = {
    # name: (what was written, what stands in the lesson, what is said of it)
    "Python that is no cell": ("```python\n1 + 1\n```", "```python {no-run}\n1 + 1\n```", ""),
    "a session": ("```python\n>>> 1\n```", "```pycon\n>>> 1\n```", ""),
    "a cell of MyST": (
        "```{code-cell} ipython3\n:tags: [hide-input, remove-output]\n1 + 1\n```",
        "```python {fold hide-output}\n1 + 1\n```",
        "",
    ),
    "a cell in a directive": (
        "````{note}\n```{code-cell}\n1\n```\n````",
        ":::statement\n```python\n1\n```\n:::",
        "",
    ),
    "a cell that is captioned": (
        "```{code-cell}\n---\nmystnb:\n  figure:\n    caption: It *grows*\n"
        "    name: growth\n---\n1\n```\n\nSee {numref}`growth`.",
        ":::figure {#growth} It *grows*\n```python\n1\n```\n:::\n\nSee [](#growth).",
        "",
    ),
    "a note": ("```{note}\nText\n```", ":::aside\nText\n:::", ""),
    "a note that is long": (
        "```{note}\n" + 200 * "Text " + "\n```",
        ":::statement\n" + 199 * "Text " + "Text\n:::",
        "",
    ),
    "a note between colons": (":::{warning}\nText\n:::", ":::warning\nText\n:::", ""),
    "an admonition": (
        ":::{admonition} A *title*\n:class: tip\nText\n:::",
        ":::tip A *title*\nText\n:::",
        "",
    ),
    "a dropdown": (
        ":::{dropdown} More\nText\n:::",
        ":::aside More\nText\n:::",
        "doc.md:1: {dropdown} was folded, and is open here",
    ),
    "notes within each other": (
        "::::{note}\n:::{tip}\nText\n:::\n::::",
        "::::statement\n:::tip\nText\n:::\n::::",
        "",
    ),
    "an exercise and its solution": (
        "```{exercise} Add\n:label: ex1\nHow much?\n```\n\n```{solution} ex1\nThree.\n```"
        "\n\nSee {ref}`ex1`.",
        ":::exercise {#ex1} Add\nHow much?\n\n### Solution\n\nThree.\n:::\n\nSee [Add](#ex1).",
        "",
    ),
    "an exercise that is opened and ended": (
        "```{exercise-start}\n:label: e\n```\nHow?\n```{exercise-end}\n```\nAfter.",
        ":::exercise {#e}\nHow?\n:::\n\nAfter.",
        "",
    ),
    "a formula with a label": (
        "```{math}\n:label: loss\nx = y\n```\n\nIn {eq}`loss`.",
        "$$\nx = y\n$$ (loss)\n\nIn [](#loss).",
        "",
    ),
    "a formula between dollars with a label": (
        "$$\nx = y\n$$ (loss)\n\nIn {eq}`loss`.",
        "$$\nx = y\n$$ (loss)\n\nIn [](#loss).",
        "",
    ),
    "an environment": (
        "\\begin{align}\nx &= y \\label{eq:a}\n\\end{align}\n\nIn \\eqref{eq:a}.",
        "$$\n\\begin{aligned}\nx &= y\n\\end{aligned}\n$$ (eq-a)\n\nIn [](#eq-a).",
        "",
    ),
    "a formula between brackets": (
        "Text\n\\[ x = y \\]\nand more.\n\n\\[\nz\n\\]",
        "Text\n\n$$\nx = y\n$$\n\nand more.\n\n$$\nz\n$$",
        "",
    ),
    "a diagram": (
        "```{mermaid}\ngraph TD\n```",
        "```mermaid\ngraph TD\n```",
        "doc.md:1: {mermaid} draws a diagram: its source is shown",
    ),
    "spaces in a formula": ("It is $ x $.", "It is $x$.", ""),
    "a section with a label": (
        "(there)=\n## A part\n\nSee {ref}`there` and {ref}`words <there>`.",
        "## A part {#there}\n\nSee [](#there) and [words](#there).",
        "",
    ),
    "a label that is not there": (
        "See {ref}`there`.",
        "<!-- import: nothing here has the label 'there' -->\n\nSee `there`.",
        "doc.md:1: nothing here has the label 'there'",
    ),
    "terms and code": (
        "{term}`lesson`, {func}`~math.sin`, H{sub}`2`O, {math}`x^2`",
        "lesson, `math.sin`, H<sub>2</sub>O, $x^2$",
        "",
    ),
    "an index": (
        "```{index} lesson\n```\n\nText.",
        "<!-- import: {index} is left out: what it gives is made by the search -->\n\nText.",
        "doc.md:1: {index} is left out: what it gives is made by the search",
    ),
    "a role that nobody knows": (
        "A {button}`press`.",
        "<!-- import: no role {button} here: 'press' is text -->\n\nA press.",
        "doc.md:1: no role {button} here: 'press' is text",
    ),
    "a directive that nobody knows": (
        "```{button} press\nText\n```",
        "<!-- import: no directive {button} here: its text stands here -->\n\npress\n\nText",
        "doc.md:1: no directive {button} here: its text stands here",
    ),
    "tabs": (
        "::::{tab-set}\n:::{tab-item} One\nText\n:::\n:::{tab-item} Two\nMore\n:::\n::::",
        ":::tabs\n### One\n\nText\n\n### Two\n\nMore\n:::",
        "",
    ),
    "cards": (
        "::::{grid}\n:::{grid-item-card} One\n:link: a\nText\n:::\n:::{grid-item}\nMore\n:::\n::::",
        ":::compare\n<!-- import: the option link=a of {grid-item-card} says nothing here -->\n\n"
        "### One\n\nText\n\n---\n\nMore\n:::",
        "doc.md:2: the option link=a of {grid-item-card} says nothing here",
    ),
    "a card of no grid": (
        ":::{card} One\nText\n:::",
        ":::statement One\nText\n:::",
        "doc.md:1: a card outside of grid: a statement now",
    ),
    "a card within something else": (
        "::::{note}\n:::{card}\nText\n:::\n::::",
        ":::aside\n<!-- import: a card outside of grid: its text stands here -->\n\nText\n:::",
        "doc.md:2: a card outside of grid: its text stands here",
    ),
    "a tab by itself": (
        ":::{tab-item} One\nText\n:::",
        ":::statement One\nText\n:::",
        "doc.md:1: a tab outside of tabs: a statement now",
    ),
    "a solution within something else": (
        "::::{exercise}\n:label: e\nHow?\n::::\n\n"
        "::::{dropdown} More\n:::{solution} e\nSo.\n:::\n::::",
        ":::exercise {#e}\nHow?\n\n### Solution\n\nSo.\n:::",
        "doc.md:6: {dropdown} was folded, and is open here",
    ),
    "a solution within its exercise": (
        "::::{exercise}\nHow?\n:::{solution}\nSo.\n:::\nWhy?\n::::",
        ":::exercise\nHow?\n\nWhy?\n\n### Solution\n\nSo.\n:::",
        "",
    ),
    "a solution of no exercise within something else": (
        "::::{note}\n:::{solution} e\nSo.\n:::\n::::",
        ":::aside Solution\nSo.\n:::",
        "doc.md:2: a solution of no exercise here: a remark now",
    ),
    "a table with a caption": (
        "```{table} Sizes\n:name: sizes\n| a | b |\n|---|---|\n| 1 | 2 |\n```",
        ":::table {#sizes} Sizes\n| a | b |\n|---|---|\n| 1 | 2 |\n:::",
        "",
    ),
    "a table of lists": (
        "```{list-table}\n:header-rows: 1\n* - a\n  - b\n* - 1\n  - 2\n```",
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
        "",
    ),
    "a theorem": (
        "```{prf:theorem} Euclid\n:label: thm\nText\n```",
        "no number -->\n\n:::statement {#thm} Theorem: Euclid\nText\n:::",
        "doc.md:1: {prf:theorem} has that title, and no number",
    ),
    "lists in a table of lists": (
        "```{list-table}\n* - a\n  - - b\n    - c\n* - 1\n  - 2\n```",
        "|  |  |\n| --- | --- |\n| a | - b - c |\n| 1 | 2 |",
        "",
    ),
    "a table of CSV": (
        '```{csv-table}\n:header: "a", "b"\n1, "2, 3"\n```',
        "| a | b |\n| --- | --- |\n| 1 | 2, 3 |",
        "",
    ),
    "a table that is drawn": (
        "=== ===\nA   B\n=== ===\n1   2\n=== ===",
        "```text\n=== ===\nA   B\n=== ===\n1   2\n=== ===\n```",
        "doc.md:1: a table that is drawn: write it with |",
    ),
    "code with lines that stand out": (
        "```{code-block} python\n:caption: A file\n:name: f\n:emphasize-lines: 1,2\na\nb\n```\n\n"
        "See {ref}`f`.",
        '```python {#f no-run title="A file" hl=1,2}\na\nb\n```\n\nSee [](#block-f).',
        "",
    ),
    "code without such lines": (
        "```{code-block} python\n:emphasize-lines: 9\na\n```",
        "```python {no-run}\na\n```",
        "",
    ),
    "code in another language": (
        "```{code-block} c\n:caption: A file\nint a;\n```",
        "```c\nint a;\n```",
        "doc.md:1: 'caption=A file' of code that is shown says nothing here",
    ),
    "what others write behind the language": (
        '```python title="a.py" linenums="1"\na\n```',
        '```python {no-run title="a.py"}\na\n```',
        "doc.md:1: 'linenums=1' of code that is shown says nothing here",
    ),
    "a figure in Markdown": (
        "```{figure-md} f\n![words](a.txt)\n\nA caption.\n```\n\nSee {numref}`f`.",
        ":::figure {#f} A caption.\n",
        "doc.md:2: no picture 'a.txt'",
    ),
    "several pictures in a figure": (
        ":::{figure}\n:label: f\n(one)=\n![1](a)\n\n![2](b)\n\nBoth.\n:::",
        "::::figure {#f} Both.\n:::figure {#one} 1\n",
        "doc.md:4: no picture 'a'",
    ),
    "a glossary": (
        "```{glossary}\none\ntwo\n  Words\n  and more\n\nthree\n: Others\n```",
        "- **one**, **two**: Words\n  and more\n- **three**: Others",
        "doc.md:1: a glossary: a list now",
    ),
    "definitions": (
        "one\n: Words\n: and more",
        "- **one**:\n  Words\n  and more",
        "doc.md:1: a list of definitions: a plain list now",
    ),
    "text of another language": (
        "```{eval-rst}\n.. note:: x\n```\n\n```{raw} html\n<b>y</b>\n```",
        "```rst\n.. note:: x\n```\n\n<b>y</b>",
        "doc.md:1: {eval-rst} is shown as it is",
    ),
    "words below what lies elsewhere": (
        "```{iframe} https://example.org\nWords\n```",
        "[https://example.org](https://example.org)\n\nWords",
        "doc.md:1: {iframe} shows what lies elsewhere",
    ),
    "a quotation that holds a note": (
        "> Words\n> ```{tip}\n> Text\n> ```",
        "Words\n\n:::tip\nText\n:::",
        "doc.md:1: a quotation that holds more than text",
    ),
    "a directive that quotes a note": (
        ":::{epigraph}\n```{tip}\nText\n```\n:::",
        ":::tip\nText\n:::",
        "doc.md:2: a quotation that holds more than text",
    ),
    "a table of lists without any": ("```{list-table}\n```\n\nText", "Text", ""),
    "colons in a quotation": ("> Text\n> :::", "> Text\n> \\:::", ""),
    "the end of a cell right below a text": ("One.\n+++\nTwo.", "One.\n\nTwo.", ""),
    "the tags of a text": (
        '+++ {"tags": ["a"]}\n\nText.',
        "Text.",
        """doc.md:1: '{"tags": ["a"]}' of a text says nothing here""",
    ),
    "attributes of a text": (
        "{.red}\nText\n{: .blue}\n\n{#there}\n## A part\n\n[x](#there)",
        "Text",
        "doc.md:1: '{.red}' of a text says nothing here",
    ),
    "the name of a place in HTML": (
        '<a id="there"></a>\n## A part\n\nSee [x](#there) and [y](#A-part).',
        "## A part {#there}\n\nSee [x](#there) and [y](#there).",
        "",
    ),
    "containers of others": (
        ":::tip A title\nOne\n:::\n\n:::info[Another]\nTwo\n:::\n\n::: warning\nThree\n:::",
        ":::tip A title\nOne\n:::\n\n:::aside Another\nTwo\n:::\n\n:::warning\nThree\n:::",
        "",
    ),
    "a container that nobody knows": (
        "::: my.module\nText\n:::",
        "Text",
        "doc.md:1: my.module of a div says nothing here: its text stands here",
    ),
    "a remote picture": (
        "![words](https://example.org/a.png)",
        "[words](https://example.org/a.png)",
        "doc.md:1: a picture from elsewhere is a link: put it beside the lessons "
        "(https://example.org/a.png)",
    ),
    "a missing picture": ("![words](a.png)", "words", "doc.md:1: no picture 'a.png'"),
    "a script": ("a <script>x</script>", "a", "doc.md:1: '<script>x</script>' is left out"),
    "style": ("a\n<style>\np {}\n</style>", "a", "doc.md:1: '<style> p {} </style>' is left out"),
    "a frame": ("a <iframe src=b></iframe>", "a", "doc.md:1: '<iframe src=b>' is left out"),
    "a picture within HTML": (
        '<p align="center">\n  <img src="a.png" alt="words">\n</p>',
        "words",
        "doc.md:1: the HTML around a picture is left out",
    ),
    "a badge in HTML": (
        '<a href="https://colab.research.google.com/x"><img src="https://e.org/a.svg"/></a>\n\nText',
        "Text",
        "doc.md:1: a badge is left out",
    ),
    "what stands for a name": (
        "---\nmyst:\n  substitutions:\n    key: some *words*\n---\nHere {{ key }}.",
        "Here some *words*.",
        "",
    ),
    "commands of formulas": (
        "---\nmath:\n  '\\R': '\\mathbb{R}'\n---\nIn $\\R^2$ and $\\Re$\n\n$$\\R$$",
        "In $\\mathbb{R}^2$ and $\\Re$\n\n$$\n\\mathbb{R}\n$$",
        "",
    ),
    "a command of formulas that takes something": (
        "---\nmath:\n  '\\v': '\\mathbf{#1}'\n---\nText",
        "Text",
        "doc.md:2: 'math' of the front matter",
    ),
    "a solution in a cell": (
        "```{code-cell}\n### BEGIN SOLUTION\n1\n### END SOLUTION\n```",
        ":::exercise\n<!-- import: a solution in a cell: an exercise now, which lacks its question",
        "doc.md:2: a solution in a cell: an exercise now",
    ),
    "a solution in a cell of an exercise": (
        ":::{exercise}\nHow?\n```{code-cell}\n### BEGIN SOLUTION\n1\n### END SOLUTION\n```\n:::",
        ":::exercise\nHow?\n\n```python\n### BEGIN SOLUTION\n1\n### END SOLUTION\n```\n:::",
        "",
    ),
    "a name that stands for nothing": (
        "Here {{ key }}.",
        "Here {{ key }}.",
        "doc.md:1: nothing here says what stands for '{{ key }}'",
    ),
    "a link that names its kind": (
        "(there)=\n## A part\n\n<project:#there>",
        "## A part {#there}\n\n[](#there)",
        "",
    ),
    "links that are defined elsewhere": (
        "[a][x] and [b][y]\n\n[x]: https://example.org\n[y]: no.md",
        "\n\n[x]: https://example.org",
        "doc.md:3: 'no.md' is not among what is brought",
    ),
    "shortcodes of others": (
        "{{% notice %}}\nText {% include x %}",
        "Text",
        "doc.md:1: a shortcode is left out: notice",
    ),
    "a line that breaks": ("One  \ntwo  ", "One  \ntwo", ""),
    "the end of a cell": ('One.\n\n+++ {"a": []}\n\nTwo.', "One.\n\nTwo.", ""),
    "a comment": ("% a comment\n\nText.", "<!-- a comment -->\n\nText.", ""),
    "an option of a directive": (
        ":::{note}\n:icon: false\nText\n:::",
        "of {note} says nothing here -->\n\n:::aside\nText\n:::",
        "doc.md:1: the option icon=false of {note} says nothing here",
    ),
    "code is left alone": ("`{ref}` and ``:label:`x` ``", "`{ref}` and ``:label:`x` ``", ""),
    "a value": ("It is {eval}`1 + 1`.", "It is `{python} 1 + 1`.", ""),
    "another language": (
        "```{code-cell} julia\nx = 1\n```",
        "```julia\nx = 1\n```",
        "doc.md:2: a cell in julia: shown, and not run; only Python is",
    ),
}

QUARTO = {
    "a cell": ("```{python}\n1 + 1\n```", "```python\n1 + 1\n```", ""),
    "options": (
        '```{python}\n#| label: tbl-a\n#| echo: false\n#| tbl-cap: "Sizes"\n1\n```\n\nSee @tbl-a.',
        ":::table {#tbl-a} Sizes\n```python {hide}\n1\n```\n:::\n\nSee [](#tbl-a).",
        "",
    ),
    "a figure": (
        '```{python}\n#| label: fig-a\n#| fig-cap: "It grows"\n#| code-fold: true\n1\n```',
        ":::figure {#fig-a} It grows\n```python {fold}\n1\n```\n:::",
        "",
    ),
    "an option that says nothing": (
        "```{python}\n#| fig-width: 3\n1\n```",
        "<!-- import: the option 'fig-width: 3' says nothing here -->\n\n```python\n1\n```",
        "doc.qmd:2: the option 'fig-width: 3' says nothing here",
    ),
    "an error that is expected": (
        "```{python}\n#| error: true\n1 / 0\n```",
        "```python {raises=Exception}\n1 / 0\n```",
        "doc.qmd:2: error: true names no error: now one has to be raised",
    ),
    "a callout": (
        "::: {.callout-tip}\n## A title\nText\n:::",
        ":::tip A title\nText\n:::",
        "",
    ),
    "a callout that is folded": (
        '::: {.callout-note title="More" collapse="true"}\nText\n:::',
        "is open here -->\n\n:::aside More\nText\n:::",
        "doc.qmd:1: a callout that was folded is open here",
    ),
    "tabs": (
        "::: {.panel-tabset}\n## One\nText\n\n## Two\nMore\n:::",
        ":::tabs\n## One\n\nText\n\n## Two\n\nMore\n:::",
        "",
    ),
    "cross references": (
        "## A part {#sec-a}\n\nSee @sec-a and [@sec-a].",
        "## A part {#sec-a}\n\nSee [](#sec-a) and [](#sec-a).",
        "",
    ),
    "a formula": (
        "$$\nx\n$$ {#eq-a}\n\nIn @eq-a.",
        "$$\nx\n$$ (eq-a)\n\nIn [](#eq-a).",
        "",
    ),
    "a table": (
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n: Sizes {#tbl-a}\n\nAfter.",
        ":::table {#tbl-a} Sizes\n| a | b |\n|---|---|\n| 1 | 2 |\n:::\n\nAfter.",
        "",
    ),
    "a shortcode": (
        "{{< video https://example.org >}}",
        "<!-- import: a shortcode is left out: video https://example.org -->",
        "doc.qmd:1: a shortcode is left out: video https://example.org",
    ),
    "another format": (
        '::: {.content-visible when-format="pdf"}\nPaper.\n:::',
        "<!-- import: left out, for another format: 'Paper.' -->",
        "doc.qmd:1: left out, for another format: 'Paper.'",
    ),
    "a reference that begins a sentence": (
        "## A part {#sec-a}\n\n@Sec-a says it.",
        "## A part {#sec-a}\n\n[](#sec-a) says it.",
        "",
    ),
    "attributes of code": (
        "`x`{.python}",
        "`x`",
        "doc.qmd:1: '{.python}' of code says nothing here",
    ),
    "columns": (
        "::::: {.columns}\n::: {.column}\nOne\n:::\n::: {.column}\nTwo\n:::\n:::::",
        ":::compare\n---\n\nOne\n\n---\n\nTwo\n:::",
        "",
    ),
    "what a div says": (
        '::: {.callout-note icon=false appearance="simple"}\nText\n:::',
        ":::aside\nText\n:::",
        "doc.qmd:1: icon=false, appearance=simple of a div says nothing here",
    ),
    "a div with a name": (
        "::: {#lst-a}\n```python\n1\n```\n:::\n\nSee @lst-a.",
        "```python {#lst-a no-run}\n1\n```\n\nSee [this code](#block-lst-a).",
        "",
    ),
    "code with a name": (
        '```{#lst-b .python lst-cap="A file"}\n1\n```\n\nSee @lst-b.',
        '```python {#lst-b no-run title="A file"}\n1\n```\n\nSee [](#block-lst-b).',
        "",
    ),
    "a cell with a name for its code": (
        "```{python}\n#| lst-label: lst-c\n#| lst-cap: A file\n1\n```",
        '```python {#lst-c title="A file"}\n1\n```',
        "",
    ),
    "a cell that is spoken of": ("```{{python}}\n1\n```", "```python {no-run}\n1\n```", ""),
    "raw text": (
        "```{=html}\n<b>x</b>\n```",
        "```html\n<b>x</b>\n```",
        "doc.qmd:1: raw text of another format is shown as it is",
    ),
    "a caption above its table": (
        "Table: Sizes {#tbl-b}\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nSee @tbl-b.",
        ":::table {#tbl-b} Sizes\n| a | b |\n|---|---|\n| 1 | 2 |\n:::\n\nSee [](#tbl-b).",
        "",
    ),
    "the caption of a table that is drawn": (
        "+---+\n| a |\n+---+\n\n: Sizes {#tbl-c}",
        ":::table {#tbl-c} Sizes\n<!-- import: a table that is drawn: write it with | -->",
        "doc.qmd:1: a table that is drawn: write it with |",
    ),
    "what a picture and a heading say": (
        '## A part {.smaller background="black"}\n\n![x](no.png){.lightbox}',
        "## A part",
        "doc.qmd:1: 'smaller background=black' of a heading says nothing here",
    ),
    "a heading without words": (
        '## {background="black"}\n\nText',
        "Text",
        "doc.qmd:1: a heading without words is left out",
    ),
    "the label of a div that says more": (
        "(there)=\n::: {.callout-note icon=false}\nText\n:::\n\n[x](#there)",
        ":::aside {#there}\nText\n:::\n\n[x](#there)",
        "doc.qmd:2: icon=false of a div says nothing here",
    ),
    "a column by itself": (
        "::: {.callout-note}\n::: {.column}\nOne\n:::\n:::",
        "<!-- import: a column outside of columns: its text stands here -->\n\nOne\n:::",
        "doc.qmd:2: a column outside of columns: its text stands here",
    ),
    "a value": ("It is `{python} 1 + 1`.", "It is `{python} 1 + 1`.", ""),
    "a shell": (
        "```{bash echo=FALSE}\nls\n```",
        "```bash\nls\n```",
        "doc.qmd:2: a cell in bash: shown, and not run",
    ),
    "R": ("```{r}\nx\n```", "```r\nx\n```", "doc.qmd:2: a cell in r: shown, and not run"),
}

D2L = {
    "a cell": ("```{.python .input}\n1\n```", "```python\n1\n```", ""),
    "a cell of the other framework": (
        "```{.python .input}\n%%tab pytorch\n1\n```\n\n```{.python .input}\n%%tab jax\n2\n```",
        "```python\n1\n```",
        "doc.md:7: a cell of jax is left out: pytorch is kept (--tab)",
    ),
    "a text of the other framework": (
        ":begin_tab:`mxnet`\nOne.\n:end_tab:\n\n:begin_tab:`pytorch`\nTwo.\n:end_tab:",
        "Two.",
        "doc.md:1: a text of mxnet is left out: pytorch is kept (--tab)",
    ),
    "labels": (
        "## A part\n:label:`sec_a`\n\n$$x$$\n:eqlabel:`eq_a`\n\nIn :numref:`sec_a`, :eqref:`eq_a`.",
        "## A part {#sec_a}\n\n$$\nx\n$$ (eq_a)\n\nIn [](#sec_a), [](#eq_a).",
        "",
    ),
}

EVERY = [
    *(pytest.param("doc.md", *case, id=f"MyST: {name}") for name, case in MARKDOWN.items()),
    *(pytest.param("doc.qmd", *case, id=f"Quarto: {name}") for name, case in QUARTO.items()),
    *(pytest.param("doc.md", *case, id=f"d2l: {name}") for name, case in D2L.items()),
]


@pytest.mark.parametrize(("name", "written", "wanted", "said"), EVERY)
def test_what_becomes_of_it(
    brought: Import, name: str, written: str, wanted: str, said: str
) -> None:
    found = brought(written + "\n", name)
    assert wanted in found.body
    if said:
        assert any(loss.startswith(said) for loss in found.losses), found.run.out
        assert "<!-- import: " in found.body
    elif "import:" not in wanted:
        assert found.losses == []
        assert "nothing was lost" in found.run.out
        assert found.body == wanted
    found.sound()


CELLS = {
    "figures": ("%matplotlib inline\nx = 1", "```python\nx = 1\n```", "is left out: figures"),
    "nothing but that": ("%matplotlib inline", "", "is left out: figures"),
    "a time": ("%timeit sum([1])\ny = 2", "timeit.Timer('sum([1])', 'pass'", "timed by timeit"),
    "what else is in its cell": ("%timeit sum([1])\ny = 2", "\ny = 2\n```", "timed by timeit"),
    "a cell that is timed": ("%%timeit\nsum([1])", "compare=none", "timed by timeit"),
    "how long it took": ("%time x = 1", "```python\nx = 1\n```", "not timed"),
    "how long a cell took": ("%%time\nx = 1", "```python\nx = 1\n```", "is left out"),
    "two of these": ("%%time\n%%capture\nx = 1", "```python {hide-output}\nx = 1\n```", "left out"),
    "what is in a cell that is timed": (
        "%%time\n!ls\nx = 1",
        "```python\n# !ls\nx = 1",
        "left out",
    ),
    "nothing but a time": ("%%time\n", "", "is left out"),
    "options that are none": (
        "#| eval: !expr x\ny = 1",
        "#| eval: !expr x\ny = 1",
        "can't be read",
    ),
    "a command": ("!ls", "```python {no-run}\n!ls\n```", "'!ls' is not run"),
    "a call of IPython": (
        "get_ipython().run_line_magic('matplotlib', 'inline')\nx = 1",
        "```python\nx = 1\n```",
        "'%matplotlib inline' is left out",
    ),
    "a cell as a call": (
        "get_ipython().run_cell_magic('time', '', 'x = 1\\ny = 2\\n')",
        "```python\nx = 1\ny = 2\n```",
        "%%time is left out",
    ),
    "a command as a call": (
        "if x:\n    get_ipython().system('ls')",
        "if x:\n    pass  # !ls",
        "'!ls' is not run",
    ),
    "a command beside code": ("!ls\nx = 1", "# !ls\nx = 1", "'!ls' is not run: a comment now"),
    "a command in a branch": ("if True:\n    !ls", "    pass  # !ls", "'!ls' is not run"),
    "another language": ("%%bash\nls", "```python {no-run}\n%%bash", "%%bash: the cell is shown"),
    "help": ("sum?\nx = 1", "# sum?\nx = 1", "asks IPython for help"),
    "no Python": ("print 1", "```python {no-run}\nprint 1\n```", "a cell that is no Python"),
    "await": ("await f()", "```python\nawait f()\n```", ""),
    "a remainder": ("x = 7 \\\n% 2", "```python\nx = 7 \\\n% 2\n```", ""),
}


@pytest.mark.parametrize(("source", "wanted", "said"), CELLS.values(), ids=CELLS)
def test_what_becomes_of_a_cell(brought: Import, source: str, wanted: str, said: str) -> None:
    found = brought(notebook("# Title", code(source)), "doc.ipynb")
    assert wanted in found.text
    assert bool(found.losses) == bool(said)
    if said:
        assert re.match(r"doc\.ipynb:cell 2, line 1: .*" + re.escape(said), found.losses[0])
    found.sound()


def test_tags_and_errors_of_a_notebook(brought: Import) -> None:
    error = {"output_type": "error", "ename": "KeyError", "evalue": "", "traceback": []}
    found = brought(
        notebook(
            "# T",
            code("{}[1]", "raises-exception", outputs=[error]),
            code("1 / 0", "raises-exception"),
            code("1", "remove-cell"),
            code("2", "skip-execution"),
            code("3", "parameters"),
        ),
        "doc.ipynb",
    )
    for options in ("{raises=KeyError}", "{raises=Exception}", "{hide hide-output}", "{no-run}"):
        assert f"```python {options}\n" in found.text
    assert [loss.partition(": ")[0] for loss in found.losses] == [
        "doc.ipynb:cell 3, line 1",
        "doc.ipynb:cell 6, line 1",
    ]


@pytest.mark.parametrize(
    ("text", "title", "headings"),
    [
        ("# One\n\n## Two\n\n### Three\n", "One", ["## Two", "### Three"]),
        ("# One\n\n# Two\n\n## Three\n", "One", ["## Two", "### Three"]),
        ("One\n===\n\nTwo\n---\n", "One", ["## Two"]),
        ("---\ntitle: One\n---\n# Two\n", "One", ["## Two"]),
        ("---\ntitle: One\n---\n# One\n\n## Two\n", "One", ["## Two"]),
        ("---\njupytext:\n  a: b\nkernelspec:\n  a: b\n---\n# A *b* `c`\n", "A b c", []),
        ("## Two\n", "Doc", ["## Two"]),
        ("+++\ntitle = 'One'\n+++\n## Two\n", "One", ["## Two"]),
    ],
)
def test_titles_and_headings(brought: Import, text: str, title: str, headings: list[str]) -> None:
    found = brought(text)
    assert f'title: "{title}"\nslug: "doc"\norder: 1\n' in found.text
    assert re.findall(r"^#+ .*", found.body, re.M) == headings
    assert found.losses == []


def test_front_matter_that_says_nothing_is_told(brought: Import) -> None:
    found = brought("---\ntitle: One\nsubtitle: Two\nauthor: Me\n---\nText\n", "doc.qmd")
    assert 'summary: "Two"' in found.text
    assert found.losses == ["doc.qmd:4: 'author' of the front matter"]
    assert "<!-- import: 'author' of the front matter -->" in found.text


def test_what_quarto_says_of_all_cells(brought: Import) -> None:
    text = "---\ntitle: T\nexecute:\n  echo: false\n---\n```{python}\n1\n```\n"
    assert "```python {hide}\n1\n```" in brought(text, "doc.qmd").text


def test_a_block_that_does_not_run_raises_nothing(brought: Import) -> None:
    text = "---\nexecute:\n  eval: false\n---\n```{python}\n#| error: true\n1 / 0\n```\n"
    made = brought(text, "doc.qmd")
    assert "```python {no-run}\n" in made.body
    made.sound()


def test_several_documents_and_what_belongs_to_them(course: Course) -> None:
    course.write("book/index.md", "# The start\n\nSee [b](b.ipynb#A-part) and {doc}`c`.\n")
    course.write(
        "book/b.ipynb",
        notebook(
            "# B",
            "## A part\n![p](pics/p.png) ![a](attachment:a.png) [back](index.md) [no](no.md)",
            code("from helper import f\nopen('data/d.csv').read()"),
        ),
    )
    course.write("book/c.md", "(top)=\n# C\n\n{cite}`knuth` by {cite:t}`knuth`, see {ref}`top`.\n")
    course.write("book/pics/p.png", "a picture")
    course.write("book/data/d.csv", "1,2")
    course.write("book/helper.py", "def f(): ...\n")
    course.write("book/all.bib", "@book{knuth, author={Donald Knuth}, title={Art}, year=1968}\n")
    data = json.loads((course.root / "book/b.ipynb").read_text("utf-8"))
    data["cells"][1]["attachments"] = {"a.png": {"image/png": PIXEL}}
    (course.root / "book/b.ipynb").write_text(json.dumps(data), "utf-8")
    run = called(course, "book/index.md", "book/b.ipynb", "book/c.md")
    assert run.code == 0, run.err
    lessons = course.root / "lessons"
    start = (lessons / "the-start.md").read_text("utf-8")
    assert "See [b](b#a-part) and [](c)." in start
    second = (lessons / "b.md").read_text("utf-8")
    assert "![p](pics/p.png) ![a](b-2-a.png) [back](the-start) no" in second
    assert (lessons / "pics/p.png").read_text("utf-8") == "a picture"
    assert (lessons / "b-2-a.png").read_bytes() == b"\x89PNG"
    assert (course.root / "data/d.csv").is_file()
    assert (course.root / "helper.py").is_file()
    assert 'packages = ["lib", "helper"]' in (course.root / "pyproject.toml").read_text("utf-8")
    assert "[@knuth] by Knuth [-@knuth], see [](c)." in (lessons / "c.md").read_text("utf-8")
    assert "@book{knuth" in (lessons / "references.bib").read_text("utf-8")
    said = [line for line in run.out.split("\n") if line.startswith("book/")]
    assert said == [
        "book/b.ipynb:cell 2, line 2: 'no.md' is not among what is brought: its words alone "
        "stand here"
    ]
    assert "1 loss, a comment in its lesson: 1 link" in run.out
    assert "ask" not in run.err
    assert course.build().report["executed"] == ["b#block-1"]


def test_the_framework_that_is_asked_for_is_kept(brought: Import) -> None:
    cells = "".join(f"```{{.python .input}}\n#@tab {name}\n{name} = 1\n```\n\n" for name in "ab")
    assert "```python\nb = 1\n```" in brought(cells, "doc.md", "--tab", "b").text


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("doc.rst", "x", "a notebook or Markdown of another tool is wanted: .ipynb, .md, .qmd"),
        ("doc.ipynb", "{}", "doc.ipynb:1: no notebook of format 3 or 4"),
        ("doc.ipynb", "x", "doc.ipynb:1: no notebook of format 3 or 4"),
        ("doc.py", "x = 1\n", "doc.py:1: no line '# %%' begins a cell"),
        ("good.md", "# Good\n", "there is a 'good' already: lessons/good.md"),
        ("record.md", "# R\n", "record.md: there is a 'record' already: the generator's own page"),
        ("former.md", "# F\n", "former.md: there is a 'former' already: lessons/good.md"),
        ("other.md", "# O\n", "other.md: there is a 'other' already: lessons/other.md"),
    ],
)
def test_what_can_t_be_brought(good: Course, name: str, text: str, said: str) -> None:
    good.edit("lessons/good.md", "order:", "formerly: [former]\norder:")
    good.write("lessons/prior.yaml", "sources: []\nconcepts: []\n")
    good.write("lessons/other.md", "---\ntitle: X\nslug: another\norder: 2\n---\n:::none\n:::\n")
    (good.root / name).write_text(text)
    before = good.snapshot(".")
    run = called(good, name)
    assert run.code == 2
    assert said in run.err
    assert good.snapshot(".") == before


def test_what_is_brought_comes_last(good: Course) -> None:
    good.write("lessons/broken.md", "---\ntitle: X\nslug: x\norder: 17\n---\n:::\n")
    for name in ("a", "b"):
        good.write(f"{name}.md", "Text.\n")
        assert called(good, f"{name}.md").code == 0
    orders = [(good.root / f"lessons/{name}.md").read_text("utf-8") for name in ("a", "b")]
    assert [re.findall(r"order: (\d+)", text) for text in orders] == [["18"], ["19"]]
    good.write("lessons/broken.md", "---\ntitle: [\norder: 10\n---\n")
    good.write("c.md", "Text.\n")
    run = called(good, "c.md")
    assert (run.code, run.err.partition(": ")[0]) == (2, "lessons/broken.md:4")


def test_a_file_that_is_not_there(good: Course) -> None:
    run = called(good, "nothing.md")
    assert (run.code, run.err) == (2, "--import: no file 'nothing.md' here\n")


def test_what_there_is_stays(good: Course) -> None:
    good.write("lessons/p.png", "mine")
    good.write("book/p.png", "another")
    good.write("book/doc.md", "![p](p.png)\n")
    assert called(good, "book/doc.md").code == 0
    assert (good.root / "lessons/p.png").read_text("utf-8") == "mine"
    assert "![p](doc/p.png)" in (good.root / "lessons/doc.md").read_text("utf-8")


def test_data_and_modules_that_are_others_are_told(good: Course) -> None:
    good.write("helper.py", "mine = 1\n")
    good.write("book/helper.py", "theirs = 1\n")
    good.write("d.csv", "mine")
    good.write("book/d.csv", "theirs")
    good.write("data.csv", "outside")
    cells = "```{code-cell}\nimport helper\nopen('d.csv'), open('../data.csv')\n```\n"
    good.write("book/doc.md", cells)
    run = called(good, "book/doc.md")
    lesson = (good.root / "lessons/doc.md").read_text("utf-8")
    for said in (
        "'d.csv' is another file in the course: rename one",
        "data outside of its folder: copy '../data.csv' into the course, and name it there",
        "module 'helper' is another in the course: rename one",
    ):
        assert f"book/doc.md:2: {said}\n" in run.out
        assert f"<!-- import: {said} -->" in lesson
    assert (good.root / "d.csv").read_text("utf-8") == "mine"
    assert "helper" not in (good.root / "pyproject.toml").read_text("utf-8")


def test_a_folder_that_is_no_course_becomes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "doc.md").write_text("# A title\n\nText.\n")
    assert main(["--import", "doc.md"]) == 0
    assert main([]) == 0
    assert "<h1>A title</h1>" in (tmp_path / "site" / "doc.html").read_text("utf-8")


def test_what_a_cell_leaves_open_ends_with_it(brought: Import) -> None:
    raw = {"cell_type": "raw", "metadata": {}, "source": "```\ninside\n```"}
    made = brought(notebook("```\nopen", "After.", raw, code("x = 1")), "doc.ipynb")
    assert "After." in made.body
    assert "x = 1" in made.body
    assert "```\nopen\n```" in made.body
    made.sound()


@pytest.mark.parametrize(
    ("info", "option"),
    [
        ("{python, eval=FALSE}", "no-run"),
        ("{python eval=False}", "no-run"),
        ("{python, echo=FALSE}", "hide"),
    ],
)
def test_options_in_the_braces_of_a_cell_count(brought: Import, info: str, option: str) -> None:
    made = brought(f"# T\n\n```{info}\nx = 1\n```\n", "doc.qmd")
    assert re.search(rf"^```python {{[^}}]*\b{option}\b", made.body, re.M)


def test_text_between_rules_in_a_directive_is_text(brought: Import) -> None:
    made = brought("```{note}\n---\nwords\n---\nmore\n```\n")
    assert "words" in made.body
    assert "more" in made.body
    made.sound()


def test_all_rows_of_a_table_are_there(brought: Import) -> None:
    text = "```{list-table}\n:header-rows: 2\n* - a\n  - b\n* - c\n  - d\n* - e\n  - f\n```\n"
    made = brought(text)
    assert all(f"| {row} |" in made.body for row in ("a | b", "c | d", "e | f"))


def test_documents_of_one_name_get_names_of_their_folders(course: Course) -> None:
    course.write("part_one/index.md", "# Start\n")
    course.write("Größe 2/index.md", "# Start\n")
    assert called(course, "part_one/index.md", "Größe 2/index.md").code == 0
    names = sorted(path.stem for path in (course.root / "lessons").glob("*start.md"))
    assert names == ["gr-e-2-start", "part-one-start"]


def test_a_comment_of_myst_ends_where_its_line_does(brought: Import) -> None:
    made = brought("# T\n\n% an arrow ---> here\n\nText.\n")
    assert made.body.count("-->") == 1
    made.sound()


def test_a_title_that_loses_something_says_so(brought: Import) -> None:
    made = brought("# Title {.cls}\n\nText.\n", "doc.qmd")
    assert any("cls" in loss for loss in made.losses)


PERCENT = '''\
# ---
# title: Percents
# jupyter:
#   kernelspec: {name: python3}
# ---

import math

# %% [markdown]
# ## A part
#
# Words.

# %% The sum tags=["hide-input"]
# %matplotlib inline
# %time y = 3
x = 1

#%%
y = 2

# %% [md]
"""
Quoted *words*.
"""

# %% [raw]
# as it is

# %% language="bash"
# ls
'''


def test_cells_of_jupytext(brought: Import) -> None:
    made = brought(PERCENT, "doc.py")
    assert 'title: "Percents"' in made.text
    for wanted in (
        "```python\nimport math\n```\n\n## A part\n\nWords.\n\n**The sum**",
        "```python {fold}\ny = 3\nx = 1\n```\n\n```python\ny = 2\n```",
        "Quoted *words*.\n\n```\nas it is\n```",
        "```bash\nls\n```",
    ):
        assert wanted in made.body
    assert [loss.partition(": ")[0] for loss in made.losses] == [
        "doc.py:15",
        "doc.py:15",
        "doc.py:31",
    ]
    made.sound()


def test_a_notebook_of_format_3(brought: Import) -> None:
    error = {"output_type": "pyerr", "ename": "KeyError"}
    cells = [
        {"cell_type": "heading", "level": 1, "source": ["Old"]},
        {"cell_type": "code", "input": ["{}", "[1]"], "language": "python", "outputs": [error]},
    ]
    text = json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}], "metadata": {}})
    made = brought(text, "doc.ipynb")
    assert 'title: "Old"' in made.text
    assert made.body == "```python {raises=KeyError}\n{}[1]\n```"


def test_what_a_notebook_holds_is_found_by_its_name(brought: Import) -> None:
    cell = {
        "cell_type": "markdown",
        "metadata": {},
        "source": "![one](attachment:a%20b.png) ![two](attachment:c.gif)",
        "attachments": {"a b.png": {"image/png": PIXEL}, "c.gif": {"image/gif": PIXEL}},
    }
    removed = {"cell_type": "markdown", "metadata": {"tags": ["remove-cell"]}, "source": "Gone"}
    empty = {"cell_type": "raw", "metadata": {}, "source": ""}
    made = brought(notebook(cell, removed, empty), "doc.ipynb")
    assert made.body.endswith("![one](doc-1-a-b.png) ![two](doc-1-c.gif)")
    assert made.losses == ["doc.ipynb:cell 2, line 1: a text that was tagged remove-cell: Gone"]
