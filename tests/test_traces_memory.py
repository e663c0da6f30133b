"""Hashes of the packages that are kept from build to build: never of what is another now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sitegen.trace import Program, memory
from sitegen.trace.text import Text

THINGS = ["function lib.f", "name lib.LIMIT", "module lib", "name lib.g"]
CODE = "LIMIT = 1\n\n\ndef f():\n    return LIMIT\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "lib.py").write_text(CODE)
    return tmp_path / "cache" / "program.json"


def program(root: Path) -> Program:
    return Program(root, ["lib"])


def asked(file: Path) -> tuple[dict[str, str], list[str]]:
    """What is told of things by who recalls what was kept, and which texts were read for that."""
    found = program(file.parents[1])
    memory.recall(file.parent, found)
    read: list[str] = []

    def text(module: str) -> Text | None:
        read.append(module)
        return Program.text(found, module)

    found.text = text  # type: ignore[method-assign]
    return {thing: found.hash(thing) for thing in THINGS}, read


def keep(file: Path) -> dict[str, str]:
    first = program(file.parents[1])
    hashes = {thing: first.hash(thing) for thing in THINGS}
    memory.keep(file.parent, first)
    return hashes


def test_what_is_kept_is_not_made_again(file: Path) -> None:
    hashes = keep(file)
    assert asked(file) == (hashes, [])
    assert not list(file.parent.glob("*.[0-9]*")), "nothing is left beside it"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lib.py", CODE.replace("LIMIT = 1", "LIMIT = 2")),
        ("lib.py", CODE + "# a comment\n"),
        ("lib/__init__.py", CODE),
    ],
)
def test_of_an_edited_package_all_is_asked_again(name: str, text: str, file: Path) -> None:
    hashes = keep(file)
    root = file.parents[1]
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text(text)
    found, read = asked(file)
    assert read
    assert found == {thing: program(root).hash(thing) for thing in THINGS}
    same = [thing for thing in THINGS if found[thing] == hashes[thing]]
    assert same == (["function lib.f", "name lib.g"] if "LIMIT = 2" in text else THINGS)


def test_of_what_is_edited_before_it_is_imported_all_is_asked_again(file: Path) -> None:
    hashes, root = keep(file), file.parents[1]
    found = program(root)
    memory.recall(file.parent, found)
    assert found.hashes == hashes
    new = CODE.replace("LIMIT = 1", "LIMIT = 2")
    found.note_import(root / "lib.py", new.encode())
    (root / "lib.py").write_text(CODE)  # and edited back: it is the import that counts
    there = found.hash("name lib.LIMIT")
    assert there != hashes["name lib.LIMIT"]
    (root / "lib.py").write_text(new)
    assert there == program(root).hash("name lib.LIMIT")


def test_what_was_edited_meanwhile_is_not_kept(file: Path) -> None:
    root = file.parents[1]
    during = program(root)
    assert during.digest
    (root / "lib.py").write_text(CODE.replace("LIMIT = 1", "LIMIT = 2"))
    during.hash("name lib.LIMIT")
    memory.keep(file.parent, during)
    (root / "lib.py").write_text(CODE)
    assert asked(file)[0] == {thing: program(root).hash(thing) for thing in THINGS}


def test_of_other_packages_nothing_is_known(file: Path) -> None:
    keep(file)
    (file.parents[1] / "more.py").write_text("")
    both = Program(file.parents[1], ["lib", "more"])
    memory.recall(file.parent, both)
    assert both.hashes == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"a": 1}', '{"of": "KEY", "is": 3}'])
def test_memory_that_is_damaged_is_forgotten(text: str, file: Path) -> None:
    hashes = keep(file)
    file.write_text(text.replace("KEY", json.loads(file.read_text())["of"]))
    found, read = asked(file)
    assert (found, bool(read)) == (hashes, True)
    assert keep(file) == hashes
    assert asked(file) == (hashes, [])


def test_memory_that_can_t_be_written_is_none(file: Path) -> None:
    file.parent.write_text("a file where its folder would be")
    keep(file)
    assert asked(file)[1]
