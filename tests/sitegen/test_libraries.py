"""Libraries that others draw and tabulate with: shown, and the same when looked at again.

None of them is needed by the generator. What isn't installed is skipped.
"""

from __future__ import annotations

import importlib.util
import re

import pytest
from small_course import Course

BLOCKS = {
    "pandas": (
        "import pandas as pd\nd = pd.DataFrame({'a': [1.5, 2, 3]})\n"
        "display(d, d.style.bar(color='#d65f5f').highlight_max(color='yellow'))",
        ["linear-gradient", "background-color:yellow", 'class="dataframe"'],
    ),
    "great_tables": (
        "import pandas as pd\nfrom great_tables import GT\n"
        "GT(pd.DataFrame({'a': [1, 2]})).tab_header(title='Counts')",
        ["Counts", "<td"],
    ),
    "polars": ("import polars as pl\npl.DataFrame({'a': [1, 2]})", ["shape: (2, 1)"]),
    "plotly": (
        "import plotly.graph_objects as go\ngo.Figure(go.Bar(y=[1, 3]))",
        ["plotly"],
    ),
    "altair": (
        "import altair as alt\nalt.Chart(alt.Data(values=[{'x': 1}])).mark_bar().encode(x='x:O')",
        ["altair"],
    ),
    "bokeh": (
        "from bokeh.io import output_notebook\nfrom bokeh.plotting import figure, show\n"
        "output_notebook()\np = figure()\np.line([1, 2], [1, 2])\nshow(p)",
        ["an interactive figure by bokeh"],
    ),
    "seaborn": (
        "import seaborn as sns\nsns.heatmap([[1, 2], [3, 4]], annot=True);",
        ['class="figure fixed"'],
    ),
    "ipywidgets": ("import ipywidgets\nipywidgets.IntSlider(value=7)", ["IntSlider(value=7)"]),
    "sympy": ("import sympy\nsympy.Symbol('x') ** 2", ["<msup>"]),
    "tqdm": (
        "import time\nfrom tqdm import trange\nfor i in trange(3, desc='outer'):\n"
        "    for j in trange(9, desc='inner', leave=False):\n        time.sleep(0.005)\n",
        ["outer: 100%", "3/3 […]\n</samp>"],
    ),
    "matplotlib": (
        "import matplotlib.pyplot as plt\nfrom matplotlib.animation import FuncAnimation\n"
        "from IPython.display import HTML\nf, axes = plt.subplots(figsize=(1, 1))\n"
        "line, = axes.plot([0, 1])\nplt.close(f)\n"
        "HTML(FuncAnimation(f, lambda n: line.set_ydata([0, n]), frames=2).to_jshtml())",
        ["data:image/png;base64,", "The first picture of an animation"],
    ),
    "rich": (
        "from rich.console import Console\n"
        "Console(force_terminal=True, no_color=False).print('[red]x[/]')",
        ['<span class="ansi-red">x</span>'],
    ),
}
DRAWN = {"altair": ("vl_convert", 'class="marks'), "plotly": ("kaleido", "<svg ")}
"""Where this exporter is installed, this is shown instead."""
REPR = re.compile(r"<samp>&lt;(?:IPython|plotly|pandas)\.[\w.]+ object")


def installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course with a block for each library that is installed."""
    course = Course(tmp_path_factory.mktemp("shelf") / "course")
    blocks = (
        f"\n```python {{#{name}}}\n{code}\n```\n"
        for name, (code, _) in BLOCKS.items()
        if installed(name)
    )
    course.lesson("".join(blocks))
    course.build()
    return course


@pytest.mark.parametrize("library", BLOCKS)
def test_what_it_shows_is_on_the_page(shelf: Course, library: str) -> None:
    if not installed(library):
        pytest.skip(f"{library} is not installed, so that its outputs are not looked at")
    place = re.compile(rf'<figure class="block" id="block-{library}".*?</figure>', re.S)
    (shown,) = place.findall(shelf.page())
    exporter, drawn = DRAWN.get(library, ("", ""))
    for words in [drawn] if exporter and installed(exporter) else BLOCKS[library][1]:
        assert words in shown, words
    assert not REPR.search(shown)


def test_none_of_it_drifts(shelf: Course) -> None:
    for _ in range(2):
        run = shelf.run("--check")
        assert run.code == 0, run.err
