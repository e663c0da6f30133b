"""Results -> recordings: takes in what cells displayed, each as soon as it is there."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace

from sitegen.execute.executor import Result
from sitegen.parse.lesson import Block
from sitegen.record.awaited import resources
from sitegen.record.recordings import Provenance, Recording, Recordings, Value
from sitegen.record.replay import Standing
from sitegen.trace import Trace


def with_result(standing: Standing, result: Result) -> Standing:
    """A cell with this result of it.

    If it displayed the same as ever, when it did so first is what counts.
    """
    before, trace = standing.recording, result.trace or Trace()
    new: Recording | Value
    if isinstance(result.cell, Block):
        new = Recording(trace, result.outputs, _provenance(result))
        same = isinstance(before, Recording) and before.outputs == new.outputs
    else:
        new = Value(result.cell.code, result.outputs[0].text, trace)
        same = before == new
    if before and same and before.trace == trace:
        new = before
    return replace(standing, recording=new, damage="", failure="", awaits=())


def save(
    recordings: Recordings, slug: str, profile: str, cell: str, found: Sequence[Standing]
) -> None:
    """Write what is recorded of one cell of a lesson, whose cells stand like this."""
    by_id = {standing.cell.id: standing.recording for standing in found}
    if isinstance(recording := by_id[cell], Recording):
        recordings.save(slug, profile, cell, recording)
        recordings.note_resources({profile: resources(found)})
    else:
        values = [one for one in by_id.values() if isinstance(one, Value)]
        recordings.save_values(slug, profile, values)


def _provenance(result: Result) -> Provenance:
    versions = dict(result.made_on)
    return Provenance(
        device=versions.pop("device", "cpu"),
        versions=versions,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        seconds=round(result.seconds, 3),
    )
