"""Documents of other tools -> lessons, with everything said that could not be taken.

A file is read into items, each a line of Markdown or a cell of code with its place (`notebook`,
`percent`, `markdown`). `structure` makes nodes of them (`nodes`), with the help of what each
convention says of `directives`, `divs`, `cells`, `tables` and `braces`; `parts` come to lie where
they belong. A `document` is these with what can be referred to. When all documents are known,
`write` makes a lesson of the nodes of each, line by line with `inline`. `bring` does so for
several, and takes along the `files` and the `bibliography` that belong to them.
"""
