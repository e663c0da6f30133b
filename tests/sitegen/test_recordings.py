"""Recordings are text that a reviewer reads, and come back as they were or not at all."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

import pytest

from sitegen.errors import SiteError
from sitegen.output import Output, stream
from sitegen.record.recordings import (
    DamagedRecordingError,
    Provenance,
    Recording,
    Recordings,
    Value,
)
from sitegen.trace import Trace

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><text>ä</text></svg>'
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256))).decode("ascii")


@pytest.fixture
def recordings(tmp_path: Path) -> Recordings:
    return Recordings(tmp_path / "recordings")


TRACE = Trace(
    reads={"code": "0123456789abcdef", "file data/ä b.csv": "absent", "lesson xs": "~89abcdef"},
    loads=("lib", "lib.core"),
    binds={"lesson n": "initial"},
    changes={"process files": "01234567", "state lib.TABLE": "76543210"},
    unseen=("a process of its own",),
)


def traced(code: str) -> Trace:
    return Trace({"code": code})


def recording(*outputs: Output) -> Recording:
    made = Provenance("cpu", {"python": "3.12.1"}, "2030-01-02", 1.5)
    return Recording(TRACE, outputs, made)


OUTPUTS = {
    "none": (),
    "streams": (stream("stdout", "a\nb\n"), stream("stderr", "no line end")),
    "odd signs": (stream("stdout", "\u2028 ä \x0b 日本 \u00a0\n\n\n"),),
    "an error": (Output("error", {"text/plain": "ValueError: x"}),),
    "a figure": (Output("display", {"image/svg+xml": SVG, "text/plain": "<Figure>"}),),
    "a picture": (Output("display", {"image/png": PNG}),),
    "two figures": (
        Output("display", {"image/svg+xml": SVG}),
        Output("display", {"image/svg+xml": SVG.replace("ä", "b")}),
        Output("display", {"image/png": PNG}),
    ),
    "a table": (Output("display", {"text/html": "<table>\n</table>", "text/plain": ""}),),
}


@pytest.mark.parametrize("outputs", OUTPUTS.values(), ids=OUTPUTS)
def test_a_recording_comes_back_as_it_was(recordings: Recordings, outputs: tuple) -> None:
    assert recordings.load("one", "cpu", "a") is None
    recordings.save("one", "cpu", "a", recording(*outputs))
    assert recordings.load("one", "cpu", "a") == recording(*outputs)


def test_figures_are_files_of_their_own_and_streams_are_lines(recordings: Recordings) -> None:
    recordings.save("one", "cpu", "a", recording(stream("stdout", "x\ny\n"), *OUTPUTS["a figure"]))
    path = recordings.path("one", "cpu", "a")
    assert path.with_suffix(".svg").read_text("utf-8") == SVG
    outputs = json.loads(path.read_text("utf-8"))["outputs"]
    assert outputs[0]["data"]["text/plain"] == ["x\n", "y\n"]
    assert outputs[1]["data"]["image/svg+xml"] == {"file": "a.svg"}
    assert path.read_text("utf-8").endswith("}\n")


def test_a_trace_is_a_line_for_each_thing(recordings: Recordings) -> None:
    recordings.save("one", "cpu", "a", recording())
    recordings.save_values("one", "cpu", [Value("n", "1", TRACE)])
    (value,) = json.loads(recordings.values_path("one", "cpu").read_text("utf-8"))
    said = json.loads(recordings.path("one", "cpu", "a").read_text("utf-8"))
    assert said["trace"] == value["trace"] == str(TRACE).splitlines()
    assert said["trace"][0] == "reads 0123456789abcdef code"
    assert said["trace"][-1] == "unseen a process of its own"


def test_figures_of_a_recording_that_is_replaced_go_and_those_of_others_stay(
    recordings: Recordings,
) -> None:
    for name in ("a", "a-2", "ab"):
        recordings.save("one", "cpu", name, recording(*OUTPUTS["two figures"]))
    recordings.save("one", "cpu", "a", recording())
    folder = recordings.path("one", "cpu", "a").parent
    assert {path.name for path in folder.iterdir() if path.name.split(".")[0] == "a"} == {"a.json"}
    recordings.delete("one", "cpu", "ab")
    assert recordings.load("one", "cpu", "a-2") == recording(*OUTPUTS["two figures"])


@pytest.mark.parametrize("place", range(0, 100, 7))
def test_a_recording_that_is_cut_short_is_noticed(recordings: Recordings, place: int) -> None:
    recordings.save("one", "cpu", "a", recording(*OUTPUTS["streams"]))
    path = recordings.path("one", "cpu", "a")
    text = path.read_text("utf-8")
    path.write_text(text[: len(text) * place // 100], "utf-8")
    with pytest.raises(DamagedRecordingError, match=r"a.json cannot be read"):
        recordings.load("one", "cpu", "a")


SPOILT = {
    "nothing": ("a.json", b"", "Expecting value"),
    "a list": ("a.json", b"[]", "it is laid out as no recording is"),
    "brackets without end": ("a.json", 100_000 * b"[", "it is nested too deep"),
    "an object of something else": ("a.json", b"{}", "it lacks 'outputs'"),
    "a figure removed": ("a.svg", None, "a.svg is missing"),
}


@pytest.mark.parametrize(("name", "content", "said"), SPOILT.values(), ids=SPOILT)
def test_what_is_wrong_with_a_recording_is_said_in_words(
    recordings: Recordings, name: str, content: bytes | None, said: str
) -> None:
    recordings.save("one", "cpu", "a", recording(*OUTPUTS["a figure"]))
    path = recordings.path("one", "cpu", "a").with_name(name)
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(DamagedRecordingError, match=f"a.json cannot be read: {said}"):
        recordings.load("one", "cpu", "a")


EDITS = {
    "a text": ("a.json", b"first", b"other"),
    "a kind": ("a.json", b"stdout", b"stderr"),
    "a figure": ("a.svg", b"<text>", b"<desc>"),
    "a figure that is no text": ("a.svg", b"\xc3\xa4", b"\xff"),
    "a line taken out": ("a.json", b'"first\\n"', b""),
    "what was read": ("a.json", b"reads 0123456789abcdef code", b"reads 1123456789abcdef code"),
    "what was left": ("a.json", b"binds initial lesson n", b"binds initial lesson m"),
    "a trace that is none": ("a.json", b"loads lib.core", b"hello"),
    "where nothing was seen": ("a.json", b',\n  "unseen a process of its own"', b""),
}


@pytest.mark.parametrize(("name", "old", "new"), EDITS.values(), ids=EDITS)
def test_a_recording_that_was_edited_by_hand_is_noticed(
    recordings: Recordings, name: str, old: bytes, new: bytes
) -> None:
    recordings.save("one", "cpu", "a", recording(stream("stdout", "first\n"), *OUTPUTS["a figure"]))
    path = recordings.path("one", "cpu", "a").with_name(name)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
    with pytest.raises(DamagedRecordingError):
        recordings.load("one", "cpu", "a")


@pytest.mark.parametrize("key", ["block", "profile", "device", "date", "seconds", "python", "kind"])
def test_any_edit_of_a_recording_is_noticed(recordings: Recordings, key: str) -> None:
    recordings.save("one", "cpu", "a", recording(*OUTPUTS["streams"]))
    path = recordings.path("one", "cpu", "a")
    text = path.read_text("utf-8")
    edited = re.sub(rf'("{key}": "?)', r"\g<1>1", text, count=1)
    assert edited != text
    path.write_text(edited, "utf-8")
    with pytest.raises(DamagedRecordingError, match=r"a.json was edited by hand"):
        recordings.load("one", "cpu", "a")


@pytest.mark.parametrize("place", ["first", "last"])
def test_a_key_given_twice_is_damage(recordings: Recordings, place: str) -> None:
    recordings.save("one", "cpu", "a", recording())
    path = recordings.path("one", "cpu", "a")
    text, line = path.read_text("utf-8"), '  "device": "cpu"'
    assert line in text
    other = line.replace("cpu", "NVIDIA B200")
    pair = [other, line] if place == "first" else [line, other]
    path.write_text(text.replace(line, ",\n".join(pair)), "utf-8")
    with pytest.raises(DamagedRecordingError, match="a key is given twice"):
        recordings.load("one", "cpu", "a")


@pytest.mark.parametrize(("block", "profile"), [("b", "cpu"), ("a", "gpu")])
def test_a_recording_in_another_s_place_is_damaged(
    recordings: Recordings, block: str, profile: str
) -> None:
    recordings.save("one", "cpu", "a", recording(*OUTPUTS["a picture"]))
    place = recordings.path("one", profile, block)
    place.parent.mkdir(exist_ok=True)
    for name in ("a.json", "a.png"):
        source = recordings.path("one", "cpu", "a").with_name(name)
        target = place if name == "a.json" else place.with_name(name)
        if source != target:
            shutil.copy(source, target)
    with pytest.raises(DamagedRecordingError, match="the recording of block 'a' under profile cpu"):
        recordings.load("one", profile, block)


def test_a_renamed_lesson_keeps_its_recordings(recordings: Recordings) -> None:
    recordings.save("one", "cpu", "a", recording(*OUTPUTS["two figures"]))
    (recordings.folder / "one").rename(recordings.folder / "two")
    assert recordings.load("two", "cpu", "a") == recording(*OUTPUTS["two figures"])


@pytest.mark.parametrize("key", ["expression", "value", "trace", "digest"])
def test_an_edited_inline_value_is_damaged_alone(recordings: Recordings, key: str) -> None:
    values = [Value("b", "2", traced("1")), Value("a", "1", TRACE), Value("c", "3", traced("3"))]
    recordings.save_values("one", "cpu", values)
    path = recordings.values_path("one", "cpu")
    items = json.loads(path.read_text("utf-8"))
    if key == "trace":
        items[1][key].pop()
    else:
        items[1][key] += "x"
    path.write_text(json.dumps(items), "utf-8")
    found = recordings.load_values("one", "cpu")
    assert [bool(value.damage) for value in found] == [False, True, False]
    assert [found[0], found[2]] == [values[0], values[2]]


@pytest.mark.parametrize(
    "item",
    [None, 3, {}, {"expression": 3}, {"value": "1"}, *({"trace": one} for one in (3, "x", [3]))],
)
def test_what_is_no_value_is_damaged_alone(recordings: Recordings, item: object) -> None:
    recordings.save_values("one", "cpu", [Value("a", "1", TRACE)])
    path = recordings.values_path("one", "cpu")
    path.write_text(json.dumps([item, *json.loads(path.read_text("utf-8"))]), "utf-8")
    assert [bool(value.damage) for value in recordings.load_values("one", "cpu")] == [True, False]


def test_a_recording_whose_figure_is_gone_is_damaged(recordings: Recordings) -> None:
    recordings.save("one", "cpu", "a", recording(*OUTPUTS["a figure"]))
    recordings.path("one", "cpu", "a").with_suffix(".svg").unlink()
    with pytest.raises(DamagedRecordingError):
        recordings.load("one", "cpu", "a")


def test_saving_the_same_again_touches_no_file(recordings: Recordings) -> None:
    recordings.save("one", "cpu", "a", recording(*OUTPUTS["two figures"]))
    folder = recordings.path("one", "cpu", "a").parent
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    recordings.save("one", "cpu", "a", recording(*OUTPUTS["two figures"]))
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_inline_values_keep_their_order_and_go_when_there_are_none(recordings: Recordings) -> None:
    values = [Value("b", "2", traced("1")), Value("a", "1", traced("2"))]
    recordings.save_values("one", "cpu", values)
    assert recordings.load_values("one", "cpu") == values
    recordings.save_values("one", "cpu", [])
    assert not recordings.values_path("one", "cpu").exists()
    assert recordings.load_values("one", "cpu") == []


def test_what_is_recorded_is_listed(recordings: Recordings) -> None:
    recordings.save("one", "cpu", "a", recording())
    recordings.save("two", "gpu", "b", recording())
    recordings.save_values("one", "cpu", [Value("a", "1", TRACE)])
    assert list(recordings.all_blocks()) == [("one", "cpu", "a"), ("two", "gpu", "b")]
    assert list(recordings.all_profiles()) == [("one", "cpu")]


def test_lessons_that_were_moved_away_do_not_come_back_empty(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="lessons/recordings: No such file"):
        Recordings(tmp_path / "lessons" / "recordings").save("one", "cpu", "a", recording())
    assert not list(tmp_path.iterdir())
