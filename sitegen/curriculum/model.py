"""Concepts and the lessons that teach, need and use them. Nothing here reads files or renders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

from sitegen.parse.lesson import Lesson

MAX_NEW = 3
"""New concepts that one lesson may bring."""


class Depth(IntEnum):
    """How well a concept is known."""

    MENTIONED = 0
    INTRODUCED = 1
    DEVELOPED = 2
    APPLIED = 3


@dataclass(frozen=True)
class Concept:
    """A concept as one lesson or one prior source teaches it."""

    name: str
    depth: Depth
    source: str
    """The slug of the lesson or of the prior source."""
    line: int
    notes: str = ""
    section: str = ""
    """The anchor in the lesson where it is taught."""
    extends: str = ""
    """A concept that this one is a further step of, so that it is nothing new."""
    used_in: tuple[str, ...] = ()
    """Anchors of the same lesson where it is put to use."""


@dataclass(frozen=True)
class Requirement:
    """A concept that a lesson needs, to what depth, and what it does if that falls short."""

    concept: str
    depth: Depth
    line: int
    source: str = ""
    gap: str = ""
    resolution: str = ""
    section: str = ""
    """The anchor in the lesson that takes the concept up."""


@dataclass(frozen=True)
class Misconception:
    """A belief that is likely and wrong."""

    claim: str
    line: int
    why: str = ""
    answer: str = ""
    shown_wrong_in: str = ""
    """An anchor of the lesson; of a module's misconception `slug#anchor`."""


@dataclass(frozen=True)
class Example:
    """An example, positive or negative."""

    what: str
    kind: str
    section: str
    line: int


@dataclass(frozen=True)
class Modality:
    """A way in which a lesson says what it says, and where."""

    name: str
    section: str
    line: int


@dataclass(frozen=True)
class Deferred:
    """What a lesson is not about, and where that is found instead."""

    what: str
    to: str = ""


@dataclass(frozen=True)
class Teaching:
    """What the front matter of one lesson says about it."""

    lesson: Lesson = field(repr=False)
    load: str = ""
    load_line: int = 1
    teaches: tuple[Concept, ...] = ()
    requires: tuple[Requirement, ...] = ()
    misconceptions: tuple[Misconception, ...] = ()
    modalities: tuple[Modality, ...] = ()
    examples: tuple[Example, ...] = ()
    deferred: tuple[Deferred, ...] = ()
    mental_models: tuple[str, ...] = ()
    analogies: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        return self.lesson.slug

    @property
    def title(self) -> str:
        return self.lesson.meta.title


@dataclass(frozen=True)
class Source:
    """A lesson or module before this course that prior concepts come from."""

    slug: str
    title: str
    number: str = ""


@dataclass(frozen=True)
class MentalModel:
    """A sentence that stuck, and where it comes from."""

    model: str
    source: str


@dataclass(frozen=True)
class Prior:
    """`prior.yaml`: what was taught before the course."""

    sources: tuple[Source, ...] = ()
    concepts: tuple[Concept, ...] = ()
    mental_models: tuple[MentalModel, ...] = ()


@dataclass(frozen=True)
class Step:
    """One lesson's place in the arc of the module."""

    lesson: str
    step: str
    line: int
    story: str = ""
    position: str = ""
    load: str = ""


@dataclass(frozen=True)
class Module:
    """`module.yaml`: the course as a whole."""

    path: str
    title: str
    goal: str
    number: str = ""
    start: str = ""
    idea: str = ""
    arc: tuple[Step, ...] = ()
    misconceptions: tuple[Misconception, ...] = ()

    def step(self, slug: str) -> Step | None:
        return next((step for step in self.arc if step.lesson == slug), None)


@dataclass(frozen=True)
class Return:
    """A place where a concept that was taught earlier comes back."""

    slug: str
    section: str = ""


@dataclass(frozen=True)
class Curriculum:
    """A course's concepts, prior and taught, with the questions one asks of them."""

    teachings: tuple[Teaching, ...]
    """In the order of the lessons."""
    prior: Prior = Prior()
    module: Module | None = None

    @cached_property
    def _before(self) -> Mapping[str, Mapping[str, Concept]]:
        """By lesson, the concepts met before it, each as it was taught deepest."""
        known: dict[str, Concept] = {}
        before = {}
        for concept in self.prior.concepts:
            _deepen(known, concept)
        for teaching in self.teachings:
            before[teaching.slug] = dict(known)
            for concept in teaching.teaches:
                _deepen(known, concept)
        return before

    def before(self, teaching: Teaching) -> Mapping[str, Concept]:
        """The concepts met before a lesson, by name, each as it was taught deepest."""
        return self._before[teaching.slug]

    def announced(self, slug: str) -> bool:
        """Whether a lesson stands in the arc of the module and is not written yet."""
        written = {teaching.slug for teaching in self.teachings}
        return bool(self.module and self.module.step(slug)) and slug not in written

    def taught_in(self, teaching: Teaching, name: str) -> tuple[Concept, ...]:
        """Every earlier place that teaches a concept, the first one first."""
        earlier = self.teachings[: self.teachings.index(teaching)]
        taught = (*self.prior.concepts, *(one for other in earlier for one in other.teaches))
        return tuple(concept for concept in taught if concept.name == name)

    def new(self, teaching: Teaching) -> tuple[Concept, ...]:
        """The concepts that a lesson brings as new.

        New is what it teaches at INTRODUCED or above, what before was at most MENTIONED, and
        what `extends` nothing the reader has. A further step of something known is no load of
        its own.
        """
        before = self.before(teaching)
        return tuple(
            concept
            for concept in teaching.teaches
            if concept.depth >= Depth.INTRODUCED
            and not concept.extends
            and (concept.name not in before or before[concept.name].depth < Depth.INTRODUCED)
        )

    def returns(self, teaching: Teaching, concept: Concept) -> tuple[Return, ...]:
        """Where a concept that a lesson teaches comes back: there, then in later lessons."""
        here = (
            *concept.used_in,
            *(one.section for one in teaching.teaches if one.extends == concept.name),
        )
        found = [Return(teaching.slug, anchor) for anchor in here if anchor != concept.section]
        for later in self.teachings[self.teachings.index(teaching) + 1 :]:
            found += (Return(later.slug, section) for section in _uses(later, concept.name))
        return tuple(dict.fromkeys(found))


def _deepen(known: dict[str, Concept], concept: Concept) -> None:
    if concept.name not in known or known[concept.name].depth < concept.depth:
        known[concept.name] = concept


def _uses(teaching: Teaching, name: str) -> Iterator[str]:
    """The sections of a lesson that need a concept, teach it further or extend it."""
    for need in teaching.requires:
        if need.concept == name:
            yield need.section
    for concept in teaching.teaches:
        if name in (concept.name, concept.extends):
            yield concept.section
