"""The command line: what is asked for, what is printed, and with which code it ends.

Rooms are imported where they are used: a build with nothing to do is over before most would be.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sitegen.errors import COMMAND, SiteError, SourceError, flat, raise_all, say
from sitegen.files import write_atomically
from sitegen.parse import config as configuration
from sitegen.report import Report
from sitegen.stamp import Stamp
from sitegen.version import __version__

if TYPE_CHECKING:
    from sitegen.course import Course
    from sitegen.parse.lesson import Lesson


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    0 done, 1 drift or a failing block, 2 wrong use or malformed input, 130 interrupted.
    """
    options = parser().parse_args(arguments)
    began = time.perf_counter()
    try:
        if options.audit:
            _audit(options)
            return 0
        if options.serve is not None:
            _serve(options)
            return 0
        if options.new is not None:
            _new(options)
            return 0
        if options.import_ is not None:
            _import(options)
            return 0
        if options.notebooks:
            _notebooks(options)
            return 0
        report = _run_and_report(options, began)
    except SiteError as error:
        say(error)
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted; the last site stays as it was")
        return 130
    print(_summary(report, options))
    return 1 if report.drift else 0


def _run_and_report(options: argparse.Namespace, began: float) -> Report:
    """What was done; it is written where it is wanted, and so is what ended it."""
    file = Path(options.report) if options.report else None
    if file and _is_no_report(file):
        raise SiteError(f"--report would overwrite {file}, which is no report; name another file")
    failure = None
    try:
        report = _run(options)
    except SiteError as error:
        failure = error
        report = Report(errors=[str(one) for one in flat([error])])
    report = dataclasses.replace(report, seconds=round(time.perf_counter() - began, 3))
    if file:
        told = {name: one for name, one in dataclasses.asdict(report).items() if one is not None}
        text = json.dumps(told, indent=1, ensure_ascii=False)
        write_atomically(file, text + "\n")
    if failure:
        raise failure
    return report


def _is_no_report(file: Path) -> bool:
    try:
        before = file.read_bytes()
    except OSError:
        return False
    return bool(before.strip()) and b'"executed"' not in before


def parser() -> argparse.ArgumentParser:
    """What the command understands."""
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description="Build the course in this folder: execute what is new, replay the rest.",
    )
    add = parser.add_argument
    command = parser.add_mutually_exclusive_group().add_argument
    add("lessons", nargs="*", metavar="LESSON", help="slugs or files; all lessons if none")
    add("--check", action="store_true", help="execute afresh, report any drift, write nothing")
    command("--audit", action="store_true", help="show the curriculum and what is unsound in it")
    add("--strict", action="store_true", help="with --check: what is only marked is drift, too")
    add("--gpu", action="store_true", help="record the gpu profile")
    add(
        "--minutes",
        metavar="N",
        type=_minutes,
        default=0.0,
        help="end in time, and go on at the next call",
    )
    add("--dry-run", action="store_true", help="say what would be executed and why; run nothing")
    add("--sync", action="store_true", help="rewrite embedded code from the library, then build")
    add("--fresh", action="store_true", help="ignore recordings and execute everything")
    command(
        "--serve",
        metavar="PORT",
        nargs="?",
        type=_port,
        const=8000,
        help="build, serve on this machine, watch and renew (port 8000)",
    )
    command("--notebooks", action="store_true", help="write the notebooks alone, executing nothing")
    command("--new", metavar="SLUG", help="write a lesson to begin with, and a course around it")
    command(
        "--import",
        dest="import_",
        metavar="FILE",
        nargs="+",
        help="write lessons from notebooks, be they .py, and from Markdown of MyST, Quarto and d2l",
    )
    add("--tab", metavar="NAME", default="", help="with --import: the framework of d2l to keep")
    add("--out", metavar="DIR", help="where the site goes (site/)")
    add("--jobs", metavar="N", type=_count, default=0, help="lessons at once (one per core)")
    add("--report", metavar="FILE", help="write what was done as JSON")
    add("--version", action="version", version=f"{COMMAND} {__version__}")
    add("-v", "--verbose", action="store_true", help="tell of inline values too")
    return parser


def _port(text: str) -> int:
    number = int(text) if text.isdecimal() else -1
    if not 0 <= number < 65536:
        raise argparse.ArgumentTypeError(f"a port from 0 to 65535 is wanted, not {text!r}")
    return number


def _minutes(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1_000_000:
        raise argparse.ArgumentTypeError(
            f"a number of minutes above 0, and up to a million, is wanted, not {text!r}"
        )
    return number


def _count(text: str) -> int:
    number = int(text) if text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"a number of processes from 1 on is wanted, not {text!r}")
    return number


def _run(options: argparse.Namespace) -> Report:
    if options.check and (options.sync or options.fresh):
        raise SiteError("--check writes nothing and is always fresh: leave out --sync and --fresh")
    if options.strict and not options.check:
        raise SiteError("--strict says how --check judges: add --check")
    if options.dry_run and (options.check or options.sync):
        raise SiteError("--dry-run runs and writes nothing: leave out --check and --sync")
    if options.check and options.minutes:
        raise SiteError("--check says no drift of nothing less than all: leave out --minutes")
    if options.check and options.gpu:
        raise SiteError("--check executes the first profile alone: leave out --gpu")
    config = configuration.load(Path.cwd())
    options.out = options.out or os.path.relpath(config.output)
    config = config.writing_to(Path(options.out))
    profile = "gpu" if options.gpu else config.profiles[0].name
    if options.gpu and not options.dry_run:
        _want_gpu()
    special = any(
        getattr(options, name) for name in ("check", "sync", "fresh", "lessons", "dry_run")
    )
    stamp = None if special else Stamp(config, profile)
    if stamp and (report := stamp.replayed()):
        if report.marked:
            said = f"{len(report.marked)} recordings of other profiles are out of date or damaged"
            say(f"warning: {said}; --check tells which")
        if report.awaited:
            slugs = sorted({block.partition("#")[0] for block in report.awaited})
            said = "not recorded, for no machine so far had what is needed"
            say(f"{', '.join(report.awaited)}: {said}; {COMMAND} {' '.join(slugs)} asks again")
        return report
    from sitegen import course as courses
    from sitegen.build import Request, build

    course = courses.load(config)
    lessons = course.select(options.lessons)
    request = Request(profile, options.fresh, options.jobs, options.verbose, options.minutes)
    if options.dry_run:
        from sitegen.dry_run import dry_run

        return dry_run(course, request, lessons)
    if options.check:
        from sitegen.check import check

        return check(course, request, lessons, options.strict)
    if options.sync:
        _synchronize(course, lessons)
        course = courses.load(config)
        lessons = course.select(options.lessons)
    report = build(course, request, lessons)
    if stamp and not report.stale:
        stamp.save(report)
    return report


def _synchronize(course: Course, lessons: Sequence[Lesson]) -> None:
    """Take embedded code from the library into the lessons, and say so of each block."""
    from sitegen.record.embedded import synchronize
    from sitegen.trace import Program

    program = Program(course.config.root, course.config.packages)
    for lesson in lessons:
        for one in synchronize(course.config.root, lesson, program):
            print(f"{one.lesson.path}:{one.block.line}: took {one.block.options.source}")


def _audit(options: argparse.Namespace) -> None:
    """Print the audit of one lesson or all; what is unsound ends as in a build."""
    _want_no_other(options, "--audit builds nothing", allowed=("lessons",))
    from rich.console import Console

    from sitegen import course as courses
    from sitegen.curriculum import typed_numbers
    from sitegen.curriculum.table import show

    course = courses.load(configuration.load(Path.cwd()))
    if course.curriculum is None and course.config.numbers == "free":
        raise SiteError("no curriculum to audit: lessons/prior.yaml or module.yaml begins one")
    lessons = course.select(options.lessons)
    findings = show(course.curriculum, lessons, Console()) if course.curriculum else []
    raise_all([*findings, *typed_numbers(lessons, course.config)])


def _serve(options: argparse.Namespace) -> None:
    _want_no_other(options, "--serve builds all lessons as they change")
    from sitegen.serve import serve

    serve(Path.cwd(), options.serve, options.out, options.jobs, options.verbose)


def _new(options: argparse.Namespace) -> None:
    _want_no_other(options, "--new writes one lesson and builds nothing")
    from sitegen.new import write_lesson
    from sitegen.parse.frontmatter import slug_problem

    if problem := slug_problem(options.new):
        raise SiteError(problem)
    _begin()
    for path in write_lesson(configuration.load(Path.cwd()), options.new):
        print(f"wrote {path}")
    print(f"it builds as it is; fill in what says TODO\n{COMMAND} --serve shows it as you write")


def _begin() -> None:
    """Make this folder a course if it is none yet, and say what of it is to be completed."""
    from sitegen.begin import PLACEHOLDER, begin, is_course, requirement

    if is_course(Path.cwd()):
        return
    written = begin(Path.cwd())
    for path in written:
        print(f"wrote {path}")
    if "requirements.txt" in written and requirement() == PLACEHOLDER:
        print("requirements.txt lacks where others get the generator: put its address in there")


def _import(options: argparse.Namespace) -> None:
    """Write lessons from what other tools have; say what is lost, and what a build will say."""
    _want_no_other(options, "--import writes lessons and builds nothing")
    from sitegen import course as courses
    from sitegen.importing.bring import bring
    from sitegen.importing.document import read

    missing = [name for name in options.import_ if not Path(name).is_file()]
    if missing:
        raise SiteError(f"--import: no file {missing[0]!r} here")
    documents = read([Path(name) for name in options.import_], options.tab)
    _begin()
    config = configuration.load(Path.cwd())
    brought = bring(config, documents, courses.readable(config))
    for loss in brought.losses:
        print(loss)
    for path in brought.written:
        print(f"wrote {path}")
    if brought.losses:
        kinds = ", ".join(f"{count} {kind}" for kind, count in brought.kinds())
        count = len(brought.losses)
        what = (
            "1 loss, a comment in its" if count == 1 else f"{count} losses, each a comment in its"
        )
        print(f"{what} lesson: {kinds}")
    else:
        print("nothing was lost")
    try:
        courses.load(configuration.load(Path.cwd()))
    except SiteError as error:
        say("what a build will ask you to mend:", *flat([error]))


def _notebooks(options: argparse.Namespace) -> None:
    _want_no_other(options, "--notebooks executes nothing", allowed=("lessons",))
    from sitegen import course as courses
    from sitegen.render.notebook import notebooks
    from sitegen.render.publish import publish_part
    from sitegen.render.renderer import Renderer

    config = configuration.load(Path.cwd())
    options.out = options.out or os.path.relpath(config.output)
    config = config.writing_to(Path(options.out))
    course = courses.load(config)
    lessons = course.select(options.lessons)
    for lesson in lessons:
        if options.lessons and not lesson.meta.text("notebook"):
            raise SourceError(lesson.path, 1, "no notebook; name one: notebook: NAME.ipynb")
    names = Renderer(config, course.lessons).names
    found = notebooks(config, lessons, names, course.references)
    if not found:
        raise SiteError("no lesson names a notebook; name one: notebook: NAME.ipynb")
    publish_part(config.output, found)
    for name in found:
        print(f"wrote {Path(options.out, name)}")


def _want_no_other(options: argparse.Namespace, why: str, allowed: Sequence[str] = ()) -> None:
    others = (
        *("check", "strict", "gpu", "minutes", "dry_run", "sync", "fresh", "report", "lessons"),
        *(() if options.import_ else ("tab",)),
    )
    given = [name for name in others if getattr(options, name) and name not in allowed]
    if given:
        flags = (f"--{name.replace('_', '-')}" for name in given)
        names = ", ".join("lessons" if flag == "--lessons" else flag for flag in flags)
        raise SiteError(f"{why}: leave out {names}")


def _want_gpu() -> None:
    """Say at once, and not from within a block, that there is none."""
    try:
        import torch
    except ImportError:
        raise SiteError("--gpu needs torch with CUDA, and torch is not installed") from None
    if not torch.cuda.is_available():
        raise SiteError(
            f"--gpu needs a CUDA device, and torch finds none; without it, call {COMMAND} alone"
        )


def _summary(report: Report, options: argparse.Namespace) -> str:
    counts = (
        f"{len(report.executed)} executed, {len(report.replayed)} replayed, "
        f"{len(report.stale)} stale"
    )
    if report.would_execute is not None:
        return f"{len(report.would_execute)} would be executed, {len(report.replayed)} replayed"
    if options.check:
        found = f"{len(report.drift)} drifted" if report.drift else "no drift"
        return f"{found}: {counts} in {report.seconds:.2f} s"
    return f"{counts} in {report.seconds:.2f} s -> {options.out}/"
