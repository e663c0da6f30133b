"""`python -m gptcore.bench [--only KIND,...] [--nanogpt PATH] [--json FILE] [--quick]`."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import gc
import json
import os
import platform
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from gptcore.bench import report
from gptcore.bench.works import CPU, CUDA, KINDS, QUICK, Bench, Work
from gptcore.files import replacing, try_place
from gptcore.resources import cache_folder


def main(arguments: list[str] | None = None) -> int:
    """The command: a line for each result as it comes, and the JSON written anew each time."""
    parser = argparse.ArgumentParser(
        prog="python -m gptcore.bench",
        description="Measure training and generation beside the machine's ceilings, "
        "transformers and nanoGPT.",
    )
    parser.add_argument(
        "--only",
        type=_kinds,
        default=KINDS,
        metavar="KIND,...",
        help=f"some of {', '.join(KINDS)}; all if not given",
    )
    parser.add_argument(
        "--nanogpt",
        type=Path,
        metavar="PATH",
        help="a checkout of nanoGPT to compare with",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the measurements there too"
    )
    parser.add_argument(
        "--quick", action="store_true", help="the debug model only, a few seconds"
    )
    given = parser.parse_args(arguments)
    # Else torch compiles into a temporary folder, and all of it anew the next time.
    os.environ.setdefault(
        "TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "kernels" / "inductor")
    )
    os.environ.setdefault(
        "TRITON_CACHE_DIR", str(cache_folder() / "kernels" / "triton")
    )
    import torch

    works = QUICK if given.quick else CUDA if torch.cuda.is_available() else CPU
    try:
        if given.json:
            try_place(given.json)  # now, and not after minutes
        for measured in bench(works, given.only, given.nanogpt):
            if given.json:
                text = json.dumps(dataclasses.asdict(measured), indent=2) + "\n"
                with replacing(given.json) as part:
                    part.write_text(text, encoding="utf-8")
        report.foot(measured)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        kept = f"; {given.json} has what came before" if given.json else ""
        print(f"interrupted{kept}", file=sys.stderr)
        return 130
    return 0


def _kinds(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    unknown = [kind for kind in chosen if kind not in KINDS]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"{unknown[0]!r} is none of {', '.join(KINDS)}"
        )
    return chosen


def bench(
    works: tuple[Work, ...],
    only: tuple[str, ...] = KINDS,
    nanogpt: Path | None = None,
) -> Iterator[Bench]:
    """Measure on CUDA if there is one, else on the CPU: all that is known after each work.

    Raises FileNotFoundError or ValueError if nanogpt is not a checkout of nanoGPT.
    """
    import torch

    from gptcore.bench.ceilings import measure_ceilings
    from gptcore.bench.decoding import decoded
    from gptcore.bench.models import imported, nanogpt_otherwise, ours_and_theirs
    from gptcore.bench.training import trained

    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    dtype = torch.bfloat16 if cuda else torch.float32
    if nanogpt is not None:
        imported(nanogpt)  # refused before anything is done
    ceilings = measure_ceilings(device, dtype, quick=works == QUICK)
    measured = Bench(
        torch.cuda.get_device_name() if cuda else platform.machine(),
        str(dtype).removeprefix("torch."),
        torch.get_num_threads(),
        torch.__version__,
        datetime.date.today().isoformat(),
        ceilings,
        not_measured=_not_measured(works, only, nanogpt, cuda),
    )
    report.head(measured)
    for work in works:
        kinds = [
            kind
            for kind in KINDS
            if kind in only and (kind != "batch" or work.streams)
        ]
        if not kinds:
            continue
        torch.manual_seed(0)
        models = ours_and_theirs(work.config, nanogpt)
        for kind in kinds:
            taking_part = models
            if kind == "train" and nanogpt is not None:
                taking_part = models | nanogpt_otherwise(work.config, nanogpt)
            for model in taking_part.values():
                model.to(device)
            given = (work, taking_part, device, dtype, ceilings)
            if kind == "train":
                results = trained(*given)
            else:
                results = decoded(*given, 1 if kind == "decode" else work.streams)
            report.rows(results)
            measured = dataclasses.replace(
                measured,
                results=measured.results + results,
                process_peak_memory=_peak(),
            )
            yield measured
            taking_part = {}
        models = {}
        gc.collect()  # a compiled model refers to itself


def _not_measured(
    works: tuple[Work, ...], only: tuple[str, ...], nanogpt: Path | None, cuda: bool
) -> tuple[str, ...]:
    reasons = [f"{kind} (--only)" for kind in KINDS if kind not in only]
    reasons += [
        f"batch of {work.name} (minutes, where others keep no cache)"
        for work in works
        if not work.streams and "batch" in only
    ]
    if nanogpt is None:
        reasons.append("nanoGPT (name a checkout of it: --nanogpt PATH)")
    if not cuda:
        reasons.append("a GPU (torch finds no CUDA here)")
    if works == QUICK:
        reasons.append("GPT-2 small (--quick)")
    return tuple(reasons)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
