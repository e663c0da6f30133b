"""Running text of other tools as that of a lesson: roles, references, citations, links."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sitegen.importing.nodes import LABEL, anchor, words
from sitegen.parse.citations import CITATION, citations
from sitegen.parse.parser import is_external

_TEXT = r"(?:[^\[\]`\\]|\\.|`[^`\n]*`|\[(?:[^\[\]\\]|\\.)*\](?:\([^()]*\))?)*"
_PARTS = re.compile(
    rf"""
      \{{(?P<role>[A-Za-z][\w:+.-]*)\}}(?P<role_ticks>`+)(?P<role_text>.+?)(?P=role_ticks)
    | (?<![\w:`]):(?P<mark>[a-z][a-z:]*):`(?P<mark_text>[^`]+)`
    | (?P<ticks>`+)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)(?P<code_braces>\{{[.\#=][^{{}}\n]*\}})?
    | (?P<display>\$\$)(?P<display_text>.+?)\$\$
    | (?<![\\$\w])\$(?P<math>(?:[^$\\]|\\.)+?)\$(?![\d$])
    | \\\((?P<paren>.+?)\\\)
    | \\(?P<latex_ref>eq|auto|c|C)?ref\{{(?P<latex>[^{{}}]+)\}}
    | (?P<image>!?)\[(?P<text>{_TEXT})\]\((?P<target><[^<>\n]*>|(?:[^()\s]|\([^()\s]*\))*)
        (?:\s+["'](?P<title>[^"'\n]*)["'])?\)(?P<link_braces>\{{[^{{}}\n]*\}})?
    | {CITATION}
    | (?<![\w@.`/])(?P<bare_sign>-?@)(?P<bare>[A-Za-z][\w:.-]*\w)
    | (?P<shortcode>\{{\{{[<%].+?[>%]\}}\}}|\{{%[^\n]+?%\}})
    | \{{\{{\s*(?P<substituted>[\w.-]+)\s*\}}\}}
    | <(?:project|path):(?P<auto>[^<>\s]+)>
    | ^[ ]{{0,3}}\[(?P<defined>[^\[\]^][^\[\]]*)\]:[ ]+(?P<place><[^<>\n]*>|\S+)
    | \[(?P<span>{_TEXT})\]\{{(?P<span_braces>[.#][^{{}}\n]*)\}}
    | <a\s[^<>]*href=["']?(?P<around>[^"'\s<>]+)[^<>]*>\s*<img\s(?P<linked>[^<>]*)/?>\s*</a>
    | <img\s(?P<html>[^<>]*)/?>
    | <(?P<element>script|style)\b[^<>]*>.*?</(?P=element)>
    | (?P<tag></?(?:iframe|script|style|video|embed|object|form|input)\b[^<>]*>)
    """,
    re.X | re.S | re.M,
)

_CROSS = ("fig", "tbl", "eq", "sec", "lst", "thm", "lem", "exr", "def", "exm", "cor", "prp", "sol")
"""The beginnings of what Quarto's references name."""
_REFERENCES = ("ref", "numref", "eq", "eqref", "prf:ref", "doc", "download", "any", "xref")
_CODE = frozenset(
    {
        "code",
        "func",
        "class",
        "meth",
        "mod",
        "attr",
        "exc",
        "obj",
        "data",
        "const",
        "file",
        "kbd",
        "command",
        "program",
        "option",
        "envvar",
        "samp",
        "literal",
        "py:func",
        "py:class",
        "py:meth",
        "py:mod",
        "py:attr",
        "guilabel",
        "menuselection",
        "download",
        "keys",
    }
)
_NARRATIVE = ("cite:t", "cite:ts", "citet", "cite:alp", "cite:author", "cite:alps")
_COLAB = re.compile(r"colab\.research\.google\.com|mybinder\.org|kaggle\.com/kernels|nbviewer")


class Around(Protocol):
    """What running text has to ask of the rest."""

    def labelled(self, label: str) -> str:
        """The place that a label names, as a link says it; empty if there is none."""
        ...

    def linked(self, target: str) -> tuple[str, str]:
        """A relative link as a lesson says it, empty if it leads nowhere; and what is lost."""
        ...

    def pictured(self, target: str) -> tuple[str, str]:
        """A picture as a lesson names it, empty if it can't be shown; and what is lost."""
        ...

    def substitution(self, name: str) -> str | None:
        """What the front matter says for a name; None if nothing."""
        ...

    def latex(self, text: str) -> str:
        """A formula without the commands that its document defines."""
        ...

    def cites(self, key: str) -> str:
        """Who wrote what has this key in the bibliography, which is cited then; else empty."""
        ...

    def nameless(self, place: str) -> str:
        """What to call a place that has no name of its own; empty if it has one."""
        ...


@dataclass
class Inline:
    """Turns text, and says what of it is lost."""

    around: Around
    lose: Callable[[str, str], None]

    def text(self, text: str) -> str:
        """A piece of running text."""
        return _PARTS.sub(self._part, text)

    def _part(self, found: re.Match[str]) -> str:
        given = {name: value for name, value in found.groupdict().items() if value is not None}
        if "role" in given:
            return self.role(given["role"].lower(), given["role_text"])
        if "mark" in given:
            return self.role(given["mark"], given["mark_text"])
        if "code" in given:
            braces = given.get("code_braces", "")
            if braces:
                self.lose("option", f"{braces!r} of code says nothing here")
            return self.code(found[0].removesuffix(braces), given["code"])
        if "display_text" in given:
            return self.math(given["display_text"], "$$")
        if "math" in given:
            return self.math(given["math"], "$")
        if "paren" in given:
            return self.math(given["paren"], "$")
        if "latex" in given:
            return self.reference(given["latex"], "")
        if "target" in given:
            return self.link(given)
        if "cited" in given:
            return self.citation(found[0], given["cited"])
        if "bare" in given:
            return self.bare(found[0], given["bare"])
        if "shortcode" in given:
            said = words(given["shortcode"].strip("{<%> }"), 100)
            self.lose("shortcode", f"a shortcode is left out: {said}")
            return ""
        if "substituted" in given:
            return self.substituted(found[0], given["substituted"])
        if "auto" in given:
            return self.to(given["auto"], "")
        if "defined" in given:
            return self.defined(given["defined"], given["place"].strip("<>"))
        if "span" in given:
            said = words(given["span_braces"])
            self.lose("markup", f"{said!r} of a text says nothing here")
            return self.text(given["span"])
        if "around" in given:
            picture = self.attributes(given["linked"])
            text = f"![{picture.get('alt', '')}]({picture.get('src', '')})"
            return self.link({"target": given["around"], "text": text, "image": ""})
        if "html" in given:
            return self.html(given["html"])
        self.lose("HTML", f"{words(found[0])!r} is left out: a page loads and runs nothing")
        return ""

    def role(self, name: str, text: str) -> str:
        titled = re.fullmatch(r"(?P<title>.+?)\s*<(?P<target>[^<>]+)>", text, re.S)
        title, target = (titled["title"], titled["target"]) if titled else ("", text)
        if name == "doc" or name == "download":
            return self.to(target, title)
        if name in _REFERENCES:
            wanted = "" if re.search(r"%s|\{(number|name)\}", title) else title
            if wanted != title:
                self.lose("role", f"{words(title)!r} names the place by its number: as it is here")
            return self.reference(target, wanted)
        if name.startswith(("cite", "footcite")):
            keys = [key.strip() for key in text.split(",")]
            if name in _NARRATIVE:
                return ", ".join(self.narrative(key) for key in keys)
            known = [key for key in keys if self.around.cites(key)]
            return self.cited(keys, known, bare=name in ("cite:year", "cite:yearpar"))
        if name == "math":
            return self.math(text, "$")
        if name == "eval":
            return f"`{{python}} {text}`"
        if name in _CODE or name.startswith("py:"):
            return f"`{title or text.lstrip('~!')}`"
        if name in ("term", "abbr", "index", "dfn"):
            if name == "index":
                self.lose("role", f"{{index}}`{words(text)}` is text: there is the search")
            return title or text.split(";")[0].strip() if name == "index" else title or text
        if name in ("sub", "sup", "subscript", "superscript"):
            tag = name[:3]
            return f"<{tag}>{text}</{tag}>"
        if name in ("strong", "emphasis"):
            return f"**{text}**" if name == "strong" else f"*{text}*"
        self.lose("role", f"no role {{{name}}} here: {words(text)!r} is text")
        return title or text

    def code(self, whole: str, code: str) -> str:
        if code.strip() == "{python}":  # it is spoken of
            return "<code>{python}</code>"
        if found := re.match(r"\{?r\}? ", code):
            self.lose("cell", f"a value in R is shown as code: {words(code[found.end() :])!r}")
        elif found := re.match(r"\{(?P<role>eval|py|python)\}\s*", code):
            return f"`{{python}} {code[found.end() :]}`"
        return whole

    def substituted(self, whole: str, name: str) -> str:
        text = self.around.substitution(name)
        if text is None:
            self.lose("substitution", f"nothing here says what stands for {whole!r}")
            return whole
        return self.text(text)

    def defined(self, name: str, target: str) -> str:
        """What links of the form `[words][name]` lead to."""
        if is_external(target):
            return f"[{name}]: {target}"
        picture = re.search(r"\.(png|jpe?g|gif|svg|webp)$", target, re.I)
        place, lost = (self.around.pictured if picture else self.around.linked)(target)
        if lost:
            self.lose("link", lost)
        return f"[{name}]: {place}" if place else ""

    def math(self, text: str, mark: str) -> str:
        if found := re.fullmatch(r"\s*\\(?:eq)?ref\{([^{}]+)\}\s*", text):
            return self.reference(found[1], "")
        text = self.around.latex(LABEL.sub("", text))
        return f"{mark}{text.strip()}{mark}"

    def reference(self, label: str, title: str) -> str:
        place = self.around.labelled(anchor(label))
        if place:
            return f"[{self.text(title) or self.around.nameless(place)}]({place})"
        self.lose("reference", f"nothing here has the label {label!r}")
        return title or f"`{label}`"

    def link(self, given: dict[str, str]) -> str:
        target = given["target"].strip("<>")
        text = given["text"]
        if given.get("link_braces"):
            what = "a picture" if given["image"] else "a link"
            self.lose("option", f"{given['link_braces']} of {what} says nothing here")
        if given["image"]:
            return self.picture(target, text, given.get("title", ""))
        if re.match(r"\s*!\[", text) and is_external(target):
            if _COLAB.search(target):
                self.lose("link", f"a badge is left out: set repository for Colab ({target})")
                return ""
            text = re.sub(r"!\[([^\[\]]*)\]\([^()]*\)", r"\1", text) or target
            self.lose("remote picture", f"a picture that was a link to {target} is its words")
            return f"[{text}]({target})"
        return self.to(target, self.text(text))

    def to(self, target: str, text: str) -> str:
        """A link within the site; its words alone, if there is nothing to lead to."""
        if place := self.around.labelled(anchor(target.removeprefix("#"))):
            return f"[{text or self.around.nameless(place)}]({place})"
        if is_external(target):
            return f"[{text or target}]({target})"
        place, lost = self.around.linked(target)
        if lost:
            self.lose("link", lost)
        return f"[{text}]({place})" if place else text or f"`{target}`"

    def picture(self, target: str, alt: str, title: str = "") -> str:
        if title:
            self.lose("option", f"the title {words(title)!r} of a picture says nothing here")
        place, lost = self.around.pictured(target)
        if lost:
            self.lose("missing picture" if not is_external(target) else "remote picture", lost)
        if place:
            return f"![{alt}]({place})"
        return f"[{alt or target}]({target})" if is_external(target) else alt

    def html(self, attributes: str) -> str:
        given = self.attributes(attributes)
        for key in given.keys() - {"src", "alt"}:
            self.lose("option", f"{key}={given[key]} of a picture says nothing here")
        return self.picture(given.get("src", ""), given.get("alt", ""))

    @staticmethod
    def attributes(text: str) -> dict[str, str]:
        """Those of an element of HTML."""
        found = re.findall(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", text)
        return {name.lower(): "".join(values).strip() for name, *values in found}

    def citation(self, whole: str, text: str) -> str:
        keys = [one.key for one in citations(text)]
        if not keys:
            return whole
        if all(key.partition("-")[0] in _CROSS for key in keys):
            return ", ".join(self.reference(key, "") for key in keys)
        known = [key for key in keys if self.around.cites(key)]
        return whole if known == keys else self.cited(keys, known)

    def cited(self, keys: list[str], known: list[str], bare: bool = False) -> str:
        for key in keys:
            if key not in known:
                self.lose("citation", f"no bibliography here has {key!r}")
        sign = "-@" if bare else "@"
        if known == keys:
            return f"[{'; '.join(sign + key for key in known)}]"
        return f"({'; '.join(keys)})"

    def bare(self, whole: str, key: str) -> str:
        kind, hyphen, name = key.partition("-")
        if kind.lower() in _CROSS and hyphen:  # with a capital, it begins a sentence
            return self.reference(f"{kind.lower()}-{name}", "")
        return self.narrative(key) if self.around.cites(key) else whole

    def narrative(self, key: str) -> str:
        """A work that is part of the sentence: "Author (Year)"."""
        who = self.around.cites(key)
        return f"{who} [-@{key}]" if who else self.cited([key], [])
