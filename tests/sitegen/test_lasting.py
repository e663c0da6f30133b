"""What is another in every run becomes the same in a recording, and nothing else is touched."""

from __future__ import annotations

import uuid

import pytest

from sitegen.execute.lasting import canonical_ids, lasting_drawing, lasting_text
from sitegen.execute.outputs import Outputs, tidy
from sitegen.execute.terminal import as_on_a_terminal
from sitegen.output import Output, stream

ON_A_TERMINAL = {
    "plain text": ("a\n b\t\n", "a\n b\t\n"),
    "a line that is replaced": ("10%\r50%\r100%\n", "100%\n"),
    "a longer line that is replaced": ("a long line\rok\n", "ok\n"),
    "line ends of Windows": ("a\r\nb\r\n", "a\nb\n"),
    "lines above that are replaced": ("a\nb\n\x1b[2A\x1b[KA\x1b[1B\n", "A\nb\n"),
    "what is taken back": ("abc\b\bX\n", "aXc\n"),
    "the end of a line wiped": ("abcdef\x1b[3D\x1b[K\n", "abc\n"),
    "all wiped": ("abc\ndef\x1b[2J\x1b[Hx\n", "x\n"),
    "colours in one form": ("\x1b[1m\x1b[31mred\x1b[0m!", "\x1b[1;31mred\x1b[0m!"),
    "colours over two lines": ("\x1b[32ma\nb\x1b[m", "\x1b[32ma\x1b[0m\n\x1b[32mb\x1b[0m"),
    "a colour that is not used": ("\x1b[32m\x1b[0ma", "a"),
    "256 colours, and all": (
        "\x1b[38;5;208ma\x1b[48;2;1;2;3mb\x1b[0m",
        "\x1b[38;5;208ma\x1b[0m\x1b[48;2;1;2;3;38;5;208mb\x1b[0m",
    ),
    "a link": ("\x1b]8;;https://a.example\x1b\\word\x1b]8;;\x1b\\\n", "word\n"),
    "other control codes": ("a\x07b\x1b[?25l\x1b(Bc\n", "a\N{REPLACEMENT CHARACTER}bc\n"),
}


@pytest.mark.parametrize(("written", "seen"), ON_A_TERMINAL.values(), ids=ON_A_TERMINAL)
def test_a_terminal_s_last_state_is_kept(written: str, seen: str) -> None:
    assert as_on_a_terminal(written) == seen
    assert as_on_a_terminal(seen) == seen


def bar(rate: str, filled: str = "████") -> str:
    return f"epoch: 100%|{filled}| 10/10 [{rate}]\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (bar("00:01<00:00, 9.87it/s"), bar("00:11<00:00, 123.45it/s", "██████████")),
        (bar("00:01<00:00, 9.87it/s, loss=0.5"), bar("1:00:01<?, 1.1s/it, loss=0.5", "█")),
        ("12it [00:01, 9.87it/s]\n", "12it [00:02, 4.2it/s]\n"),
        ("Working ━━━━━ 100% 0:00:01\n", "Working ━━━━━ 100% 0:01:00\n"),
        ("10/10 ━━━━━ 0s 2ms/step - loss: 0.1\n", "10/10 ━━━━━ 3s 299us/step - loss: 0.1\n"),
        ("<A at 0x7f0000aabbcc>", "<A at 0x7fffffffffff>"),
    ],
)
def test_speed_and_addresses_don_t_count(one: str, other: str) -> None:
    assert lasting_text(one) == lasting_text(other) != one


def test_what_an_author_says_beside_a_bar_counts() -> None:
    assert "loss=0.5]" in lasting_text(bar("00:01<00:00, 9.87it/s, loss=0.5"))
    assert lasting_text("50% of 3/4 [sic]") == "50% of 3/4 [sic]"


def test_of_a_bar_that_others_interrupt_the_last_state_stays() -> None:
    bars = [f"{done}%|█| {done // 50}/2 [00:00<00:00, 9it/s]" for done in (0, 50, 100)]
    found = [stream("stderr", bars[0]), stream("stdout", "a\n"), stream("stderr", f"\r{bars[1]}")]
    found += [stream("stdout", "b\n"), stream("stderr", f"\r{bars[2]}\n")]
    assert [output.kind for output in tidy(found)] == ["stdout", "stderr"]
    assert next(tidy(found)).text == "a\nb\n"


def styled(name: str) -> str:
    return (
        f"<style>#{name} th {{ color: red }} #{name}_row0_col0, #{name}_row1 {{ left: 0 }}</style>"
        f'<table id="{name}"><td id="{name}_row0_col0" headers="{name}_h">1</td>'
        f'<th id="{name}_h"></th><a href="#{name}">up</a></table><i aria-labelledby="{name}_h"></i>'
    )


def drawn(hash_: str, date: str) -> str:
    return (
        '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">\n'
        f" <metadata>\n  <date>{date}</date>\n </metadata>\n"
        f'<defs><clipPath id="p{hash_}"/></defs><g id="axes_1" clip-path="url(#p{hash_})">'
        f'<use href="#p{hash_}" style="fill: #{hash_[:6]}"/></g></svg>'
    )


def test_names_that_a_library_makes_up_become_the_same() -> None:
    one, other = styled("T_1a2b3"), styled("T_face0")
    assert canonical_ids(one) == canonical_ids(other)
    assert 'id="id-1"' in canonical_ids(one)
    assert "T_1a2b3" not in canonical_ids(one)
    assert canonical_ids(canonical_ids(one)) == canonical_ids(one)


def test_what_uuid_makes_becomes_the_same_wherever_it_stands_in_markup() -> None:
    def markup() -> str:
        one, two = uuid.uuid4(), uuid.uuid4().hex
        return f'<div id="viz-{two}" data-root="{one}" class="c-{two}"></div><b id="{one}"></b>'

    assert canonical_ids(markup()) == canonical_ids(markup())


def test_a_drawing_s_date_and_hashes_go_and_its_colours_stay() -> None:
    one = lasting_drawing(drawn("abc1234567", "2026-01-01"))
    assert one == lasting_drawing(drawn("abc1234567", "2027-02-02"))
    assert one.startswith("<svg")
    assert "#abc123" in one
    assert 'id="axes_1"' in one
    assert 'clip-path="url(#id-1)"' in one


@pytest.mark.parametrize(
    "markup",
    [
        '<p id="red" style="color: red">red</p>',  # a word of the text
        '<g id="stage-0"/><g id="line2d_12"/>',  # which say what they are
        "<p>#abc 1 &lt; 2</p>",
        "no markup",
    ],
)
def test_other_names_and_all_text_stay(markup: str) -> None:
    assert canonical_ids(markup) == markup


def test_a_name_that_is_a_colour_or_an_element_renames_only_what_refers_to_it() -> None:
    renamed = canonical_ids('<p id="p" class="p" style="fill: red"/><use id="red" href="#red"/>')
    assert renamed == '<p id="id-1" class="p" style="fill: red"/><use id="id-2" href="#id-2"/>'


def test_a_display_is_renewed_in_its_place() -> None:
    outputs = Outputs()
    outputs.display({"text/plain": "begun"}, name="a")
    outputs.write("stdout", "between")
    outputs.display({"text/plain": "done"}, name="a", update=True)
    assert [one.text for one in outputs.finished()] == ["done", "between"]


def test_one_of_an_earlier_block_is_renewed_where_that_is_done() -> None:
    outputs = Outputs()
    outputs.display({"text/plain": "done"}, name="elsewhere", update=True)
    assert [one.text for one in outputs.finished()] == ["done"]


def test_what_is_to_be_cleared_stays_until_there_is_more() -> None:
    outputs = Outputs()
    outputs.write("stdout", "a")
    outputs.clear(wait=True)
    assert [one.text for one in outputs.finished()] == ["a"]
    outputs.write("stdout", "b")
    assert [one.text for one in outputs.finished()] == ["b"]


def test_scripts_are_not_recorded_and_it_is_known_whose_they_were() -> None:
    outputs = Outputs()
    outputs.display({"text/html": "<div id='a'></div><script>vegaEmbed('#a', {})</script>"})
    outputs.display({"application/vnd.plotly.v1+json": {"data": []}, "text/plain": "Figure"})
    outputs.display({"application/javascript": "alert(1)"})
    found = outputs.finished()
    assert [one.needs for one in found] == ["altair", "plotly", "JavaScript"]
    assert "vegaEmbed" not in str(found)


def test_an_animation_s_first_picture_is_taken_from_its_script() -> None:
    script = 'frames[0] = "data:image/png;base64,QUJD\\\n"; new Animation(frames, "#i");'
    outputs = Outputs()
    outputs.display({"text/html": f"<img id='i'><script>{script}</script>"})
    (found,) = outputs.finished()
    assert found == Output(
        "display",
        {"text/html": "<img id='id-1'>", "image/png": "QUJD"},
        needs="an animation of matplotlib",
    )
