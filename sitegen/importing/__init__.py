"""Documents of other tools -> lessons, with everything said that could not be taken.

A file is read into items, each a line of Markdown or a cell of code with its place (`notebook`,
`markdown`). `structure` makes nodes of them (`nodes`), with the help of what each convention says
of directives, divs and cells (`directives`, `divs`, `cells`). When all documents are known, and
with them what can be referred to, `write` makes a lesson of the nodes, line by line with `inline`.
`bring` does so for several files and finds out which others belong to them.
"""
