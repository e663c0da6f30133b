"""What a model is and what was measured of it, drawn for a page and a notebook.

In: a model, a config, or numbers. Out: SVG in the course's colours (`svg`), plots, and marked
texts. Nothing here measures, and nothing that computes imports from here.
"""
