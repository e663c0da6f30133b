"""The JSON schemas for editors: up to date, and of one mind with the generator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from test_frontmatter_schema import FILES, FRONT_MATTERS, HEAD

from sitegen.editors import schemas
from sitegen.parse import frontmatter

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted(ROOT.glob("lessons/*.md")) + sorted(ROOT.glob("*/*/lessons/*.md"))
NOT_OF_SHAPE = {"an alias within itself"}
"""What no schema can say."""

LESSON_MISTAKES = {
    name: HEAD + text for name, (text, _, _) in FRONT_MATTERS.items() if name not in NOT_OF_SHAPE
}
FILE_MISTAKES = {
    name: (file, text)
    for name, (file, text, _, said) in FILES.items()
    if "no source" not in said and "YAML" not in said and "UTF-8" not in said
}


def valid(name: str, data: Any) -> bool:
    schema = json.loads(schemas()[f"{name}.schema.json"])
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema).is_valid(data)


def test_the_committed_schemas_are_those_of_the_generator() -> None:
    folder = ROOT / "docs" / "schemas"
    committed = {path.name: path.read_text("utf-8") for path in folder.iterdir()}
    assert committed == schemas(), "python -m sitegen.editors docs/schemas"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_lessons_are_valid(path: Path) -> None:
    header, _ = frontmatter.split(str(path), path.read_text("utf-8"))
    assert valid("lesson", yaml.safe_load(header))


@pytest.mark.parametrize("name", ["module", "prior"])
def test_the_files_of_the_curriculum_are_valid(name: str) -> None:
    text = (ROOT / "lessons" / f"{name}.yaml").read_text("utf-8")
    assert valid(name, yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


@pytest.mark.parametrize("text", LESSON_MISTAKES.values(), ids=LESSON_MISTAKES)
def test_a_front_matter_that_is_refused_is_invalid(text: str) -> None:
    assert not valid("lesson", yaml.safe_load(text))


@pytest.mark.parametrize(("file", "text"), FILE_MISTAKES.values(), ids=FILE_MISTAKES)
def test_a_file_that_is_refused_is_invalid(file: str, text: str) -> None:
    assert not valid(Path(file).stem, yaml.safe_load(text))
