"""The table of `--audit`: what each lesson brings, and what the rules find in it."""

from __future__ import annotations

from collections.abc import Collection

from rich.console import Console
from rich.table import Table

from sitegen.curriculum.model import Concept, Curriculum, Teaching
from sitegen.curriculum.rules import AuditError, audit
from sitegen.parse.lesson import Lesson


def show(curriculum: Curriculum, lessons: Collection[Lesson], console: Console) -> list[AuditError]:
    """Print the table, for a single lesson its concepts too; returns what the rules find."""
    chosen = [teaching for teaching in curriculum.teachings if teaching.lesson in lessons]
    paths = {teaching.lesson.path for teaching in curriculum.teachings if teaching not in chosen}
    console.print(_overview(curriculum, chosen))
    if len(chosen) == 1:
        console.print()
        console.print(_concepts(curriculum, chosen[0]))
    return [finding for finding in audit(curriculum) if finding.path not in paths]


def _overview(curriculum: Curriculum, teachings: list[Teaching]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("lesson", no_wrap=True)
    table.add_column("load", no_wrap=True)
    for name in (
        "new of\ntaught",
        "needs",
        "modal-\nities",
        "miscon-\nceptions",
        "ex.\n+/-",
    ):
        table.add_column(name, justify="right")
    for teaching in teachings:
        kinds = [example.kind for example in teaching.examples]
        table.add_row(
            teaching.slug,
            teaching.load.lower(),
            f"{len(curriculum.new(teaching))} of {len(teaching.teaches)}",
            str(len(teaching.requires)),
            str(len(teaching.modalities)),
            str(len(teaching.misconceptions)),
            f"{kinds.count('positive')}/{kinds.count('negative')}",
        )
    return table


def _concepts(curriculum: Curriculum, teaching: Teaching) -> Table:
    table = Table("concept", "depth", "is", "returns in", box=None, padding=(0, 2, 0, 0))
    new = curriculum.new(teaching)
    for concept in teaching.teaches:
        returns = curriculum.returns(teaching, concept)
        places = [one.section if one.slug == teaching.slug else one.slug for one in returns]
        table.add_row(
            concept.name,
            concept.depth.name.lower(),
            "new" if concept in new else _known_by(concept),
            ", ".join(dict.fromkeys(places)),
        )
    return table


def _known_by(concept: Concept) -> str:
    return f"continues {concept.extends}" if concept.extends else "met before, or only named"
