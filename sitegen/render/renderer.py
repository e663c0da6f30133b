"""`Recording` -> `Page`: the pages of a course. Executes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import jinja2
from markupsafe import Markup, escape

from sitegen.curriculum import Curriculum, CurriculumPages
from sitegen.output import best_type
from sitegen.parse.config import Config, Profile
from sitegen.parse.lesson import Lesson
from sitegen.render import notebook, preview
from sitegen.render.body import Body, about
from sitegen.render.links import place_of
from sitegen.render.predictions import PREDICT, predictions, unsound
from sitegen.render.references import Reference
from sitegen.render.results import Results
from sitegen.render.search import Section, sections
from sitegen.render.svg import inline_svg
from sitegen.render.templates import Templates

WORDS_A_MINUTE = 200
"""Of a text that is studied and not skimmed (Brysbaert 2019: 238 of English prose)."""


@dataclass(frozen=True)
class Page:
    """One finished page of the site."""

    path: str
    html: str = field(repr=False)
    sections: Sequence[Section] = field(repr=False, default=())
    """What the search finds on it."""
    cards: Mapping[str, str] = field(repr=False, default_factory=dict)
    """Pictures that go with it, as SVG still to be drawn, by their paths."""
    files: Mapping[str, bytes] = field(repr=False, default_factory=dict)
    """What can be had from it, by its path."""
    warnings: Sequence[str] = field(repr=False, default=())
    """What of its outputs it can't show, each with file and line."""


class Renderer:
    """Renders the pages of one course."""

    def __init__(
        self,
        config: Config,
        lessons: Sequence[Lesson],
        curriculum: Curriculum | None = None,
        references: Mapping[str, Reference] | None = None,
        compiled: jinja2.BytecodeCache | None = None,
    ) -> None:
        self.config = config
        self.curriculum = CurriculumPages(curriculum) if curriculum else None
        self.lessons = sorted(lessons, key=lambda lesson: (lesson.meta.order, lesson.slug))
        self.templates = Templates(config, compiled)
        self.templates.environment.filters["place"] = self._place
        self.references = references or {}
        self.body = Body(self.templates, self.glossary, self.names, self.references)

    @property
    def glossary(self) -> dict[str, str]:
        """Where each concept of the course is told of, by its name in small letters."""
        return self.curriculum.glossary if self.curriculum else {}

    @cached_property
    def names(self) -> dict[str, str]:
        """What links without words say, by where they lead from any lesson."""
        wanted = {
            place_of(link.target, lesson.slug)
            for lesson in self.lessons
            for link in lesson.links
            if not link.named
        }
        named = {
            f"{lesson.slug}#{anchor}": name
            for lesson in self.lessons
            for anchor, name in lesson.names.items()
        } | {lesson.slug: lesson.meta.title for lesson in self.lessons}
        return {place: name for place, name in named.items() if place in wanted}

    def lesson(self, lesson: Lesson, results: Results) -> Page:
        """The page of one lesson."""
        self.body.told.clear()
        body = self.body.html(lesson, results)
        told = [
            f"{lesson.path}:{line}: {said}"
            for line, said in (*self.body.told, *unsound(lesson, results))
        ]
        index = self.lessons.index(lesson)
        meta = lesson.meta
        cards = self._cards(lesson, results)
        notebook_url, solutions_url = notebook.paths(lesson)
        page = {
            **self._page("lesson", f"{lesson.slug}.html"),
            "slug": lesson.slug,
            "title": meta.title,
            "summary": meta.text("summary"),
            "order": meta.order,
            "load": meta.text("load"),
            "type": meta.text("type"),
            "notebook": meta.text("notebook"),
            "notebook_url": notebook_url,
            "solutions_url": solutions_url,
            "colab_url": notebook.colab_url(self.config, lesson),
            "requires": meta.rows("requires"),
            "teaches": meta.rows("teaches"),
            "curriculum": self.curriculum and self.curriculum.lesson(lesson),
            "body": Markup(body),
            "scripts": list(self.body.scripts),
            "lead": results.lead,
            "profiles": [
                _profile(profile, results)
                for profile in self.config.profiles
                if profile in results.profiles
            ],
            "toc": _contents(lesson),
            "minutes": _minutes(lesson),
            "preview": next(iter(cards), ""),
            "prev": self._neighbour(index - 1),
            "next": self._neighbour(index + 1),
        }
        rendered = self._render("page.html", f"{lesson.slug}.html", page)
        files = notebook.notebooks(self.config, [lesson], self.names, self.references)
        for former in lesson.former:
            moved = {"title": meta.title, "url": f"{lesson.slug}.html"}
            files[f"{former}.html"] = self._render("moved.html", "", moved).html.encode("utf-8")
        for by_profile in self.body.artifacts.values():
            for one in (file for found in by_profile.values() for file in found):
                files |= one.files()
        found = sections(lesson, body)
        return replace(rendered, sections=found, cards=cards, files=files, warnings=told)

    def _cards(self, lesson: Lesson, results: Results) -> dict[str, str]:
        """The picture for links to a lesson, where the site has an address to link to."""
        figure = preview_figure(lesson, results)
        if not (figure and self.config.base_url):
            return {}
        try:
            card = preview.card(self.config.title, lesson.meta.title, figure)
        except ValueError:  # nothing says how large the figure is
            return {}
        return {preview.name(lesson.slug, card): card}

    def index(self, figures: Mapping[str, str]) -> Page:
        """The home page: the lessons in their order, each with its figure if it has one."""
        page = {
            **self._page("index", "index.html"),
            "title": self.config.title,
            "summary": self.curriculum.goal if self.curriculum else "",
            "scripts": self.body.declared[PREDICT].scripts if self._has_predictions() else (),
            "before": self.curriculum and self.curriculum.before(),
            "figures": {
                slug: Markup(inline_svg(figure, f"card-{slug}", self.body.site))
                for slug, figure in figures.items()
                if figure
            },
        }
        return self._render("index.html", "index.html", page)

    def _has_predictions(self) -> bool:
        """Whether the home page has any to count."""
        return any(lesson["predictions"] for lesson in self._site["lessons"])

    def missing(self) -> Page:
        """What a server shows for an address that is none of the site's."""
        page = {**self._page("missing", "404.html"), "title": "No such page"}
        return self._render("404.html", "404.html", page)

    def curriculum_pages(self) -> list[Page]:
        """The plan and the record, if the course has the files that they are made from."""
        if self.curriculum is None:
            return []
        found = {
            "plan": (
                "Plan",
                "Where the module leads, and why in this order.",
                self.curriculum.plan(),
            ),
            "record": (
                "Record",
                "Every concept: how deep it goes, where it is taught, and where it comes back.",
                self.curriculum.record(),
            ),
        }
        return [
            self._render(
                f"{name}.html",
                f"{name}.html",
                {
                    **self._page(name, f"{name}.html"),
                    "title": title,
                    "summary": summary,
                    name: fields,
                },
            )
            for name, (title, summary, fields) in found.items()
            if fields
        ]

    def _page(self, kind: str, url: str) -> dict[str, Any]:
        """Every field that templates may read, for pages that have no use for most."""
        names = "slug title summary load type preview body lead"
        texts = dict.fromkeys(names.split(), "")
        texts |= dict.fromkeys(("notebook", "notebook_url", "solutions_url", "colab_url"), "")
        lists = "requires teaches toc profiles scripts"
        rows: dict[str, Any] = dict.fromkeys(lists.split(), ())
        return {
            "minutes": 0,
            "curriculum": None,
            "kind": kind,
            "url": url,
            "order": 0,
            "prev": None,
            "next": None,
            **texts,
            **rows,
        }

    def _render(self, template: str, path: str, page: Mapping[str, Any]) -> Page:
        html = self.templates.filled(template, site=self._site, page=page).rstrip() + "\n"
        return Page(path, html.translate(_VISIBLE))

    @cached_property
    def _site(self) -> dict[str, Any]:
        return {
            "title": self.config.title,
            "lang": self.config.lang,
            "base_url": self.config.base_url,
            "repository": self.config.repository,
            "curriculum": self.curriculum.menu if self.curriculum else (),
            "lessons": [
                {
                    "slug": lesson.slug,
                    "title": lesson.meta.title,
                    "order": lesson.meta.order,
                    "url": f"{lesson.slug}.html",
                    "summary": lesson.meta.text("summary"),
                    "load": lesson.meta.text("load"),
                    "type": lesson.meta.text("type"),
                    "minutes": _minutes(lesson),
                    "predictions": len(predictions(lesson)),
                }
                for lesson in self.lessons
            ],
        }

    def _place(self, name: str) -> Markup:
        """A lesson's title as a link to it if `name` is its slug, else the name itself."""
        for lesson in self.lessons:
            if lesson.slug == name:
                return Markup('<a href="{}.html">{}</a>').format(name, lesson.meta.title)
        return escape(name)

    def _neighbour(self, index: int) -> dict[str, str] | None:
        if not 0 <= index < len(self.lessons):
            return None
        lesson = self.lessons[index]
        return {"title": lesson.meta.title, "url": f"{lesson.slug}.html"}


def preview_figure(lesson: Lesson, results: Results) -> str:
    """The SVG of the block that the front matter names as the preview, if it draws one."""
    for shown in results.blocks.get(lesson.meta.text("preview"), ()):
        for output in shown.recording.outputs if shown.recording else ():
            if output.kind == "display" and best_type(output) == "image/svg+xml":
                with contextlib.suppress(ValueError):  # what the page shows as text
                    inline_svg(output.data["image/svg+xml"], "preview")
                    return output.data["image/svg+xml"]
    return ""


def _profile(profile: Profile, results: Results) -> dict[str, Any]:
    """A profile that a page shows, and how many of its blocks have no recording that holds."""
    shown = [
        one
        for block in results.blocks.values()
        for one in block
        if one.profile == profile and one.expected
    ]
    missing = sum(one.recording is None or one.stale for one in shown)
    seconds = [one.recording.provenance.seconds for one in shown if one.recording]
    took = about(sum(seconds)) if seconds else ""
    return {**vars(profile), "blocks": len(shown), "missing": missing, "took": took}


def _minutes(lesson: Lesson) -> int:
    """How long reading takes, text and code, to five minutes."""
    words = len(lesson.text.split("\n---\n", 1)[-1].split())
    return max(5, 5 * round(words / WORDS_A_MINUTE / 5))


_VISIBLE: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r\f"},
    **dict.fromkeys(range(0x7F, 0xA0), "\N{REPLACEMENT CHARACTER}"),
    0x7F: 0x2421,
}
"""What HTML forbids, and untrained models write, as signs that stand for it."""


def _contents(lesson: Lesson) -> list[dict[str, Any]]:
    """Headings of level 2, each with those of level 3 below it."""
    contents: list[dict[str, Any]] = []
    for heading in lesson.headings:
        if not heading.in_contents or heading.level not in (2, 3):
            continue
        entry = {
            "id": heading.id,
            "title": heading.title,
            "level": heading.level,
            "children": [],
        }
        if heading.level == 3 and contents:
            contents[-1]["children"].append(entry)
        else:
            contents.append(entry)
    return contents
