"""Pages that are rendered again only where they would come out differently."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import jinja2
from jinja2.bccache import Bucket
from markupsafe import Markup

from sitegen.curriculum import Curriculum
from sitegen.parse.config import Config
from sitegen.parse.lesson import Block, Lesson
from sitegen.render.body import Body
from sitegen.render.references import Reference
from sitegen.render.renderer import Page, Renderer
from sitegen.render.results import Results, Shown
from sitegen.render.templates import Templates

T = TypeVar("T")


class Made:
    """What was made, by a name, with what it was made from: made anew unless that is the same."""

    def __init__(self) -> None:
        self.compiled = _Compiled()
        self._made: dict[Hashable, tuple[Any, Any]] = {}

    def once(self, name: Hashable, source: Any, make: Callable[[], T]) -> T:
        """What `make` gave for an equal source, made if this is another."""
        known = self._made.get(name)
        if known is None or known[0] != source:
            known = self._made[name] = (source, make())
        found: T = known[1]
        return found


class KeptRenderer(Renderer):
    """Renders only the pages that would come out differently."""

    def __init__(
        self,
        made: Made,
        config: Config,
        lessons: Sequence[Lesson],
        curriculum: Curriculum | None,
        references: Mapping[str, Reference],
    ) -> None:
        super().__init__(config, lessons, curriculum, references, made.compiled)
        self.made = made
        self.body = _KeptBody(
            self.templates, self.glossary, self.names, references, made, self._common
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
        return self.made.once(
            ("page", lesson.slug),
            (self._common, lesson, results, place),
            partial(super().lesson, lesson, results),
        )

    def index(self, figures: Mapping[str, str]) -> Page:
        told = self.curriculum and (self.curriculum.goal, self.curriculum.before())
        return self.made.once(
            "index", (self._common, dict(figures), told), partial(super().index, figures)
        )

    def missing(self) -> Page:
        return self.made.once("missing", self._common, super().missing)

    def curriculum_pages(self) -> list[Page]:
        curriculum = self.curriculum and self.curriculum.curriculum
        return self.made.once("curriculum", (self._common, curriculum), super().curriculum_pages)


class _KeptBody(Body):
    """Renders only the blocks that would come out differently."""

    def __init__(
        self,
        templates: Templates,
        glossary: Mapping[str, str],
        names: Mapping[str, str],
        references: Mapping[str, Reference],
        made: Made,
        common: Any,
    ) -> None:
        super().__init__(templates, glossary, names, references)
        self.made = made
        self.common = common

    def block(self, block: Block, shown: Sequence[Shown], asked: bool = False) -> Markup:
        return self.made.once(
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
