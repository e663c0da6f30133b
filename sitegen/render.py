"""`Recording` -> `Page`: a lesson and what its blocks displayed, as HTML. Executes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import jinja2
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup, escape

from sitegen import preview
from sitegen.config import Config
from sitegen.curriculum import Curriculum, CurriculumPages
from sitegen.errors import SiteError, SourceError
from sitegen.highlight import highlight
from sitegen.html import sanitized
from sitegen.lesson import Block, Cell, Lesson
from sitegen.markdown import make_parser
from sitegen.mathml import to_mathml
from sitegen.output import Output, best_type
from sitegen.parse import anchor
from sitegen.results import Results, Shown
from sitegen.search import Section, sections
from sitegen.svg import inline_svg

LONG_OUTPUT = 30
"""Lines of text from which on an output is folded."""


@dataclass(frozen=True)
class Page:
    """One finished page of the site."""

    path: str
    html: str = field(repr=False)
    sections: Sequence[Section] = field(repr=False, default=())
    """What the search finds on it."""
    cards: Mapping[str, str] = field(repr=False, default_factory=dict)
    """Pictures that go with it, as SVG still to be drawn, by their paths."""


class Renderer:
    """Renders the pages of one course."""

    def __init__(
        self, config: Config, lessons: Sequence[Lesson], curriculum: Curriculum | None = None
    ) -> None:
        self.config = config
        self.curriculum = CurriculumPages(curriculum) if curriculum else None
        self.lessons = sorted(lessons, key=lambda lesson: (lesson.meta.order, lesson.slug))
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(config.templates),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self.markdown = make_parser(_LessonHTML)
        self.markdown.renderer.page = self  # type: ignore[attr-defined]
        self.templates.filters["inline"] = _inline_filter()
        self.templates.filters["place"] = self._place
        for name in ("math_inline", "math_block"):
            self.markdown.add_render_rule(name, getattr(_LessonHTML, name))

    def lesson(self, lesson: Lesson, results: Results) -> Page:
        """The page of one lesson."""
        env: MutableMapping[str, Any] = {"lesson": lesson, "results": results}
        body = self.markdown.renderer.render(list(lesson.tokens), self.markdown.options, env)
        index = self.lessons.index(lesson)
        meta = lesson.meta
        cards = self._cards(lesson, results)
        page = {
            **self._page("lesson", f"{lesson.slug}.html"),
            "slug": lesson.slug,
            "title": meta.title,
            "summary": meta.text("summary"),
            "order": meta.order,
            "load": meta.text("load"),
            "type": meta.text("type"),
            "notebook": meta.text("notebook"),
            "requires": meta.rows("requires"),
            "teaches": meta.rows("teaches"),
            "curriculum": self.curriculum and self.curriculum.lesson(lesson),
            "body": Markup(body),
            "toc": _contents(lesson),
            "preview": next(iter(cards), ""),
            "prev": self._neighbour(index - 1),
            "next": self._neighbour(index + 1),
        }
        rendered = self._render("page.html", f"{lesson.slug}.html", page)
        return replace(rendered, sections=sections(lesson, body), cards=cards)

    def _cards(self, lesson: Lesson, results: Results) -> dict[str, str]:
        """The picture for links to a lesson, where the site has an address to link to."""
        figure = preview_figure(lesson, results)
        if not (figure and self.config.base_url):
            return {}
        card = preview.card(self.config.title, lesson.meta.title, figure)
        return {preview.name(lesson.slug, card): card}

    def index(self, figures: Mapping[str, str]) -> Page:
        """The home page: the lessons in their order, each with its figure if it has one."""
        page = {
            **self._page("index", "index.html"),
            "title": self.config.title,
            "summary": self.curriculum.goal if self.curriculum else "",
            "figures": {
                slug: Markup(inline_svg(figure, f"card-{slug}"))
                for slug, figure in figures.items()
                if figure
            },
        }
        return self._render("index.html", "index.html", page)

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
        names = ("slug", "title", "summary", "load", "type", "notebook", "preview", "body")
        texts = dict.fromkeys(names, "")
        rows: dict[str, Any] = {"requires": (), "teaches": (), "toc": ()}
        return {"kind": kind, "url": url, "order": 0, "prev": None, "next": None, **texts, **rows}

    def _render(self, template: str, path: str, page: Mapping[str, Any]) -> Page:
        html = self._filled(template, site=self._site, page=page).rstrip() + "\n"
        return Page(path, html.translate(_VISIBLE))

    @cached_property
    def _site(self) -> dict[str, Any]:
        return {
            "title": self.config.title,
            "base_url": self.config.base_url,
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

    def partial(self, template: str, **context: Any) -> Markup:
        """A part of a page."""
        return Markup(self._filled(template, **context).strip("\n"))

    def _filled(self, template: str, **context: Any) -> str:
        try:
            return self.templates.get_template(template).render(**context)
        except jinja2.TemplateSyntaxError as error:
            path = os.path.relpath(error.filename or template, self.config.root)
            raise SourceError(path, error.lineno, str(error.message)) from None
        except jinja2.TemplateError as error:
            raise SiteError(f"template {template}: {error}") from None

    def block(self, block: Block, shown: Sequence[Shown]) -> Markup:
        """One block: its code, and what it displayed under each profile."""
        options = block.options
        return self.partial(
            "block.html",
            block={
                "id": block.id,
                "code": block.code,
                "code_html": highlight(block.code, "python", options.hl),
                "line_count": block.code.count("\n"),
                "hide": options.hide,
                "fold": options.fold,
                "title": options.title,
                "source": options.source,
                "runs": not options.no_run,
                "results": [self._result(block, result) for result in shown],
            },
        )

    def _result(self, block: Block, shown: Shown) -> dict[str, Any]:
        recording = shown.recording
        items = recording.outputs if recording else ()
        prefix = f"{anchor(block.id)}-{shown.profile.name}"
        return {
            "profile": shown.profile.name,
            "label": shown.profile.label,
            "badge": _badge(shown),
            "fingerprint": recording.fingerprint[:8] if recording else "",
            "stale": shown.stale,
            "standin": recording is None,
            "note": shown.note,
            "items": [
                self._output(output, f"{prefix}-{number}", block)
                for number, output in enumerate(items, start=1)
            ],
        }

    def _output(self, output: Output, prefix: str, block: Block) -> Markup:
        kind, html = self._output_html(output, prefix)
        return self.partial(
            "output.html",
            item={
                "kind": kind,
                "html": html,
                "long": kind in ("stdout", "stderr", "text", "error")
                and output.text.count("\n") > LONG_OUTPUT,
                "label": f"{_LABELS.get(kind, 'Output')} of block {block.id}",
            },
        )

    def _output_html(self, output: Output, prefix: str) -> tuple[str, Markup]:
        if output.kind != "display":
            return output.kind, escape(output.text)
        kind = best_type(output)
        data = output.data[kind]
        if kind == "image/svg+xml":
            try:
                return "svg", Markup(inline_svg(data, prefix))
            except ValueError:
                return "text", escape(output.text or data)
        if kind == "image/png":
            alt = escape(output.text or "Figure")
            source = "".join(data.split())
            return "png", Markup(f'<img alt="{alt}" src="data:image/png;base64,{source}">')
        if kind == "text/html":
            return "html", Markup(sanitized(data))
        if kind == "text/markdown":
            return "markdown", Markup(sanitized(make_parser().render(data)))
        return "text", escape(data)

    def component(self, token: Token, title: Markup, children: list[Token], env: Any) -> Markup:
        """A `:::name` container, drawn by the template of that name."""
        attributes = token.meta["attributes"]

        def html(tokens: Sequence[Token]) -> Markup:
            return Markup(self.markdown.renderer.render(tokens, self.markdown.options, env))

        # Footnotes and ids are counted while rendering: render once, and join the parts.
        rendered = [
            {"title": html(part.title), "id": part.id, "body": html(part.body)}
            for part in _parts(children)
        ]
        intro, parts = rendered[0]["body"], rendered[1:]
        place = Markup(' id="{}"')
        titled = (
            Markup('<p class="part-title"{}>{}</p>\n{}').format(
                place.format(part["id"]) if part["id"] else "", part["title"], part["body"]
            )
            if part["title"]
            else part["body"]
            for part in parts
        )
        return self.partial(
            f"components/{token.info}.html",
            name=token.info,
            id=attributes.id,
            meta=env["lesson"].meta.data,
            title=title,
            attrs=attributes.values | dict.fromkeys(attributes.flags, "true"),
            intro=intro,
            parts=parts,
            body=Markup("").join((intro, *titled)),
        )


def preview_figure(lesson: Lesson, results: Results) -> str:
    """The SVG of the block that the front matter names as the preview, if it shows one."""
    for shown in results.blocks.get(lesson.meta.text("preview"), ()):
        for output in shown.recording.outputs if shown.recording else ():
            if output.kind == "display" and best_type(output) == "image/svg+xml":
                return output.data["image/svg+xml"]
    return ""


def _inline_filter() -> Callable[[str], Markup]:
    """For templates: a line of front matter as Markdown, without a paragraph around it."""
    parser = make_parser()
    return lambda text: Markup(parser.renderInline(text))


_VISIBLE: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r\f"},
    **dict.fromkeys(range(0x7F, 0xA0), "\N{REPLACEMENT CHARACTER}"),
    0x7F: 0x2421,
}
"""What HTML forbids, and untrained models write, as signs that stand for it."""

_LABELS = {"stdout": "Output", "stderr": "Messages", "error": "Error", "text": "Value"}


def _badge(shown: Shown) -> list[str]:
    """What ran, on what, how long, when."""
    if shown.recording is None:
        return [shown.profile.label]
    made = shown.recording.provenance
    device = "CPU" if made.device == "cpu" else made.device
    versions = [f"{name} {version}" for name, version in made.versions.items() if name != "python"]
    python = made.versions.get("python", "")
    ran_with = versions or ([f"Python {python}"] if python else [])
    return [
        *filter(None, (shown.profile.label, device, *ran_with, _about(made.seconds), made.date))
    ]


def _about(seconds: float) -> str:
    """A duration as one tells it; its last digits say nothing to a reader."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 100:
        return f"{float(f'{seconds:.1g}'):g} s"
    return f"{seconds / 60:.0f} min"


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


@dataclass(frozen=True)
class _Part:
    title: list[Token] = field(default_factory=list)
    id: str = ""
    body: list[Token] = field(default_factory=list)


def _parts(tokens: Sequence[Token]) -> list[_Part]:
    """The body of a component, cut at its headings and at `---` lines; the intro first."""
    parts = [_Part()]
    depth, index = 0, 0
    while index < len(tokens):
        token = tokens[index]
        if depth == 0 and token.type == "heading_open":
            if len(parts) > 1 and not (parts[-1].title or parts[-1].body):
                parts.pop()  # a `---` before the heading says the same again
            parts.append(_Part([tokens[index + 1]], token.meta["id"]))
            index += 3
            continue
        if depth == 0 and token.type == "hr":
            parts.append(_Part())
        else:
            parts[-1].body.append(token)
            depth += token.nesting
        index += 1
    return parts


class _LessonHTML(RendererHTML):
    """markdown-it's renderer, with rules for what lessons have beyond CommonMark."""

    page: Renderer

    def render(
        self, tokens: Sequence[Token], options: OptionsDict, env: MutableMapping[str, Any]
    ) -> str:
        """As usual, but a component takes all tokens up to its end."""
        html: list[str] = []
        start = index = 0
        while index < len(tokens):
            if tokens[index].type == "component_open":
                html.append(super().render(tokens[start:index], options, env))
                end = _end_of_component(tokens, index)
                html.append(self._component(tokens[index:end], options, env))
                start = index = end + 1
            else:
                index += 1
        html.append(super().render(tokens[start:], options, env))
        return "".join(html)

    def _component(self, tokens: Sequence[Token], options: OptionsDict, env: Any) -> str:
        opening, children, title = tokens[0], list(tokens[1:]), Markup("")
        if children and children[0].type == "component_title_open":
            title = Markup(self.renderInline(children[1].children or [], options, env))
            children = children[3:]
        return self.page.component(opening, title, children, env) + "\n"

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        token = tokens[idx]
        cell: Cell | None = token.meta.get("cell")
        if isinstance(cell, Block):
            results: Results = env["results"]
            return self.page.block(cell, results.blocks.get(cell.id, ())) + "\n"
        code = highlight(token.content, token.meta.get("language", ""))
        return f'<div class="highlight"><pre tabindex="0"><code>{code}</code></pre></div>\n'

    def code_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        token = tokens[idx]
        cell = token.meta.get("cell")
        if cell is None:
            return f"<code>{escape(token.content)}</code>"
        value = env["results"].values.get(cell.id)
        text = escape(value.value) if value else Markup('<em class="missing">not recorded</em>')
        return (
            f'<span class="value" data-inline="{cell.id}" '
            f'title="computed: {escape(cell.code)}">{text}</span>'
        )

    def heading_open(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any
    ) -> str:
        token = tokens[idx]
        name = token.meta["id"]
        return f'<{token.tag} id="{name}">' if name else f"<{token.tag}>"

    def heading_close(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any
    ) -> str:
        token = tokens[idx]
        name = tokens[idx - 2].meta["id"]
        if not name:
            return f"</{token.tag}>\n"
        label = "Link to this section"
        return f' <a class="anchor" href="#{name}" aria-label="{label}">#</a></{token.tag}>\n'

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        token = tokens[idx]
        token = token.copy(attrs={**token.attrs, "href": page_url(str(token.attrs["href"]))})
        return self.renderToken([token], 0, options, env)

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return '<div class="table" role="group" tabindex="0" aria-label="Table"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return "</table></div>\n"

    def math_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return to_mathml(tokens[idx].content.strip(), False)

    def math_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        math = to_mathml(tokens[idx].content.strip(), True)
        return f'<div class="math" role="group" tabindex="0" aria-label="Formula">{math}</div>\n'


def _end_of_component(tokens: Sequence[Token], start: int) -> int:
    depth = 0
    for index in range(start, len(tokens)):
        depth += {"component_open": 1, "component_close": -1}.get(tokens[index].type, 0)
        if depth == 0:
            return index
    raise AssertionError("the parser closes every component")


def page_url(target: str) -> str:
    """A link as an author writes it, `slug#section`, as a browser wants it."""
    found = re.fullmatch(r"([a-z0-9-]+)(#.*)?", target)
    return f"{found[1]}.html{found[2] or ''}" if found else target
