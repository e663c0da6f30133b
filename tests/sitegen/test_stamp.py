"""What a build with nothing to do overlooks: nothing, be it in what it reads or in the site."""

from __future__ import annotations

import pytest

from sitegen.cli import main


@pytest.fixture
def styled(good, monkeypatch):
    """A course with a template and a style of its own, built by this process."""
    good.configure('templates = "theme"\nstatic = "look"')
    good.write("theme/components/tip.html", "<div>before {{ body }}</div>")
    good.write("look/extra.css", "body { color: red }")
    good.lesson("\n:::tip\nA tip.\n:::\n")
    monkeypatch.chdir(good.root)
    assert main([]) == 0
    return good


@pytest.mark.parametrize("content", ["edited", None])
def test_a_page_that_is_no_longer_whole_is_written_again(styled, content: str | None) -> None:
    whole, page = styled.page("good"), styled.root / "site" / "good.html"
    if content is None:
        page.unlink()
    else:
        page.write_text(content)
    assert main([]) == 0
    assert styled.page("good") == whole


@pytest.mark.parametrize(
    ("name", "old", "new", "shown"),
    [
        ("theme/components/tip.html", "before", "after", "one.html"),
        ("look/extra.css", "red", "blue", "static/extra.css"),
        ("lessons/good.md", "'good'", "'better'", "good.html"),
        ("pyproject.toml", "A course", "Another course", "index.html"),
    ],
)
def test_a_change_in_what_a_build_reads_is_seen(
    styled, name: str, old: str, new: str, shown: str
) -> None:
    styled.edit(name, old, new)
    assert main([]) == 0
    assert new.strip("'") in (styled.root / "site" / shown).read_text("utf-8")


@pytest.fixture
def reading(styled, monkeypatch):
    """A course of which blocks read more than its sources."""
    monkeypatch.setenv("SETTING", "first")
    styled.write("data/a.txt", "1")
    styled.lesson(
        "\n```python {#a}\nimport os\nprint(open('data/a.txt').read(), os.environ['SETTING'])\n"
        "print(sorted(os.listdir('data')), os.path.exists('new.txt'))\n```\n"
        "\nIt is `{python} open('data/a.txt').read()`.\n",
        slug="reads",
        order=2,
    )
    assert main([]) == 0
    return styled


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("data/a.txt", "2", "2 first\n['a.txt'] False\n"),
        ("data/b.txt", "", "1 first\n['a.txt', 'b.txt'] False\n"),
        ("new.txt", "", "1 first\n['a.txt'] True\n"),
        ("SETTING", "second", "1 second\n['a.txt'] False\n"),
    ],
)
def test_a_change_in_what_blocks_read_is_seen(
    reading, name: str, text: str, shown: str, monkeypatch
) -> None:
    if name == "SETTING":
        monkeypatch.setenv(name, text)
    else:
        reading.write(name, text)
    assert main([]) == 0
    assert reading.text("a", "reads") == shown
