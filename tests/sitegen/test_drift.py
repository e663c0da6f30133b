"""Recordings hold as long as their code does; a check finds what has drifted, and says where."""

from __future__ import annotations

import json
import platform
import re
import shutil
import sys
import time

import pytest
from small_course import Course, wait_until

from sitegen import course as courses
from sitegen.output import Output
from sitegen.parse import config
from sitegen.parse.lesson import Block
from sitegen.record.recordings import Recording, Recordings
from sitegen.schedule import Evidence, stand

LIBRARY = '''
    """A library."""

    FACTOR = 2


    def double(x):
        """Twice x."""
        return FACTOR * x  # twice


    def half(x):
        return x / 2
    '''

LESSON = """
    Some prose.

    ```python {#double}
    from lib import double

    print("double:", double(21))
    ```

    ```python {#half}
    from lib import half

    half(3)
    ```

    ```python {#alone}
    print("alone")
    ```

    It was `{python} double(4)`, see [above](#block-double).
    """


@pytest.fixture(scope="module")
def _built(tmp_path_factory):
    course = Course(tmp_path_factory.mktemp("built") / "course")
    course.write("lib/__init__.py", LIBRARY)
    course.lesson(LESSON)
    course.build()
    return course


@pytest.fixture
def built(_built, course):
    """Built once and copied."""
    shutil.copytree(_built.root, course.root, dirs_exist_ok=True)
    return course


# Edits and the blocks that they touch.

EDITS = {
    "nothing": ("lessons/one.md", "Some prose.", "Some prose.", []),
    "prose": ("lessons/one.md", "Some prose.", "Other prose.", []),
    "a line before the blocks": ("lessons/one.md", "Some prose.", "Some\n\nprose.", []),
    "a comment in the library": ("lib/__init__.py", "# twice", "# two times", []),
    "a docstring": ("lib/__init__.py", "Twice x.", "Two times x.", []),
    "the layout": ("lib/__init__.py", "FACTOR * x", "(FACTOR\n        * x)", []),
    "a function": ("lib/__init__.py", "x / 2", "x / 4", ["half"]),
    "a constant": ("lib/__init__.py", "FACTOR = 2", "FACTOR = 3", ["double"]),
    "a block": ("lessons/one.md", '"alone"', '"on its own"', ["alone"]),
    "a block that others need": ("lessons/one.md", '"double:", ', "", ["double"]),
    "how a block is shown": ("lessons/one.md", "{#alone}", "{#alone fold title=x}", []),
}


@pytest.mark.parametrize(("file", "old", "new", "touched"), EDITS.values(), ids=EDITS)
def test_an_edit_touches_what_depends_on_it_alone(
    built, file: str, old: str, new: str, touched: list[str]
) -> None:
    built.edit(file, old, new)
    found = courses.load(config.load(built.root))
    standings = stand(found, Evidence.of(found.config))["one"]["cpu"]
    assert [
        one.cell.id for one in standings if isinstance(one.cell, Block) and not one.holds
    ] == touched


def test_what_an_edit_touches_is_executed_once(built) -> None:
    built.edit("lib/__init__.py", "x / 2", "x / 4")
    report = built.build().report
    assert report["executed"] == ["one#half"]
    assert report["replayed"] == ["one#double", "one#alone"]
    assert report["stale"] == report["drift"] == []
    assert report["seconds"] > 0
    assert built.executed() == []


ONLY_BLOCKS_NEED = ("torch", "numpy", "matplotlib", "IPython", "lib")
ONLY_WORK_NEEDS = (
    *("yaml", "markdown_it", "mdit_py_plugins", "jinja2", "markupsafe", "pygments", "nh3"),
    *("latex2mathml", "rich", "watchfiles", "multiprocessing", "difflib"),
)


def test_a_build_with_nothing_to_do_starts_nothing(built) -> None:
    built.build()  # the copy is another place
    before = built.snapshot()
    run = built.run_apart(PYTHONPROFILEIMPORTTIME="1")
    imported = set(re.findall(r"\| +(\S+)$", run.err, re.M))
    assert "sitegen.stamp" in imported
    assert not imported & {*ONLY_BLOCKS_NEED, *ONLY_WORK_NEEDS}
    assert {name for name in imported if name.startswith("sitegen.")} <= {
        *("sitegen.__main__", "sitegen.version"),
        *("sitegen.cli", "sitegen.errors", "sitegen.files", "sitegen.manifest", "sitegen.report"),
        *("sitegen.stamp", "sitegen.parse", "sitegen.parse.config", "sitegen.parse.code"),
        *("sitegen.parse.tokens", "sitegen.output", "sitegen.record", "sitegen.record.recordings"),
        *(f"sitegen.trace{name}" for name in ("", ".program", ".text", ".trace", ".verify")),
        *("sitegen.parse.followed",),
    }
    assert "0 executed, 3 replayed, 0 stale" in run.out
    assert built.snapshot() == before


def test_a_page_is_written_anew_without_what_only_blocks_need(built) -> None:
    built.edit("lessons/one.md", "Some prose.", "Other prose.")
    run = built.run_apart(PYTHONPROFILEIMPORTTIME="1")
    imported = set(re.findall(r"\| +(\S+)$", run.err, re.M))
    assert "jinja2" in imported
    assert not imported & {*ONLY_BLOCKS_NEED, "rich", "watchfiles", "resvg_py", "http"}
    assert "Other prose." in built.page()


def test_fresh_executes_everything(built) -> None:
    assert built.executed("--fresh") == ["double", "half", "alone"]


# What a check finds.


def drift(course, *arguments: str) -> list[dict]:
    before = course.snapshot(".")
    run = course.run("--check", *arguments)
    assert course.snapshot(".") == before, "a check writes nothing"
    assert run.code == (1 if run.report["drift"] else 0), run.err
    for one in run.report["drift"]:
        assert f"{one['file']}:{one['line']}: " in run.err
    return run.report["drift"]


def test_a_check_of_what_was_just_built_finds_nothing(built) -> None:
    assert drift(built) == []


def alter(course, block: str, old: str, new: str) -> None:
    """Make a recording of another output, as if it had come from other code."""
    recordings = Recordings(course.root / "lessons" / "recordings")
    recording = recordings.load("one", "cpu", block)
    outputs = tuple(
        Output(one.kind, {kind: text.replace(old, new) for kind, text in one.data.items()})
        for one in recording.outputs
    )
    assert outputs != recording.outputs
    changed = Recording(recording.trace, outputs, recording.provenance)
    recordings.save("one", "cpu", block, changed)


def test_a_changed_output_is_shown_as_a_diff(built) -> None:
    alter(built, "double", "42", "43")
    (found,) = drift(built)
    assert (found["kind"], found["file"], found["line"]) == ("output", "lessons/one.md", 10)
    assert "\n-double: 43\n+double: 42" in found["message"]
    built.build("--fresh")
    assert drift(built) == []


NUMBERS = [
    ("", "1.50001", False),
    ("compare=numbers", "1.50001", True),
    ("compare=numbers", "1.6", False),
    ("compare=numbers rtol=0.1", "1.6", True),
    ("compare=none", "7.5", True),
]


def test_numbers_may_differ_as_far_as_the_block_allows(course) -> None:
    course.lesson(
        "".join(
            f"\n```python {{#b{number} {options}}}\n1.5\n```\n"
            for number, (options, _, _) in enumerate(NUMBERS)
        )
    )
    course.build()
    for number, (_, recorded, _) in enumerate(NUMBERS):
        alter(course, f"b{number}", "1.5", recorded)
    found = [(one["kind"], one["line"]) for one in drift(course)]
    assert found == [
        ("output", 8 + 4 * number) for number, (*_, same) in enumerate(NUMBERS) if not same
    ]


def test_a_changed_drawing_is_found(built) -> None:
    built.lesson("\n```python {#a}\nfrom lib import Square\nSquare()\n```\n")
    built.write(
        "lib/__init__.py",
        """
        class Square:
            def _repr_svg_(self):
                return '<svg xmlns="http://www.w3.org/2000/svg"><rect width="9"/></svg>'
        """,
    )
    built.build()
    built.edit("lib/__init__.py", 'width="9"', 'width="8"')
    (found,) = drift(built)
    assert found["kind"] == "output"
    assert '+<svg xmlns="http://www.w3.org/2000/svg"><rect width="8"/></svg>' in found["message"]
    assert "lib.Square" in found["message"]


def test_a_changed_inline_value_is_found(built) -> None:
    built.edit("lib/__init__.py", "FACTOR = 2", "FACTOR = 3")
    found = {one["kind"]: one for one in drift(built)}
    assert found["inline"]["line"] == 25
    assert "-8\n+12" in found["inline"]["message"]


def test_an_inline_value_is_compared_as_loosely_as_what_it_comes_of(course) -> None:
    course.lesson("""
        ```python {#clock compare=none}
        import time

        began = time.perf_counter_ns()
        ```

        ```python {#later}
        later = began + 1
        ```

        ```python {#near compare=numbers rtol=0.1}
        from random import SystemRandom

        near = 3 + SystemRandom().random() / 10
        ```

        ```python {#strict}
        from time import time_ns

        number = time_ns()
        ```

        `{python} later`, `{python} f"{near:.4f}"` and `{python} number`
        """)
    course.build()
    (found,) = drift(course)
    assert found["kind"] == "inline"
    assert "`number`" in found["message"]


def test_who_set_up_the_process_has_no_say_in_how_a_value_is_compared(course) -> None:
    course.lesson("""
        ```python {#clock compare=none}
        import os, tempfile, time, warnings

        warnings.simplefilter("ignore")
        place = os.path.join(tempfile.gettempdir(), "began")
        with open(place, "w") as file:
            file.write(str(time.perf_counter_ns()))
        ```

        ```python {#strict}
        from time import time_ns

        number = time_ns()
        ```

        `{python} number` and `{python} open(f"{tempfile.gettempdir()}/began").read()`
        """)
    course.build()
    (found,) = drift(course)
    assert found["kind"] == "inline"
    assert "`number`" in found["message"]


def test_what_is_edited_while_its_lesson_runs_is_recorded_as_it_was_imported(
    course, tmp_path
) -> None:
    wait = tmp_path / "wait"
    course.write("lib/late.py", "NAME = 'old'\n")
    course.lesson(f"""
        ```python {{#a}}
        import os, time

        while os.path.exists({str(wait)!r}):
            open({str(wait) + "s"!r}, "w").close()
            time.sleep(0.02)
        ```

        ```python {{#b}}
        from lib.late import NAME

        print(NAME)
        ```
        """)
    course.build()
    course.edit("lib/late.py", "old", "other")
    course.build()  # which knows by now what to ask for, and keeps that
    wait.write_text("")
    build = course.start("--fresh")
    wait_until(wait.with_name("waits").exists)
    course.edit("lib/late.py", "other", "new")
    wait.unlink()
    assert build.wait(60) == 0
    assert course.text("b") == "new\n"
    course.edit("lib/late.py", "new", "other")
    assert course.executed() == ["b"]
    assert course.text("b") == "other\n"


def test_a_missing_recording_is_found_and_mended(built) -> None:
    built.recording("half").unlink()
    assert [(one["kind"], one["line"]) for one in drift(built)] == [("missing", 16)]
    assert built.executed() == ["half"]
    assert drift(built) == []


def test_an_orphaned_recording_is_found_and_removed(built) -> None:
    built.edit("lessons/one.md", "{#alone}", "{#renamed}")
    kinds = {one["kind"]: one["file"] for one in drift(built)}
    assert kinds["orphaned"] == "lessons/recordings/one/cpu/alone.json"
    built.build()
    assert not built.recording("alone").exists()
    assert drift(built) == []


def test_recordings_of_a_lesson_that_is_gone_are_removed(built) -> None:
    built.lesson("\n```python {#a}\nprint(1)\n```\n\nSo `{python} 1`.\n", slug="two", order=2)
    built.build()
    (built.root / "lessons" / "two.md").unlink()
    assert {one["kind"] for one in drift(built)} == {"orphaned"}
    built.build()
    assert not (built.root / "lessons" / "recordings" / "two").exists()
    assert not (built.root / "site" / "two.html").exists()


@pytest.mark.parametrize("how", ["cut short", "edited by hand"])
def test_a_damaged_recording_is_found_and_mended(built, how: str) -> None:
    path = built.recording("double")
    good = path.read_text("utf-8")
    path.write_text(good[:50] if how == "cut short" else good.replace("42", "43"), "utf-8")
    (found,) = drift(built)
    assert (found["kind"], found["line"]) == ("damaged", 10)
    assert built.executed() == ["double"]
    assert json.loads(path.read_text("utf-8"))["outputs"] == json.loads(good)["outputs"]


def test_a_broken_link_is_wrong_use_and_no_drift(built) -> None:
    built.edit("lessons/one.md", "#block-double", "#block-treble")
    run = built.run("--check")
    assert run.code == 2
    assert run.err.startswith("lessons/one.md:25: broken link: ")


def test_several_drifts_are_told_in_the_order_of_their_lines(built) -> None:
    for block, old in (("alone", "alone"), ("double", "42"), ("half", "1.5")):
        alter(built, block, old, "9.9")
    found = drift(built)
    assert [one["line"] for one in found] == [10, 16, 22]
    assert {one["kind"] for one in found} == {"output"}


def test_a_check_looks_at_the_named_lesson_alone(built) -> None:
    built.lesson("\n```python {#a}\nprint('two')\n```\n", slug="two", order=2)
    built.build()
    alter(built, "double", "42", "43")
    assert drift(built, "two") == []
    assert [one["kind"] for one in drift(built, "one")] == ["output"]
    assert [one["kind"] for one in drift(built, "lessons/one.md")] == ["output"]


def test_a_check_of_a_block_that_fails_says_so_and_writes_nothing(built) -> None:
    built.edit("lessons/one.md", 'print("alone")', "1 / 0")
    before = built.snapshot(".")
    run = built.run("--check")
    assert run.code == 1
    assert "lessons/one.md:22: block 'alone' raised ZeroDivisionError" in run.err
    assert built.snapshot(".") == before


def test_damaged_inline_values_are_found_and_mended(built) -> None:
    path = built.root / "lessons/recordings/one/cpu.values.json"
    path.write_text("[{", "utf-8")
    assert {one["kind"] for one in drift(built)} == {"damaged"}
    built.build()
    assert drift(built) == []


def test_a_library_that_cannot_be_read_is_named(built) -> None:
    built.edit("lib/__init__.py", "return x / 2", "return x /")
    run = built.run()
    assert run.code == 1
    assert run.err.startswith("lib/__init__.py:13: ")


# Embedded code.

EMBEDDED = """
    ```python {#double source=lib.double}
    def double(x):
        return FACTOR * x
    ```
    """


def test_embedded_code_that_differs_fails_the_build_and_the_check(built) -> None:
    built.lesson(EMBEDDED)
    run = built.run()
    assert run.code == 1
    assert run.err.startswith("lessons/one.md:8: block 'double' differs from lib.double")
    assert '+    """Twice x."""' in run.err
    assert "--sync" in run.err


def test_a_check_finds_embedded_code_that_differs(built) -> None:
    built.edit("lessons/one.md", "```python {#alone}", "```python {#alone source=lib.half}")
    assert "embedded" in {one["kind"] for one in drift(built)}


def test_sync_takes_the_text_of_the_library(built) -> None:
    built.lesson("\nBefore.\n" + EMBEDDED.replace("    ", "") + "\nAfter.\n")
    built.edit("lib/__init__.py", "FACTOR = 2", "FACTOR: int = 2")
    built.edit("lessons/one.md", "def double(x):\nreturn FACTOR * x", "x")
    built.build("--sync")
    text = (built.root / "lessons" / "one.md").read_text("utf-8")
    assert '\ndef double(x):\n    """Twice x."""\n    return FACTOR * x  # twice\n```\n' in text
    assert text.endswith("\nAfter.\n")
    assert drift(built) == []


def test_sync_keeps_lists_and_quotations_and_changes_nothing_twice(built) -> None:
    built.write("lib/__init__.py", "def f():\n    a = 1\n\n    return a\n")
    built.lesson(
        "\n- ```python {#list source=lib.f}\n  old()\n  ```\n\n"
        "> ```python {#quote source=lib.f}\n> old()\n> older()\n> ```\n\n"
        ":::tip\n```python {#tip source=lib.f}\nold()\n```\n:::\n"
    )
    out = built.build("--sync").out
    assert out.count("took lib.f") == 3
    text = (built.root / "lessons" / "one.md").read_text("utf-8")
    for before, blank in (("  ", ""), ("> ", ">"), ("", "")):
        assert f"\n{before}def f():\n{before}    a = 1\n{blank}\n{before}    return a\n" in text
    assert "old" not in text
    assert "took" not in built.build("--sync").out
    assert (built.root / "lessons" / "one.md").read_text("utf-8") == text


def test_sync_from_a_library_that_is_not_python_changes_nothing(built) -> None:
    before = built.snapshot("lessons")
    built.write("lib/__init__.py", "def double(x:\n")
    run = built.run("--sync")
    assert run.code == 1
    assert run.err.startswith("lib/__init__.py:1: ")
    assert "Traceback" not in run.err
    assert built.snapshot("lessons") == before


# Resources.


def use_resource(course, there: bool) -> None:
    course.write(
        "lib/resources.py", f"def available(name):\n    return name == 'oven' and {there}\n"
    )


@pytest.fixture
def with_oven(course):
    use_resource(course, True)
    course.write("lib/__init__.py", "def bake():\n    return 'cake'\n")
    course.lesson(
        "\n```python {#bake needs=oven}\nfrom lib import bake\nbake()\n```\n"
        "\n```python {#other}\nprint(1)\n```\n"
    )
    course.build()
    return course


def test_without_its_resource_a_block_is_shown_from_its_recording(with_oven) -> None:
    use_resource(with_oven, False)
    run = with_oven.build("--fresh")
    assert run.report["executed"] == ["one#other"]
    assert run.report["replayed"] == ["one#bake"]
    assert "Needs oven: shown from its recording." in with_oven.page()
    assert drift(with_oven) == []


def test_without_its_resource_a_changed_block_is_stale_and_says_why(with_oven) -> None:
    use_resource(with_oven, False)
    with_oven.edit("lib/__init__.py", "cake", "bread")
    run = with_oven.build()
    assert run.report["stale"] == ["one#bake"]
    assert "lib.bake changed, and this machine lacks oven" in run.err
    assert "cake" in with_oven.page()
    assert "out of date" in with_oven.page()
    (found,) = drift(with_oven)
    assert (found["kind"], found["line"]) == ("stale", 8)
    assert "lib.bake" in found["message"]
    use_resource(with_oven, True)
    assert with_oven.executed() == ["bake"]
    assert "out of date" not in with_oven.page()


def test_a_recording_that_was_there_and_is_not_says_so(with_oven) -> None:
    use_resource(with_oven, False)
    with_oven.recording("bake").unlink()
    run = with_oven.build()
    assert run.report["stale"] == ["one#bake"]
    assert "Not recorded yet: needs oven." in with_oven.page()
    for _ in range(2):  # nor does a build make it forgotten
        assert [one["kind"] for one in drift(with_oven)] == ["missing"]
        with_oven.build()


@pytest.fixture
def awaited(course):
    """A course that nobody could record all of."""
    use_resource(course, False)
    course.lesson(
        "\n```python {#bake needs=oven}\ncake = 'cake'\nprint(cake)\n```\n"
        "\n```python {#eat needs=oven}\nprint(cake.upper())\n```\n"
        "\n```python {#other}\nprint(1)\n```\n"
    )
    return course


def test_what_no_machine_could_record_is_no_drift_and_is_told_of(awaited) -> None:
    run = awaited.build()
    assert run.report["executed"] == ["one#other"]
    assert run.report["awaited"] == ["one#bake", "one#eat"]
    assert run.report["stale"] == []
    assert "one#bake is not recorded, for no machine so far had oven" in run.err
    assert awaited.page().count("Not recorded: no machine so far had oven.") == 2
    for strict in ([], ["--strict"]):
        run = awaited.run("--check", *strict)
        assert (run.code, run.report["drift"]) == (0, [])
        assert run.report["awaited"] == ["one#bake", "one#eat"]
        told = "lessons/one.md:8: block 'bake' is not recorded, for no machine so far had oven; "
        assert told + "build_site.py records it anew, on a machine with oven" in run.err


def test_what_is_awaited_is_not_asked_for_until_something_changes_or_somebody_asks(
    awaited, tmp_path
) -> None:
    asked = tmp_path / "asked"
    awaited.write(
        "lib/resources.py",
        f"def available(name):\n    open({str(asked)!r}, 'a').write(name)\n    return False\n",
    )
    awaited.build()
    asked.unlink()
    run = awaited.build()
    assert (run.report["awaited"], asked.exists()) == (["one#bake", "one#eat"], False)
    assert "one#bake, one#eat: not recorded" in run.err
    assert "build_site.py one asks again" in run.err
    awaited.build("one")
    assert asked.read_text() == "oven"


def test_who_is_long_in_telling_of_a_resource_holds_up_no_end(awaited) -> None:
    awaited.write("lib/resources.py", "import time\ndef available(name):\n    time.sleep(90)\n")
    began = time.monotonic()
    run = awaited.build("--minutes", "0.05")
    assert time.monotonic() - began < 60
    assert "0 blocks recorded, 3 left, the next one#bake" in run.err
    use_resource(awaited, False)
    run = awaited.build("--minutes", "5")
    assert "left" not in run.err, "the same command would not go on with what is awaited"


def test_lessons_go_on_while_somebody_is_long_in_telling_of_a_resource(awaited, tmp_path) -> None:
    done = tmp_path / "done"
    awaited.write(
        "lib/resources.py",
        "import os, time\n"
        "def available(name):\n"
        f"    while not os.path.exists({str(done)!r}): time.sleep(0.01)\n",
    )
    write = f"open({str(done)!r}, 'w')"
    awaited.lesson(
        f"\n```python {{#first}}\nn = 1\n```\n\n```python {{#last}}\n{write}\n```\n", "two", 2
    )
    run = awaited.run("--jobs", "2", "--minutes", "1")
    assert run.report["executed"] == ["two#first", "two#last", "one#other"]
    assert run.report["awaited"] == ["one#bake", "one#eat"]


def test_what_was_there_and_goes_while_lessons_run_is_awaited_no_longer(awaited, tmp_path) -> None:
    gone = tmp_path / "gone"
    awaited.edit(
        "lessons/one.md", "print(cake)\n", f"print(cake); open({str(gone)!r}, 'w').close()\n"
    )
    awaited.write(
        "lib/resources.py",
        f"import os\ndef available(name):\n    return not os.path.exists({str(gone)!r})\n",
    )
    run = awaited.build()
    assert run.report["executed"] == ["one#bake", "one#other"]
    assert (run.report["awaited"], run.report["stale"]) == ([], ["one#eat"])
    assert "no machine so far" not in awaited.page()


def test_of_several_resources_one_is_enough_to_lack(with_oven) -> None:
    with_oven.write(
        "lib/resources.py", "def available(name):\n    return name in ('oven', 'flour')\n"
    )
    with_oven.edit("lessons/one.md", "needs=oven", "needs=flour,oven")
    with_oven.build()
    use_resource(with_oven, True)
    run = with_oven.build("--fresh")
    assert "1 block not executed: this machine has not all of flour, oven" in run.err


def test_what_goes_on_with_an_awaited_block_says_so_itself(awaited) -> None:
    awaited.edit("lessons/one.md", "{#eat needs=oven}", "{#eat}")
    run = awaited.run("--dry-run")
    assert "one#other" in {one["block"] for one in run.report["would_execute"]}
    awaited.build()
    # It may just as well be a recording that was lost.
    (found,) = drift(awaited)
    assert (found["kind"], found["line"]) == ("missing", 13)


def test_a_dry_run_tells_of_what_is_awaited_apart(awaited) -> None:
    report = awaited.run("--dry-run").report
    assert [one["block"] for one in report["would_execute"]] == ["one#other"]
    assert report["awaited"] == ["one#bake", "one#eat"]
    awaited.build()
    run = awaited.run("--dry-run")
    assert "one#bake: only if there is oven, which no machine so far had\n" in run.out
    assert "0 would be executed, 1 replayed" in run.out


def test_nothing_is_run_for_a_block_that_cannot_be(awaited, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    awaited.edit(
        "lessons/one.md",
        "```python {#bake needs=oven}\n",
        "```python {#mix}\nimport os\nwith open(os.environ['RUNS'], 'a') as runs:\n"
        "    runs.write('.')\ndough = 'dough'\n```\n\n"
        "```python {#bake needs=oven}\ndough\n",
    )
    for _ in range(2):
        awaited.build()
    assert (tmp_path / "runs").read_text("utf-8") == "."
    use_resource(awaited, True)
    assert awaited.executed() == ["bake", "eat"]


def test_what_was_awaited_is_recorded_where_it_can_be_and_is_drift_if_it_goes(awaited) -> None:
    awaited.build()
    use_resource(awaited, True)
    assert {one["kind"] for one in drift(awaited)} == {"missing"}
    assert awaited.executed() == ["bake", "eat"]
    assert drift(awaited) == []
    assert "Not recorded" not in awaited.page()
    use_resource(awaited, False)
    assert awaited.build().report["awaited"] == []
    awaited.recording("bake").unlink()
    awaited.build()
    assert "missing" in [one["kind"] for one in drift(awaited)]
    assert "no machine so far" not in awaited.page()


def test_a_resource_that_was_there_is_awaited_by_no_block(with_oven) -> None:
    use_resource(with_oven, False)
    with_oven.lesson("\n```python {#two needs=oven}\n2\n```\n", slug="two", order=2)
    assert with_oven.build().report["awaited"] == []
    assert [one["file"] for one in drift(with_oven)] == ["lessons/two.md"]
    # The note of it is made from what is recorded, and outlives that.
    note = with_oven.root / "lessons/recordings/resources.json"
    assert json.loads(note.read_text("utf-8")) == {"cpu": ["oven"]}
    note.unlink()
    assert [one["file"] for one in drift(with_oven)] == ["lessons/two.md"]
    with_oven.build()
    with_oven.recording("bake").unlink()
    assert [one["kind"] for one in drift(with_oven)] == ["missing", "missing"]


@pytest.mark.parametrize(
    "text", ["{", "null", "[]", '{"cpu": 1}', '{"cpu": "oven"}', '{"cpu": ["oven", 1]}']
)
def test_a_note_of_resources_that_cannot_be_read_says_so(with_oven, text) -> None:
    (with_oven.root / "lessons/recordings/resources.json").write_text(text, "utf-8")
    run = with_oven.run("--check")
    assert run.code == 2
    assert "resources.json cannot be read" in run.err
    assert "restore it from git" in run.err


def test_recordings_name_no_machine_and_no_absolute_path(built) -> None:
    built.lesson("\n```python {#a raises=ValueError}\nprint(__file__)\nint('x')\n```\n")
    built.build()
    text = built.recording("a").read_text("utf-8")
    assert str(built.root) not in text
    assert platform.node() not in text
    assert sys.prefix not in text
