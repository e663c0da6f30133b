"""What blocks display stands on the page; what goes wrong in one is told with its true line."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest


def outputs(course, block: str = "a") -> list[dict]:
    return json.loads(course.recording(block).read_text("utf-8"))["outputs"]


def shown(course, code: str, options: str = "") -> list[dict]:
    course.lesson(f"\n```python {{#a {options}}}\n{code}\n```\n")
    course.build()
    return outputs(course)


def text_of(output: dict) -> str:
    return "".join(output["data"]["text/plain"])


def test_streams_and_the_last_expression_are_shown_in_their_order(course) -> None:
    found = shown(course, "import sys\nprint('one')\nprint('two', file=sys.stderr)\n[1, 2]")
    assert [(one["kind"], text_of(one).strip()) for one in found] == [
        ("stdout", "one"),
        ("stderr", "two"),
        ("display", "[1, 2]"),
    ]


def test_what_child_processes_print_is_shown_too(course) -> None:
    found = shown(course, "import subprocess\nsubprocess.run(['echo', 'child'], check=True);")
    assert "child" in "".join(text_of(one) for one in found)


def test_rich_values_are_shown_in_their_richest_form(course) -> None:
    code = (
        "class Rich:\n"
        "    def _repr_html_(self):\n"
        "        return '<b>bold</b>'\n"
        "class Drawn:\n"
        "    def _repr_svg_(self):\n"
        "        return '<svg xmlns=\"http://www.w3.org/2000/svg\"><title>T</title></svg>'\n"
        "display(Rich())\n"
        "Drawn()"
    )
    found = shown(course, code)
    assert "text/html" in found[0]["data"]
    assert found[1]["data"]["image/svg+xml"] == {"file": "a.svg"}
    assert "<b>bold</b>" in course.page()
    assert "<title" in course.page()


def test_figures_are_the_same_every_time_and_their_text_is_text(course) -> None:
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.title('A title')\nplt.show()"
    shown(course, code)
    first = course.recording("a").with_suffix(".svg").read_text("utf-8")
    course.build("--fresh")
    assert course.recording("a").with_suffix(".svg").read_text("utf-8") == first
    assert "A title</text>" in first


def test_blocks_of_a_lesson_share_names_and_lessons_do_not(course) -> None:
    course.lesson(
        "\n```python {#a}\nx = 3\n```\n\n```python {#b}\nprint(x)\n```\n\nIt is `{python} x + 1`."
    )
    course.lesson("\n```python {#a raises=NameError}\nx\n```\n", slug="two", order=2)
    course.build("--jobs", "1")
    assert text_of(outputs(course, "b")[0]) == "3\n"
    assert ">4</span>" in course.page()


def test_an_expected_error_is_the_output(course) -> None:
    found = shown(course, "[][3]", "raises=IndexError")
    assert [one["kind"] for one in found] == ["error"]
    assert text_of(found[0]).strip() == "IndexError: list index out of range"


def test_hidden_code_runs_and_is_not_on_the_page(course) -> None:
    shown(course, "secret = 41\nprint(secret + 1)", "hide")
    assert "secret" not in course.page()
    assert "42" in course.page()


def test_code_that_is_not_run_is_only_shown(course) -> None:
    course.lesson("\n```python {#a no-run}\nundefined()\n```\n")
    assert course.executed() == []
    assert "undefined" in course.page()


def test_what_a_lesson_does_to_its_process_has_no_effect_on_the_next(course) -> None:
    course.lesson(
        """
        ```python {#a}
        import os, sys, random, warnings
        os.chdir("/")
        os.environ["SPOILED"] = "yes"
        sys.path.insert(0, "/spoiled")
        random.seed(1)
        warnings.simplefilter("ignore")
        ```
        """
    )
    course.lesson(
        """
        ```python {#a}
        import os, sys
        print("SPOILED" in os.environ, "/spoiled" in sys.path, os.path.basename(os.getcwd()))
        ```
        """,
        slug="two",
        order=2,
    )
    course.build("--jobs", "1")
    found = json.loads(course.recording("a", "two").read_text("utf-8"))["outputs"]
    assert text_of(found[0]) == "False False course\n"


def test_random_numbers_depend_on_the_block_alone(course) -> None:
    body = "\n```python {#a}\nimport random\nprint(random.random())\n```\n"
    course.lesson(body)
    course.build()
    alone = outputs(course)
    course.lesson(body, slug="two", order=0)
    course.lesson("\n```python {#b}\nimport random\nrandom.random()\n```\n" + body)
    course.build("--fresh", "--jobs", "1")
    assert outputs(course) == alone


FAILURES = {
    "an exception": (
        "x = 1\nprint(x)\n1 / 0",
        "",
        10,
        "raised ZeroDivisionError: division by zero",
    ),
    "a syntax error": ("x = 1\nprint(x\ny = 2", "", 9, "is not Python: '(' was never closed"),
    "an endless loop": ("while True:\n    pass", "timeout=0.5", 8, "timeout"),
    "a sleep that swallows exceptions": (
        "import time\nwhile 1:\n    try:\n        time.sleep(9)\n    except BaseException: pass",
        "timeout=0.5",
        8,
        "timeout",
    ),
    "os._exit": ("import os\nos._exit(3)", "", 8, "exit"),
    "sys.exit": ("import sys\nsys.exit(3)", "", 9, "SystemExit"),
    "a crash": ("import ctypes\nctypes.string_at(0)", "", 8, "SIGSEGV"),
    "another error than expected": ("1 / 0", "raises=KeyError", 8, "ZeroDivisionError"),
    "no error where one is expected": ("1 / 1", "raises=ZeroDivisionError", 8, "raised nothing"),
}


@pytest.mark.parametrize(("code", "options", "line", "said"), FAILURES.values(), ids=FAILURES)
def test_a_failing_block_is_named_with_its_line(
    course, code: str, options: str, line: int, said: str
) -> None:
    course.lesson("\n```python {#good}\n1\n```\n")
    course.build()
    before = course.snapshot("site")
    course.lesson(f"\n```python {{#bad {options}}}\n{code}\n```\n")
    run = course.run()
    first = next(text for text in run.err.splitlines() if text.startswith("lessons/"))
    assert run.code == 1, run.err
    assert first.startswith(f"lessons/one.md:{line}: block 'bad'"), first
    assert said in run.err
    assert "sitegen" not in run.err  # the traceback is the author's, not ours
    assert course.snapshot("site") == before
    assert not children_of_the_build()


def children_of_the_build() -> list[str]:
    """Worker processes that outlived the command."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().decode(errors="replace")
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                except (OSError, ValueError):
                    continue
                if "forkserver" in words and parent == 1 and os.getuid() == entry.stat().st_uid:
                    found.append(words)
        if not found:
            return []
        time.sleep(0.1)
    return found


def test_memory_without_bound_ends_the_lesson_alone(course) -> None:
    course.lesson("\n```python {#bad}\nheld = [bytearray(1 << 20) for _ in range(1 << 20)]\n```\n")
    course.lesson("\n```python {#good}\nprint('fine')\n```\n", slug="two", order=2)
    run = course.run()
    assert run.code == 1
    assert "lessons/one.md:8: block 'bad'" in run.err
    assert "memory" in run.err.lower()
    assert course.recording("good", "two").is_file()  # what was done is kept


def test_a_traceback_shows_the_lines_of_the_lesson(course) -> None:
    course.lesson(
        """
        ```python {#f}
        def f(x):
            return g(x)
        ```

        Prose.

        ```python {#g}
        def g(x):
            return 1 / x

        f(0)
        ```
        """
    )
    err = course.run().err
    assert "lessons/one.md:16: block 'g' raised ZeroDivisionError" in err
    for frame in ("line 18, in <module>", "line 9, in f", "line 16, in g"):
        assert f'File "lessons/one.md", {frame}' in err
    assert "return 1 / x" in err


def test_an_inline_value_that_fails_is_named_with_its_line(course) -> None:
    course.lesson("\nThe value is\n`{python} 1 / 0`.\n")
    run = course.run()
    assert run.code == 1
    assert "lessons/one.md:8: inline value" in run.err
    assert "ZeroDivisionError" in run.err


def test_what_was_executed_before_a_failure_is_not_executed_again(course) -> None:
    course.lesson("\n```python {#a}\nprint(1)\n```\n\n```python {#b}\n1 / 0\n```\n")
    assert course.run().code == 1
    course.edit("lessons/one.md", "1 / 0", "1 / 1")
    assert course.executed() == ["b"]
