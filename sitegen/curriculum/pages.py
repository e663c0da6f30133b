"""What the pages of a curriculum show, ready for their templates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sitegen.curriculum.layout import load_chart, requirement_graph
from sitegen.curriculum.model import Concept, Curriculum, Depth, Requirement, Teaching
from sitegen.parse.lesson import Lesson
from sitegen.parse.parser import slugify

ABLE = {
    Depth.APPLIED: "Write it and put it to use",
    Depth.DEVELOPED: "Explain it and work with it",
    Depth.INTRODUCED: "Say what it is and why",
    Depth.MENTIONED: "Have heard of it",
}
"""What a reader is able to do with a concept at each depth."""

Fields = dict[str, Any]


def _anchor(concept: str) -> str:
    return f"concept-{slugify(concept)}"


class CurriculumPages:
    """Turns a curriculum into the fields that templates read."""

    def __init__(self, curriculum: Curriculum) -> None:
        self.curriculum = curriculum
        self.by_slug = {teaching.slug: teaching for teaching in curriculum.teachings}
        self.sources = {source.slug: source for source in curriculum.prior.sources}

    @property
    def menu(self) -> list[Fields]:
        """The pages that there are beside the lessons."""
        names = (["plan"] if self.curriculum.module else []) + ["record"]
        return [{"title": name.capitalize(), "url": f"{name}.html"} for name in names]

    def lesson(self, lesson: Lesson) -> Fields:
        """What a lesson needs, what one can do after it, and what it sets right."""
        teaching = self.by_slug[lesson.slug]
        return {
            "needs": [self._need(teaching, need) for need in teaching.requires],
            "able": [
                {
                    "title": ABLE[depth],
                    "depth": depth.name,
                    "concepts": [
                        self._concept(teaching, concept)
                        for concept in teaching.teaches
                        if concept.depth == depth
                    ],
                }
                for depth in sorted(ABLE, reverse=True)
                if any(concept.depth == depth for concept in teaching.teaches)
            ],
            "misconceptions": [
                {
                    "claim": misconception.claim,
                    "why": misconception.why,
                    **self._place(teaching.slug, misconception.shown_wrong_in),
                }
                for misconception in teaching.misconceptions
            ],
        }

    @property
    def glossary(self) -> dict[str, str]:
        """Where the record tells of each concept that is taught, by its name in small letters."""
        return {
            concept.name.lower(): f"record.html#{_anchor(concept.name)}"
            for teaching in self.curriculum.teachings
            for concept in teaching.teaches
        }

    @property
    def goal(self) -> str:
        """What the module leads to, empty without one."""
        return self.curriculum.module.goal if self.curriculum.module else ""

    def before(self) -> Fields:
        """What a reader brings: how a module begins, and the prior concepts that most lessons need.

        A concept counts once for each lesson that requires it.
        """
        known = {concept.name for concept in self.curriculum.prior.concepts}
        needed = Counter(
            need.concept
            for teaching in self.curriculum.teachings
            for need in teaching.requires
            if need.concept in known
        )
        module = self.curriculum.module
        return {
            "start": module.start if module else "",
            "concepts": len(needed),
            "first": [name for name, _ in needed.most_common(4)],
        }

    def plan(self) -> Fields | None:
        """The arc, the loads and the misconceptions of the module, None without one."""
        module = self.curriculum.module
        if module is None:
            return None
        return {
            "module": module,
            "chart": load_chart(self.curriculum),
            "steps": [
                {
                    "step": step,
                    "place": self._place(step.lesson) if step.lesson in self.by_slug else None,
                    "teaching": self.by_slug.get(step.lesson),
                    "new": [
                        concept.name
                        for teaching in self._found(step.lesson)
                        for concept in self.curriculum.new(teaching)
                    ],
                }
                for step in module.arc
            ],
            "misconceptions": [
                {
                    "claim": misconception.claim,
                    "answer": misconception.answer,
                    **self._place(*misconception.shown_wrong_in.split("#", 1)),
                }
                for misconception in module.misconceptions
            ],
        }

    def record(self) -> Fields:
        """Every concept with its depth, lesson and returns, and each lesson in its own terms."""
        return {
            "module": self.curriculum.module,
            "lessons": [self._lesson_record(teaching) for teaching in self.curriculum.teachings],
            "depths": [depth.name for depth in Depth],
            "graph": requirement_graph(self.curriculum),
            "prior": [
                {
                    "source": source,
                    "concepts": [
                        concept
                        for concept in self.curriculum.prior.concepts
                        if concept.source == source.slug
                    ],
                    "models": [
                        one.model
                        for one in self.curriculum.prior.mental_models
                        if one.source == source.slug
                    ],
                }
                for source in self.curriculum.prior.sources
            ],
        }

    def _lesson_record(self, teaching: Teaching) -> Fields:
        return {
            "teaching": teaching,
            "order": teaching.lesson.meta.order,
            "type": teaching.lesson.meta.text("type"),
            "url": f"{teaching.slug}.html",
            "concepts": [self._concept(teaching, concept) for concept in teaching.teaches],
            "new": [concept.name for concept in self.curriculum.new(teaching)],
            "modalities": [
                {"name": one.name, **self._place(teaching.slug, one.section)}
                for one in teaching.modalities
            ],
            "examples": [
                {
                    "what": one.what,
                    "kind": one.kind,
                    **self._place(teaching.slug, one.section),
                }
                for one in teaching.examples
            ],
        }

    def _concept(self, teaching: Teaching, concept: Concept) -> Fields:
        return {
            "name": concept.name,
            "anchor": _anchor(concept.name),
            "depth": concept.depth.name,
            "level": int(concept.depth),
            "notes": concept.notes,
            "extends": concept.extends,
            **self._place(teaching.slug, concept.section),
            "returns": self._returns(teaching, concept),
        }

    def _returns(self, teaching: Teaching, concept: Concept) -> list[Fields]:
        """The places, named by their sections; the first in another lesson names that lesson."""
        found, lessons = [], {teaching.slug}
        for one in self.curriculum.returns(teaching, concept):
            place = self._place(one.slug, one.section)
            label = place["title"] if one.slug in lessons else place["lesson"]
            lessons.add(one.slug)
            found.append({**place, "label": label})
        return found

    def _need(self, teaching: Teaching, need: Requirement) -> Fields:
        taught = self.curriculum.taught_in(teaching, need.concept)
        deepest = max(taught, key=lambda concept: concept.depth, default=None)
        slug = need.source or (deepest.source if deepest else "")
        at = next((concept for concept in taught if concept.source == slug), None)
        source = self.sources.get(slug)
        known = self._place(slug, at.section if at else "") if slug in self.by_slug else {}
        number = f" ({source.number})" if source and source.number else ""
        return {
            "concept": need.concept,
            "depth": need.depth.name,
            "url": known.get("url", ""),
            "source": known.get("lesson") or (f"{source.title}{number}" if source else slug),
            "gap": need.gap,
            "resolution": need.resolution,
            "taken_up": self._place(teaching.slug, need.section) if need.section else None,
        }

    def _found(self, slug: str) -> Iterable[Teaching]:
        return [self.by_slug[slug]] if slug in self.by_slug else []

    def _place(self, slug: str, anchor: str = "") -> dict[str, str]:
        """A link to a section, with its title and that of its lesson; no link before it exists."""
        teaching = self.by_slug.get(slug)
        if teaching is None:
            return {"url": "", "title": slug, "lesson": slug}
        titles = {heading.id: heading.title for heading in teaching.lesson.headings}
        words = anchor.replace("-", " ").capitalize()
        return {
            "url": f"{slug}.html#{anchor}" if anchor else f"{slug}.html",
            "title": titles.get(anchor) or words or teaching.title,
            "lesson": teaching.title,
        }
