"""Reads `prior.yaml`, `module.yaml` and the front matter of lessons into a `Curriculum`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sitegen.curriculum.model import (
    Concept,
    Curriculum,
    Deferred,
    Depth,
    Example,
    MentalModel,
    Misconception,
    Modality,
    Module,
    Prior,
    Requirement,
    Source,
    Step,
    Teaching,
)
from sitegen.errors import SiteError, SourceError, did_you_mean, not_utf8, raise_all
from sitegen.parse import schema
from sitegen.parse.frontmatter import DEPTHS
from sitegen.parse.lesson import Lesson
from sitegen.parse.schema import Items, Lines, Map, Text

PRIOR = "prior.yaml"
MODULE = "module.yaml"
PAGES = ("plan", "record")
"""The slugs of the pages made from these files."""

PRIOR_SCHEMA = Map(
    {
        "sources": Items(
            Map({"slug": Text(), "title": Text(), "number": Text()}, ("slug", "title"))
        ),
        "concepts": Items(
            Map(
                {"concept": Text(), "depth": Text(DEPTHS), "source": Text(), "notes": Text()},
                ("concept", "depth", "source"),
            )
        ),
        "mental_models": Items(Map({"model": Text(), "source": Text()}, ("model", "source"))),
    },
    ("sources", "concepts"),
)

MODULE_SCHEMA = Map(
    {
        "title": Text(),
        "number": Text(),
        "goal": Text(),
        "start": Text(),
        "idea": Text(),
        "arc": Items(
            Map(
                {
                    "lesson": Text(),
                    "step": Text(),
                    "story": Text(),
                    "position": Text(),
                    "load": Text(),
                },
                ("lesson", "step"),
            )
        ),
        "misconceptions": Items(
            Map(
                {"claim": Text(), "answer": Text(), "shown_wrong_in": Text()},
                ("claim", "answer", "shown_wrong_in"),
            )
        ),
    },
    ("title", "goal", "arc"),
)


def read(root: Path, folder: Path, lessons: Sequence[Lesson]) -> Curriculum | None:
    """The curriculum of the lessons in `folder`; None where no file there begins one.

    Raises:
        SourceError: a file is malformed; the error names the line.
    """
    prior, module = folder / PRIOR, folder / MODULE
    if not prior.exists() and not module.exists():
        return None
    errors: list[SiteError] = [
        SourceError(
            lesson.path,
            lesson.meta.lines.get(("slug",), 1),
            f"slug {lesson.slug!r} is the generator's own page",
        )
        for lesson in lessons
        if lesson.slug in page_names(folder)
    ]
    found_prior, found_module = Prior(), None
    try:
        found_prior = _prior(root, prior) if prior.exists() else Prior()
    except SiteError as error:
        errors.append(error)
    try:
        found_module = _module(root, module) if module.exists() else None
    except SiteError as error:
        errors.append(error)
    raise_all(errors)
    return Curriculum(tuple(teaching_of(lesson) for lesson in lessons), found_prior, found_module)


def page_names(folder: Path) -> tuple[str, ...]:
    """The pages that a course in this folder has beside its lessons, for links to them."""
    if (folder / MODULE).exists():
        return PAGES
    return PAGES[1:] if (folder / PRIOR).exists() else ()


def teaching_of(lesson: Lesson) -> Teaching:
    """What the front matter of a lesson says, typed."""
    meta = lesson.meta
    lines = meta.lines
    modalities: Mapping[str, str] = meta.data.get("modalities", {})
    deferred = meta.data.get("scope", {}).get("is_not", ())
    return Teaching(
        lesson=lesson,
        load=meta.text("load"),
        load_line=lines.get(("load",), 1),
        teaches=tuple(
            Concept(
                row["concept"],
                Depth[row["depth"]],
                lesson.slug,
                line,
                row.get("notes", ""),
                row.get("section", ""),
                row.get("extends", ""),
                tuple(row.get("used_in", ())),
            )
            for row, line in _rows(meta.data, lines, "teaches")
        ),
        requires=tuple(
            Requirement(depth=Depth[row.pop("depth")], line=line, **row)
            for row, line in _rows(meta.data, lines, "requires")
        ),
        misconceptions=_misconceptions(meta.data, lines),
        modalities=tuple(
            Modality(name, section, lines.get(("modalities", name), 1))
            for name, section in modalities.items()
        ),
        examples=tuple(
            Example(line=line, **row) for row, line in _rows(meta.data, lines, "examples")
        ),
        deferred=tuple(
            Deferred(one) if isinstance(one, str) else Deferred(**one) for one in deferred
        ),
        mental_models=tuple(meta.data.get("mental_models", ())),
        analogies=tuple(meta.data.get("analogies", ())),
    )


def _prior(root: Path, path: Path) -> Prior:
    name, data, lines = _load(root, path, PRIOR_SCHEMA)
    sources = tuple(Source(**row) for row in data["sources"])
    known = {source.slug for source in sources}
    raise_all(
        [
            SourceError(
                name,
                line,
                f"no source {row['source']!r} above: {did_you_mean(row['source'], known)}",
            )
            for key in ("concepts", "mental_models")
            for row, line in _rows(data, lines, key)
            if row["source"] not in known
        ]
    )
    return Prior(
        sources,
        tuple(
            Concept(row["concept"], Depth[row["depth"]], row["source"], line, row.get("notes", ""))
            for row, line in _rows(data, lines, "concepts")
        ),
        tuple(MentalModel(**row) for row in data.get("mental_models", ())),
    )


def _module(root: Path, path: Path) -> Module:
    name, data, lines = _load(root, path, MODULE_SCHEMA)
    texts = {key: data[key] for key in ("title", "goal", "number", "start", "idea") if key in data}
    return Module(
        path=name,
        arc=tuple(Step(line=line, **row) for row, line in _rows(data, lines, "arc")),
        misconceptions=_misconceptions(data, lines),
        **texts,
    )


def _load(root: Path, path: Path, shape: Map) -> tuple[str, dict[str, Any], Lines]:
    name = path.relative_to(root).as_posix()
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(name, error) from None
    except OSError as error:
        raise SourceError(name, 1, f"cannot be read: {error.strerror}") from None
    data, lines = schema.read(name, text, shape, path.name)
    return name, data, lines


def _misconceptions(data: Mapping[str, Any], lines: Mapping[Any, int]) -> tuple[Any, ...]:
    return tuple(
        Misconception(line=line, **row) for row, line in _rows(data, lines, "misconceptions")
    )


def _rows(
    data: Mapping[str, Any], lines: Mapping[Any, int], key: str
) -> Iterator[tuple[dict[str, Any], int]]:
    """The rows of a list, each a copy, with its line."""
    for index, row in enumerate(data.get(key, ())):
        yield dict(row), lines.get((key, index), lines[()])
