"""Notebooks are made from the lessons alone, and read well where nothing knows of lessons."""

from __future__ import annotations

import json
import re

import nbformat
import pytest

from sitegen.cli import main
from sitegen.parse.skeleton import skeleton, solution

EXERCISE = """
:::exercise {#double level=guided} Twice
What is twice `n`?

```python {#answer}
def twice(n):
    ### BEGIN SOLUTION
    return 2 * n  # the secret
    ### END SOLUTION
```

```python {#answer-check check}
print("right" if twice(3) == 6 else "wrong")
```

---

Add.

---

That is what *twice* means.
:::
"""


@pytest.fixture
def exercise(course):
    course.lesson(EXERCISE, extra="notebook: one.ipynb\n")
    return course


def cells(course, name: str = "one.ipynb"):
    text = (course.root / "site" / "notebooks" / name).read_text("utf-8")
    book = nbformat.reads(text, as_version=4)
    nbformat.validate(book)
    return book.cells


def text_of(course, name: str = "one.ipynb") -> str:
    return "\n".join(cell.source for cell in cells(course, name))


def test_the_page_asks_and_folds_the_solution(exercise) -> None:
    exercise.build()
    page = exercise.page()
    asked, _, folded = page.partition("<details")
    assert "# YOUR CODE HERE" in asked
    assert "the secret" not in asked
    assert "the secret" in folded
    assert "### BEGIN" not in page
    assert re.search(r"<summary>Solution</summary>.*the secret.*right.*what <em>twice", page, re.S)
    assert 'href="notebooks/one.ipynb"' in page
    assert 'href="notebooks/one-solutions.ipynb"' in page


def test_a_notebook_asks_and_the_other_answers(exercise) -> None:
    exercise.build()
    asked, solved = text_of(exercise), text_of(exercise, "one-solutions.ipynb")
    assert "    # YOUR CODE HERE\n    raise NotImplementedError" in asked
    assert "the secret" not in asked
    assert "the secret" in solved
    assert "YOUR CODE" not in solved.partition("```")[2]
    for text in (asked, solved):
        assert "### " not in text
        assert "**Exercise (guided): Twice**" in text
        assert "<summary>Hint</summary>\n\nAdd." in text
        assert "<summary>Explanation</summary>" in text


def test_notebooks_hold_no_outputs_and_are_the_same_each_time(
    exercise, monkeypatch, capsys
) -> None:
    exercise.build()
    before = exercise.snapshot("site")
    for cell in cells(exercise, "one-solutions.ipynb"):
        assert cell.cell_type == "markdown" or (cell.outputs, cell.execution_count) == ([], None)
    exercise.build("--fresh")
    assert exercise.snapshot("site") == before
    monkeypatch.chdir(exercise.root)
    assert main(["--notebooks", "--out", "elsewhere"]) == 0
    names = ["notebooks/one.ipynb", "notebooks/one-solutions.ipynb"]
    assert capsys.readouterr().out == "".join(f"wrote elsewhere/{name}\n" for name in names)
    written = exercise.snapshot("elsewhere")
    del written["elsewhere/.files.json"]  # says whose the folder is
    assert written == {f"elsewhere/{name}": before[f"site/{name}"] for name in sorted(names)}


def test_notebooks_alone_execute_nothing_and_leave_the_site_whole(exercise, monkeypatch) -> None:
    monkeypatch.chdir(exercise.root)
    assert main(["--notebooks"]) == 0
    assert not exercise.recording("answer").exists()
    exercise.build()
    exercise.edit("lessons/one.md", "Add.", "Add it to itself.")
    assert main(["--notebooks"]) == 0
    assert "itself" in text_of(exercise)
    assert "itself" not in exercise.page()
    exercise.build()
    assert "itself" in exercise.page()


def test_components_and_values_become_plain_markdown(course) -> None:
    course.lesson(
        """
        :::tip Look
        A *tip* with `{python} f"{2 ** 10:,}"`.

        ```text
        as it is
        ```
        :::

        :::predict {#p guess=number} How many?
        Guess.

        ---

        Four.
        :::

        ## A part {#part}

        ![A drawing](drawing.svg) and [this](#part), [that](https://example.org/a), a note[^n].

        ```python {#shown hl=1 fold title="x.py"}
        1 + 1
        ```

        ```python {#error raises=ValueError}
        raise ValueError("no")
        ```

        ```python {#left no-run}
        nothing
        ```

        [^n]: The note.
        """,
        extra="notebook: one.ipynb\n",
    )
    (course.root / "lessons" / "drawing.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'
    )
    course.build()
    text = text_of(course)
    assert not re.search(r":::|\{#|\{python\}", text)
    assert "> A *tip* with `2 ** 10`." in text
    assert "> ```text\n> as it is\n> ```" in text
    assert """print('2 ** 10 =', f"{2 ** 10:,}")""" in text
    assert "**Predict: How many?**\n\nGuess.\n\n*Your prediction:* …" in text
    assert "<summary>Reveal</summary>\n\nFour.\n\n</details>" in text
    assert "![A drawing](../drawing.svg) and this, [that](https://example.org/a)" in text
    assert "```python\nnothing\n```" in text
    by_id = {cell.id: cell for cell in cells(course)}
    assert by_id["block-shown"].metadata == {"jupyter": {"source_hidden": True}}
    assert by_id["block-error"].metadata == {"tags": ["raises-exception"]}


def test_half_sentences_of_a_profile_may_hold_links_notes_and_code(course) -> None:
    course.lesson(
        "\nIt is [**a** `b` [c](https://e.org) and[^n]]{only=gpu} so.\n\n[^n]: A note.\n",
        extra="notebook: one.ipynb\n",
    )
    course.build()
    notebook = (course.root / "site" / "notebooks" / "one.ipynb").read_text("utf-8")
    assert "It is **a** `b` [c](https://e.org) and<sup>n</sup> (GPU) so." in notebook


def test_half_sentences_of_two_profiles_stand_apart(course) -> None:
    course.lesson(
        "\nTrain [`small`]{only=cpu}[`large`]{only=gpu} models[ long]{only=gpu}.\n",
        extra="notebook: one.ipynb\n",
    )
    course.build()
    notebook = (course.root / "site" / "notebooks" / "one.ipynb").read_text("utf-8")
    assert "Train `small` (Laptop) / `large` (GPU) models long (GPU)." in notebook


def test_what_is_of_the_profile_that_every_machine_has_is_run_and_no_other(course) -> None:
    course.lesson(
        """
        :::only cpu
        ```python {#small}
        size = 1
        ```

        Small: `{python} size`.
        :::

        :::only gpu
        ```python {#large}
        huge = 2
        ```

        Large: `{python} huge`.
        :::

        In short [`{python} size + 1`]{only=cpu}[`{python} huge + 1`]{only=gpu}.
        """,
        extra="notebook: one.ipynb\n",
    )
    course.build()
    run = "\n".join(cell.source for cell in cells(course) if cell.cell_type == "code")
    assert "size = 1" in run
    assert "size + 1" in run
    assert "huge" not in run
    text = text_of(course)
    assert "Under the profile gpu only:\n\n```python\nhuge = 2" in text
    assert "Large: `huge`." in text


def test_a_cell_says_which_resource_it_needs(course) -> None:
    course.lesson("\n```python {#bake needs=oven,flour}\n1\n```\n", extra="notebook: one.ipynb\n")
    course.build()
    assert "# bake, needs oven, flour\n1" in [one.source for one in cells(course)]


def test_with_an_address_links_lead_to_the_site(course) -> None:
    course.edit("pyproject.toml", 'title = "A course"', 'title = "A"\nbase_url = "https://a.org/c"')
    course.lesson(
        "\n## Part {#part}\n\nSee [here](#part) and [there](two).\n",
        extra="notebook: one.ipynb\n",
    )
    course.lesson("\nText.\n", slug="two", order=2)
    course.build()
    text = text_of(course)
    assert (
        "See [here](https://a.org/c/one.html#part) and [there](https://a.org/c/two.html)." in text
    )
    assert "[the lesson's page](https://a.org/c/one.html)" in text


def test_a_course_has_its_own_first_cell(exercise) -> None:
    exercise.configure('notebook_setup = "b.py"')
    assert "no file 'b.py' in the lessons' folder" in exercise.run().err
    exercise.write("lessons/b.py", "import lib\n")
    exercise.build()
    first = next(cell for cell in cells(exercise) if cell.cell_type == "code")
    assert first.source.startswith("import lib\n")


def test_a_cell_has_the_random_numbers_of_its_block(course) -> None:
    course.lesson(
        "\n```python {#dice}\nimport random\nprint(random.random())\n```\n",
        extra="notebook: one.ipynb\n",
    )
    course.build()
    handlers = []

    class Shell:
        class events:  # noqa: N801
            register = staticmethod(lambda _, handler: handlers.append(handler))

        run_line_magic = staticmethod(lambda *_: None)

    class Info:
        raw_cell = ""

    codes = [cell.source for cell in cells(course) if cell.cell_type == "code"]
    names = {"get_ipython": Shell}
    exec(codes[0], names)
    names.update(dict.fromkeys(("random", "sys", "zlib", "seed_cell"), "the author's own"))
    Info.raw_cell = codes[1]
    handlers[0](Info)
    import random

    assert course.text("dice") == f"{random.random()}\n"


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("notebook: one\n", "lessons/one.md:5: notebook 'one' is to be a file name"),
        ("notebook: ../one.ipynb\n", "lessons/one.md:5: notebook '../one.ipynb' is to be"),
        ("notebook: a-solutions.ipynb\n", "lessons/one.md:5: notebook 'a-solutions.ipynb'"),
    ],
)
def test_a_notebook_is_a_file_name(course, extra: str, said: str) -> None:
    course.lesson("\nText.\n", extra=extra)
    run = course.run()
    assert (run.code, said in run.err) == (2, True), run.err


def test_two_lessons_with_one_notebook_are_refused(exercise) -> None:
    exercise.lesson("\nText.\n", slug="two", order=2, extra="notebook: one.ipynb\n")
    run = exercise.run()
    assert run.code == 2
    assert "lessons/two.md:5" in run.err
    assert "one.ipynb" in run.err


@pytest.mark.parametrize("option", ["--check", "--fresh", "--sync"])
def test_notebooks_go_with_no_other_work(exercise, monkeypatch, capsys, option: str) -> None:
    monkeypatch.chdir(exercise.root)
    assert main(["--notebooks", option]) == 2
    assert f"leave out {option}" in capsys.readouterr().err


def test_a_lesson_without_a_notebook_is_told(exercise, monkeypatch, capsys) -> None:
    exercise.lesson("\nText.\n", slug="two", order=2)
    monkeypatch.chdir(exercise.root)
    assert main(["--notebooks", "two"]) == 2
    assert "lessons/two.md:1: no notebook; name one" in capsys.readouterr().err


def test_marks_are_taken_out_and_indentation_kept() -> None:
    code = (
        "def f():\n    ### BEGIN SOLUTION\n    x = 1\n\n    return x\n    ### END SOLUTION\n\nf()\n"
    )
    assert solution(code) == "def f():\n    x = 1\n\n    return x\n\nf()\n"
    assert skeleton(code) == (
        "def f():\n    # YOUR CODE HERE\n    raise NotImplementedError\n\nf()\n"
    )
    assert skeleton("1\n") == solution("1\n") == "1\n"


def test_what_a_notebook_says_is_json_as_git_likes_it(exercise) -> None:
    exercise.build()
    text = (exercise.root / "site" / "notebooks" / "one.ipynb").read_text("utf-8")
    assert text.endswith("}\n")
    assert all(isinstance(cell["source"], list) for cell in json.loads(text)["cells"])
