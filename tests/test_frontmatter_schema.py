"""Front matter and the curriculum's files against their schema: each mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sitegen.curriculum import read
from sitegen.errors import SourceError
from sitegen.parse import frontmatter
from sitegen.parse.parser import parse_lesson

HEAD = "title: T\nslug: s\norder: 1\n"

# What follows the head, the line of the lesson that is named, and what is said.
FRONT_MATTERS = {
    "a load that is none": ("load: HARD\n", 5, "one of CONSOLIDATE, BUILD, STRETCH"),
    "a depth that is none": ("teaches:\n  - {concept: C, depth: DEEP}\n", 6, "teaches.0.depth"),
    "a concept without depth": ("teaches:\n  - concept: C\n", 6, "teaches.0 lacks 'depth'"),
    "a key misspelt deep inside": (
        "requires:\n  - concept: C\n    depth: APPLIED\n    sorce: x\n",
        8,
        "did you mean 'source'?",
    ),
    "one place where a list is wanted": (
        "teaches:\n  - concept: C\n    depth: APPLIED\n    used_in: here\n",
        8,
        "teaches.0.used_in is to be a list",
    ),
    "a number where a text is wanted": ("analogies:\n  - 3\n", 6, "a text in quotes, not 3"),
    "an empty text": ("mental_models:\n  - ''\n", 6, "is to be a text"),
    "a list where a mapping is wanted": ("modalities:\n  - visual\n", 5, "mapping"),
    "a kind of example that is none": (
        "examples:\n  - {what: W, kind: good, section: s}\n",
        6,
        "positive, negative",
    ),
    "what is deferred, and not to where": (
        "scope:\n  is_not:\n    - {what: W}\n",
        7,
        "scope.is_not.0 lacks 'to'",
    ),
    "a mapping for what the lesson is about": (
        "scope:\n  is:\n    - {what: W, to: x}\n",
        7,
        "scope.is.0 is to be a text",
    ),
    "nothing after a key": ("teaches:\n", 5, "a list, not None"),
    "an alias within itself": ("analogies: &a [*a]\n", 5, "alias"),
}

PRIOR = (
    "sources:\n  - {slug: p, title: P}\nconcepts:\n  - {concept: C, depth: APPLIED, source: p}\n"
)
MODULE = "title: M\ngoal: G\narc:\n  - {lesson: s, step: S}\n"

FILES = {
    "prior concepts of no source": (
        "prior.yaml",
        PRIOR.replace("source: p", "source: q"),
        4,
        "no source 'q'",
    ),
    "a prior depth that is none": ("prior.yaml", PRIOR.replace("APPLIED", "KNOWN"), 4, "APPLIED"),
    "an empty prior file": ("prior.yaml", "", 1, "prior.yaml lacks 'sources'"),
    "a module without a goal": ("module.yaml", MODULE.replace("goal: G\n", ""), 1, "lacks 'goal'"),
    "a step with a misspelt key": (
        "module.yaml",
        MODULE.replace("step: S", "stepp: S"),
        4,
        "lacks 'step'",
    ),
    "a module that is no YAML": ("module.yaml", MODULE + "x: [\n", 6, "not valid YAML"),
    "a module that is a list": ("module.yaml", "- title\n", 1, "mapping"),
    "a file that is not UTF-8": ("prior.yaml", "\udcff", 1, "not UTF-8"),
}


@pytest.mark.parametrize(("text", "line", "said"), FRONT_MATTERS.values(), ids=FRONT_MATTERS)
def test_malformed_front_matter_is_refused(text: str, line: int, said: str) -> None:
    with pytest.raises(SourceError) as refused:
        frontmatter.parse("lessons/s.md", HEAD + text)
    assert str(refused.value).startswith(f"lessons/s.md:{line}: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_whole_front_matter_is_taken_with_the_line_of_every_key() -> None:
    text = "teaches:\n  - concept: C\n    depth: APPLIED\n    used_in: [a, b]\n"
    meta = frontmatter.parse("lessons/s.md", HEAD + text)
    assert meta.rows("teaches") == [{"concept": "C", "depth": "APPLIED", "used_in": ["a", "b"]}]
    assert meta.lines["teaches", 0] == 6
    assert meta.lines["teaches", 0, "used_in"] == 8


@pytest.mark.parametrize(("name", "text", "line", "said"), FILES.values(), ids=FILES)
def test_a_malformed_file_of_the_curriculum_is_refused(
    tmp_path: Path, name: str, text: str, line: int, said: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(SourceError) as refused:
        read(tmp_path, tmp_path, [])
    assert str(refused.value).startswith(f"{name}:{line}: ")
    assert said in str(refused.value)


@pytest.mark.parametrize("slug", ["plan", "record"])
def test_a_slug_of_the_curriculum_is_not_a_lesson_s(tmp_path: Path, slug: str) -> None:
    (tmp_path / "module.yaml").write_text(MODULE, encoding="utf-8")
    lesson = parse_lesson("lessons/x.md", f"---\ntitle: T\nslug: {slug}\norder: 1\n---\n")
    with pytest.raises(SourceError, match=r"^lessons/x\.md:3: .*own page"):
        read(tmp_path, tmp_path, [lesson])
