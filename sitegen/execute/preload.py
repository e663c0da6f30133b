"""Imported once by the fork server, so that every worker starts with the heavy modules there."""

import contextlib
import importlib
import os

VARIABLE = "LESSONSITE_PRELOAD"

for _name in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
    # A module that cannot be imported is the concern of the block that wants it.
    with contextlib.suppress(Exception, SystemExit):
        importlib.import_module(_name)
