"""The rules of the audit: small functions, each with a code, a docstring and its findings.

A docstring says first what the rule wants, then why. The author's guide lists them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sitegen.curriculum.model import MAX_NEW, Curriculum, Depth, Teaching
from sitegen.errors import SourceError, did_you_mean
from sitegen.parse.frontmatter import slug_problem

MIN_MODALITIES = 3
MIN_MISCONCEPTIONS = 3
MIN_POSITIVE = 2
MIN_NEGATIVE = 1

STRETCH = "STRETCH"


class AuditError(SourceError):
    """What a rule found at one place: `path:line: CODE what is wrong; what would be right`."""

    def __init__(self, code: str, path: str, line: int, message: str, hint: str) -> None:
        super().__init__(path, line, f"{code} {message}; {hint}")
        self.code = code
        self.hint = hint


@dataclass(frozen=True)
class Finding:
    """What a rule yields; the audit adds the code of the rule."""

    path: str
    line: int
    message: str
    hint: str


Check = Callable[[Curriculum], Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    """One rule of the audit."""

    code: str
    name: str
    check: Check

    @property
    def text(self) -> str:
        return inspect.getdoc(self.check) or ""


RULES: list[Rule] = []


def rule(code: str) -> Callable[[Check], Check]:
    """Add a function to the rules of the audit."""

    def add(check: Check) -> Check:
        RULES.append(Rule(code, check.__name__.replace("_", "-"), check))
        return check

    return add


def audit(curriculum: Curriculum) -> list[AuditError]:
    """What the rules find, in the order of the files and their lines."""
    findings = [
        AuditError(rule.code, found.path, found.line, found.message, found.hint)
        for rule in RULES
        for found in rule.check(curriculum)
    ]
    return sorted(findings, key=lambda finding: (finding.path, finding.line, finding.code))


@rule("C01")
def taught_before(curriculum: Curriculum) -> Iterator[Finding]:
    """A required concept was taught to that depth before.

    A reader who lacks it is lost at the first sentence that needs it. Where the reader falls
    short by a little, `gap` says by what and `resolution` how the lesson makes up for it; the
    concept must have been met all the same. A lesson that the arc only announces is taken at its
    word until it is written.
    """
    for teaching in curriculum.teachings:
        before = curriculum.before(teaching)
        for need in teaching.requires:
            met = before.get(need.concept)
            if curriculum.announced(need.source):
                continue
            if met is None:
                yield Finding(
                    teaching.lesson.path,
                    need.line,
                    f"{need.concept!r} is required and taught nowhere before",
                    did_you_mean(need.concept, before),
                )
            elif met.depth < need.depth and not need.resolution:
                yield Finding(
                    teaching.lesson.path,
                    need.line,
                    f"{need.concept!r} is required at {need.depth.name} "
                    f"and was taught at {met.depth.name} at most",
                    "require less, teach it further before, or give gap and resolution",
                )


@rule("C02")
def source_teaches_it(curriculum: Curriculum) -> Iterator[Finding]:
    """The `source` of a required concept teaches it.

    Readers follow the link to look it up again.
    """
    for teaching in curriculum.teachings:
        for need in teaching.requires:
            sources = {concept.source for concept in curriculum.taught_in(teaching, need.concept)}
            known = need.source in sources or curriculum.announced(need.source)
            if need.source and sources and not known:
                yield Finding(
                    teaching.lesson.path,
                    need.line,
                    f"{need.source!r} does not teach {need.concept!r}",
                    f"it is taught in {', '.join(sorted(sources))}",
                )


@rule("C03")
def gap_is_resolved(curriculum: Curriculum) -> Iterator[Finding]:
    """A `gap` has its `resolution`, and a `resolution` its `gap`.

    A gap that is known and left open is one the reader falls into.
    """
    for teaching in curriculum.teachings:
        for need in teaching.requires:
            if bool(need.gap) != bool(need.resolution):
                there, lacks = ("gap", "resolution") if need.gap else ("resolution", "gap")
                yield Finding(
                    teaching.lesson.path,
                    need.line,
                    f"{need.concept!r} has a {there} and no {lacks}",
                    "say what the reader lacks, and how the lesson makes up for it",
                )


@rule("C04")
def few_new_concepts(curriculum: Curriculum) -> Iterator[Finding]:
    """A lesson brings at most three new concepts.

    Working memory holds few new things at once. New is what a lesson teaches at INTRODUCED or
    above, what was at most MENTIONED before, and what has no `extends`: a further step of
    something known is no load of its own.
    """
    for teaching in curriculum.teachings:
        new = curriculum.new(teaching)
        if len(new) > MAX_NEW:
            yield Finding(
                teaching.lesson.path,
                new[MAX_NEW].line,
                f"{len(new)} new concepts: {', '.join(concept.name for concept in new)}",
                f"teach at most {MAX_NEW}, or say with `extends` what known concept one continues",
            )


@rule("C05")
def extends_something_known(curriculum: Curriculum) -> Iterator[Finding]:
    """A concept `extends` one that was taught before, or above it in the same lesson.

    Otherwise anything could be declared no load.
    """
    for teaching in curriculum.teachings:
        known = {
            name
            for name, concept in curriculum.before(teaching).items()
            if concept.depth >= Depth.INTRODUCED
        }
        for concept in teaching.teaches:
            if concept.extends and concept.extends not in known:
                yield Finding(
                    teaching.lesson.path,
                    concept.line,
                    f"{concept.name!r} extends {concept.extends!r}, which is not introduced before",
                    did_you_mean(concept.extends, known),
                )
            known.add(concept.name)


@rule("C06")
def enough_modalities(curriculum: Curriculum) -> Iterator[Finding]:
    """A lesson speaks in at least three modalities.

    What words don't say to someone, a picture, a number or a line of code may.
    """
    for teaching in curriculum.teachings:
        yield from _too_few(
            teaching, "modalities", len(teaching.modalities), MIN_MODALITIES, "modalities"
        )


@rule("C07")
def enough_misconceptions(curriculum: Curriculum) -> Iterator[Finding]:
    """A lesson takes at least three misconceptions apart.

    What readers believe already decides what they hear.
    """
    for teaching in curriculum.teachings:
        count = len(teaching.misconceptions)
        yield from _too_few(teaching, "misconceptions", count, MIN_MISCONCEPTIONS, "misconceptions")


@rule("C08")
def enough_positive_examples(curriculum: Curriculum) -> Iterator[Finding]:
    """A lesson has at least two positive examples.

    From one example alone nobody can tell what is general in it.
    """
    for teaching in curriculum.teachings:
        count = sum(example.kind == "positive" for example in teaching.examples)
        yield from _too_few(teaching, "examples", count, MIN_POSITIVE, "positive examples")


@rule("C09")
def enough_negative_examples(curriculum: Curriculum) -> Iterator[Finding]:
    """A lesson has at least one negative example.

    Where an idea ends is seen only from outside.
    """
    for teaching in curriculum.teachings:
        count = sum(example.kind == "negative" for example in teaching.examples)
        yield from _too_few(teaching, "examples", count, MIN_NEGATIVE, "negative examples")


@rule("C10")
def sections_are_there(curriculum: Curriculum) -> Iterator[Finding]:
    """Every section that the front matter names is on the page.

    Misconceptions, modalities, examples, concepts and requirements say where they are found. A
    section is named by its anchor, a block by `block-` and its id.
    """
    for teaching in curriculum.teachings:
        lesson = teaching.lesson
        for what, name, line in _named_sections(teaching):
            if name not in lesson.anchors:
                yield Finding(
                    lesson.path,
                    line,
                    f"{what}: there is no section {name!r}",
                    did_you_mean(name, lesson.anchors, lesson.sections),
                )


@rule("C11")
def stretches_stand_apart(curriculum: Curriculum) -> Iterator[Finding]:
    """No two lessons with the load STRETCH stand in a row.

    After a steep lesson readers need one in which things settle.
    """
    pairs = zip(curriculum.teachings, curriculum.teachings[1:], strict=False)
    for before, teaching in pairs:
        if before.load == teaching.load == STRETCH:
            yield Finding(
                teaching.lesson.path,
                teaching.load_line,
                f"a STRETCH right after {before.slug!r}, which is one too",
                "make one of the two a BUILD, or put a lesson between them",
            )


@rule("C12")
def taught_to_be_used(curriculum: Curriculum) -> Iterator[Finding]:
    """A concept taught at DEVELOPED or above is used.

    A later lesson requires, deepens or extends it, another concept of the same lesson extends
    it, or `used_in` names a section or block that puts it to use. What nothing ever needs is
    only load.
    """
    for teaching in curriculum.teachings:
        for concept in teaching.teaches:
            if concept.depth >= Depth.DEVELOPED and not curriculum.returns(teaching, concept):
                yield Finding(
                    teaching.lesson.path,
                    concept.line,
                    f"{concept.name!r} is taught at {concept.depth.name} and used nowhere",
                    "name a section or block in `used_in`, or require it in a later lesson",
                )


@rule("C13")
def lessons_are_in_the_arc(curriculum: Curriculum) -> Iterator[Finding]:
    """Every lesson has its step in the arc of `module.yaml`, in the same order.

    A lesson without a place in the story has not found its reason yet.
    """
    module = curriculum.module
    if module is None:
        return
    steps = [step.lesson for step in module.arc]
    for teaching in curriculum.teachings:
        if teaching.slug not in steps:
            yield Finding(
                teaching.lesson.path,
                teaching.lesson.meta.lines.get(("slug",), 1),
                f"{teaching.slug!r} is no step of the arc in {module.path}",
                did_you_mean(teaching.slug, steps),
            )
    order = [teaching.slug for teaching in curriculum.teachings if teaching.slug in steps]
    written = [step for step in module.arc if step.lesson in order]
    for step, slug in zip(written, order, strict=False):
        if step.lesson != slug:
            yield Finding(
                module.path,
                step.line,
                f"the arc has {step.lesson!r} where the lessons have {slug!r}",
                "put the steps in the order of the lessons",
            )
            return


@rule("C14")
def module_misconceptions_are_answered(curriculum: Curriculum) -> Iterator[Finding]:
    """Every misconception of `module.yaml` names `lesson#section` where it is shown wrong.

    A lesson that the arc only announces is taken at its word until it is written.
    """
    module = curriculum.module
    if module is None:
        return
    lessons = {teaching.slug: teaching.lesson for teaching in curriculum.teachings}
    for misconception in module.misconceptions:
        slug, _, anchor = misconception.shown_wrong_in.partition("#")
        if slug not in lessons and not curriculum.announced(slug):
            message, hint = f"there is no lesson {slug!r}", did_you_mean(slug, lessons)
        elif slug in lessons and anchor not in lessons[slug].anchors:
            message = f"{slug!r} has no section {anchor!r}"
            hint = did_you_mean(anchor, lessons[slug].anchors, lessons[slug].sections)
        else:
            continue
        yield Finding(module.path, misconception.line, f"misconception: {message}", hint)


@rule("C15")
def ways_on_lead_somewhere(curriculum: Curriculum) -> Iterator[Finding]:
    """`next`, and the `to` of what a lesson leaves out, name a lesson or say it in words.

    What is spelled like a slug is taken for one; a place outside of the course is not: Module 5.
    """
    slugs = [teaching.slug for teaching in curriculum.teachings]
    sources = [source.slug for source in curriculum.prior.sources]
    for teaching in curriculum.teachings:
        meta = teaching.lesson.meta
        rows = meta.data.get("scope", {}).get("is_not", ())
        named: list[tuple[tuple[str | int, ...], str]] = [(("next",), meta.text("next"))]
        named += [
            (("scope", "is_not", index, "to"), row["to"])
            for index, row in enumerate(rows)
            if isinstance(row, dict) and "to" in row
        ]
        for place, name in named:
            known = name in slugs or name in sources or curriculum.announced(name)
            if name and not slug_problem(name) and not known:
                yield Finding(
                    teaching.lesson.path,
                    meta.lines.get(place, 1),
                    f"{place[-1]}: there is no lesson {name!r}",
                    did_you_mean(name, slugs),
                )


def _too_few(teaching: Teaching, key: str, count: int, least: int, what: str) -> Iterator[Finding]:
    if count < least:
        lines = teaching.lesson.meta.lines
        yield Finding(
            teaching.lesson.path,
            lines.get((key,), lines.get(("slug",), 1)),
            f"{count} {what}, where {least} are wanted",
            f"add to `{key}` in the front matter",
        )


def _named_sections(teaching: Teaching) -> Iterator[tuple[str, str, int]]:
    """What the front matter speaks of, the anchor it names, and the line."""
    for misconception in teaching.misconceptions:
        yield (
            f"misconception {misconception.claim!r}",
            misconception.shown_wrong_in,
            (misconception.line),
        )
    for modality in teaching.modalities:
        yield f"modality {modality.name!r}", modality.section, modality.line
    for example in teaching.examples:
        yield f"example {example.what!r}", example.section, example.line
    for concept in teaching.teaches:
        for name in filter(None, (concept.section, *concept.used_in)):
            yield f"concept {concept.name!r}", name, concept.line
    for need in teaching.requires:
        if need.section:
            yield f"requirement {need.concept!r}", need.section, need.line
