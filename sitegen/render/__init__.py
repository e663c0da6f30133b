"""`Recording` -> `Page`: HTML, formulas, figures and notebooks, and the folder they lie in.

In: lessons with what is recorded of them. Out: the files of the site, written whole or not at
all. Nothing is executed here, and nothing decided about what holds.
"""
