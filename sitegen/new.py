"""A lesson to begin with, which builds as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sitegen import curriculum as curricula
from sitegen.course import lesson_files, next_order, taken_slugs
from sitegen.curriculum.model import Module
from sitegen.errors import SiteError
from sitegen.files import write_all
from sitegen.parse.config import Config
from sitegen.parse.frontmatter import slug_problem
from sitegen.parse.parser import read_lesson
from sitegen.render.templates import Templates

TEMPLATE = "new.md"


def write_lesson(config: Config, slug: str) -> list[str]:
    """Write the lesson `slug`, and its step where the course has an arc; returns their paths.

    Raises:
        SiteError: that is no slug, there is such a lesson already, or another can't be read.
    """
    if problem := slug_problem(slug):
        raise SiteError(problem)
    path = config.lessons / f"{slug}.md"
    lessons = [read_lesson(config.root, file) for file in lesson_files(config)]
    if there := taken_slugs(config, lessons).get(slug):
        raise SiteError(f"there is a {slug!r} already: {there}; choose another slug")
    curriculum = curricula.read(config.root, config.lessons, lessons)
    text = Templates(config).filled(
        TEMPLATE,
        slug=slug,
        title=slug.replace("-", " ").capitalize(),
        order=next_order(lessons),
        curriculum=curriculum is not None,
    )
    files: dict[Path, str | bytes] = {path: text}
    if curriculum and curriculum.module and not curriculum.module.step(slug):
        files |= _with_step(config.root, curriculum.module, slug)
    write_all(files)
    return [file.relative_to(config.root).as_posix() for file in files]


def _with_step(root: Path, module: Module, slug: str) -> Mapping[Path, str]:
    """The file of the module with one step more at the end of its arc."""
    path = root / module.path
    with path.open(encoding="utf-8") as file:
        lines = file.read().split("\n")
        ends = file.newlines if isinstance(file.newlines, str) else "\n"
    start = module.arc[-1].line if module.arc else 1
    dash = re.match(r"( *)- ", lines[start - 1])
    if dash is None:
        raise SiteError(f"{module.path}:{start}: add a step for {slug!r} to the arc first")
    outside = re.compile(rf" {{0,{len(dash[1])}}}[^ ]")
    end = start
    for number, line in enumerate(lines[start:], start=start + 1):
        if not outside.match(line):
            end = number if line.strip() else end
        elif not line.lstrip().startswith("#"):
            break
    step = [f'- lesson: "{slug}"', '  step: "TODO: its step in a word"']
    lines[end:end] = [dash[1] + line for line in step]
    return {path: ends.join(lines)}
