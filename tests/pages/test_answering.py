"""Pages that answer: predictions, plots that are moved, a model to write with. By mouse, touch and
keys, in both themes, from a folder, and without scripts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from small_course import Course
from standards import ids_of_valid, opened_for_axe, violations

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]

LESSON = """
    :::predict {#count guess=number unit=letters} How many letters?
    How many are in this word?

    ```python {#letters}
    word = "transformer"
    print(len(word), "letters")
    ```

    ---

    It has `{python} len(word)`.
    :::

    :::predict {#kind guess=choice} Which?
    What is it?

    - a verb
    - a noun
    - an *adverb*

    ---

    It is `{python} "a noun" if word.endswith("er") else "a verb"`.

    - **a verb**: who transforms is somebody.
    - **an adverb**: these end in -ly.
    :::

    :::predict {#why guess=text} Why?
    Say it in your words.

    ---

    Because.
    :::

    ::::predict {#drawing guess=text} What does it look like?
    Draw it.

    :::figure {#drawn-squares} Squares, which tell the answer
    ```python {#squares}
    import matplotlib.pyplot as plt

    plt.plot([n * n for n in range(8)])
    ```
    :::

    ---

    As in [](#drawn-squares).
    ::::

    :::plot {#rates of=schedule}
    ```python {#drawn hide}
    from gptcore.figures.plots import schedule
    from gptcore.schedule import lr_at

    schedule([lr_at(i, max_lr=1e-3, warmup_steps=5, max_steps=50) for i in range(50)], 5)
    ```

    ---

    A peak of `{python} 0.002`, `{python} 5` updates of warmup of `{python} 50`, to `{python} 0`.
    :::

    :::plot {#shares of=temperature}
    :::

    :::plot {#memory of=cache}
    :::

    :::plot {#passes of=growth}
    :::

    :::plot {#roof of=roofline}
    :::

    :::plot {#laws of=scaling}
    :::

    ```python {#weights fold}
    import torch
    from IPython.display import display

    from gptcore import GPT, GPTConfig
    from gptcore.quantize import WeightsFile, quantized

    torch.manual_seed(0)
    for n_embd in (16, 32):
        config = GPTConfig(block_size=16, vocab_size=257, n_layer=2, n_head=2, n_embd=n_embd)
        display(WeightsFile(f"of width {n_embd}", quantized(GPT(config))))
    ```

    :::model {#desk of=weights start='To be\\n' temperature=1} A model
    Type.

    ---

    ```python {#recorded hide}
    print("recorded chances")
    ```
    :::
    """


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    course = Course(tmp_path_factory.mktemp("answering"))
    for name in ("templates", "static"):
        shutil.copytree(ROOT / "course" / name, course.root / name)
    course.write(
        "pyproject.toml",
        '[tool.lessonsite]\ntitle = "A course"\ntemplates = "templates"\nstatic = "static"\n',
    )
    course.lesson(LESSON)
    course.build()
    return course


def address(course: Course, name: str = "one") -> str:
    return (course.root / "site" / f"{name}.html").as_uri()


@pytest.fixture
def page(course: Course, visit: Callable) -> Page:
    return visit(address(course)).page


# Predictions.


def test_an_output_is_folded_until_a_guess(page: Page) -> None:
    box = page.locator("#count")
    output = box.get_by_text("11 letters")
    expect(output).to_be_hidden()
    expect(box.locator(".code")).to_be_visible()
    expect(box.get_by_role("button", name="Check")).to_be_disabled()
    box.get_by_label("Your guess").fill("12")
    box.get_by_role("button", name="Check").click()
    expect(output).to_be_visible()
    expect(box.locator(".reveal > div")).to_be_visible()
    expect(box.get_by_role("status")).to_have_text("Your guess: 12 (9.1 % too high)")


def test_show_me_opens_both_without_a_guess(page: Page) -> None:
    box = page.locator("#count")
    box.get_by_text("Show me").click()
    expect(box.get_by_text("11 letters")).to_be_visible()
    expect(box.locator(".verdict")).to_have_text("")
    expect(page.locator("p.score")).to_be_hidden()


def test_a_caption_comes_with_the_output_that_it_is_of(page: Page) -> None:
    box = page.locator("#drawing")
    caption = box.locator("figcaption")
    expect(caption).to_be_hidden()
    field, code = box.locator("textarea").bounding_box(), box.locator(".code").bounding_box()
    assert field
    assert code
    assert field["y"] < code["y"]  # as where a block is in no figure
    page.emulate_media(media="print")
    expect(caption).to_be_visible()
    page.emulate_media(media="screen")
    box.get_by_text("Show the output").click()
    expect(caption).to_have_text("Figure 1.1. Squares, which tell the answer")
    expect(caption).to_be_visible()


GUESSES = {
    "exactly": ("11", "exactly"),
    "far off, in words": ("1.3e9", "120 million times too high"),
    "with a unit": ("5k", "450 times too high"),
    "half": ("5.5", "2 times too low"),
    "no number": ("many", "no number"),
}


@pytest.mark.parametrize(("guess", "verdict"), GUESSES.values(), ids=GUESSES)
def test_a_number_is_told_how_far_off_it_was(guess: str, verdict: str, page: Page) -> None:
    box = page.locator("#count")
    box.get_by_label("Your guess").fill(guess)
    box.get_by_label("Your guess").press("Enter")
    expect(box.get_by_role("status")).to_have_text(f"Your guess: {guess} ({verdict})")


def test_a_choice_is_made_by_keys_and_replied_to(page: Page) -> None:
    box = page.locator("#kind")
    box.get_by_label("a verb").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    status = box.get_by_role("status")
    expect(status).to_have_text("Your guess: a verb. Who transforms is somebody.")
    box.get_by_label("a noun").check()
    expect(status).to_have_text("Right: a noun.")
    box.get_by_label("an adverb").check()
    expect(status).to_have_text("Your guess: an adverb. These end in -ly.")


def test_a_text_stands_beside_the_answer_and_is_kept(page: Page) -> None:
    box = page.locator("#why")
    box.get_by_label("Your guess").fill("it does")
    box.get_by_role("button", name="Check").click()
    expect(box.get_by_role("status")).to_have_text("Your guess: it does")
    page.reload()
    expect(box.get_by_label("Your guess")).to_have_value("it does")
    expect(box.get_by_role("status")).to_have_text("Your guess: it does")


def test_the_score_stands_at_the_end_and_on_the_home_page(course: Course, page: Page) -> None:
    for name, guess in (("count", "11"), ("kind", "a verb")):
        box = page.locator(f"#{name}")
        field = box.get_by_label("Your guess" if name == "count" else guess)
        field.fill(guess) if name == "count" else field.check()
        box.get_by_role("button", name="Check").click()
    expect(page.locator("p.score")).to_contain_text("2 of 4 predicted, 1 right")
    page.goto(address(course, "index"))
    expect(page.locator(".card .score")).to_have_text("2 of 4 predicted")
    page.goto(address(course))
    page.get_by_role("button", name="Forget them").click()
    expect(page.locator("p.score")).to_be_hidden()
    expect(page.locator("#count").get_by_label("Your guess")).to_have_value("")


def test_without_scripts_answers_are_in_folds(course: Course, visit: Callable) -> None:
    page = visit(address(course), scripts=False).page
    box = page.locator("#count")
    expect(box.get_by_text("11 letters")).to_be_hidden()
    box.get_by_text("Show the output").click()
    expect(box.get_by_text("11 letters")).to_be_visible()
    box.get_by_text("Show me").click()
    expect(box.locator(".reveal .value")).to_have_text("11")
    expect(page.locator("button, input, textarea, select").locator("visible=true")).to_have_count(0)


UNSOUND = {
    "no value": ("guess=number", "no number", "wants an inline value"),
    "no choice": ("guess=choice", "`{python} 'green'`", "is 'green', and the choices are"),
    "no kind": ("guess=colour", "red", "none of choice, number, text"),
}


@pytest.mark.parametrize(("guess", "answer", "said"), UNSOUND.values(), ids=UNSOUND)
def test_what_cant_be_judged_is_told(guess: str, answer: str, said: str, tmp_path: Path) -> None:
    course = Course(tmp_path)
    course.lesson(f"\n:::predict {{#p {guess}}} Which?\nSay:\n\n- red\n\n---\n\n{answer}\n:::\n")
    run = course.run()
    assert run.code == 0
    assert "lessons/one.md:7: prediction 'p'" in run.out + run.err
    assert said in run.out + run.err


# Plots.


def knob(page: Page, plot: str, name: str) -> Locator:
    return page.locator(f"#{plot}").get_by_role("slider", name=name)


def test_what_was_recorded_stands_until_a_control_is_moved(page: Page) -> None:
    plot = page.locator("#rates")
    expect(plot.locator(".output.svg")).to_be_visible()
    expect(plot.locator(".moved")).to_be_hidden()
    expect(plot.get_by_role("status")).to_contain_text("As recorded")
    expect(plot.locator(".knob span").first).to_have_text("2e-3")
    knob(page, "rates", "Warmup").press("ArrowRight")
    expect(plot.locator(".output.svg")).to_be_hidden()
    expect(plot.get_by_role("status")).to_contain_text("Computed in your browser. Update 6 has")
    plot.get_by_role("button", name="As recorded").click()
    expect(plot.locator(".output.svg")).to_be_visible()


MOVES = {
    "shares": ("top-k", "ArrowLeft", "fourth 0.0 %"),
    "memory": ("Batch", "ArrowRight", "75.5 MB in all"),
    "passes": ("Passes", "ArrowRight", "With the cache 10 positions are computed, without it 49"),
    "roof": ("Operations per byte", "End", "compute-bound"),
    "laws": ("Parameters", "Home", "The best, with"),
}


@pytest.mark.parametrize(("plot", "move"), MOVES.items(), ids=MOVES)
def test_a_control_moves_the_plot(plot: str, move: tuple[str, str, str], page: Page) -> None:
    name, key, said = move
    drawn = page.locator(f"#{plot} .moved svg")
    before = drawn.inner_html()
    knob(page, plot, name).press(key)
    expect(page.locator(f"#{plot} > .told")).to_contain_text(said)
    assert drawn.inner_html() != before
    assert said in (drawn.get_attribute("aria-label") or "")


# The model.


@pytest.fixture
def desk(page: Page) -> Locator:
    desk = page.locator("#desk")
    desk.get_by_role("button", name="Load the model").click()
    expect(desk.get_by_label("The text")).to_have_value("To be\n")
    return desk


def test_nothing_of_the_model_is_loaded_before_it_is_asked_for(
    course: Course, visit: Callable
) -> None:
    visited = visit(address(course))
    assert not [url for url in visited.requests if "/files/" in url]
    visited.page.get_by_role("button", name="Load the model").click()
    expect(visited.page.get_by_label("The text")).to_be_visible()
    assert [url for url in visited.requests if "/files/one/weights.cpu-2.js" in url]
    assert visited.complaints == []


def test_it_writes_on(desk: Locator) -> None:
    text = desk.get_by_label("The text")
    desk.get_by_role("button", name="Write 80").click()
    expect(desk.get_by_role("button", name="Stop")).to_be_disabled(timeout=20_000)
    assert len(text.input_value()) > 20


def test_at_temperature_0_one_token_has_it_all(desk: Locator) -> None:
    desk.get_by_label("Temperature").press("Home")
    expect(desk.locator(".bars li")).to_have_count(1)
    expect(desk.locator(".bars")).to_contain_text("100.0 %")


def test_top_k_and_top_p_cut_what_can_come(desk: Locator) -> None:
    top_k = desk.get_by_label("top-k")
    for _ in range(3):
        top_k.press("ArrowRight")
    expect(desk.locator(".bars li")).to_have_count(3)
    desk.get_by_label("top-p").press("Home")
    expect(desk.locator(".bars li")).to_have_count(1)


def test_a_bar_adds_its_token(desk: Locator) -> None:
    text = desk.get_by_label("The text")
    text.fill("ab")
    sign = desk.locator(".bars code").first.inner_text()
    desk.locator(".bars button").first.press("Enter")
    if len(sign) == 1 and sign not in "↵␣":
        expect(text).to_have_value(f"ab{sign}")
    expect(desk.locator(".bars button").first).to_be_focused()


def test_the_map_is_walked_by_keys_and_pointed_at(desk: Locator, page: Page) -> None:
    desk.get_by_label("The text").fill("abc")
    canvas, said = desk.locator("canvas"), desk.locator(".attends [role=status]")
    expect(said).to_contain_text("Token 3, “c”, takes")
    expect(said).to_contain_text("from token 3, “c”")
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    expect(said).to_contain_text("from token 2, “b”")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(said).to_have_text("Token 1, “a”, takes 100.0 % from token 1, “a”.")
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.9)
    expect(said).to_contain_text("Token 3, “c”, takes")
    expect(said).to_contain_text("from token 1, “a”")


def test_the_map_is_tapped(course: Course, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    page = context.new_page()
    page.goto(address(course))
    page.get_by_role("button", name="Load the model").tap()
    canvas = page.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + 3, box["y"] + 3)
    expect(page.locator(".attends [role=status]")).to_contain_text("Token 1, “T”, takes 100.0 %")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()


def test_another_model_can_be_chosen_and_a_text_be_scored(desk: Locator) -> None:
    desk.get_by_label("Model").select_option("of width 16")
    status = desk.locator(".presses + [role=status]")
    expect(status).to_have_text("of width 16.")
    desk.get_by_label("The text").fill("The cat sat on the mat.")
    desk.get_by_role("button", name="Loss of this text").click()
    expect(status).to_contain_text("Guessing evenly among 257 costs 5.55.")
    desk.get_by_label("The text").fill("x")
    desk.get_by_role("button", name="Loss of this text").click()
    expect(status).to_have_text("A text of two letters at least has a loss.")


def test_a_profile_under_which_nothing_was_recorded_has_no_empty_fold(page: Page) -> None:
    fold = page.get_by_text("What it said when this page was made")
    expect(fold).to_be_visible()
    page.locator("#block-recorded .result").evaluate("(result) => { result.hidden = true; }")
    expect(fold).to_be_hidden()


def test_without_scripts_what_was_recorded_is_there(course: Course, visit: Callable) -> None:
    page = visit(address(course), scripts=False).page
    expect(page.locator(".playground")).to_be_hidden()
    page.get_by_text("What it said when this page was made").click()
    expect(page.get_by_text("recorded chances")).to_be_visible()


def test_the_files_can_be_had(course: Course, page: Page) -> None:
    links = page.locator("#block-weights .output.file a")
    assert [link.get_attribute("href") for link in links.all()] == [
        "files/one/weights.cpu.bin",
        "files/one/weights.cpu-2.bin",
    ]
    for link in links.all():
        file = course.root / "site" / str(link.get_attribute("href"))
        recorded = course.root / "lessons/recordings/one/cpu"
        assert file.read_bytes() in [path.read_bytes() for path in recorded.glob("*.bin")]


# All of it open, held against standards.


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_with_everything_open(
    dark: bool, course: Course, browser: Browser
) -> None:
    with opened_for_axe(browser, address(course), dark) as page:
        page.get_by_role("button", name="Load the model").click()
        expect(page.locator(".bars li").first).to_be_visible()
        page.locator("#count").get_by_label("Your guess").fill("7")
        page.locator("#kind").get_by_label("a verb").check()
        for name, (control, key, _) in MOVES.items():
            knob(page, name, control).press(key)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == (390 if dark else 1280)


def test_the_html_is_valid(course: Course) -> None:
    ids_of_valid((course.root / "site" / "one.html").read_text("utf-8"))
