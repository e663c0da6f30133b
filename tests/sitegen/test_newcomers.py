"""What goes wrong in the first days: nobody's files are lost, and nothing goes wrong silently."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable

import pytest
from small_course import Course

from sitegen.cli import main

Told = Callable[..., tuple[int, str]]


@pytest.fixture
def told(good: Course, monkeypatch: pytest.MonkeyPatch, capsys) -> Told:
    """Calls the command in the course: its exit code, and what it says on stderr."""
    monkeypatch.chdir(good.root)

    def call(*arguments: str) -> tuple[int, str]:
        code = main(arguments)
        return code, capsys.readouterr().err

    return call


@pytest.mark.parametrize(
    "folder",
    ["lessons", "lessons/site", ".", "..", "/", "lib", "look", ".lessonsite_cache"],
)
@pytest.mark.parametrize("said_in", ["command", "configuration"])
def test_a_site_never_goes_where_the_author_s_files_are(good, told, folder, said_in) -> None:
    good.write("look/style.css", "/* mine */")
    good.edit("pyproject.toml", "[tool.lessonsite]", '[tool.lessonsite]\nstatic = "look"')
    arguments = ["--out", folder]
    if said_in == "configuration":
        good.edit("pyproject.toml", "[tool.lessonsite]", f'[tool.lessonsite]\noutput = "{folder}"')
        arguments = []
    before = good.snapshot(".")
    code, said = told(*arguments)
    assert code == 2
    assert "for the course's own files are there" in said
    assert said.startswith("pyproject.toml:2: output: ") == (said_in == "configuration")
    assert good.snapshot(".") == before
    if arguments:
        assert told("--notebooks", *arguments)[0] == 2


def test_a_report_replaces_reports_alone(good, told) -> None:
    before = good.snapshot("lessons")
    code, said = told("--report", "lessons/good.md")
    assert (code, said[:40]) == (2, "--report would overwrite lessons/good.md")
    assert good.snapshot("lessons") == before
    assert [told("--report", "r.json")[0] for _ in range(2)] == [0, 0]


def test_a_report_tells_of_what_ended_the_build(good, told) -> None:
    good.lesson("\n:::nosuch\n:::\n\n```python {#a}\n1 / 0\n```\n")
    assert told("--report", "r.json")[0] == 2
    report = json.loads((good.root / "r.json").read_text("utf-8"))
    (error,) = report["errors"]
    assert error.startswith("lessons/one.md:7: unknown component ':::nosuch': ")
    good.edit("lessons/one.md", ":::nosuch\n:::\n", "")
    assert told("--report", "r.json")[0] == 1
    (error,) = json.loads((good.root / "r.json").read_text("utf-8"))["errors"]
    assert "ZeroDivisionError" in error


def test_a_module_that_is_not_followed_is_told(good, told) -> None:
    good.write("mine.py", "")
    good.lesson("\n```python {#a}\nimport json, lib\nfrom mine import __doc__\n```\n")
    code, said = told()
    assert code == 0
    warnings = [line for line in said.splitlines() if line.startswith("warning")]
    assert warnings == [
        "warning: lessons/one.md:8: mine lies in this folder and its edits go unseen; "
        "add it to packages in pyproject.toml"
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (":::predict {gues=number}\nx\n:::", "unknown attribute 'gues' of ':::predict': did you"),
        (":::tip {open}\nx\n:::", "unknown attribute 'open' of ':::tip': it takes none\n"),
        ("![x](https://example.com/x.png)", "picture from elsewhere: put 'https://example.com/"),
        ("[x](good.md#good)", "a link to a lesson's source: write 'good'"),
        ("```Python {#a}\n1\n```", "options are for blocks that run: python, not Python"),
        ("```py {#a}\n1\n```", "options are for blocks that run: python, not py"),
        ("It is `{py} 1`.", "cannot read `{py} 1`; write `{python} expression`"),
    ],
)
def test_what_would_go_wrong_silently_is_refused(good, told, body: str, said: str) -> None:
    good.lesson(f"\n{body}\n")
    code, error = told()
    assert code == 2
    assert error.startswith(f"lessons/one.md:7: {said}")


def test_a_component_of_one_s_own_takes_what_its_template_declares(good, told) -> None:
    good.configure('templates = "theme"')
    good.write("theme/parts/two.html", "<i>{{ attrs.two }}</i>")
    good.write(
        "theme/components/mine.html",
        "{#- What is mine.\n takes: one, two -#}\n"
        '<b>{{ attrs.get("one") }}</b>{% include "parts/two.html" %}{{ attrs.items()|length }}',
    )
    good.lesson("\n:::mine {one=1 two=2}\n:::\n")
    assert told()[0] == 0
    assert "<b>1</b><i>2</i>2" in good.page()
    good.edit("lessons/one.md", "two=2", "too=2")
    assert told()[1] == (
        "lessons/one.md:7: unknown attribute 'too' of ':::mine': did you mean 'two'?; "
        "or begin theme/components/mine.html with {# takes: one, two, too #}\n"
    )


@pytest.mark.parametrize(
    "read", ['attrs.get("two")', 'attrs["two"]', "attrs.two", '"two" in attrs']
)
@pytest.mark.parametrize("declared", ["", "{# takes: one #}", "<p>{# takes: two #}"])
def test_a_template_reads_no_attribute_that_it_does_not_declare(good, told, read, declared) -> None:
    good.configure('templates = "theme"')
    good.write("theme/components/mine.html", f"{declared}\n{{{{ {read} }}}}")
    good.lesson("\n:::mine\n:::\n")
    names = "one, two" if "one" in declared else "two"
    assert told() == (
        2,
        "theme/components/mine.html:2: attribute 'two' is read and not declared: "
        f"begin with {{# takes: {names} #}}\n",
    )


def test_resources_that_can_t_be_asked_for_are_told_with_their_place(good, told) -> None:
    good.write("lib/resources.py", "\nimport nosuchmodule\n")
    good.lesson("\n```python {#a needs=paper}\n1\n```\n")
    code, said = told()
    assert code == 1
    assert "lib/resources.py:2: ModuleNotFoundError: No module named 'nosuchmodule'" in said


def test_a_check_says_what_it_could_not_execute(good, told) -> None:
    good.write("lib/resources.py", "def available(name): return True\n")
    good.lesson("\n```python {#a needs=paper}\nx = 1\n```\n\n```python {#b}\nprint(x)\n```\n")
    assert told()[0] == 0
    good.write("lib/resources.py", "def available(name): return False\n")
    for option in ("--check", "--fresh"):
        code, said = told(option)
        assert (code, said.splitlines()[-1:]) == (
            0,
            ["2 blocks not executed: this machine lacks paper"],
        )


def test_a_recording_that_is_removed_is_told(good, told) -> None:
    good.edit("lessons/good.md", "{#a}", "{#b}")
    assert "removed the recording of good#a under cpu: there is no such block" in told()[1]


def test_an_inline_value_that_was_edited_by_hand_is_made_again(good, told) -> None:
    good.lesson("\nIt is `{python} 2 * 4`.\n")
    told()
    path = good.root / "lessons" / "recordings" / "one" / "cpu.values.json"
    path.write_text(path.read_text("utf-8").replace('"8"', '"9"'), encoding="utf-8")
    code, said = told("--check")
    assert code == 1
    assert "cpu.values.json was edited by hand" in said
    assert told()[0] == 0
    assert 'title="computed: 2 * 4">8</span>' in good.page("one")


def test_a_data_file_that_changes_is_drift_until_the_next_build(good, told) -> None:
    good.write("prices.txt", "1")
    good.lesson("\n```python {#a}\nprint(open('prices.txt').read())\n```\n")
    told()
    good.write("prices.txt", "2")
    code, said = told("--check")
    assert code == 1
    assert "now displays something else (prices.txt changed)" in said
    assert told()[0] == 0
    assert good.text("a") == "2\n"
    assert told("--check")[0] == 0


def test_what_no_trace_saw_is_made_right_as_the_check_says(good, told) -> None:
    good.write("prices.txt", "1")
    cat = "import subprocess\nprint(subprocess.getoutput('cat prices.txt'))"
    good.lesson(f"\n```python {{#a}}\n{cat}\n```\n")
    told()
    good.write("prices.txt", "2")
    code, said = told("--check")
    assert code == 1
    assert "; if that is right: build_site.py --fresh one\n" in said
    assert told("--fresh", "one")[0] == 0
    assert told("--check")[0] == 0


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_taking_the_library_s_text_leaves_the_file_s_form(good, told, end, mark) -> None:
    good.write("lib/__init__.py", "def f():\n    return 1\n")
    path = good.lesson("\n```python {#a source=lib.f}\ndef f():\n    return 2\n```\n")
    path.write_bytes(mark + path.read_bytes().replace(b"\n", end.encode()))
    assert told("--sync")[0] == 0
    content = path.read_bytes()
    assert b"return 1" in content
    assert content.startswith(mark + b"---")
    assert content.count(b"\n") == content.count(end.encode())
