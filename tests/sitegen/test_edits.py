"""Edits by hand, one after the other, and what a check says of each: the README's promise."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from small_course import Course

from sitegen import course as courses
from sitegen import schedule
from sitegen.cli import main
from sitegen.parse import config as configuration
from sitegen.record.recordings import Provenance, Recording, Recordings
from sitegen.schedule import Evidence
from sitegen.trace import cells

LIBRARY = '''
    """A library."""

    FACTOR = 2


    def double(x):
        """Twice x."""
        return FACTOR * x


    class Drawing:
        def _repr_svg_(self):
            return '<svg xmlns="http://www.w3.org/2000/svg"><title>A square</title></svg>'

        def _repr_png_(self):
            return b"\\\\x89PNG not really"
    '''

LESSON = """
    Some prose, and $x^2$.

    ```python {#text}
    from lib import Drawing, double

    print("double:", double(21))
    ```

    ```python {#figure}
    Drawing()
    ```

    ```python {#embedded source=lib.double}
    def double(x):
        \"\"\"Twice x.\"\"\"
        return FACTOR * x
    ```

    It was `{python} 1 + 1`, and then `{python} 2 + 2`.
    """


@pytest.fixture(scope="module")
def _recorded(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course that is recorded under both profiles, as if a machine with a GPU had been at it."""
    course = Course(tmp_path_factory.mktemp("recorded") / "course")
    course.write("lib/__init__.py", LIBRARY)
    course.lesson(LESSON, extra="summary: Its first words.\n")
    course.build()
    found = courses.load(configuration.load(course.root))
    recordings = Recordings(found.config.recordings)
    made = Provenance("NVIDIA H100", {"python": "3.12.1"}, "2030-01-02", 1.5)
    values = []
    own = cells.own(found.lessons[0], "gpu")
    for standing in schedule.stand(found, Evidence.of(found.config))["one"]["cpu"]:
        cell, before = standing.cell, standing.recording
        trace = replace(
            before.trace, reads={**before.trace.reads, "profile": own[cell.id]["profile"]}
        )
        if isinstance(before, Recording):
            recordings.save("one", "gpu", cell.id, Recording(trace, before.outputs, made))
        else:
            values.append(replace(before, trace=trace))
    recordings.save_values("one", "gpu", values)
    course.build()
    return course


@pytest.fixture
def recorded(_recorded: Course, course: Course) -> Course:
    shutil.copytree(_recorded.root, course.root, dirs_exist_ok=True)
    return course


Edit = Callable[[Course], object]
RECORDINGS = "lessons/recordings/one"


def edited(name: str, old: str, new: str) -> Edit:
    return lambda course: course.edit(name, old, new)


def in_recording(old: str, new: str, name: str = "cpu/text.json") -> Edit:
    return edited(f"{RECORDINGS}/{name}", old, new)


def removed(name: str) -> Edit:
    def edit(course: Course) -> None:
        path = course.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return edit


def moved(old: str, new: str, keep: bool = False) -> Edit:
    def edit(course: Course) -> None:
        source, target = course.root / old, course.root / new
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)
        if not keep:
            removed(old)(course)

    return edit


def swapped(one: str, other: str) -> Edit:
    def edit(course: Course) -> None:
        (course.root / one).rename(course.root / "aside")
        (course.root / other).rename(course.root / one)
        (course.root / "aside").rename(course.root / other)

    return edit


def bytes_changed(name: str, old: bytes, new: bytes) -> Edit:
    def edit(course: Course) -> None:
        path = course.root / name
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new))

    return edit


HAND = "was edited by hand; restore it from git, or build_site.py records it anew"
HAND_GPU = (
    "under profile gpu: text.json was edited by hand; restore it from git, or "
    "build_site.py --gpu records it anew, on a machine with gpu"
)
BLOCKS = ("text", "figure", "embedded")
TEXT, FIGURE, EMBEDDED, VALUES = 11, 17, 21, 26
"""Their lines, and that of the inline values."""

FOLLOWS = ("stale", FIGURE, "under profile gpu: what it read of block 'text' above may be another")
"""Of the GPU's block that reads a name which another one binds, of which nothing is known."""

# What is done, and each drift: its kind, its line or file, and words of what is said.
EDITS: dict[str, tuple[Edit, list[tuple[str, int | str, str]]]] = {
    # What a recording says.
    "the device": (
        in_recording("NVIDIA H100", "NVIDIA B200", "gpu/text.json"),
        [("damaged", TEXT, HAND_GPU), FOLLOWS],
    ),
    "the seconds": (in_recording('"seconds": ', '"seconds": 1'), [("damaged", TEXT, HAND)]),
    "the date": (in_recording('"date": "2', '"date": "3'), [("damaged", TEXT, HAND)]),
    "a version": (in_recording('"python": "3', '"python": "4'), [("damaged", TEXT, HAND)]),
    "a thing more": (in_recording('"made": {', '"made": {"x": "1",'), [("damaged", TEXT, HAND)]),
    "a second device": (
        in_recording('"made": {', '"made": {"device": "NVIDIA B200",'),
        [("damaged", TEXT, "a key is given twice")],
    ),
    "the trace": (in_recording("reads ", "reads 0"), [("damaged", TEXT, HAND)]),
    "a line of the trace": (
        in_recording("function lib.double", "function lib.triple", "gpu/text.json"),
        [("damaged", TEXT, HAND_GPU), FOLLOWS],
    ),
    "a trace that is none": (
        in_recording("loads lib", "lib"),
        [("damaged", TEXT, "text.json cannot be read: line")],
    ),
    "the text of an output": (in_recording("42", "43"), [("damaged", TEXT, HAND)]),
    "the kind of an output": (in_recording("stdout", "stderr"), [("damaged", TEXT, HAND)]),
    "a drawing": (
        in_recording("A square", "A circle", "cpu/figure.svg"),
        [("damaged", FIGURE, "figure.json or a figure of it was edited by hand")],
    ),
    "a picture": (
        bytes_changed(f"{RECORDINGS}/cpu/figure.png", b"not", b"yes"),
        [("damaged", FIGURE, "figure.json or a figure of it was edited by hand")],
    ),
    "an inline value": (
        in_recording('"value": "4"', '"value": "5"', "cpu.values.json"),
        [("damaged", VALUES, "`2 + 2`: its value in cpu.values.json was edited by hand")],
    ),
    "an inline value under another profile": (
        in_recording('"value": "4"', '"value": "5"', "gpu.values.json"),
        [("damaged", VALUES, "inline value `2 + 2` under profile gpu: its value")],
    ),
    "the expression of an inline value": (
        in_recording('"2 + 2"', '"2 + 3"', "cpu.values.json"),
        [("damaged", VALUES, "inline value `2 + 2`")],
    ),
    "the trace of an inline value": (
        in_recording("reads ", "reads 0", "cpu.values.json"),
        [("damaged", VALUES, "`1 + 1`: its"), ("damaged", VALUES, "`2 + 2`: its")],
    ),
    # Where it lies.
    "a recording removed": (
        removed(f"{RECORDINGS}/cpu/text.json"),
        [("missing", TEXT, "block 'text' has no recording; build_site.py records it anew")],
    ),
    "a recording of the GPU removed": (
        removed(f"{RECORDINGS}/gpu/text.json"),
        [("missing", TEXT, "gpu has no recording; build_site.py --gpu records it"), FOLLOWS],
    ),
    "all blocks of the GPU removed": (
        removed(f"{RECORDINGS}/gpu"),
        [("missing", line, "under profile gpu") for line in (TEXT, FIGURE, EMBEDDED)],
    ),
    "a figure removed": (
        removed(f"{RECORDINGS}/gpu/figure.svg"),
        [("damaged", FIGURE, "under profile gpu: figure.json cannot be read")],
    ),
    "inline values removed": (
        removed(f"{RECORDINGS}/cpu.values.json"),
        [("missing", VALUES, "`1 + 1`"), ("missing", VALUES, "`2 + 2`")],
    ),
    "a recording renamed": (
        moved(f"{RECORDINGS}/cpu/text.json", f"{RECORDINGS}/cpu/txt.json"),
        [
            ("missing", TEXT, "block 'text' has no recording"),
            ("orphaned", f"{RECORDINGS}/cpu/txt.json", "recording of no block 'txt'"),
        ],
    ),
    "another block's recording in its place": (
        moved(f"{RECORDINGS}/cpu/embedded.json", f"{RECORDINGS}/cpu/text.json", keep=True),
        [("damaged", TEXT, "text.json is the recording of block 'embedded' under profile cpu")],
    ),
    "another profile's recording in its place": (
        moved(f"{RECORDINGS}/cpu/text.json", f"{RECORDINGS}/gpu/text.json", keep=True),
        [("damaged", TEXT, "is the recording of block 'text' under profile cpu"), FOLLOWS],
    ),
    "the profiles swapped": (
        swapped(f"{RECORDINGS}/cpu", f"{RECORDINGS}/gpu"),
        [
            ("damaged", line, f"under profile {other}")
            for line in (TEXT, FIGURE, EMBEDDED)
            for other in ("gpu", "cpu")
        ],
    ),
    "a whole lesson's recordings copied": (
        moved(RECORDINGS, "lessons/recordings/two", keep=True),
        [("orphaned", f"lessons/recordings/two/{p}/{b}.json", "recording of no block")
         for p in ("cpu", "gpu") for b in sorted(BLOCKS)]
        + [("orphaned", f"lessons/recordings/two/{p}.values.json", "recordings of no lesson")
           for p in ("cpu", "gpu")],
    ),
    # What it was made from.
    "the code of a block": (
        edited("lessons/one.md", "double(21)", "double(22)"),
        [
            ("output", TEXT, "-double: 42\n+double: 44"),
            ("stale", TEXT, "under profile gpu"),
            FOLLOWS,
        ],
    ),
    "the code of a block that comes to the same": (
        edited("lessons/one.md", "double(21)", "double(20 + 1)"),
        [
            ("stale", TEXT, "build_site.py records it"),
            ("stale", TEXT, "under profile gpu"),
            FOLLOWS,
        ],
    ),
    "the library": (
        edited("lib/__init__.py", "FACTOR = 2", "FACTOR = 3"),
        [("output", TEXT, "+double: 63"), ("stale", TEXT, "before lib.FACTOR"), FOLLOWS],
    ),
    "embedded code": (
        edited("lessons/one.md", "return FACTOR * x", "return x * FACTOR"),
        [
            ("embedded", EMBEDDED, "differs from lib.double"),
            ("stale", EMBEDDED, "block 'embedded'"),
            ("stale", EMBEDDED, "under profile gpu"),
        ],
    ),
    "an inline expression": (
        edited("lessons/one.md", "`{python} 2 + 2`", "`{python} 2 + 5`"),
        [("missing", VALUES, "`2 + 5` has no recording"), ("missing", VALUES, "under profile gpu")],
    ),
    # What says nothing that was measured.
    "prose": (edited("lessons/one.md", "Some prose", "Other prose"), []),
    "a formula": (edited("lessons/one.md", "$x^2$", "$x^3$"), []),
    "a number in the front matter": (edited("lessons/one.md", "order: 1", "order: 7"), []),
    "a summary": (edited("lessons/one.md", "Its first", "Its last"), []),
    "a comment of the library": (edited("lib/__init__.py", "FACTOR = 2", "FACTOR = 2  # x"), []),
    "a page of the site": (edited("site/one.html", "double: 42", "double: 43"), []),
}  # fmt: skip


@pytest.mark.parametrize(("edit", "drifts"), EDITS.values(), ids=EDITS)
def test_what_a_check_says_of_an_edit(
    recorded, monkeypatch, tmp_path, capsys, edit, drifts
) -> None:
    edit(recorded)
    before = recorded.snapshot(".")
    report = tmp_path / "report.json"
    monkeypatch.chdir(recorded.root)
    code = main(["--check", "--report", str(report)])
    found = json.loads(report.read_text("utf-8"))["drift"]
    assert recorded.snapshot(".") == before, "a check writes nothing"
    assert code == (1 if drifts else 0), capsys.readouterr().err
    left = list(found)
    for kind, place, words in drifts:
        match = [
            one
            for one in left
            if one["kind"] == kind
            and place in (one["line"], one["file"])
            and words in one["message"]
        ]
        assert match, (kind, place, words, found)
        left.remove(match[0])
    assert not left


def test_a_build_mends_what_it_can_and_leaves_the_rest_to_who_can(recorded, monkeypatch) -> None:
    for profile in ("cpu", "gpu"):
        recorded.edit(f"{RECORDINGS}/{profile}/text.json", "42", "43")
    recorded.edit("site/one.html", "double: 42", "double: 43")
    good = recorded.recording("figure").read_bytes()
    run = recorded.build()
    assert run.report["executed"] == ["one#text"]
    assert "site/one.html was edited; it is written anew" in run.err
    assert "double: 43" not in recorded.page()
    assert recorded.recording("figure").read_bytes() == good
    kept = recorded.recording("text", profile="gpu").read_text("utf-8")
    assert "double: 43" in kept, "what this machine can't make anew it leaves to be judged"


def test_a_forged_digest_goes_unseen_until_the_block_is_executed(recorded, monkeypatch) -> None:
    """What the guide says of the limits: a digest is no signature."""
    recordings = Recordings(recorded.root / "lessons" / "recordings")
    recording = recordings.load("one", "gpu", "text")
    made = replace(recording.provenance, device="NVIDIA B200")
    recordings.save("one", "gpu", "text", replace(recording, provenance=made))
    monkeypatch.chdir(recorded.root)
    assert main(["--check"]) == 0


def test_the_readme_states_the_table() -> None:
    text = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
    section = text.partition("## How a page stays true")[2].partition("\n## ")[0]
    for kind in ("damaged", "missing", "orphaned", "stale", "output", "inline", "embedded"):
        assert f"`{kind}`" in section
