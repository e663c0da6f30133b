"""What one round of building leaves for the next.

A thing is kept with all that it was made from, and made anew unless that is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import jinja2
from jinja2.bccache import Bucket
from markupsafe import Markup

from sitegen.course import Course, assemble, lesson_files
from sitegen.errors import SiteError, SourceError, flat
from sitegen.parse.config import Config
from sitegen.parse.lesson import Block, Lesson
from sitegen.parse.parser import examine, examine_file
from sitegen.record.embedded import disagreements
from sitegen.render.body import Body
from sitegen.render.references import Reference
from sitegen.render.renderer import Page, Renderer
from sitegen.render.results import Results, Shown
from sitegen.render.templates import Templates
from sitegen.schedule import Evidence
from sitegen.serve.library import Sight
from sitegen.trace import Program

T = TypeVar("T")


class Kept:
    """What was made, by a name, with what it was made from."""

    def __init__(self) -> None:
        self.compiled = _Compiled()
        self._made: dict[Hashable, tuple[Any, Any]] = {}
        self._good: dict[str, Lesson] = {}

    def once(self, name: Hashable, source: Any, make: Callable[[], T]) -> T:
        """What `make` gave for an equal source, made if this is another."""
        known = self._made.get(name)
        if known is None or known[0] != source:
            known = self._made[name] = (source, make())
        found: T = known[1]
        return found

    def evidence(self, config: Config, sight: Sight) -> Evidence:
        """What cells are held against, with what is known of the library if that is the same."""
        make = partial(Evidence.of, config, sight.program)
        return self.once("evidence", (config, sight.identity), make)

    def course(self, config: Config) -> tuple[Course, tuple[SiteError, ...]]:
        """The course, with the last good text of each lesson that has mistakes; and these.

        Raises:
            SiteError: that does not make a course.
        """
        lessons: dict[str, Lesson] = {}
        errors: list[SourceError] = []
        broken: list[Lesson] = []
        for path in lesson_files(config):
            lesson, wrong_here = self._lesson(config.root, path)
            errors += wrong_here
            if lesson and wrong_here:
                broken.append(lesson)
            elif lesson:
                lessons[lesson.path] = lesson
        mistakes: tuple[SiteError, ...] = ()
        try:
            course = assemble(config, list(lessons.values()), errors, broken)
        except SiteError as error:
            mistakes = flat([error])
            wrong = {one.path for one in mistakes if isinstance(one, SourceError)}
            good = {path: lesson for path, lesson in self._good.items() if path in wrong}
            lessons = {path: one for path, one in lessons.items() if path not in wrong} | good
            try:
                course = assemble(config, list(lessons.values()))
            except SiteError:
                raise error from None
        self._good = lessons
        return course, mistakes

    def _lesson(self, root: Path, path: Path) -> tuple[Lesson | None, list[SourceError]]:
        try:
            text = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            return examine_file(root, path)  # it says what is wrong
        name = path.relative_to(root).as_posix()
        return self.once(("lesson", name), text, partial(examine, name, text))

    def disagreements(self, lesson: Lesson, program: Program) -> Sequence[tuple[Block, str, str]]:
        """The embedded blocks that differ from the library, each with a message and the diff."""

        def make() -> list[tuple[Block, str, str]]:
            found = disagreements(lesson, program)
            return [(one.block, one.message, one.diff) for one in found]

        source = (program, [block for block in lesson.blocks if block.options.source])
        return self.once(("embedded", lesson.path), source, make)


class KeptRenderer(Renderer):
    """Renders only the pages that would come out differently."""

    def __init__(self, course: Course, kept: Kept) -> None:
        references = course.references
        super().__init__(
            course.config, course.lessons, course.curriculum, references, kept.compiled
        )
        self.kept = kept
        self.body = _KeptBody(
            self.templates, self.glossary, self.names, references, kept, self._common
        )

    @cached_property
    def _common(self) -> Any:
        """What every page is made from."""
        setup = self.config.notebook_setup
        written = setup and setup.read_bytes()
        named = self.names, self.references, self.glossary
        return self.config, self._site, template_files(self.config), written, named

    def lesson(self, lesson: Lesson, results: Results) -> Page:
        place = self.curriculum and self.curriculum.lesson(lesson)
        return self.kept.once(
            ("page", lesson.slug),
            (self._common, lesson, results, place),
            partial(super().lesson, lesson, results),
        )

    def index(self, figures: Mapping[str, str]) -> Page:
        told = self.curriculum and (self.curriculum.goal, self.curriculum.before())
        return self.kept.once(
            "index", (self._common, dict(figures), told), partial(super().index, figures)
        )

    def missing(self) -> Page:
        return self.kept.once("missing", self._common, super().missing)

    def curriculum_pages(self) -> list[Page]:
        curriculum = self.curriculum and self.curriculum.curriculum
        return self.kept.once("curriculum", (self._common, curriculum), super().curriculum_pages)


class _KeptBody(Body):
    """Renders only the blocks that would come out differently."""

    def __init__(
        self,
        templates: Templates,
        glossary: Mapping[str, str],
        names: Mapping[str, str],
        references: Mapping[str, Reference],
        kept: Kept,
        common: Any,
    ) -> None:
        super().__init__(templates, glossary, names, references)
        self.kept = kept
        self.common = common

    def block(self, block: Block, shown: Sequence[Shown], asked: bool = False) -> Markup:
        return self.kept.once(
            ("block", self.slug, block.id),
            (self.common, replace(block, line=0), list(shown), asked),  # its line isn't shown
            partial(super().block, block, shown, asked),
        )


def template_files(config: Config) -> dict[Path, bytes]:
    """Every template with its text."""
    paths = (path for folder in config.templates for path in sorted(folder.rglob("*")))
    return {path: path.read_bytes() for path in paths if path.is_file()}


class _Compiled(jinja2.BytecodeCache):
    """Compiled templates; Jinja holds each against a hash of its text."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()
