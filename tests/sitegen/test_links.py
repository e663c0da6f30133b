"""Symbolic links: followed within the course, refused by name where they lead out of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from small_course import Course

from sitegen.cli import main
from sitegen.errors import SiteError
from sitegen.files import links_out, tree
from sitegen.parse import config as configuration
from sitegen.record.recordings import Recording, Recordings

SECRET = "a secret of the machine"


@pytest.fixture
def secret(good: Course) -> Path:
    """A folder beside the course, with what must not be published."""
    folder = good.root.parent / "elsewhere"
    folder.mkdir()
    (folder / "secret.txt").write_text(SECRET)
    (folder / "secret.md").write_text(f"---\ntitle: [{SECRET}\n---\n")
    (folder / "secret.html").write_text(SECRET)
    return folder


def published(course: Course) -> str:
    paths = (course.root / "site").rglob("*")
    return "".join(path.read_text("utf-8", "replace") for path in paths if path.is_file())


LINKS = {
    "a lesson": ("lessons/two.md", "secret.md", ""),
    "a picture of a lesson": ("lessons/photo.png", "secret.txt", "![a photo](photo.png)"),
    "data that a lesson links to": ("lessons/data.csv", "secret.txt", "[data](data.csv)"),
    "a file that nothing mentions": ("lessons/left.txt", "secret.txt", ""),
    "a folder of pictures": ("lessons/photos", "", "![a photo](photos/secret.txt)"),
    "a recording's figure": ("lessons/recordings/good/cpu/a.svg", "secret.txt", ""),
    "a folder of recordings": ("lessons/recordings/good/gpu", "", ""),
    "a file of the theme": ("theme/logo.svg", "secret.txt", ""),
    "a folder of the theme": ("theme/fonts", "", ""),
    "a template": ("shapes/components/mine.html", "secret.html", ""),
    "what begins every notebook": ("lessons/setup.py", "secret.txt", ""),
}


@pytest.mark.parametrize("relative", [False, True], ids=["absolute", "relative"])
@pytest.mark.parametrize(("link", "target", "text"), LINKS.values(), ids=LINKS)
def test_a_link_out_of_the_course_is_refused_by_its_name(
    good, secret, monkeypatch, capsys, link: str, target: str, text: str, relative: bool
) -> None:
    for folder in ("theme", "shapes/components"):
        (good.root / folder).mkdir(parents=True)
    good.configure('static = "theme"\ntemplates = "shapes"\nnotebook_setup = "setup.py"')
    (good.root / "lessons" / "setup.py").write_text("x = 1\n")
    good.edit("lessons/good.md", "order: 9\n", "order: 9\nnotebook: good.ipynb\n")
    if text:
        good.edit("lessons/good.md", "```python {#a}", f"{text}\n\n```python {{#a}}")
    place = good.root / link
    place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    to = secret / target if target else secret
    place.symlink_to(os.path.relpath(to, place.parent) if relative else to)
    before = good.snapshot("site")
    monkeypatch.chdir(good.root)
    code = main([])
    said = capsys.readouterr().err
    assert code == 2
    assert f"{link}:1: a link out of the course, to " in said
    assert SECRET not in said
    assert good.snapshot("site") == before


def test_a_link_to_what_is_hidden_in_the_course_leads_out_of_it(good, monkeypatch, capsys) -> None:
    """A checkout in CI keeps a token in `.git/config`."""
    good.write(".git/config", SECRET)
    (good.root / "lessons" / "data.txt").symlink_to("../.git/config")
    monkeypatch.chdir(good.root)
    assert main([]) == 2
    assert "lessons/data.txt:1: a link out of the course" in capsys.readouterr().err


def test_links_within_the_course_are_followed(good: Course) -> None:
    good.write("shared/words.txt", "shared words")
    good.write(
        "shared/two.md", "---\ntitle: Two\nslug: two\norder: 2\n---\n\n[it](sub/words.txt)\n"
    )
    good.write("shared/fonts/face.css", "/* shared face */")
    (good.root / "theme").mkdir()
    good.configure('static = "theme"')
    (good.root / "lessons" / "two.md").symlink_to("../shared/two.md")
    (good.root / "lessons" / "sub").symlink_to("../shared")
    (good.root / "theme" / "fonts").symlink_to("../shared/fonts")
    good.build()
    assert (good.root / "site" / "sub" / "words.txt").read_text() == "shared words"
    assert (good.root / "site" / "static" / "fonts" / "face.css").read_text().startswith("/* sh")
    assert (good.root / "site" / "two.html").is_file()
    good.write("shared/words.txt", "other words")
    good.build()
    assert (good.root / "site" / "sub" / "words.txt").read_text() == "other words"


def test_taking_the_library_s_text_leaves_a_link_a_link(good: Course) -> None:
    text = "\n```python {#a source=lib.f}\nold\n```\n"
    good.write("lib/__init__.py", "def f():\n    return 1\n")
    good.lesson(text).rename(good.root / "shared.md")
    link = good.root / "lessons" / "one.md"
    link.symlink_to("../shared.md")
    good.build("--sync")
    assert link.is_symlink()
    assert "return 1" in (good.root / "shared.md").read_text("utf-8")


def test_a_link_behind_a_link_is_seen(tmp_path: Path) -> None:
    for name in ("course/lessons", "course/shared", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "course/lessons/in").symlink_to("../shared")
    (tmp_path / "course/shared/out").symlink_to(tmp_path / "elsewhere")
    found = list(links_out(tmp_path / "course/lessons", [tmp_path / "course"]))
    assert found == [tmp_path / "course/lessons/in/out"]


def test_links_in_circles_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("")
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "self").symlink_to("self")
    (tmp_path / ".#lock").symlink_to("somebody@somewhere.1:2")  # of an editor
    assert list(tree(tmp_path)) == [tmp_path / "a" / "file"]
    assert list(links_out(tmp_path, [tmp_path])) == []


@pytest.mark.parametrize("name", ["lessons/recordings", ".lessonsite_cache"])
@pytest.mark.parametrize("where", ["elsewhere", "course/kept"])
def test_what_is_recorded_goes_through_no_link(
    good, secret, monkeypatch, capsys, name: str, where: str
) -> None:
    target = good.root.parent / where
    (good.root / name).rename(good.root / "moved")
    target.mkdir(exist_ok=True)
    (good.root / name).symlink_to(target)
    before = sorted(target.rglob("*"))
    monkeypatch.chdir(good.root)
    assert main([]) == 2
    assert f"{name} is a link to" in capsys.readouterr().err
    assert sorted(target.rglob("*")) == before


def test_a_folder_of_recordings_that_becomes_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "recordings" / "one").mkdir(parents=True)
    (tmp_path / "recordings" / "one" / "cpu").symlink_to(tmp_path / "other")
    with pytest.raises(SiteError, match="cpu: it is a link"):
        Recordings(tmp_path / "recordings").save("one", "cpu", "a", Recording("f", ()))
    assert not list((tmp_path / "other").iterdir())


@pytest.mark.parametrize(
    ("setting", "name"),
    [('static = "out"', "out"), ('templates = "out"', "out"), ('lessons = "out"', "out")],
)
def test_a_configured_folder_that_is_a_link_out_is_refused(good, secret, setting, name) -> None:
    (good.root / name).symlink_to(secret)
    good.configure(setting)
    with pytest.raises(SiteError, match=f"pyproject.toml:2: .*{name}"):
        configuration.load(good.root)


def test_the_first_cell_of_notebooks_lies_in_the_lessons_folder(good, secret) -> None:
    good.configure('notebook_setup = "../../elsewhere/secret.txt"')
    with pytest.raises(SiteError, match="in the lessons' folder"):
        configuration.load(good.root)
