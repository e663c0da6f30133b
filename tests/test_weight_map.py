"""The map as it is drawn and tabled says what the loader does."""

from __future__ import annotations

import html
import re
import xml.etree.ElementTree as ET

import pytest

from gptcore import GPTConfig
from gptcore.figures.svg import Diagram
from gptcore.figures.weight_map import diagram, table
from gptcore.pretrained.mapping import PAIRS, pairs, their_shapes
from gptcore.tables import Table

SVG = "{http://www.w3.org/2000/svg}"
CONFIG = GPTConfig.gpt2()


@pytest.fixture(scope="module")
def drawn() -> Diagram:
    return diagram(CONFIG)


@pytest.fixture(scope="module")
def root(drawn: Diagram) -> ET.Element:
    return ET.fromstring(drawn._repr_svg_())


def arrow(root: ET.Element, name: str) -> ET.Element:
    (found,) = (g for g in root.iter(f"{SVG}g") if g.get("data-map") == name)
    return found


def path(root: ET.Element, name: str) -> ET.Element:
    found = arrow(root, name).find(f"{SVG}path")
    assert found is not None
    return found


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.ours)
def test_an_arrow_leads_from_the_name_there_to_the_name_here(root: ET.Element, pair) -> None:
    labels = [t for t in root.iter(f"{SVG}text") if t.get("data-map") == pair.ours]
    there, here = sorted(labels, key=lambda label: float(label.get("x", 0)))
    assert there.text == ".".join(pair.theirs.split(".")[-2:])
    assert here.text == ".".join(pair.ours.split(".")[-2:])
    numbers = re.findall(r"[\d.]+", path(root, pair.ours).get("d", ""))
    (x1, y1, x2, y2) = map(float, numbers[:4])
    assert float(there.get("x", 0)) < x1 < x2 < float(here.get("x", 0))
    assert (y1, y2) == (float(there.get("y", 0)) - 4, float(here.get("y", 0)) - 4)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.ours)
def test_an_arrow_says_what_happens(root: ET.Element, pair) -> None:
    line = path(root, pair.ours)
    words = [t.text for t in arrow(root, pair.ours).iter(f"{SVG}text")]
    assert line.get("class") == pair.kind
    assert words == ([".t()"] if pair.kind == "transpose" else [])
    assert ("stroke-dasharray" in line.attrib) == (pair.kind == "tied")
    colour = {"copy": "#64748b", "transpose": "#a3164a", "tied": "#8e24aa"}[pair.kind]
    assert line.get("style") == f"stroke:{colour}"


def test_layers_are_drawn_once_under_their_numbers(root: ET.Element) -> None:
    words = [t.text for t in root.iter(f"{SVG}text")]
    assert words.count("h.0 … h.11") == 2
    one = ET.fromstring(diagram(GPTConfig(8, 9, 1, 1, 4)).svg)
    assert [t.text for t in one.iter(f"{SVG}text")].count("h.0") == 2


def test_it_fits_a_phone(root: ET.Element) -> None:
    *_, width, height = map(float, root.get("viewBox", "").split())
    assert width <= 400
    for words in root.iter(f"{SVG}text"):
        size = float(words.get("font-size", 0))
        assert size >= 12
        x = float(words.get("x", 0))
        if words.get("text-anchor") == "start":
            wide = 0.62 if "mono" in words.get("font-family", "") else 0.56
            assert x + len(words.text or "") * size * wide <= width, words.text
        assert float(words.get("y", 0)) < height


def test_it_says_in_words_what_it_shows(drawn: Diagram, root: ET.Element) -> None:
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert desc is not None
    assert title.text == drawn.title
    assert "Transposed: transformer.h.0 … h.11.attn.c_attn.weight" in (desc.text or "")
    assert "Tied to wte and skipped: lm_head.weight." in (desc.text or "")


def test_the_table_has_a_row_for_each_pair_with_true_shapes() -> None:
    page = table(CONFIG)._repr_html_()
    rows = dict(re.findall(r'<tr class="\w+" data-map="([^"]+)">(.*?)</tr>', page))
    assert rows.keys() == {pair.ours for pair in PAIRS}
    shapes = their_shapes(CONFIG)
    for pair in PAIRS:
        cells = [html.unescape(c) for c in re.findall(r"<td>(.*?)</td>", rows[pair.ours])]
        assert cells[2] == str(shapes[pair.in_layer(0).theirs])
        assert cells[4] == str(tuple(reversed(shapes[pair.in_layer(0).theirs]))) or (
            pair.kind != "transpose" and cells[4] == cells[2]
        )
        assert cells[5] == pair.kind
    assert "h.0 … h.11.attn.c_attn.weight" in repr(table(CONFIG))


def test_without_biases_there_are_none() -> None:
    bare = GPTConfig(bias=False)
    assert "bias" not in repr(table(bare))
    assert "bias" not in diagram(bare).svg
    assert not [pair for pair in pairs(bare) if "bias" in pair.ours]


def test_a_table_without_rows_is_its_header() -> None:
    empty = Table(("a", "b"), ())
    assert repr(empty) == "a  b"
    assert ">b</th></tr></thead><tbody></tbody>" in empty._repr_html_()
