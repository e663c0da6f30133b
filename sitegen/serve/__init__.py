"""`--serve`, the author's loop: build, serve, watch, reload.

Data goes one way here too: what changed (`watch`) -> a round of building (`loop`, with what is
kept from the last one in `kept`) -> the view (`view`) -> the browser (`server`, `reload.js`).
"""

from sitegen.serve.command import serve

__all__ = ["serve"]
