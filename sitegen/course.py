"""All lessons of a course, read and held against each other before anything is executed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sitegen import curriculum as curricula
from sitegen.errors import SiteError, SourceError, did_you_mean, raise_all
from sitegen.parse.config import Config
from sitegen.parse.lesson import Lesson
from sitegen.parse.parser import is_file, read_lesson
from sitegen.render.mathml import to_mathml

COMPONENTS = "components"
ATTRIBUTE = re.compile(r"""attrs(?:\.get\(|\[)"(\w+)\"""")
"""How a component's template reads an attribute."""
_SHARING = re.compile(r"{%-?\s*(include|extends)\b")


@dataclass(frozen=True)
class Course:
    """A configuration and its lessons, in their order."""

    config: Config
    lessons: tuple[Lesson, ...]
    curriculum: curricula.Curriculum | None = None
    """None where no file begins one."""

    def select(self, names: Sequence[str]) -> tuple[Lesson, ...]:
        """The lessons of these slugs or paths, all if none is named; `SiteError` if unknown."""
        if not names:
            return self.lessons
        by_name = {lesson.slug: lesson for lesson in self.lessons}
        by_path = {(self.config.root / lesson.path): lesson for lesson in self.lessons}
        chosen = []
        for name in names:
            lesson = by_name.get(name) or by_path.get((Path.cwd() / name).resolve())
            if lesson is None:
                raise SiteError(f"no lesson {name!r}: {did_you_mean(name, by_name)}")
            chosen.append(lesson)
        return tuple(lesson for lesson in self.lessons if lesson in chosen)


def lesson_files(config: Config) -> list[Path]:
    """The Markdown files of the course's lessons."""
    return sorted(config.lessons.glob("*.md"))


def overlooked(config: Config) -> Iterator[str]:
    """A warning for each file that looks like a lesson and lies in a folder below the lessons'."""
    folder = config.lessons
    for path in sorted(folder.glob("*/**/*.md")):
        if path.is_relative_to(config.recordings):
            continue
        with contextlib.suppress(OSError):
            if path.open("rb").read(4).rstrip() == b"---":
                place = folder.relative_to(config.root).as_posix()
                name = path.relative_to(config.root).as_posix()
                yield (
                    f"{name}:1: not built: every lesson lies in {place}/ itself, so that its page, "
                    f"its recordings and links to it go by its slug alone; move it there"
                )


def load(config: Config) -> Course:
    """Read and check every lesson; all mistakes are raised together."""
    errors: list[SourceError] = []
    lessons: list[Lesson] = []
    for path in lesson_files(config):
        try:
            lessons.append(read_lesson(config.root, path))
        except SourceError as error:
            errors.append(error)
    return assemble(config, lessons, errors)


def assemble(
    config: Config, lessons: Sequence[Lesson], errors: Iterable[SourceError] = ()
) -> Course:
    """The course of these lessons; all mistakes are raised together, with those known already."""
    errors = list(errors)
    if not lessons and not errors:
        folder = config.lessons.relative_to(config.root).as_posix()
        raise SiteError(f"no lessons: {folder}/ holds no .md file")
    errors.extend(_same_names(lessons))
    known = components(config)
    for lesson in lessons:
        errors.extend(_unknown_components(lesson, known))
        errors.extend(_unknown_profiles(lesson, config))
        errors.extend(_unknown_preview(lesson))
        errors.extend(_unreadable_formulas(lesson))
    if not errors:  # a link into a lesson that can't be read is not the link's mistake
        for lesson in lessons:
            errors.extend(_broken_links(lesson, lessons, config))
    errors.sort(key=lambda error: (error.path, error.line))
    raise_all(errors)
    lessons = sorted(lessons, key=lambda item: (item.meta.order, item.slug))
    return Course(config, tuple(lessons), curricula.read(config.root, config.lessons, lessons))


def components(config: Config) -> dict[str, set[str] | None]:
    """The components that an author may use, a template each, with the attributes it reads.

    None stands for those of a template that may read any.
    """
    found: dict[str, set[str] | None] = {}
    for folder in reversed(config.templates):
        for path in (folder / COMPONENTS).glob("*.html"):
            found[path.stem] = _attributes(path.read_text(encoding="utf-8", errors="replace"))
    return found


def _attributes(template: str) -> set[str] | None:
    read = ATTRIBUTE.findall(template)
    shared = len(read) < template.count("attrs") or _SHARING.search(template)
    return None if shared else set(read)


def _same_names(lessons: Iterable[Lesson]) -> Iterator[SourceError]:
    for key in ("slug", "order", "notebook"):
        seen: dict[object, Lesson] = {}
        for lesson in lessons:
            value = lesson.meta.data.get(key)
            if value is None:
                continue
            other = seen.setdefault(value, lesson)
            if other is not lesson:
                line = lesson.meta.lines.get((key,), 1)
                yield SourceError(lesson.path, line, f"{key} {value!r} is that of {other.path} too")


def _unknown_components(
    lesson: Lesson, known: Mapping[str, Collection[str] | None]
) -> Iterator[SourceError]:
    for token in lesson.tokens:
        if token.type != "component_open":
            continue
        line, name = token.meta["line"], token.info
        if name not in known:
            hint = did_you_mean(name, known)
            yield SourceError(lesson.path, line, f"unknown component ':::{name}': {hint}")
            continue
        attributes, read = token.meta["attributes"], known[name]
        for given in [*attributes.values, *attributes.flags]:
            if read is not None and given not in read:
                hint = did_you_mean(given, read)
                message = f"unknown attribute {given!r} of ':::{name}': {hint}"
                yield SourceError(lesson.path, line, message)


def _unknown_profiles(lesson: Lesson, config: Config) -> Iterator[SourceError]:
    known = [profile.name for profile in config.profiles]
    for block in lesson.blocks:
        if block.options.only and block.options.only not in known:
            yield SourceError(
                lesson.path,
                block.fence_line,
                f"only={block.options.only}: no such profile; "
                f"{did_you_mean(block.options.only, known)}",
            )


def _unknown_preview(lesson: Lesson) -> Iterator[SourceError]:
    name, blocks = lesson.meta.text("preview"), [block.id for block in lesson.blocks]
    if name and name not in blocks:
        line = lesson.meta.lines.get(("preview",), 1)
        hint = did_you_mean(name, blocks)
        yield SourceError(lesson.path, line, f"preview: no block {name!r} here; {hint}")


def _unreadable_formulas(lesson: Lesson) -> Iterator[SourceError]:
    for token in lesson.tokens:
        places = [(token, token.map[0] + 1)] if token.type == "math_block" and token.map else []
        places += [
            (child, child.meta["line"])
            for child in token.children or ()
            if child.type == "math_inline"
        ]
        for formula, line in places:
            try:
                to_mathml(formula.content.strip(), formula.type == "math_block")
            except ValueError as error:
                yield SourceError(lesson.path, line, str(error))


def _broken_links(
    lesson: Lesson, lessons: Sequence[Lesson], config: Config
) -> Iterator[SourceError]:
    pages = {other.slug: other.anchors for other in lessons}
    sources = {config.root / other.path: other.slug for other in lessons}
    for link in lesson.links:
        page, _, anchor = link.target.partition("#")
        if is_file(page):
            if page.startswith("/") or ".." in page.split("/"):
                yield SourceError(
                    lesson.path, link.line, f"broken link: {page!r} is not in the lessons' folder"
                )
            elif slug := sources.get(config.lessons / page):
                yield SourceError(
                    lesson.path, link.line, f"a link to a lesson's source: write {slug!r}"
                )
            elif not (config.lessons / page).is_file():
                yield SourceError(lesson.path, link.line, f"broken link: no file {page!r} here")
            continue
        page = page.removesuffix(".html")
        if page in ("index", *curricula.page_names(config.lessons)) and not anchor:
            continue
        anchors = pages.get(page) if page else lesson.anchors
        if anchors is None:
            hint = did_you_mean(page, pages)
            yield SourceError(lesson.path, link.line, f"broken link: no lesson {page!r}; {hint}")
        elif anchor and anchor not in anchors:
            hint = did_you_mean(anchor, {name for name in anchors if not name.startswith("block-")})
            where = page or "this lesson"
            yield SourceError(
                lesson.path, link.line, f"broken link: {where} has no section {anchor!r}; {hint}"
            )
