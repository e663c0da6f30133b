"""The plan, the record and the lessons' heads, all made from front matter; and the command."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sound_course import SOUND, write_course

from sitegen.cli import main

Command = Callable[..., int]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Write the sound course, with some files replaced, and call the command in it."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, **files: str) -> int:
        write_course(tmp_path, {**SOUND, **files})
        return main(arguments)

    return call


@pytest.fixture
def pages(command: Command, tmp_path: Path) -> dict[str, str]:
    assert command() == 0
    return {path.stem: path.read_text("utf-8") for path in (tmp_path / "site").glob("*.html")}


def test_every_link_leads_to_a_section(pages: dict[str, str]) -> None:
    ids = {name: set(re.findall(r'\bid="([^"]+)"', html)) for name, html in pages.items()}
    for name in ("plan", "record", "one", "two"):
        targets = re.findall(r'href="([a-z]+)\.html(?:#([^"]+))?"', pages[name])
        assert targets
        for page, anchor in targets:
            assert page in pages
            assert not anchor or anchor in ids[page], (name, page, anchor)


def test_the_record_has_a_row_for_every_concept_with_its_returns(pages: dict[str, str]) -> None:
    rows = re.findall(r"<tr [^>]*data-name.*?</tr>", pages["record"], re.S)
    assert len(rows) == 8
    first = rows[0]
    assert 'href="one.html#a">A</a>' in first
    assert ">developed<" in first
    assert 'href="one.html#b">B</a>' in first  # its use in the same lesson
    assert 'href="two.html#a">Two</a>' in first  # taught further there
    assert "Continues: Known" in rows[3]


def test_a_lesson_says_what_it_needs_enables_and_sets_right(pages: dict[str, str]) -> None:
    head = pages["one"].split('<div class="prose">')[0]
    assert re.search(r"Known <span[^>]*>developed</span>\s*<small>Before; taken up in", head)
    assert "Only heard of. Section a says more." in head
    assert re.search(r"Explain it and work with it.*?>A</a>", head, re.S)
    assert re.search(r"<q>Q</q>.*?one\.html#b", head, re.S)


def test_the_plan_draws_the_loads_and_links_what_is_set_right(pages: dict[str, str]) -> None:
    drawing = re.search(r"<svg class=\"figure load-chart.*?</svg>", pages["plan"], re.S)
    assert drawing
    svg = ElementTree.fromstring(drawing[0])
    bars = {g.findtext("text[@class='grade']"): g.find("rect") for g in svg.iter("g")}
    heights = {load: float(bar.get("height", "0")) for load, bar in bars.items() if bar is not None}
    assert heights["Stretch"] > heights["Build"] > 0
    assert 'href="one.html#a">One: A</a>' in pages["plan"]
    assert "three, not written yet" in pages["plan"]


def test_the_graph_joins_what_is_taught_to_the_lessons_that_need_it(command, tmp_path) -> None:
    needs = SOUND["lessons/two.md"].replace(
        "concept: Known, depth: DEVELOPED, source: before", "concept: B, depth: INTRODUCED"
    )
    assert command(**{"lessons/two.md": needs}) == 0
    record = (tmp_path / "site" / "record.html").read_text("utf-8")
    arcs = re.findall(r'data-from="([^"]+)" data-to="([^"]+)"', record)
    assert set(arcs) == {("before", "one"), ("one#B", "two"), ("before", "two")}


def test_a_lesson_may_link_to_the_plan_and_the_record(command: Command, tmp_path: Path) -> None:
    linking = SOUND["lessons/two.md"] + "See [why](plan) and [what](record).\n"
    assert command(**{"lessons/two.md": linking}) == 0
    assert '<a href="plan.html">why</a>' in (tmp_path / "site" / "two.html").read_text("utf-8")


@pytest.mark.parametrize("arguments", [(), ("--check",), ("--audit",)])
def test_an_unsound_curriculum_ends_with_2_and_its_place(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert command() == 0
    before = {path: path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file()}
    broken = SOUND["lessons/one.md"].replace("picture: b", "picture: bb")
    assert command(*arguments, **{"lessons/one.md": broken}) == 2
    assert "lessons/one.md:20: C10 " in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in before}


def test_the_audit_shows_one_lesson_or_all(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--audit") == 0
    table = capsys.readouterr().out
    assert re.search(r"one +stretch +3 of 4 +2 +3 +3 +2/1", table)
    assert re.search(r"two +build +0 of 4", table)
    assert command("--audit", "two") == 0
    table = capsys.readouterr().out
    assert "stretch" not in table
    assert re.search(r"D +introduced +continues Known", table)


def test_a_course_without_these_files_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = "---\ntitle: Plain\nslug: plan\norder: 1\n---\nText.\n"
    write_course(tmp_path, {"lessons/plan.md": plain})
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    assert "Text." in (tmp_path / "site" / "plan.html").read_text("utf-8")
    assert not (tmp_path / "site" / "record.html").exists()
    assert main(["--audit"]) == 2
    assert "no curriculum" in capsys.readouterr().err
