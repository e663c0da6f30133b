"""Matplotlib's backend in a worker, chosen by `MPLBACKEND=module://sitegen.execute.pyplot_backend`.

`plt.show()` displays the open figures where it is called, as in a notebook.
"""

from __future__ import annotations

from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

from sitegen.execute.figures import show_open_figures


class FigureManager(FigureManagerBase):
    """Shows figures by displaying them."""

    @classmethod
    def pyplot_show(cls, *, block: bool | None = None) -> None:
        show_open_figures()


class FigureCanvas(FigureCanvasAgg):
    """Agg's canvas, under the name that pyplot looks for."""

    manager_class = FigureManager
