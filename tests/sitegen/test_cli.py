"""What the command is called with, what it prints and reports, and with which code it ends."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from small_course import COMMAND

from sitegen.cli import main, parser

SUMMARY = r"1 executed, 0 replayed, 0 stale in \d+\.\d\d s -> {}/\n"
TWO = "\n```python {#b}\nprint('two')\n```\n\nIt is `{python} 1 + 1`.\n"

WRONG = {
    "an unknown lesson": (["goood"], "no lesson 'goood': did you mean 'good'?"),
    "a lesson far from any": (["xyz"], "no lesson 'xyz': known are: good"),
    "no jobs": (["--jobs", "0"], "from 1 on is wanted, not '0'"),
    "jobs in words": (["--jobs", "many"], "from 1 on is wanted, not 'many'"),
    "an unknown option": (["--nosuch"], "--nosuch"),
    "a check that writes Markdown": (["--check", "--sync"], "leave out --sync and --fresh"),
    "a check that is fresh anyway": (["--check", "--fresh"], "leave out --sync and --fresh"),
    "a check of what it does not run": (["--check", "--gpu"], "leave out --gpu"),
    "a check of a part": (["--check", "--minutes", "1"], "leave out --minutes"),
    "minutes without end": (["--minutes", "1e9"], "up to a million, is wanted, not '1e9'"),
    "a check and an audit": (["--check", "--audit"], "--audit builds nothing: leave out --check"),
    "a report of an audit": (["--audit", "--report", "r.json"], "leave out --report"),
    "two commands": (["--new", "zz", "--notebooks"], "not allowed with argument --new"),
    "an audit and a server": (["--serve", "0", "--audit"], "not allowed with argument --serve"),
    "no notebook at all": (["--notebooks"], "no lesson names a notebook; name one: notebook: "),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_wrong_use_is_refused(good, monkeypatch, capsys, arguments: list[str], said: str) -> None:
    before = good.snapshot(".")
    monkeypatch.chdir(good.root)
    try:
        code = main(arguments)
    except SystemExit as end:  # as argparse ends
        code = end.code
    printed = capsys.readouterr()
    assert code == 2
    assert said in printed.err
    assert printed.out == ""
    assert good.snapshot(".") == before


NO_GPU = {
    "no torch": (None, "--gpu needs torch with CUDA, and torch is not installed\n"),
    "no device": (
        SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: False)),
        "--gpu needs a CUDA device, and torch finds none; without it, call build_site.py alone\n",
    ),
}


@pytest.mark.parametrize(("torch", "said"), NO_GPU.values(), ids=NO_GPU)
def test_gpu_is_refused_where_there_is_none(good, monkeypatch, capsys, torch, said: str) -> None:
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.chdir(good.root)
    assert main(["--gpu"]) == 2
    assert capsys.readouterr().err == said


def test_the_last_line_sums_up(course) -> None:
    course.lesson("\n```python {#a}\n1\n```\n")
    assert re.fullmatch(SUMMARY.format("site"), course.build().out)
    assert re.fullmatch(
        SUMMARY.format("/.*/public"),
        course.build("--fresh", "--out", str(course.root / "public")).out,
    )
    out = course.build("--check").out
    assert re.fullmatch(r"no drift: 1 executed, 0 replayed, 0 stale in \d+\.\d\d s\n", out)
    course.recording("a").unlink()
    assert course.run("--check").out.startswith("1 drifted: 1 executed, ")


def test_a_report_is_for_other_programs(good) -> None:
    good.lesson(TWO, slug="two", order=2)
    report = good.build().report
    assert set(report) >= {"executed", "replayed", "stale", "drift", "seconds"}
    assert (report["executed"], report["replayed"]) == (["two#b"], ["good#a"])
    assert report["stale"] == report["drift"] == []
    good.recording("b", "two").unlink()
    (drift,) = good.run("--check").report["drift"]
    assert (drift["kind"], drift["file"], drift["line"]) == ("missing", "lessons/two.md", 8)
    assert drift["message"].startswith("block 'b' has no recording")
    assert set(drift) == {"kind", "file", "line", "message"}


def test_a_report_that_cannot_be_written_is_told(good) -> None:
    run = good.run("--report", "pyproject.toml/report.json")
    assert run.code == 2
    assert "cannot write" in run.err


def test_a_module_that_ends_python_when_imported_is_not_preloaded(course) -> None:
    course.configure('preload = ["bad"]')
    course.write("bad.py", "import sys\nsys.exit('usage')\n")
    course.lesson("\n```python {#a}\n1\n```\n")
    assert course.executed() == ["a"]


def test_a_deep_folder_for_temporary_files_is_no_obstacle(course, tmp_path) -> None:
    course.lesson("\n```python {#a}\n1\n```\n")
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    assert course.run_apart(TMPDIR=str(deep)).code == 0
    assert not list(deep.iterdir())


def test_named_lessons_alone_are_executed_and_the_site_is_whole(good) -> None:
    for order, slug in enumerate(("two", "three")):
        good.lesson(TWO, slug=slug, order=order)
    assert good.build("two").report["executed"] == ["two#b"]
    assert not good.recording("b", "three").exists()
    assert {"index", "good", "two", "three"} <= {
        path.stem for path in (good.root / "site").glob("*.html")
    }
    assert "not recorded" in good.page("three")
    assert good.build("lessons/three.md").report["executed"] == ["three#b"]


def test_a_site_goes_where_it_is_asked_to(good, tmp_path) -> None:
    before = good.snapshot("site")
    good.build("--out", str(tmp_path / "deep" / "elsewhere"))
    assert (tmp_path / "deep" / "elsewhere" / "good.html").read_text() == good.page("good")
    assert good.snapshot("site") == before
    good.configure('output = "public"')
    assert good.build().out.endswith(" -> public/\n")
    assert (good.root / "public" / "good.html").read_text() == good.page("good")


def test_progress_is_told_per_block_and_of_values_when_asked(good) -> None:
    good.lesson(TWO, slug="two", order=2)
    err = good.build().err
    assert re.fullmatch(r"  two#b  \d+\.\d\d s\n", err)
    err = good.build("--fresh", "-v").err
    for name in ("good#a", "two#b", "two#inline-1"):
        assert f"  {name}  " in err


@pytest.mark.parametrize("name", ["jinja2", "yaml"])
def test_what_is_not_installed_is_told_with_how_to_install_it(good, name: str) -> None:
    good.write(f"none/{name}.py", f"raise ModuleNotFoundError(name={name!r})\n")
    run = good.run_apart(PYTHONPATH="none")
    assert run.code == 2
    assert run.err == (
        f"{name} is not installed, and the generator needs it: install it with its dependencies: "
        f"python -m pip install {COMMAND.parent}\n"
    )


def test_on_a_terminal_progress_is_drawn(good) -> None:
    good.lesson(TWO, slug="two", order=2)
    home, away = pty.openpty()
    shown = b""
    with subprocess.Popen(
        [sys.executable, str(COMMAND)],
        cwd=good.root,
        env={**os.environ, "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=away,
    ) as build:
        os.close(away)
        with contextlib.suppress(OSError):  # Linux's end of a terminal
            while part := os.read(home, 4096):
                shown += part
        os.close(home)
        out = build.stdout.read()
    assert build.returncode == 0
    assert b"2/2" in shown
    assert b"1 executed, 1 replayed, 0 stale" in out


def test_every_option_has_its_help() -> None:
    assert all(action.help for action in parser()._actions)


def test_a_block_reads_its_profile(good) -> None:
    good.lesson(
        "\n```python {#a only=cpu}\nimport os\nprint(os.environ['LESSON_PROFILE'])\n```\n"
        "\n```python {#b only=gpu}\nprint('large')\n```\n"
    )
    assert good.executed() == ["a"]
    assert good.text() == "cpu\n"
    assert json.loads(good.recording("a").read_text("utf-8"))["made"]["device"] == "cpu"
    assert "large" in good.page(), "its code is shown"
