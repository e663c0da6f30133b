"""A lesson's text as HTML: its Markdown, and what its blocks displayed. Executes nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup, escape
from mdit_py_plugins.footnote.index import render_footnote_anchor

from sitegen.output import Output
from sitegen.parse import components
from sitegen.parse.citations import Citation
from sitegen.parse.displayed import displayed
from sitegen.parse.lesson import Block, Cell, Lesson
from sitegen.parse.markdown import make_parser
from sitegen.parse.parser import EXERCISE, anchor, solution_id
from sitegen.parse.skeleton import has_solution, skeleton, solution
from sitegen.render.artifacts import Artifact, Artifacts, artifacts, made
from sitegen.render.declared import Declaration, Given, declared
from sitegen.render.displays import Display, formula
from sitegen.render.glossary import Glossary
from sitegen.render.highlight import highlight
from sitegen.render.html import Parts, clean
from sitegen.render.links import page_url, place_of
from sitegen.render.mathml import to_mathml
from sitegen.render.predictions import PREDICT
from sitegen.render.references import Reference, shown
from sitegen.render.results import Results, Shown, ShownValue
from sitegen.render.style import Told
from sitegen.render.templates import Templates

LONG_OUTPUT = 30
"""Lines of text from which on an output is folded."""
WIDE_OUTPUT = 84
"""Characters that fit a line; what is longer, generated text mostly, wraps as in a terminal."""


class Body:
    """Renders the texts of lessons."""

    def __init__(
        self,
        templates: Templates,
        glossary: Mapping[str, str] | None = None,
        names: Mapping[str, str] | None = None,
        references: Mapping[str, Reference] | None = None,
    ) -> None:
        self.glossary = Glossary(glossary or {})
        self.names = names or {}
        self.references = references or {}
        self.partial = templates.partial
        self.folders = templates.folders
        self.site = templates.site
        self.slug = ""
        """Of the lesson that is rendered."""
        self.scripts: dict[str, None] = {}
        """What its components need to be loaded."""
        self.artifacts: Artifacts = {}
        """The files that it has."""
        self.told: dict[tuple[int, str], None] = {}
        """What is to be told of outputs since this was last emptied, with the block's line."""
        self.markdown = make_parser(_LessonHTML)
        self.markdown.renderer.body = self  # type: ignore[attr-defined]
        for name in _RULES:
            self.markdown.add_render_rule(name, getattr(_LessonHTML, name))

    @cached_property
    def declared(self) -> dict[str, Declaration]:
        """What every component takes."""
        return declared(self.folders)

    def html(self, lesson: Lesson, results: Results) -> str:
        """What stands on the page of a lesson between its header and its end."""
        self.slug, self.scripts = lesson.slug, {}
        self.artifacts = artifacts(lesson.slug, results)
        self.glossary.begin()
        env: MutableMapping[str, Any] = {"lesson": lesson, "results": results, "solutions": []}
        body = self.markdown.renderer.render(list(lesson.tokens), self.markdown.options, env)
        cited = shown((one.key for one in lesson.cited), self.references)
        if cited:
            body += f"{self.partial('bibliography.html', references=cited)}\n"
        return body

    def cell(self, block: Block, env: Any) -> Markup:
        """A block where it stands; of an exercise, what is to be hidden is put aside in `env`."""
        shown = env["results"].blocks.get(block.id, ())
        if block.options.check:
            env["solutions"].append(self.block(block, shown))
            return Markup()
        if has_solution(block.code):
            plain = replace(block, options=replace(block.options, hl=()))
            whole = replace(plain, id=solution_id(block.id), code=solution(block.code))
            env["solutions"].append(self.block(whole, shown))
            return self.block(replace(plain, code=skeleton(block.code)), ())
        return self.block(block, shown, env.get("asking", False))

    def block(self, block: Block, shown: Sequence[Shown], asked: bool = False) -> Markup:
        """One block: its code, and what it displayed under each profile, folded if `asked` for."""
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
                "hide_output": options.hide_output,
                "fold_output": options.fold_output,
                "title": options.title,
                "source": options.source,
                "runs": not options.no_run,
                "only": options.only,
                "several": len(shown) > 1,
                "asked": asked,
                "lead": shown[0].profile.name if shown else "",
                "results": [self._result(block, same) for same in _alike(shown)],
            },
        )

    def _result(self, block: Block, same: Sequence[Shown]) -> dict[str, Any]:
        """What a block displayed, be it the same under several profiles."""
        first = same[0]
        recording = first.recording
        items = recording.outputs if recording else ()
        prefix = f"{anchor(block.id)}-{first.profile.name}"
        files = made(self.slug, block.id, first.profile.name, items)
        return {
            "profiles": " ".join(one.profile.name for one in same),
            "label": first.profile.label,
            "badges": [
                {
                    "profile": one.profile.name,
                    "brief": _brief(one),
                    "facts": _facts(one),
                    "stale": one.stale,
                }
                for one in same
            ],
            "standin": recording is None,
            "note": first.note,
            "items": [
                self._output(output, f"{prefix}-{number}", block, file)
                for number, (output, file) in enumerate(zip(items, files, strict=True), start=1)
            ],
        }

    def _output(self, output: Output, prefix: str, block: Block, file: Artifact | None) -> Markup:
        display = Display(output, prefix, self.site, file, self._displayed)
        item = display.item()
        for said in display.said():
            self.told[block.fence_line, f"block {block.id!r} {said}"] = None
        lines = item.html.count("\n") if item.kind == "json" else output.text.count("\n")
        return self.partial(
            "output.html",
            item={
                "kind": item.kind,
                "html": item.html,
                "note": item.note,
                "coloured": item.coloured,
                "long": item.kind in _TEXTS and lines > LONG_OUTPUT,
                "wide": max(map(len, output.text.splitlines()), default=0) > WIDE_OUTPUT,
                "lines": lines + (not output.text.endswith("\n")),
                "label": f"{_LABELS.get(item.kind, 'Output')} of block {block.id}",
            },
        )

    def _displayed(self, text: str, parts: Parts, told: Told) -> str:
        """Markdown that a block displays, as HTML that is still to be cleaned."""
        env = {"parts": parts, "told": told, "lesson": None, "results": Results(), "solutions": []}
        return str(self.markdown.renderer.render(displayed(text), self.markdown.options, env))

    def component(self, token: Token, title: Markup, children: list[Token], env: Any) -> Markup:
        """A `:::name` container, drawn by the template of that name."""
        attributes = token.meta["attributes"]
        # Of a lesson every component is known; what a block displays may name any.
        declaration = self.declared.get(token.info)
        self.scripts |= dict.fromkeys(declaration.scripts if declaration else ())

        lesson: Lesson | None = env["lesson"]

        def html(tokens: Sequence[Token]) -> Markup:
            rendered = self.markdown.renderer.render(tokens, self.markdown.options, env)
            return Markup(rendered if lesson else _cleaned(rendered, env))

        before = len(env["solutions"])
        # Footnotes and ids are counted while rendering: render once, and join the parts.
        rendered: list[dict[str, Any]] = []
        around = env.get("asking", False)
        for part in components.parts(children):
            env["asking"] = around or (token.info == PREDICT and not rendered)
            env["titled"] = True
            part_title = html(part.title)
            env["titled"] = False
            rendered.append({"title": part_title, "id": part.id, "body": html(part.body)})
        env["asking"] = around
        intro, parts = rendered[0]["body"], rendered[1:]
        solved = env["solutions"][before:] if token.info == EXERCISE else []
        del env["solutions"][len(env["solutions"]) - len(solved) :]
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
            number=token.meta.get("number", ""),
            serial=token.meta.get("line", 0),
            id=attributes.id,
            meta=lesson.meta.data if lesson else {},
            title=title,
            attrs=Given(
                attributes.values | dict.fromkeys(attributes.flags, "true"),
                declaration.takes if declaration else (),
            ),
            source=_source(lesson, token) if lesson else "",
            lead=env["results"].lead,
            artifacts=self.artifacts if lesson else {},
            intro=intro,
            parts=parts,
            solution=Markup("\n").join(solved),
            body=Markup("").join((intro, *titled)),
        )


def _source(lesson: Lesson, token: Token) -> str:
    """What the author wrote between the lines that open and close a component."""
    first, last = token.map or (0, 0)
    return "\n".join(lesson.text.split("\n")[first + 1 : last - 1])


def _alike(shown: Sequence[Shown]) -> list[list[Shown]]:
    """Together, those that displayed the same; what there is nothing of stays by itself."""
    groups: list[list[Shown]] = []
    for one in shown:
        for group in groups:
            first = group[0]
            if (
                first.recording
                and one.recording
                and (first.recording.outputs == one.recording.outputs and first.note == one.note)
            ):
                group.append(one)
                break
        else:
            groups.append([one])
    return groups


def _cleaned(html: str, env: Any) -> str:
    """A part of what a block displays, where it comes to stand in markup of the site's own."""
    return clean(html, "", told=env["told"], parts=env["parts"]).html


_WHOLE = re.compile(r"\b[^\W\d_]+-\d+\b(?![-.]\w)")
"""Words that end with a hyphen and a number."""
_TEXTS = ("stdout", "stderr", "text", "error", "json")
"""Kinds of output that are folded when they are long."""
_LABELS = {"stdout": "Output", "stderr": "Messages", "error": "Error", "text": "Value"}


def _brief(shown: Shown) -> list[str]:
    """What ran and how long, in a line."""
    if shown.recording is None:
        return [shown.profile.label]
    return [shown.profile.label, about(shown.recording.provenance.seconds)]


def _facts(shown: Shown) -> list[str]:
    """How large it was, on what it ran, and when."""
    if shown.recording is None:
        return []
    made = shown.recording.provenance
    device = "CPU" if made.device == "cpu" else made.device
    versions = [f"{name} {version}" for name, version in made.versions.items() if name != "python"]
    python = made.versions.get("python", "")
    ran_with = versions or ([f"Python {python}"] if python else [])
    return [fact for fact in (shown.profile.scale, device, *ran_with, made.date) if fact]


def about(seconds: float) -> str:
    """A duration as one tells it; its last digits say nothing to a reader."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 100:
        return f"{float(f'{seconds:.1g}'):g} s"
    return f"{seconds / 60:.0f} min"


_RULES = (
    "math_inline",
    "math_inline_double",
    "math_block",
    "task",
    "citation",
    "footnote_open",
    "footnote_anchor",
)
"""What plugins have rules of their own for."""


class _LessonHTML(RendererHTML):
    """markdown-it's renderer, with rules for what lessons have beyond CommonMark."""

    body: Body

    def render(
        self, tokens: Sequence[Token], options: OptionsDict, env: MutableMapping[str, Any]
    ) -> str:
        """As usual, but a component takes all tokens up to its end."""
        html: list[str] = []
        start = index = 0
        while index < len(tokens):
            if tokens[index].type == "component_open":
                html.append(super().render(tokens[start:index], options, env))
                end = components.end_of_component(tokens, index)
                html.append(self._component(tokens[index:end], options, env))
                start = index = end + 1
            else:
                index += 1
        html.append(super().render(tokens[start:], options, env))
        return "".join(html)

    def _component(self, tokens: Sequence[Token], options: OptionsDict, env: Any) -> str:
        heading, children = components.titled(tokens[1:])
        env["titled"] = True
        title = self.renderInline(heading.children or [], options, env) if heading else ""
        env["titled"] = False
        if "parts" in env:
            title = _cleaned(title, env)
        return _own(f"{self.body.component(tokens[0], Markup(title), children, env)}\n", env)

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        token = tokens[idx]
        cell: Cell | None = token.meta.get("cell")
        if isinstance(cell, Block):
            return f"{self.body.cell(cell, env)}\n"  # a str: markdown-it adds up its parts
        code = highlight(token.content, token.meta.get("language", ""))
        markup = f'<div class="highlight"><pre tabindex="0"><code>{code}</code></pre></div>\n'
        return _own(markup, env)

    def text(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """Escaped; names such as GPT-2 are not broken at their hyphen."""
        text = super().text(tokens, idx, options, env)
        if "parts" in env:
            return text
        text = _WHOLE.sub(r'<span class="whole">\g<0></span>', text)
        linked = sum(token.type.startswith("link_") and token.nesting for token in tokens[:idx])
        return text if linked or env.get("titled") else self.body.glossary.linked(text)

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        code = highlight(tokens[idx].content, "")
        markup = f'<div class="highlight"><pre tabindex="0"><code>{code}</code></pre></div>\n'
        return _own(markup, env)

    def task(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        done = tokens[idx].meta["done"]
        label, sign = ("done", "\N{BALLOT BOX WITH CHECK}") if done else ("open", "\N{BALLOT BOX}")
        return f'<span class="task" role="img" aria-label="{label}">{sign}</span> '

    def code_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        token = tokens[idx]
        cell = token.meta.get("cell")
        if cell is None:
            return f"<code>{escape(token.content)}</code>"
        text = _value(env["results"].values.get(cell.id, {}), env["results"].lead)
        return (
            f'<span class="value" data-inline="{cell.id}" '
            f'title="computed: {escape(cell.code)}">{text}</span>'
        )

    def span_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return f"<span{_of_profile(tokens[idx].meta.get('only', ''), env)}>"

    def footnote_open(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any
    ) -> str:
        """It says its number itself, for those that are hidden before it don't count."""
        number, of = tokens[idx].meta["id"] + 1, _of_profile(tokens[idx].meta.get("shown", ""), env)
        return f'<li id="fn{number}" class="footnote-item" value="{number}"{of}>'

    def footnote_anchor(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any
    ) -> str:
        html = render_footnote_anchor(self, tokens, idx, options, env)
        of = _of_profile(tokens[idx].meta.get("shown", ""), env)
        return html.replace("<a ", f"<a{of} ", 1)

    def heading_open(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any
    ) -> str:
        token = tokens[idx]
        name = token.meta["id"]
        env["titled"] = True
        return f'<{token.tag} id="{name}">' if name else f"<{token.tag}>"

    def heading_close(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any
    ) -> str:
        token = tokens[idx]
        env["titled"] = False
        name = tokens[idx - 2].meta["id"]
        if not name:
            return f"</{token.tag}>\n"
        label = "Link to this section"
        return f' <a class="anchor" href="#{name}" aria-label="{label}">#</a></{token.tag}>\n'

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        token = tokens[idx]
        target = str(token.attrs["href"])
        token = token.copy(attrs={**token.attrs, "href": page_url(target)})
        words = ""
        if tokens[idx + 1].type == "link_close" and env["lesson"]:
            words = str(escape(self.body.names.get(place_of(target, env["lesson"].slug), "")))
        return self.renderToken([token], 0, options, env) + words

    def citation(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        token, known = tokens[idx], self.body.references
        if any(one.key not in known for one in token.meta["cited"]) or not env["lesson"]:
            return str(escape(token.content))
        return f"({'; '.join(_cited(one, known[one.key]) for one in token.meta['cited'])})"

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        if "parts" in env:
            return "<table>\n"
        return '<div class="table" role="group" tabindex="0" aria-label="Table"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return "</table>\n" if "parts" in env else "</table></div>\n"

    def renderInlineAsText(  # noqa: N802
        self, tokens: Sequence[Token] | None, options: OptionsDict, env: Any
    ) -> str:
        """What describes a picture: its words, code and formulas as they are written, too."""
        return "".join(
            self.renderInlineAsText(one.children, options, env)
            if one.type == "image"
            else "\n" * one.type.endswith("break") + one.content
            for one in tokens or ()
        )

    def math_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return _formula(tokens[idx], "", env)

    def math_inline_double(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any
    ) -> str:
        return _formula(tokens[idx], "span", env)

    def math_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return _formula(tokens[idx], "div", env) + "\n"


def _formula(token: Token, frame: str, env: Any) -> str:
    """Displayed where it has a frame. Of a lesson it is known that it can be read; else told."""
    read = formula if "parts" in env else to_mathml
    try:
        math = read(token.content, bool(frame))
    except ValueError as error:
        if "parts" not in env:
            raise
        env["told"].add(f"a formula ({error})")
        return f"<code>{escape(token.content)}</code>"
    around = 'class="math" role="group" tabindex="0" aria-label="Formula"'
    place = f' id="{token.meta["id"]}"' if "id" in token.meta and frame == "div" else ""
    return _own(f"<{frame}{place} {around}>{math}</{frame}>" if frame else math, env)


def _cited(citation: Citation, reference: Reference) -> str:
    words = reference.cited(citation)
    where = f", {escape(citation.place)}" if citation.place else ""
    return f'<a class="citation" href="#ref-{citation.key}">{escape(words)}</a>{where}'


def _own(markup: str, env: Any) -> str:
    """Markup of the site's own, which in an output is kept apart until the rest is clean."""
    return env["parts"].sign(markup) if "parts" in env else markup


def _of_profile(names: str, env: Any) -> str:
    """Attributes of what is shown under these profiles alone; none if there are no names."""
    if not names:
        return ""
    hidden = "" if env["results"].lead in names.split(" ") else " hidden"
    return f' data-profile="{names}"{hidden}'


def _value(values: Mapping[str, ShownValue | None], lead: str) -> Markup:
    """An inline value: once where it is the same under every profile."""
    texts = {name: _value_text(value) for name, value in values.items()}
    if len(set(texts.values())) == 1:
        return next(iter(texts.values()))
    return Markup("").join(
        Markup('<span data-profile="{}"{}>{}</span>').format(
            name, Markup("" if name == lead else " hidden"), text
        )
        for name, text in texts.items()
    )


def _value_text(value: ShownValue | None) -> Markup:
    if value is None:
        return Markup('<em class="unrecorded">not recorded</em>')
    if value.stale:
        return Markup('<em class="outdated" title="out of date">{}</em>').format(value.text)
    return escape(value.text)
