"""Code for lessons to embed."""


def longest(text: str) -> str:
    """The longest word of a text, the first if there are several."""
    return max(text.split(), key=len)
