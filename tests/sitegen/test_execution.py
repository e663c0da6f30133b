"""What blocks display stands on the page; what goes wrong in one is told with its true line."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from small_course import wait_until


def shown(course, code: str, options: str = "") -> list[dict]:
    course.lesson(f"\n```python {{#a {options}}}\n{code}\n```\n")
    course.build()
    return course.outputs()


def blocks(course, codes: Iterable[str]) -> None:
    """One lesson with a block for each, `b0` and so on."""
    course.lesson(
        "".join(f"\n```python {{#b{number}}}\n{code}\n```\n" for number, code in enumerate(codes))
    )


def failures(err: str) -> dict[int, tuple[int, str]]:
    """The line and the text of each error, by the number of its lesson, `l0` and so on."""
    parts = re.split(r"^lessons/l(\d+)\.md:(\d+): ", err, flags=re.M)[1:]
    return {
        int(number): (int(line), text)
        for number, line, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    }


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
    assert ">T</title></svg>" in course.page()


BUNDLES = {
    "a class with a drawing and text": (
        "class A:\n"
        "    def _repr_svg_(self): return '<svg/>'\n"
        "    def __repr__(self): return 'A'\n"
        "A()",
        {"image/svg+xml": {"file": "b0.svg"}, "text/plain": ["A"]},
    ),
    "a class with a bundle": (
        "class A:\n"
        "    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        return {'text/html': '<b>x</b>', 'application/json': {'left': 'out'}}\n"
        "A()",
        {"text/html": ["<b>x</b>"]},
    ),
    "a bundle with notes": (
        "class A:\n"
        "    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        return {'text/html': 'x', 'text/plain': 'y'}, {'text/html': {'note': 1}}\n"
        "A()",
        {"text/html": ["x"], "text/plain": ["y"]},
    ),
    "a class that displays itself": (
        "class A:\n    def _ipython_display_(self): print('by itself')\nA()",
        {"text/plain": ["by itself\n"]},
    ),
    "a value with an address": (
        "class A: pass\nA()",
        {"text/plain": ["<__main__.A at 0x…>"]},
    ),
    "a value in colours": (
        "class A:\n    def __repr__(self): return '\\033[31mred\\033[0m'\nA()",
        {"text/plain": ["\x1b[31mred\x1b[0m"]},
    ),
    "a value that UTF-8 cannot hold": (
        "display({'text/html': 'a\\ud800b'}, raw=True)",
        {"text/html": ["a?b"]},
    ),
}


def test_values_are_displayed_as_in_jupyter(course) -> None:
    blocks(course, [code for code, _ in BUNDLES.values()])
    course.build()
    for number, (name, (_, data)) in enumerate(BUNDLES.items()):
        (found,) = course.outputs(f"b{number}")
        assert data.items() <= found["data"].items(), name
        assert found["data"].keys() - data.keys() <= {"text/plain"}, name


LAST_LINES = {
    "an expression": ("1 + 1", "2"),
    "an expression with a semicolon": ("1 + 1;", ""),
    "None": ("None", ""),
    "an assignment": ("x = 1", ""),
    "a condition": ("if True:\n    1 + 1", ""),
    "a comment after it": ("1 + 1\n# why", "2"),
    "several displays": ("display(1, 2)\n3", "123"),
    "nothing": ("# only a comment", ""),
    "what was displayed before": ("from IPython.display import clear_output\nprint(1)\n"
                                  "clear_output()\nprint(2)", "2\n"),
    "a progress bar": ("print('10%\\r50%\\r100%')", "100%\n"),
    "what is taken back": ("print('ab\\b\\bcd\\n\\be')", "cd\ne\n"),
    "colours": ("print('\\033[31m\\033[1mbold\\033[m')", "\x1b[1;31mbold\x1b[0m\n"),
    "lines that are gone back to": (
        "print('a\\nb\\nc\\x1b[2A\\x1b[2K\\rA\\x1b[1B\\x1b[1DB\\x1b[1B')",
        "A\nB\nc\n",
    ),
    "a bell": ("print('a\\ab')", "a\ufffdb\n"),
    "a warning": ("import warnings\nwarnings.warn('careful')", "UserWarning: careful\n"),
    "its own profile": ("import os\nprint(os.environ['LESSON_PROFILE'])", "cpu\n"),
    "who it is": ("print(__name__, __file__)", "__main__ lessons/one.md\n"),
    "true annotations": ("def f(x: int): ...\nf.__annotations__", "{'x': int}"),
    "its own source": (
        "import inspect\ndef f():\n    return 1  # one\nprint(inspect.getsource(f))",
        "def f():\n    return 1  # one\n\n",
    ),
    "what it can pickle": (
        "import pickle\nclass A: x = 1\npickle.loads(pickle.dumps(A())).x",
        "1",
    ),
    "processes of its own": (
        "import multiprocessing\ndef f(x): return x * x\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(f, [1, 2]))",
        "[1, 4]\n",
    ),
}  # fmt: skip


def test_what_a_block_shows(course) -> None:
    blocks(course, [code for code, _ in LAST_LINES.values()])
    course.build()
    found = {name: course.text(f"b{number}") for number, name in enumerate(LAST_LINES)}
    assert found == {name: text for name, (_, text) in LAST_LINES.items()}


def test_endless_text_is_bounded_and_says_what_is_left_out(course) -> None:
    (found,) = shown(course, "print('x' * 1_000_100)")
    text = text_of(found)
    assert len(text) < 1_000_100
    assert text.endswith("… 101 more characters left out\n")
    assert "lines of output" not in course.page()


def test_long_output_is_folded(course) -> None:
    shown(course, "for i in range(40): print(i)")
    assert "40 lines of output" in course.page()


def test_figures_are_the_same_every_time_and_their_text_is_text(course) -> None:
    code = (
        "import matplotlib.pyplot as plt\n"
        "plt.plot([1, 3, 2], label='a & b')\nplt.title('A title')\nplt.legend()\nplt.show()\n"
        "plt.figure()\nplt.hist([1, 1, 2]);"
    )
    found = shown(course, code)
    assert [one["data"]["image/svg+xml"]["file"] for one in found] == ["a.svg", "a.2.svg"]
    first = course.recording("a").with_suffix(".svg").read_text("utf-8")
    before = course.snapshot("lessons")
    course.build("--fresh")
    assert course.snapshot("lessons") == before
    assert ">A title</text>" in first
    assert ">a &amp; b</text>" in first
    assert "Matplotlib" not in first


def test_blocks_of_a_lesson_share_names_and_lessons_do_not(course) -> None:
    course.lesson(
        "\n```python {#a}\nx = 3\n```\n\n```python {#b}\nprint(x)\n```\n\nIt is `{python} x + 1`."
    )
    course.lesson("\n```python {#a raises=NameError}\nx\n```\n", slug="two", order=2)
    course.build("--jobs", "1")
    assert course.text("b") == "3\n"
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
    assert course.text("a", "two") == "False False course\n"


def test_random_numbers_depend_on_the_block_alone(course) -> None:
    course.write("lib/__init__.py", "import numpy\ndef noise(): return numpy.random.rand()\n")
    body = "\n```python {#a}\nfrom lib import noise\nimport random\nnoise(), random.random()\n```\n"
    course.lesson(body)
    course.build()
    alone = course.text()
    before = "\n```python {#b}\nimport random\nrandom.random()\n```\n"
    course.lesson(body, slug="two", order=0)
    course.lesson(before + body)
    for jobs in ("1", "4"):
        course.build("--fresh", "--jobs", jobs)
        assert course.text() == course.text("a", "two") == alone
    course.lesson(body.replace("#a", "#c"))
    course.build()
    assert course.text("c") != alone


MEETING = """
import os, time
open("FIRST", "x").close()
while not os.path.exists("SECOND"):
    time.sleep(0.01)
"""

ALONE = """
import os, time
open("running", "x").close()
time.sleep(0.2)
os.remove("running")
"""


@pytest.mark.parametrize(("jobs", "code"), [("2", MEETING), ("1", ALONE)], ids=["two", "one"])
def test_as_many_lessons_run_at_once_as_there_are_jobs(course, jobs: str, code: str) -> None:
    for order, (slug, other) in enumerate((("one", "two"), ("two", "one"))):
        own = code.replace("FIRST", slug).replace("SECOND", other)
        course.lesson(f"\n```python {{#a timeout=20}}{own}```\n", slug=slug, order=order)
    assert len(course.executed("--jobs", jobs)) == 2


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
    "a kill": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        "",
        8,
        "SIGKILL; out of memory?",
    ),
    "a question": ("input('name? ')", "", 8, "EOFError"),
    "an interrupt of its own": ("raise KeyboardInterrupt", "", 8, "KeyboardInterrupt"),
    "endless recursion": ("def f(): f()\nf()", "", 8, "RecursionError"),
    "a drawing that cannot be drawn": (
        "class A:\n    def _repr_svg_(self): raise ValueError('no pen')\nA()",
        "",
        9,
        "ValueError: no pen",
    ),
    "a picture that is none": (
        "display({'image/png': 'abc'}, raw=True)",
        "",
        8,
        "Incorrect padding",
    ),
    "an error within an error": (
        "try:\n    {}['key']\nexcept KeyError as e:\n    raise ValueError('no key') from e",
        "",
        11,
        "direct cause",
    ),
    "what only a notebook knows": ("%timeit 1", "", 8, "is not Python"),
    "a module that is not there": ("import nosuch", "", 8, "No module named 'nosuch'"),
    "another error than expected": ("1 / 0", "raises=KeyError", 8, "ZeroDivisionError"),
    "no error where one is expected": ("1 / 1", "raises=ZeroDivisionError", 8, "raised nothing"),
}


def test_a_failing_block_is_named_with_its_line(good) -> None:
    before = good.snapshot("site")
    for number, (code, options, _, _) in enumerate(FAILURES.values()):
        body = f"\n```python {{#bad {options}}}\n{code}\n```\n"
        good.lesson(body, slug=f"l{number}", order=number + 10)
    run = good.run_apart()
    assert run.code == 1
    told = failures(run.err)
    assert sorted(told) == list(range(len(FAILURES))), run.err
    for number, (name, (_, _, line, said)) in enumerate(FAILURES.items()):
        assert (told[number][0], told[number][1][:11]) == (line, "block 'bad'"), name
        assert said in told[number][1], name
    assert "sitegen" not in run.err  # the tracebacks are the authors', not ours
    assert good.snapshot("site") == before
    assert not good.processes()


@pytest.mark.parametrize("end", ["", "while True: pass", "1 / 0", "import os; os._exit(0)"])
def test_what_a_block_started_ends_with_its_lesson(course, end: str) -> None:
    course.lesson(
        f"\n```python {{#a timeout={0.5 if 'while' in end else 60}}}\nimport subprocess\n"
        f"child = subprocess.Popen(['sleep', '600'])\n{end}\n```\n"
    )
    assert course.run_apart().code == (1 if end else 0)
    wait_until(lambda: not course.processes())


def test_memory_without_bound_ends_the_lesson_alone(course) -> None:
    course.lesson("\n```python {#bad}\nheld = [bytes(1 << 28) for _ in range(1 << 20)]\n```\n")
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


def test_an_error_in_the_library_is_told_with_both_places(course) -> None:
    course.write("lib/__init__.py", "def f():\n    return 1 / 0\n")
    course.lesson("\n```python {#a}\nfrom lib import f\n\nf()\n```\n")
    err = course.run().err
    assert "lessons/one.md:10: block 'a' raised ZeroDivisionError" in err
    assert 'File "lib/__init__.py", line 2, in f' in err
    assert str(course.root) not in err


def test_all_lessons_that_fail_are_told(course) -> None:
    for order, slug in enumerate(("one", "two")):
        course.lesson("\n```python {#a}\n1 / 0\n```\n", slug=slug, order=order)
    run = course.run()
    assert run.code == 1
    assert "lessons/one.md:8: " in run.err
    assert "lessons/two.md:8: " in run.err


RAISES = {
    "just that": ("KeyError", "{}[0]", True),
    "with its module": ("json.decoder.JSONDecodeError", "import json; json.loads('')", True),
    "of the lesson's own": ("Mine", "class Mine(Exception): pass\nraise Mine('x')", True),
    "a syntax error": ("SyntaxError", "x = = 1", True),
    "after some output": ("ValueError", "print('before')\nint('x')", True),
    "another": ("KeyError", "int('x')", False),
    "none": ("KeyError", "pass", False),
}


def test_a_block_raises_what_it_says(course) -> None:
    for number, (name, code, _) in enumerate(RAISES.values()):
        body = f"\n```python {{#a raises={name}}}\n{code}\n```\n"
        course.lesson(body, slug=f"l{number}", order=number)
    run = course.run()
    assert run.code == 1
    wrong = [number for number, (_, _, right) in enumerate(RAISES.values()) if not right]
    assert sorted(failures(run.err)) == wrong, run.err
    for number, (name, _, right) in enumerate(RAISES.values()):
        if right:
            last = course.outputs("a", f"l{number}")[-1]
            assert last["kind"] == "error"
            assert name in text_of(last)


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


def test_compiled_kernels_are_kept_in_the_user_s_cache(monkeypatch, tmp_path) -> None:
    from sitegen.execute.environment import environment

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setenv("TRITON_CACHE_DIR", "my/own")
    found = environment()
    assert found["TORCHINDUCTOR_CACHE_DIR"] == f"{tmp_path}/lessonsite/kernels/inductor"
    assert found["TRITON_CACHE_DIR"] == "my/own"
