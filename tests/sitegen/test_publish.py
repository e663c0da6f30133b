"""The folder of the site: what is the generator's is replaced and taken away, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from small_course import Course

from sitegen.errors import SiteError
from sitegen.files import sweep
from sitegen.manifest import HOME, MANIFEST, intact
from sitegen.render.publish import publish, publish_part

FIRST = {HOME: b"home", "old.html": b"old", "static/a.css": b"a"}
SECOND = {HOME: b"new", "static/a.css": b"a"}


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    publish(folder, FIRST)
    assert files(folder) == FIRST
    assert intact(folder)
    return folder


FOREIGN = {
    "a home page": {"index.html": "mine"},
    "a file of another name": {"thesis.tex": "mine"},
    "a file deep below": {"a/b/c.txt": "mine"},
    "a list of another tool": {MANIFEST: '["a.html"]', "a.html": "mine"},
    "a list that says more than digests": {MANIFEST: '{"index.html": "x"}', "index.html": "mine"},
    "a list that was cut short": {MANIFEST: '{"index.ht', "index.html": "mine"},
    "what looks like something left behind": {".index.html.77.tmp": "mine", "x": "mine"},
}


@pytest.mark.parametrize("there", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("write", [publish, publish_part])
def test_a_folder_that_is_no_site_is_refused_and_stays_as_it_is(
    tmp_path: Path, there: dict[str, str], write
) -> None:
    for name, text in there.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(SiteError, match=r"no site of the generator's; name a new folder"):
        write(tmp_path, FIRST)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_of_hidden_files_is_empty_enough(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("mine")
    (tmp_path / ".gitkeep").write_text("")
    publish(tmp_path, FIRST)
    assert (tmp_path / ".git" / "config").read_text() == "mine"
    assert files(tmp_path).items() >= FIRST.items()


def test_a_site_within_the_folder_is_no_stranger(tmp_path: Path) -> None:
    publish(tmp_path / "guide", FIRST)
    publish(tmp_path, FIRST)
    publish(tmp_path, SECOND)
    assert intact(tmp_path / "guide")


def test_out_into_a_folder_of_somebody_else_is_refused_by_the_command(good: Course) -> None:
    good.write("papers/index.html", "mine")
    good.write("papers/.draft.4711.tmp", "mine, too")
    before = good.snapshot("papers")
    for arguments in (["--out", "papers"], ["--out", "papers", "--fresh"]):
        run = good.run(*arguments)
        assert run.code == 2
        assert "papers: it holds index.html and no .files.json" in run.err
        assert good.snapshot("papers") == before


def test_a_file_that_no_build_wrote_is_not_overwritten(site: Path) -> None:
    (site / "new.html").write_text("mine")
    with pytest.raises(SiteError, match=r"new.html: no build wrote what is there; move it"):
        publish(site, {**SECOND, "new.html": b"the lesson"})
    assert files(site) == {**FIRST, "new.html": b"mine"}


def test_what_is_no_longer_wanted_goes_and_what_others_put_there_stays(site: Path) -> None:
    (site / "mine.txt").write_text("mine")
    (site / ".notes.4711.tmp").write_text("mine, too")
    publish(site, SECOND)
    assert files(site) == {**SECOND, "mine.txt": b"mine", ".notes.4711.tmp": b"mine, too"}


def test_a_file_that_was_edited_stays_when_it_is_no_longer_wanted(site: Path, capsys) -> None:
    (site / "old.html").write_text("edited")
    publish(site, SECOND)
    assert files(site) == {**SECOND, "old.html": b"edited"}
    assert "old.html is of no use any more, but was edited; it stays" in capsys.readouterr().err
    publish(site, SECOND)
    assert capsys.readouterr().err == ""


def test_a_file_that_was_edited_and_is_wanted_is_written_anew_and_told(site: Path, capsys) -> None:
    (site / "static" / "a.css").write_text("edited")
    publish(site, SECOND)
    assert files(site) == SECOND
    assert "a.css was edited; it is written anew" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../secret", "/secret", "static/../../secret"])
def test_an_edited_list_removes_nothing_elsewhere(site: Path, name: str) -> None:
    secret = site.parent / "secret"
    secret.write_text("old")
    text = (site / MANIFEST).read_text().replace("old.html", name)
    (site / MANIFEST).write_text(text)
    publish(site, SECOND)
    assert secret.read_text() == "old"


@pytest.mark.parametrize("files_now", [FIRST, SECOND], ids=["the same", "others"])
def test_nothing_is_written_or_removed_through_a_link(site: Path, files_now: dict) -> None:
    other = site.parent / "other"
    (site / "static").rename(other)
    (site / "static").symlink_to(other)
    (other / "a.css").write_text("theirs")
    with pytest.raises(SiteError, match=r"static: it is a link to .*other"):
        publish(site, files_now)
    assert files(other) == {"a.css": b"theirs"}


def test_a_link_in_the_place_of_a_page_is_replaced_and_what_it_leads_to_stays(site: Path) -> None:
    other = site.parent / "other.html"
    other.write_bytes(SECOND[HOME])
    (site / HOME).unlink()
    (site / HOME).symlink_to(other)
    publish(site, {HOME: b"third"})
    assert other.read_bytes() == SECOND[HOME]
    assert not (site / HOME).is_symlink()
    assert files(site) == {HOME: b"third"}


def test_notebooks_alone_are_no_whole_site(tmp_path: Path) -> None:
    publish_part(tmp_path, {"notebooks/a.ipynb": b"{}"})
    assert not intact(tmp_path)
    publish(tmp_path, FIRST)
    publish_part(tmp_path, {"notebooks/a.ipynb": b"{}"})
    assert intact(tmp_path)
    publish(tmp_path, FIRST)
    assert files(tmp_path) == FIRST


def test_only_what_this_generator_left_behind_is_swept(tmp_path: Path) -> None:
    ended = 2**22 + 1  # no process has such a number
    own = tmp_path / f".a.html.lessonsite-{ended}.tmp"
    running = tmp_path / f".a.html.lessonsite-{os.getpid()}.tmp"
    theirs = [tmp_path / name for name in (f".a.html.{ended}.tmp", ".x.tmp", f"a.{ended}.tmp")]
    for path in (own, running, *theirs):
        path.write_text("")
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([running, *theirs])
