"""The server, and what becomes of builds when files change under them."""

from __future__ import annotations

import http.client
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from small_course import Course, wait_until

BLOCK = "\nProse.\n\n```python {#a}\nprint('fir' + 'st')\n```\n"


def ask(url: str, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.text = answer.read().decode("utf-8", "replace")
    return answer


@pytest.fixture(scope="module")
def shared(tmp_path_factory, serve_longer):
    """A course that is served to tests that only ask for its files."""
    course = Course(tmp_path_factory.mktemp("shared") / "course")
    course.lesson(BLOCK)
    course.write("secret.txt", "what is secret")
    serving = serve_longer(course)
    serving.wait_for("first")
    return serving


def test_files_come_with_their_types_and_are_never_cached(shared) -> None:
    for path, kind in {
        "/": "text/html; charset=utf-8",
        "/one.html?query": "text/html; charset=utf-8",
        "/static/style.css": "text/css; charset=utf-8",
        "/static/site.js": "text/javascript; charset=utf-8",
        "/static/favicon.svg": "image/svg+xml; charset=utf-8",
        "/.serve/reload.js": "text/javascript; charset=utf-8",
    }.items():
        answer = ask(shared.url, path)
        assert (answer.status, answer.getheader("Content-Type")) == (200, kind), path
        assert "no-store" in answer.getheader("Cache-Control")
        head = ask(shared.url, path, "HEAD")
        assert head.getheader("Content-Length") == answer.getheader("Content-Length")
        assert head.text == ""


def test_nothing_outside_the_site_is_served(shared) -> None:
    (shared.course.root / "site" / "link.txt").symlink_to(shared.course.root / "secret.txt")
    for path in (
        "/../secret.txt",
        "/static/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "//etc/passwd",
        f"/{shared.course.root}/secret.txt",
        "/link.txt",
        "/.files.json",
        "/.serve/../view.py",
        "/.serve/view.py",
    ):
        answer = ask(shared.url, path)
        assert answer.status == 404, path
        assert "what is secret" not in answer.text, path


def test_a_foreign_name_that_leads_here_is_refused(shared) -> None:
    port = urlsplit(shared.url).port
    for host in ("evil.test", f"evil.test:{port}", f"127.0.0.1.evil.test:{port}", "127.0.0.1:1"):
        for path in ("/one.html", "/.serve/events"):
            assert ask(shared.url, path, Host=host).status == 403, host
    assert ask(shared.url, "/one.html", Host=f"localhost:{port}").status == 200


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="asks Linux who listens where")
def test_it_listens_on_this_machine_alone(shared) -> None:
    port = urlsplit(shared.url).port
    listening = Path("/proc/net/tcp").read_text().split("\n")[1:]
    addresses = {line.split()[1] for line in listening if f":{port:04X} 00000000:0000" in line}
    assert addresses == {f"0100007F:{port:04X}"}


def test_notebooks_are_those_of_the_moment(course, serve) -> None:
    course.edit("pyproject.toml", 'title = "A course"', 'title = "A"\nnotebook_setup = "setup.py"')
    course.write("lessons/setup.py", "import lib  # first\n")
    course.lesson(BLOCK, extra="notebook: one.ipynb\n")
    serving = serve(course)
    serving.wait_for("first")

    def notebook() -> str:
        return ask(serving.url, "/notebooks/one.ipynb").text

    assert "# first" in notebook()
    course.write("lessons/setup.py", "import lib  # second\n")
    wait_until(lambda: "# second" in notebook())
    course.edit("lessons/one.md", "Prose.", "More prose.")
    wait_until(lambda: "More prose." in notebook())


def test_what_renews_a_page_is_not_in_the_site(shared) -> None:
    assert "reload.js" in shared.page()
    assert "reload" not in shared.course.page()
    assert not list((shared.course.root / "site").rglob("reload*"))


def test_a_taken_port_is_told_in_one_line(course) -> None:
    course.lesson(BLOCK)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        process = course.start("--serve", port)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert said.startswith(f"cannot serve: port {port} is taken; name another")
    assert said.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--serve", "port"], ["--serve", "70000"]])
def test_what_is_no_port_is_told(course, arguments) -> None:
    run = course.run(*arguments)
    assert run.code == 2
    assert "a port from 0 to 65535 is wanted" in run.err


def test_what_has_no_part_in_serving_is_refused(course) -> None:
    run = course.run("--serve", "0", "--check", "--fresh")
    assert run.code == 2
    assert "leave out --check, --fresh" in run.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_its_end_leaves_nothing_behind(course, serve, number) -> None:
    course.lesson(BLOCK)
    serving = serve(course)
    serving.wait_for("first")
    course.lesson("\n```python {#a}\nimport time\ntime.sleep(60)\n```\n")
    wait_until(lambda: bool(serving.notes("running")))
    assert list(serving.scratch.iterdir())
    assert serving.end(number) == 0
    wait_until(lambda: not course.processes())
    assert not list(serving.scratch.iterdir())
    assert not list(course.root.rglob(".*.tmp"))
    assert "Traceback" not in serving.said()


def test_a_block_that_was_edited_while_it_ran_is_dropped(course, serve) -> None:
    course.lesson("\n```python {#a}\nimport time\ntime.sleep(60)\n```\n")
    serving = serve(course)
    wait_until(lambda: bool(serving.notes("running")))
    course.lesson("\n```python {#a}\nprint('qui' + 'ck')\n```\n")
    serving.wait_for("quick")


def test_prose_is_shown_while_a_block_of_another_lesson_runs_on(course, serve) -> None:
    course.lesson(BLOCK)
    course.lesson(
        """
        ```python {#slow}
        import pathlib, time
        with open("starts", "a") as file:
            file.write("x")
        while not pathlib.Path("go").exists():
            time.sleep(0.02)
        print("go" + "ne")
        ```
        """,
        slug="two",
        order=2,
    )
    serving = serve(course)
    wait_until((course.root / "starts").exists)
    course.edit("lessons/one.md", "Prose.", "Edited.")
    serving.see("Edited.")
    course.edit("lessons/one.md", "Edited.", "Again.")
    serving.see("Again.")
    (course.root / "go").touch()
    serving.wait_for("gone", "two")
    assert (course.root / "starts").read_text() == "x"


def test_a_library_edited_while_a_block_runs_is_not_mixed_with_the_old_one(course, serve) -> None:
    course.write("lib/__init__.py", "VALUE = 'old'\n")
    course.lesson(
        """
        ```python {#a}
        import pathlib, time
        pathlib.Path("began").touch()
        while not pathlib.Path("go").exists():
            time.sleep(0.02)
        from lib import VALUE
        print(VALUE, "value")
        ```
        """
    )
    serving = serve(course)
    wait_until((course.root / "began").exists)
    course.write("lib/__init__.py", "VALUE = 'new'\n")
    (course.root / "go").touch()
    serving.wait_for("new value")
    course.write("lib/__init__.py", "VALUE = 'old'\n")
    serving.wait_for("old value")


def test_editors_that_replace_files_and_folders_that_come_anew_are_followed(course, serve) -> None:
    course.lesson(BLOCK)
    serving = serve(course)
    serving.wait_for("first")
    path = course.root / "lessons" / "one.md"
    partial = path.with_name("one.md~")
    partial.write_text(path.read_text().replace("Prose.", "Replaced."))
    partial.replace(path)
    serving.wait_for("Replaced.")
    text = path.read_text()
    (course.root / "lessons").rename(course.root / "away")
    wait_until(lambda: bool(serving.notes()))
    (course.root / "away").rename(course.root / "lessons")
    wait_until(lambda: not serving.notes())
    path.write_text(text.replace("Replaced.", "After."))
    serving.wait_for("After.")


@pytest.mark.parametrize(
    ("name", "old", "new", "place"),
    [
        (
            "lessons/one.md",
            "print('fir' + 'st')",
            "print(1 / 0)",
            "lessons/one.md:10: block 'a'",
        ),
        ("lessons/one.md", "title: ", "title: [", "lessons/one.md:3:"),
        ("lessons/one.md", "Prose.", ":::nothing\nProse.\n:::", "lessons/one.md:7: unknown"),
        ("lib/__init__.py", "VALUE", "VALUE(", "lib/__init__.py:1:"),
        ("pyproject.toml", "title", "tilte", "pyproject.toml:2: unknown setting"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_next_save_mends_it(
    course, serve, name, old, new, place
) -> None:
    course.write("lib/__init__.py", "VALUE = 1\n")
    course.lesson(BLOCK + "\n```python {#b}\nfrom lib import VALUE\n```\n")
    course.lesson(BLOCK, slug="two", order=2)
    serving = serve(course)
    serving.wait_for("first", "two")
    before = course.snapshot("site")
    course.edit(name, old, new)
    wait_until(lambda: [note["message"][: len(place)] for note in serving.notes()] == [place])
    wait_until(lambda: place in serving.said())
    assert course.snapshot("site") == before
    assert "first" in serving.page("one")
    assert "first" in serving.page("two")
    if name == "lessons/one.md":
        assert serving.notes()[0]["page"] == "one.html"
        course.edit("lessons/two.md", "Prose.", "Unaffected.")
        serving.see("Unaffected.", "two")
    course.edit(name, new, old)
    wait_until(lambda: not serving.notes() and not serving.notes("running"))


def test_a_block_that_failed_is_tried_again_on_the_next_save(course, serve) -> None:
    course.lesson("\n```python {#a}\nprint(open('data').read())\n```\n")
    serving = serve(course)
    wait_until(lambda: bool(serving.notes()))
    course.write("data", "found")
    path = course.root / "lessons" / "one.md"
    path.write_text(path.read_text())
    serving.wait_for("found")
    time.sleep(0.1)
    assert not serving.notes()
