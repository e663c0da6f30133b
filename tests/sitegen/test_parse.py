"""Markdown becomes data: every option, component, value and link, each with its true line."""

from __future__ import annotations

import textwrap

import pytest

from sitegen.errors import SourceError
from sitegen.parse.attributes import Attributes, parse_attributes
from sitegen.parse.lesson import Block, Inline, Lesson, Options
from sitegen.parse.parser import parse_lesson, slugify

HEAD = "---\ntitle: T\nslug: one\norder: 1\n---\n"


def parse(body: str) -> Lesson:
    """A lesson whose body begins on line 6."""
    return parse_lesson("lessons/one.md", HEAD + textwrap.dedent(body))


def options(braces: str, lines: int = 9) -> Options:
    return parse(f"```python {{{braces}}}\n" + "pass\n" * lines + "```\n").blocks[0].options


OPTIONS = {
    "": Options(),
    "#name": Options(),
    "hide": Options(hide=True),
    "fold": Options(fold=True),
    "hl=3": Options(hl=(3,)),
    "hl=3-5,8": Options(hl=(3, 4, 5, 8)),
    "title=verify.py": Options(title="verify.py"),
    'title="two words"': Options(title="two words"),
    "title='two words'": Options(title="two words"),
    r'title="a \"quoted\" word"': Options(title='a "quoted" word'),
    "raises=RuntimeError": Options(raises="RuntimeError"),
    "raises=lib.errors.Mine": Options(raises="lib.errors.Mine"),
    "needs=gpt2-weights": Options(needs=("gpt2-weights",)),
    "needs=gpu,gpt2-bpe": Options(needs=("gpu", "gpt2-bpe")),
    "only=gpu": Options(only="gpu"),
    "compare=exact": Options(compare="exact"),
    "compare=numbers rtol=1e-3": Options(compare="numbers", rtol=1e-3),
    "compare=none": Options(compare="none"),
    "timeout=0.5": Options(timeout=0.5),
    "no-run": Options(no_run=True),
    "source=lib.model.Head": Options(source="lib.model.Head"),
    "#a  fold   hl=1 title=x": Options(fold=True, hl=(1,), title="x"),
}


@pytest.mark.parametrize(("braces", "expected"), OPTIONS.items(), ids=OPTIONS)
def test_an_option_is_read(braces: str, expected: Options) -> None:
    assert options(braces) == expected


def test_braces_hold_an_id_classes_flags_and_values() -> None:
    assert parse_attributes('#a .b key=1 flag other="x y"') == Attributes(
        "a", ("b",), {"key": "1", "other": "x y"}, ("flag",)
    )


@pytest.mark.parametrize(
    ("braces", "said"),
    [
        ("#a #b", "two ids, #a and #b"),
        ("fold=x fold=y", "'fold' is given twice"),
        ("=3", "cannot read '=3'"),
        ('title="open', "cannot read"),
        (".wide", "takes no class"),
        ("hl=5-3", "lines 1 to 9"),
        ("hl=0", "lines 1 to 9"),
        ("timeout=inf", "positive number"),
        ("raises=2", "name of an exception"),
        ("#a.2", "letters, digits"),
        ("#../../x", "cannot read"),
    ],
)
def test_braces_that_cannot_be_read_are_refused_on_the_line_of_the_fence(
    braces: str, said: str
) -> None:
    with pytest.raises(SourceError) as caught:
        options(braces)
    assert caught.value.line == 6
    assert said in caught.value.message


def test_a_block_has_the_id_of_its_author_or_that_of_its_place() -> None:
    lesson = parse("```python {#mine}\n1\n```\n\n```python\n2\n```\n\n```python\n3\n```\n")
    assert [block.id for block in lesson.blocks] == ["mine", "block-2", "block-3"]


def test_code_of_other_languages_is_no_block() -> None:
    assert parse("```\n1\n```\n\n```text {#a}\n1\n```\n\n    indented()\n").cells == ()


def test_braces_without_a_language_are_refused_and_not_passed_over() -> None:
    with pytest.raises(SourceError, match=r"one.md:6: cannot read '\{python\}'; write ```python"):
        parse("```{python}\n1\n```\n")


LINES = """\
    # Title

    ```python {#top}
    first()
    ```

    A paragraph over
    two lines with `{python} a + b` and
    one more `{python} f"{c:.2f}"`.

    - an item

      ```python {#in-list}
      second()
      ```

    > quoted
    >
    > ```python {#in-quote}
    > third()
    > ```

    ::::predict What?
    text

    :::tip
    ```python {#nested}
    fourth()

    fifth()
    ```
    :::
    `{python} d`
    ::::

    | a | b |
    |---|---|
    | 1 | `{python} e` |
    """


def test_every_cell_has_its_true_line_in_the_order_of_execution() -> None:
    lesson = parse(LINES)
    text = lesson.text.split("\n")
    assert [(cell.id, cell.line) for cell in lesson.cells] == [
        ("top", 9),
        ("inline-1", 13),
        ("inline-2", 14),
        ("in-list", 19),
        ("in-quote", 25),
        ("nested", 33),
        ("inline-3", 38),
        ("inline-4", 43),
    ]
    for cell in lesson.cells:
        assert cell.code.split("\n")[0] in text[cell.line - 1]


def test_the_code_of_a_block_is_what_stands_between_its_fences() -> None:
    blocks = {block.id: block.code for block in parse(LINES).blocks}
    assert blocks["nested"] == "fourth()\n\nfifth()\n"
    assert blocks["in-list"] == "second()\n"
    assert blocks["in-quote"] == "third()\n"


def test_an_inline_value_is_an_expression() -> None:
    inlines = [cell for cell in parse(LINES).cells if isinstance(cell, Inline)]
    assert [cell.code for cell in inlines] == ["a + b", 'f"{c:.2f}"', "d", "e"]


def test_line_ends_of_other_systems_and_a_byte_order_mark_move_nothing() -> None:
    text = HEAD + "\n```python\n1\n```\n"
    for variant in (text.replace("\n", "\r\n"), text.replace("\n", "\r"), "\ufeff" + text):
        (block,) = parse_lesson("x.md", variant).blocks
        assert (block.code, block.line) == ("1\n", 8)


def test_components_nest_and_hold_markdown() -> None:
    lesson = parse("::::tip {#t} A *title*\n:::aside\n- item\n:::\n::::\n")
    assert [token.info for token in lesson.tokens if token.type == "component_open"] == [
        "tip",
        "aside",
    ]
    assert "bullet_list_open" in [token.type for token in lesson.tokens]
    assert "t" in lesson.anchors


def test_colons_inside_code_close_nothing() -> None:
    lesson = parse(":::tip\n```python\nprint('''\n:::\n''')\n```\n:::\n")
    assert lesson.blocks[0].code == "print('''\n:::\n''')\n"


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        (":::tip\ntext\n", 6, "':::tip' is not closed"),
        ("text\n\n:::\n", 8, "closes nothing"),
        (":::tip\n:::aside\n:::\n", 6, "':::tip' is not closed"),
        (":::tip {fold\ntext\n:::\n", 6, "cannot read"),
        (":::{tip}\ntext\n:::\n", 6, "write ':::name"),
        (":::tip {=}\ntext\n:::\n", 6, "cannot read"),
        (":::tip {#a}\n:::\n\n:::tip {#a}\n:::\n", 9, "duplicate id 'a', given first on line 6"),
        ("- item\n\n  ```python\n  1\n\ntext\n", 8, "not closed"),
        ("> ```python\n> 1\n\ntext\n", 6, "not closed"),
    ],
)
def test_what_is_not_closed_or_not_readable_is_named(body: str, line: int, said: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse(body)
    assert (caught.value.path, caught.value.line) == ("lessons/one.md", line)
    assert said in caught.value.message


def test_a_heading_has_an_anchor_from_its_words_or_its_braces() -> None:
    lesson = parse(
        "## The Residual `stream`!\n\n## Other {#mine}\n\n## Twice\n\n## Twice\n\n## Main\n"
    )
    assert [heading.id for heading in lesson.headings] == [
        "the-residual-stream",
        "mine",
        "twice",
        "twice-2",
        "main-2",
    ]
    assert lesson.headings[1].title == "Other"


@pytest.mark.parametrize(
    ("title", "anchor"),
    [("A  B", "a-b"), ("What's new?", "whats-new"), ("Größe", "größe"), ("a - b", "a-b")],
)
def test_an_anchor_is_made_as_on_github(title: str, anchor: str) -> None:
    assert slugify(title) == anchor


def test_links_within_the_site_are_noted_with_their_lines_and_others_are_not() -> None:
    lesson = parse(
        "See [a](two#part) and\n[b](#here), [c](https://example.org), "
        "[d](mailto:x@example.org),\n![e](plot%20one.png).\n"
    )
    assert [(link.target, link.line) for link in lesson.links] == [
        ("two#part", 6),
        ("#here", 7),
        ("plot one.png", 8),
    ]
    assert lesson.files == ("plot one.png",)


def test_math_is_no_markdown_and_money_is_no_math() -> None:
    lesson = parse("So $a_1 * b_1$ costs $5 or $6.\n\n$$\nx = y\n$$\n\nIn $$z$$ it.\n")
    kinds = [child.type for token in lesson.tokens for child in token.children or ()]
    assert kinds.count("math_inline") == kinds.count("math_inline_double") == 1
    assert [token.type for token in lesson.tokens].count("math_block") == 1


def test_inline_code_in_three_backticks_is_no_fence() -> None:
    lesson = parse(":::tip\n```inline``` code\n\n~~~ `\n:::\n~~~\n:::\n\nAfter.\n")
    closed = next(token for token in lesson.tokens if token.type == "component_open")
    assert closed.map == [5, 12]


def test_a_heading_with_a_value_is_called_by_its_expression() -> None:
    (heading,) = parse("## Value `{python} 1 + 1`\n").headings
    assert (heading.title, heading.id) == ("Value 1 + 1", "value-1-1")


def test_a_lesson_and_its_blocks_can_be_printed() -> None:
    lesson = parse("```python {#a}\n1\n```\n")
    assert str(lesson) == "lessons/one.md"
    assert repr(lesson.blocks[0]) == f"Block(id='a', code='1\\n', line=7, options={Options()!r})"
    assert lesson.blocks[0] == Block("a", "1\n", 7)
