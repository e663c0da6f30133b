"""What one round of building leaves for the next."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sitegen.course import Course, assemble, lesson_files
from sitegen.errors import SiteError, SourceError, flat
from sitegen.parse.config import Config
from sitegen.parse.lesson import Block, Lesson
from sitegen.parse.parser import examine, examine_file
from sitegen.record.embedded import disagreements
from sitegen.render.kept import Made
from sitegen.schedule import Evidence
from sitegen.serve.library import Sight
from sitegen.trace import Program


class Kept(Made):
    """What was made of the course, and of the library."""

    def __init__(self) -> None:
        super().__init__()
        self._good: dict[str, Lesson] = {}

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
