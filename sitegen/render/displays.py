"""One output as it stands on a page: the richest of its forms that shows something there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from markupsafe import Markup

from sitegen.errors import SiteError
from sitegen.output import FILES, PICTURES, SHOWN_TYPES, Output
from sitegen.render.ansi import coloured
from sitegen.render.artifacts import Artifact
from sitegen.render.highlight import highlight
from sitegen.render.house import House
from sitegen.render.html import FORMULA_TAGS, Parts, clean, without_signs
from sitegen.render.mathml import to_mathml
from sitegen.render.style import Told
from sitegen.render.svg import inline_svg

_REPR = re.compile(r"\s*<[\w.]+(?: (?:object|at|with|size)\b)?[^<>\n]*>\s*|\s*Figure\(.*\)\s*")
"""What Python says of an object that says nothing of itself."""

_WHOLE_FORMULA = re.compile(
    r"\s*(?:\$\$(?P<two>.+?)\$\$|\$(?P<one>[^$]+)\$|\\\[(?P<bracket>.+?)\\\]"
    r"|\\begin\{(?:equation|displaymath|math)\*?\}(?P<named>.+?)\\end\{\w+\*?\})\s*",
    re.S,
)

_MENDS = {
    "plotly": "install kaleido, or display figure.to_image() as an Image",
    "altair": "install vl-convert-python, and the page has its drawing",
    "bokeh": "export it with bokeh.io.export and display the picture",
    "ipywidgets": "print or plot what it is to show",
    "an animation of matplotlib": "save it as a GIF, or as a video that is embedded",
}
_LOST = {
    "a picture or recording from elsewhere": "embed it, or put the file beside the lesson",
    "a picture from elsewhere": "embed it, or put the file beside the lesson",
    "an embedded page": "a link stands in its place",
    "a style sheet for the whole page": "put it into the folder named by `static`",
    "a style sheet from elsewhere": "put its rules into a <style> of the output",
    "a script": "no page runs one: show a picture or a table",
    "controls of a form": "no page has what they would act on",
}
"""How to mend what is taken out."""
_INSTEAD = {
    "plotly": "an interactive figure by plotly",
    "altair": "an interactive figure by altair",
    "bokeh": "an interactive figure by bokeh",
    "holoviews": "an interactive figure by holoviews",
    "ipywidgets": "a widget by ipywidgets",
    "JavaScript": "JavaScript",
    "a script": "something drawn by a script",
    "a map": "an interactive map",
}


@dataclass(frozen=True)
class Item:
    """What a template is given of an output."""

    kind: str
    html: Markup
    note: str = ""
    """What the page says of what it can't show."""
    coloured: bool = False
    """Whether it has colours of its own, chosen for a light ground."""


@dataclass
class Display:
    """Shows one output."""

    output: Output
    prefix: str
    site: House
    file: Artifact | None
    """What is to be had and not to be seen, if it is that."""
    markdown: Callable[[str, Parts, Told], str]
    """Renders Markdown to HTML that is still to be cleaned, but for its parts."""
    told: Told = field(default_factory=Told)
    warnings: list[str] = field(default_factory=list)

    def item(self) -> Item:
        """The output's first form that shows something."""
        output = self.output
        if output.kind != "display":
            return Item(output.kind, coloured(output.text))
        for kind in SHOWN_TYPES:
            if kind not in output.data or kind == "text/plain":
                continue
            if kind == "text/html" and output.needs and output.data.keys() & PICTURES.keys():
                continue  # what is left of it without its script are labels
            told, self.told = self.told, Told()
            item = self._form(kind, output.data[kind])
            told, self.told = self.told, told
            if item is not None or not output.needs:  # of a form that is not shown it is enough
                for loss, count in told.kinds.items():
                    self.told.kinds[loss] = self.told.kinds.get(loss, 0) + count
            if item is not None:
                if output.needs and item.kind in ("html", "markdown"):
                    self.told.add(_script(output.needs))
                return item
        return self._text()

    def _form(self, kind: str, data: str) -> Item | None:
        """None where nothing of it can be seen."""
        if kind == "image/svg+xml":
            try:
                return Item("svg", Markup(self._drawing(data)))
            except ValueError:
                self.told.add("a drawing that is no SVG document")
                return None
        if kind == "text/html":
            cleaned = clean(data, self.prefix, self.site, self.told)
            if not cleaned.shows and "<style" in data:
                self.told.add("a style sheet for the whole page")
            return (
                Item("html", Markup(cleaned.html), "", cleaned.coloured) if cleaned.shows else None
            )
        if kind == "text/markdown":
            return self._markdown(data)
        if kind == "text/latex":
            return self._latex(data)
        if kind in FILES and self.file:
            return Item("file", self._link(self.file))
        if kind in PICTURES:
            return Item("png", self._picture(kind, data), self._animated())
        return Item(
            "json",
            Markup('<div class="highlight"><pre tabindex="0"><code>{}</code></pre></div>').format(
                highlight(data, "json")
            ),
        )

    def _drawing(self, data: str) -> str:
        return inline_svg(data, self.prefix, self.site, self.told, self.output.picture)

    def _picture(self, kind: str, data: str) -> Markup:
        said = self.output.picture
        alt = (
            said.get("alt")
            or ("" if _REPR.fullmatch(self.output.text) else self.output.text)
            or "Figure"
        )
        size = Markup("").join(
            Markup(' {}="{}"').format(side, said[side])
            for side in ("width", "height")
            if side in said
        )
        if len(size) and "width" in said and "height" in said:
            size += Markup(' style="aspect-ratio:{}/{}"').format(said["width"], said["height"])
        return Markup('<img alt="{}"{} src="data:{};base64,{}">').format(alt, size, kind, data)

    def _link(self, file: Artifact) -> Markup:
        about = "File" if _REPR.fullmatch(file.about) else file.about
        return Markup('<p>{}: <a href="{}" download>{}</a>, {:,.0f} kB</p>').format(
            about, file.path, file.path.rpartition("/")[2], file.size / 1000
        )

    def _animated(self) -> str:
        if self.output.needs != "an animation of matplotlib":
            return ""
        self._warn_of_need("the page shows its first picture")
        return "The first picture of an animation, which needs its script."

    def _markdown(self, text: str) -> Item | None:
        parts = Parts()
        try:
            html = self.markdown(without_signs(text), parts, self.told)
        except (ValueError, SiteError) as error:
            self.told.add(f"its form as Markdown ({error})")
            return Item("text", coloured(text))
        cleaned = clean(html, self.prefix, self.site, self.told, parts)
        return Item("markdown", Markup(cleaned.html), "", cleaned.coloured)

    def _latex(self, text: str) -> Item | None:
        """A formula, or text with formulas in it, as what IPython's `Math` and `Latex` hold."""
        whole = _WHOLE_FORMULA.fullmatch(text)
        if whole is None and "$" in text:
            return self._markdown(text)
        latex = next(filter(None, whole.groups())) if whole else text
        latex = re.sub(r"^\s*\\displaystyle\b\s*", "", latex.strip())
        try:
            math = formula(latex, True)
        except ValueError as error:
            self.told.add(f"its formula ({error})")
            return None
        return Item(
            "latex",
            Markup(
                '<div class="math" role="group" tabindex="0" aria-label="Formula">{}</div>'
            ).format(Markup(math)),
        )

    def _text(self) -> Item:
        """Its text, and above that what a script would show, or that no form is of use."""
        output = self.output
        text = output.text
        note = ""
        if output.needs:
            what = _INSTEAD.get(output.needs, output.needs)
            told = bool(_REPR.fullmatch(text)) or not text.strip()
            text = "" if told else text
            note = f"Here a notebook shows {what}, which needs a script. "
            note += "This page runs none" + (": below is its text." if text else ".")
            self._warn_of_need("the page shows its text" if text else "the page only says so")
        elif output.data.keys() - {"text/plain"} and (not text or _REPR.fullmatch(text)):
            if not self.told.kinds:
                return Item("note", Markup())  # it is empty
            text, note = "", "Nothing of what this displayed can be shown on a page."
        return Item("text" if text or not note else "note", coloured(text), note)

    def _warn_of_need(self, instead: str) -> None:
        mend = _MENDS.get(self.output.needs, "")
        message = f"displays what needs {_script(self.output.needs)}; {instead}"
        self.warnings.append(f"{message}; {mend}" if mend else message)

    def said(self) -> list[str]:
        """What is to be told of it to its author, once it is shown."""
        losses = [
            kind if count == 1 else f"{kind} ({count} times)"
            for kind, count in self.told.kinds.items()
        ]
        if not losses:
            return self.warnings
        mend = next((_LOST[kind] for kind in self.told.kinds if kind in _LOST), "")
        lost = f"shows its output without {_listed(losses)}" + (f"; {mend}" if mend else "")
        return [*self.warnings, lost]


def formula(latex: str, block: bool) -> str:
    """A formula that a block displays, as MathML.

    Raises:
        ValueError: it can't be read, or holds markup that is none of a formula.
    """
    markup = to_mathml(latex, block)
    names = {name.lower() for name in re.findall(r"<\s*/?\s*([^\s/>]+)", markup)}
    if names - FORMULA_TAGS or re.search(r"<[^>]*\s(?:on\w+|[\w:]*href|src)\s*=", markup, re.I):
        raise ValueError(f"formula {latex!r} holds markup")
    return markup


def _script(needs: str) -> str:
    if needs in ("JavaScript", "a script"):
        return "a script"
    return f"the script of {needs}"


def _listed(words: list[str]) -> str:
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + words[-1]
