"""All lessons of a course, read and held against each other before anything is executed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sitegen import curriculum as curricula
from sitegen.errors import SiteError, SourceError, did_you_mean, flat, raise_all
from sitegen.files import links_out
from sitegen.parse.config import BUILT_IN, Config
from sitegen.parse.lesson import Lesson
from sitegen.parse.markdown import FORMULAS
from sitegen.parse.parser import examine_file, is_file
from sitegen.render.declared import Declaration, declared, to_take
from sitegen.render.mathml import FormulaError, to_mathml
from sitegen.render.references import NAMES, Reference
from sitegen.render.references import load as load_references


@dataclass(frozen=True)
class Course:
    """A configuration and its lessons, in their order."""

    config: Config
    lessons: tuple[Lesson, ...]
    curriculum: curricula.Curriculum | None = None
    """None where no file begins one."""
    references: Mapping[str, Reference] = field(default_factory=dict)
    """What can be cited, by its key."""

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
    """The Markdown files of the course's lessons; none that is a link out of the course."""
    foreign = set(_foreign(config, config.lessons))
    files = sorted(config.lessons.glob("[!.]*.md"))
    return [path for path in files if path not in foreign]


def readable(config: Config) -> list[Lesson]:
    """The lessons that there are, be there mistakes in them.

    Raises:
        SiteError: the front matter of one is no YAML, so that nobody knows its slug and order.
    """
    found = []
    for path in lesson_files(config):
        lesson, mistakes = examine_file(config.root, path)
        if lesson and lesson.meta.data:
            found.append(lesson)
        else:
            raise_all(mistakes)
    return found


def next_order(lessons: Iterable[Lesson]) -> int:
    """The place of a lesson that comes after these."""
    return max((lesson.meta.order for lesson in lessons), default=0) + 1


def taken_slugs(config: Config, lessons: Iterable[Lesson]) -> dict[str, str]:
    """What no further lesson may be called, each with what is: a page or a file of that name."""
    taken = dict.fromkeys(curricula.page_names(config.lessons), "the generator's own page")
    taken |= {path.stem: _name(config, path) for path in config.lessons.glob("*.md")}
    for lesson in lessons:
        taken |= dict.fromkeys(lesson.former, lesson.path) | {lesson.slug: lesson.path}
    return taken


def _name(config: Config, path: Path) -> str:
    return path.relative_to(config.root).as_posix()


def _foreign(config: Config, folder: Path) -> Iterator[Path]:
    """The links in a folder that lead out of the course, to what is nobody's to publish."""
    own = [path.resolve() for path in (*config.templates, *config.static)]
    return links_out(folder, [config.root, *own])


def _links_out(config: Config) -> Iterator[SourceError]:
    for folder in dict.fromkeys([config.lessons, *config.templates, *config.static]):
        if folder.is_relative_to(BUILT_IN) and not folder.is_relative_to(config.root):
            continue  # the generator's own, wherever a package manager has put it
        for path in _foreign(config, folder):
            name = os.path.relpath(path, config.root)
            message = f"a link out of the course, to {os.readlink(path)}; put the file itself here"
            yield SourceError(name, 1, message)


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
    broken: list[Lesson] = []
    for path in lesson_files(config):
        lesson, mistakes = examine_file(config.root, path)
        errors += mistakes
        if lesson:
            (broken if mistakes else lessons).append(lesson)
    return assemble(config, lessons, errors, broken)


def assemble(
    config: Config,
    lessons: Sequence[Lesson],
    errors: Iterable[SiteError] = (),
    broken: Sequence[Lesson] = (),
) -> Course:
    """The course of these lessons; all mistakes are raised together, with those known already.

    The mistakes of the `broken` lessons are among these. What can be read of them is examined,
    too, as far as no mistake is told twice or in consequence of another.
    """
    errors = [*errors, *_links_out(config)]
    if not lessons and not errors:
        folder = config.lessons.relative_to(config.root).as_posix()
        raise SiteError(f"no lessons: {folder}/ holds no .md file")
    errors.extend(_same_names(sorted([*lessons, *broken], key=str)))
    errors.extend(_taken_names(config, sorted(lessons, key=str)))
    known = declared(config.templates)
    references: Mapping[str, Reference] | None = None
    try:
        references = load_references(config.root, config.lessons)
    except SourceError as error:
        errors.append(error)
    for lesson in (*lessons, *broken):
        if references is not None:
            errors.extend(_unknown_citations(lesson, references, config))
        errors.extend(_unknown_components(lesson, known, config))
        errors.extend(_unknown_profiles(lesson, config))
        errors.extend(_unreadable_formulas(lesson))
    for lesson in lessons:
        errors.extend(_unknown_preview(lesson))
    unread = bool(errors)
    for lesson in (*lessons, *broken):
        errors.extend(_broken_links(lesson, lessons, broken, config, unread))
    lessons = sorted(lessons, key=lambda item: (item.meta.order, item.slug))
    curriculum = None
    try:
        # Of lessons with mistakes no curriculum can be made, but its own files can be read.
        curriculum = curricula.read(config.root, config.lessons, () if errors else lessons)
    except SiteError as error:
        errors.extend(flat([error]))
    raise_all(sorted(errors, key=_place))
    return Course(config, tuple(lessons), curriculum, references or {})


def _place(error: SiteError) -> tuple[str, int]:
    return (error.path, error.line) if isinstance(error, SourceError) else ("", 0)


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


def _taken_names(config: Config, lessons: Sequence[Lesson]) -> Iterator[SourceError]:
    """Former slugs that are those of pages, or twice given."""
    seen = dict.fromkeys(curricula.page_names(config.lessons), "the generator itself")
    seen |= {lesson.slug: lesson.path for lesson in lessons}
    for lesson in lessons:
        for former in lesson.former:
            other = seen.setdefault(former, lesson.path)
            if other != lesson.path or former == lesson.slug:
                line = lesson.meta.lines.get(("formerly",), 1)
                message = f"formerly {former!r} is that of {other}, and leads there"
                yield SourceError(lesson.path, line, message)


def _unknown_components(
    lesson: Lesson, known: Mapping[str, Declaration], config: Config
) -> Iterator[SourceError]:
    for token in lesson.tokens:
        if token.type != "component_open":
            continue
        line, name = token.meta["line"], token.info
        if name not in known:
            hint = did_you_mean(name, known)
            yield SourceError(lesson.path, line, f"unknown component ':::{name}': {hint}")
            continue
        attributes, template = token.meta["attributes"], known[name]
        for given in [*attributes.values, *attributes.flags]:
            if given not in template.takes:
                hint = did_you_mean(given, template.takes) if template.takes else "it takes none"
                message = f"unknown attribute {given!r} of ':::{name}': {hint}"
                yield SourceError(lesson.path, line, message + _declare(given, template, config))


def _declare(attribute: str, template: Declaration, config: Config) -> str:
    """How the author's own template would take an attribute."""
    if template.path.is_relative_to(BUILT_IN / "templates"):
        return ""
    path = os.path.relpath(template.path, config.root)
    return f"; or begin {path} with {to_take((*template.takes, attribute))}"


def _unknown_citations(
    lesson: Lesson, references: Mapping[str, Reference], config: Config
) -> Iterator[SourceError]:
    for cited in lesson.cited:
        if not references:
            place = config.lessons.relative_to(config.root).as_posix()
            message = (
                f"citation of {cited.key!r}: no {' or '.join(NAMES)} in {place}/; write one, or "
                "a link or a footnote, [^1]"
            )
            yield SourceError(lesson.path, cited.line, message)
        elif cited.key not in references:
            hint = did_you_mean(cited.key, references)
            yield SourceError(lesson.path, cited.line, f"no reference {cited.key!r}: {hint}")


def _unknown_profiles(lesson: Lesson, config: Config) -> Iterator[SourceError]:
    known = [profile.name for profile in config.profiles]
    given = [(block.options.only, block.fence_line) for block in lesson.blocks]
    for token in lesson.tokens:
        given += [
            (one.meta["only"], one.meta["line"])
            for one in (token, *(token.children or ()))
            if "only" in one.meta
        ]
    for name, line in sorted(set(given), key=lambda one: one[1]):
        if name and name not in known:
            hint = did_you_mean(name, known)
            yield SourceError(lesson.path, line, f"only {name!r}: no such profile; {hint}")


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
            (child, child.meta["line"]) for child in token.children or () if child.type in FORMULAS
        ]
        for formula, line in places:
            try:
                to_mathml(formula.content, formula.type != "math_inline")
            except FormulaError as error:
                yield SourceError(lesson.path, line + error.line, str(error))


def _broken_links(
    lesson: Lesson,
    lessons: Sequence[Lesson],
    broken: Sequence[Lesson],
    config: Config,
    unread: bool,
) -> Iterator[SourceError]:
    """Links that lead nowhere; if something is `unread`, those alone that lead nowhere anyway."""
    pages = {other.slug: other for other in lessons}
    sources = {config.root / other.path: other.slug for other in (*lessons, *broken)}
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
        if not page and lesson in broken:
            continue  # what it leads to may be what can't be read
        target = pages.get(page) if page else lesson
        if target is None:
            if not unread:
                hint = did_you_mean(page, pages)
                message = f"broken link: no lesson {page!r}; {hint}"
                yield SourceError(lesson.path, link.line, message)
        elif anchor and anchor not in target.anchors:
            hint = did_you_mean(anchor, target.anchors, target.sections)
            where = page or "this lesson"
            yield SourceError(
                lesson.path, link.line, f"broken link: {where} has no section {anchor!r}; {hint}"
            )
        elif not link.named and not (target.names.get(anchor) or (page and not anchor)):
            message = f"a link without words to {link.target!r}, which has no name; give it words"
            yield SourceError(lesson.path, link.line, message)
