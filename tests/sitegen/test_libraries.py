"""Libraries that others draw and tabulate with: shown, and the same when looked at again.

None of them is needed by the generator. What isn't installed is skipped.
"""

from __future__ import annotations

import importlib.util
import re

import pytest

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
        "from rich.console import Console\nConsole(force_terminal=True).print('[red]x[/]')",
        ['<span class="ansi-red">x</span>'],
    ),
}
REPR = re.compile(r"<samp>&lt;(?:IPython|plotly|pandas)\.[\w.]+ object")


def installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


@pytest.mark.parametrize("library", BLOCKS)
def test_what_it_shows_is_on_the_page_and_does_not_drift(course, library: str) -> None:
    if not installed(library):
        pytest.skip(f"{library} is not installed: {library}'s outputs are not looked at")
    code, seen = BLOCKS[library]
    course.lesson(f"\n```python {{#a}}\n{code}\n```\n")
    run = course.build()
    page = course.page()
    drawn = {"altair": "vl_convert", "plotly": "kaleido"}.get(library, "")
    if drawn and installed(drawn):
        assert '<svg class="marks' in page or 'class="main-svg' in page or "needs" in run.err
    else:
        for words in seen:
            assert words in page, words
    assert not REPR.search(page)
    for _ in range(2):
        assert course.run("--check").code == 0
