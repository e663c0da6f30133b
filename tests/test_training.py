"""Training: data in its order, the schedule, a loop that can be stopped anywhere and resumed."""

from __future__ import annotations

import dataclasses
import os
import random
import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import distributed, nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from gptcore import GPT, GPTConfig, checkpoint
from gptcore.data import Batches, TokenDataset, play, split
from gptcore.figures.passages import Training
from gptcore.profile import Profile, cpu
from gptcore.schedule import lr_at, scheduler
from gptcore.tokenizer import byte_tokenizer
from gptcore.train import Step, TrainConfig, adamw, loop, meter, train
from gptcore.train import __main__ as command

TINY = GPTConfig(block_size=16, vocab_size=257, n_layer=2, n_head=2, n_embd=32, dropout=0.1)
IDS = byte_tokenizer().encode(play()[:4000])


def batches(seed: int = 0, size: int = 4, **place: int) -> Batches:
    return Batches(TokenDataset(IDS, TINY.block_size), size, seed, **place)


def tiny(seed: int = 0) -> GPT:
    torch.manual_seed(seed)
    return GPT(TINY)


def run(steps: int, checkpoint: Path | None = None, **settings: Any) -> tuple[GPT, list[Step]]:
    model = tiny()
    plan = TrainConfig(steps, max_lr=1e-3, min_lr=1e-3, eval_every=5, eval_batches=2, **settings)
    return model, list(train(model, batches(), plan, batches(1), checkpoint=checkpoint))


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


# Data


def test_the_play_has_the_form_of_tinyshakespeare() -> None:
    text = play()
    speeches = [speech.split("\n") for speech in text.strip().split("\n\n")]
    assert len(text) >= 40 * 1024
    assert all(speech[0].endswith(":") and len(speech) > 1 for speech in speeches)
    assert len({speech[0] for speech in speeches}) >= 12


def test_targets_are_the_inputs_one_place_on() -> None:
    dataset = TokenDataset(list(range(10)), block_size=4)
    x, y = dataset[0]
    assert (x.tolist(), y.tolist()) == ([0, 1, 2, 3], [1, 2, 3, 4])
    assert dataset[len(dataset) - 1][1].tolist() == [6, 7, 8, 9]
    with pytest.raises(IndexError):
        dataset[len(dataset)]


def test_windows_may_stand_side_by_side() -> None:
    dataset = TokenDataset(list(range(9)), block_size=4, stride=4)
    windows = [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [dataset[i][0].tolist() for i in range(len(dataset))] == windows
    assert sorted(next(Batches(dataset, 2))[0].tolist()) == windows


def test_every_window_comes_once_before_any_comes_again() -> None:
    dataset = TokenDataset(list(range(12)), block_size=2)
    endless = Batches(dataset, batch_size=5)
    firsts = [x[0].item() for _ in range(4) for x in next(endless)[0]]
    assert sorted(firsts[:10]) == list(range(10))
    assert sorted(firsts[10:]) == list(range(10))
    assert firsts[:10] != firsts[10:]


def test_batches_go_on_where_they_were() -> None:
    first, second = batches(), batches(7)
    list(islice(first, 1500))  # into the second round
    second.load_state_dict(first.state_dict())
    for (x, y), (again, targets) in islice(zip(first, second, strict=True), 5):
        assert torch.equal(x, again)
        assert torch.equal(y, targets)


def test_a_place_that_a_shorter_text_lacks_is_refused_and_the_last_is_gone_on_from() -> None:
    first, second = (Batches(TokenDataset(list(range(10)), 4), 2) for _ in range(2))
    list(islice(first, 3))  # all 6 windows
    second.load_state_dict(first.state_dict())
    assert torch.equal(next(second)[0], next(first)[0])
    older = {name: part for name, part in first.state_dict().items() if name != "windows"}
    with pytest.raises(ValueError, match="position 7 is not within the 6 windows of the text"):
        second.load_state_dict(older | {"position": 7})


def test_processes_share_a_batch_without_overlap() -> None:
    whole = next(batches())[0]
    parts = [next(batches(rank=rank, world_size=2))[0] for rank in (0, 1)]
    assert torch.equal(torch.cat(parts), whole)


def test_a_text_is_split_at_a_line() -> None:
    first, last = split("one\ntwo\nthree\nfour\n", 0.5)
    assert (first, last) == ("one\ntwo\nthree\n", "four\n")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: TokenDataset("a text", 2), "one row of whole numbers, and are str; encode"),
        (lambda: TokenDataset([0.5] * 9, 2), r"and are torch\.float32, \(9,\)"),
        (lambda: TokenDataset(torch.zeros(9, 2).long(), 2), r"and are torch\.int64, \(9, 2\)"),
        (lambda: TokenDataset(IDS, 0), "block_size 0 is no count"),
        (lambda: TokenDataset(IDS, 4, stride=0), "stride 0 is no count"),
        (lambda: batches(size=0), "batch_size 0 is no count"),
        (lambda: batches(size=-1), "batch_size -1 is no count"),
        (lambda: split("a\nb\n", -0.5), "share -0.5 is not between 0 and 1"),
        (lambda: split("a\nb\n", float("nan")), "share nan is not between 0 and 1"),
    ],
)
def test_data_that_is_none_is_refused(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


def test_ids_may_come_from_numpy() -> None:
    dataset = TokenDataset(np.arange(9, dtype=np.uint16), 4)  # type: ignore[arg-type]
    assert dataset[0][1].tolist() == [1, 2, 3, 4]
    assert dataset.ids.dtype == torch.int64


def test_a_text_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(ValueError, match="16 tokens are too few for one window of 16"):
        TokenDataset(IDS[:16], 16)


# Schedule


def test_the_rate_rises_in_equal_parts_then_falls_along_a_cosine() -> None:
    shape = {"max_lr": 1.0, "min_lr": 0.1, "warmup_steps": 4, "max_steps": 14}
    rates = [lr_at(step, **shape) for step in range(20)]
    assert rates[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert rates[9] == pytest.approx(0.55)  # half way down
    assert all(a > b for a, b in pairwise(rates[4:15]))
    assert rates[14:] == pytest.approx([0.1] * 6)


def test_torch_s_scheduler_gives_the_same_rates() -> None:
    shape = {"max_lr": 3e-3, "min_lr": 3e-4, "warmup_steps": 7, "max_steps": 50}
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=3e-3)
    moving = scheduler(optimizer, **shape)
    for step in range(60):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(lr_at(step, **shape), rel=1e-12)
        optimizer.step()
        moving.step()


# The loop


def test_the_debug_model_learns_the_play() -> None:
    profile, text = cpu(), play()
    budget = profile.budget
    config = dataclasses.replace(profile.config, block_size=budget.block_size)
    torch.manual_seed(0)
    model = GPT(config)
    ids = profile.tokenizer().encode(split(text)[0])
    data = Batches(TokenDataset(ids, config.block_size), budget.batch_size)
    plan = TrainConfig(20, max_lr=budget.max_lr, min_lr=budget.max_lr / 10, warmup_steps=2)
    losses = [event.loss for event in train(model, data, plan)]
    assert losses[0] == pytest.approx(5.56, abs=0.05)  # ln 257, and a little for the noise
    assert sum(losses[-5:]) / 5 < 3.6


def test_every_update_is_made_at_its_rate() -> None:
    shape = {"max_lr": 1e-3, "min_lr": 1e-4, "warmup_steps": 2, "max_steps": 5}
    rates = []
    hook = register_optimizer_step_pre_hook(
        lambda optimizer, *_: rates.append([group["lr"] for group in optimizer.param_groups])
    )
    try:
        list(train(tiny(), batches(), TrainConfig(**shape)))
    finally:
        hook.remove()
    assert rates == [[lr_at(step, **shape)] * 2 for step in range(5)]


def test_the_validation_loss_is_the_mean_without_dropout() -> None:
    model = tiny().eval()
    with torch.no_grad():
        expected = sum(model(x, y)[1].item() for x, y in islice(batches(1), 3)) / 3
    (event,) = train(model, batches(), TrainConfig(1, eval_batches=3), batches(1))
    assert event.val_loss == pytest.approx(expected, rel=1e-6)
    assert model.training


def test_an_event_tells_of_its_update() -> None:
    _, events = run(8)
    assert [event.step for event in events] == list(range(8))
    assert [event.step for event in events if event.val_loss is not None] == [0, 5, 7]
    assert all(event.lr == 1e-3 and event.grad_norm > 0 for event in events)


def test_samples_come_when_due_and_do_not_disturb_the_run() -> None:
    plan = TrainConfig(6, eval_every=3)

    def sample(model: GPT) -> str:
        generator = torch.Generator().manual_seed(0)
        ids = model.generate(torch.tensor([[65]]), 4, generator=generator)
        return str(ids.tolist())

    quiet, loud = tiny(), tiny()
    torch.manual_seed(3)
    without = [event.loss for event in train(quiet, batches(), plan)]
    torch.manual_seed(3)
    events = list(train(loud, batches(), plan, sample=sample))
    assert [event.step for event in events if event.sample] == [0, 3, 5]
    assert [event.loss for event in events] == without


def test_accumulated_batches_are_one_large_batch() -> None:
    config = dataclasses.replace(TINY, dropout=0.0)
    torch.manual_seed(0)
    large = GPT(config).double()
    small = GPT(config).double()
    small.load_state_dict(large.state_dict())
    list(train(large, batches(size=8), TrainConfig(3, grad_accumulation=1)))
    list(train(small, batches(size=4), TrainConfig(3, grad_accumulation=2)))
    torch.testing.assert_close(weights(small), weights(large), rtol=1e-9, atol=1e-12)


def test_no_update_is_longer_than_the_clip_allows() -> None:
    model = tiny()
    plan = TrainConfig(1, grad_clip=1e-3, weight_decay=0.0)
    seen = []
    original = nn.utils.clip_grad_norm_

    def clip(parameters: Any, limit: float) -> torch.Tensor:
        norm = original(parameters, limit)
        seen.append(sum(w.grad.square().sum() for w in model.parameters()).sqrt().item())
        return norm

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.utils, "clip_grad_norm_", clip)
        (event,) = train(model, batches(), plan)
    assert event.grad_norm > 1
    assert seen == [pytest.approx(1e-3, rel=1e-3)]


def test_only_matrices_decay() -> None:
    model = tiny()
    decaying, rest = adamw(model, TrainConfig(1)).param_groups
    assert (decaying["weight_decay"], rest["weight_decay"]) == (0.1, 0.0)
    assert {weight.ndim for weight in decaying["params"]} == {2}
    assert {weight.ndim for weight in rest["params"]} == {1}
    assert len(decaying["params"]) + len(rest["params"]) == len(list(model.parameters()))


def test_the_optimizer_and_the_compiler_are_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert adamw(tiny(), TrainConfig(1, betas=(0.5, 0.6))).defaults["betas"] == (0.5, 0.6)
    model, seen = tiny(), list[nn.Module]()
    monkeypatch.setattr(torch, "compile", seen.append)
    loop.prepared(model, TrainConfig(1, compile=True))
    assert seen == [model]


def test_mixed_precision_learns_about_the_same() -> None:
    plain, mixed = (run(12, autocast=dtype)[1] for dtype in (None, torch.bfloat16))
    assert mixed[-1].loss == pytest.approx(plain[-1].loss, abs=0.05)
    assert mixed[-1].loss != plain[-1].loss


def test_a_loss_that_is_no_number_ends_the_run_with_its_step(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    model = tiny()
    plan = TrainConfig(9, checkpoint_every=2)
    running = train(model, batches(), plan, checkpoint=path)
    list(islice(running, 4))
    model.lm_head.weight.data[:] = torch.nan
    with pytest.raises(FloatingPointError, match=r"nan at step 4; .*run\.pt"):
        next(running)
    assert checkpoint.load(path, model, adamw(model, plan), [batches()]) == 4


def test_a_gradient_that_is_no_number_ends_the_run_before_its_update(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    model = tiny()
    plan = TrainConfig(6, checkpoint_every=1)
    running = train(model, batches(), plan, checkpoint=path)
    list(islice(running, 4))
    hook = model.lm_head.weight.register_hook(lambda gradient: gradient * torch.nan)
    with pytest.raises(FloatingPointError, match=r"norm nan at step 4; .*run\.pt"):
        next(running)
    assert torch.isfinite(weights(model)).all()
    hook.remove()
    again = list(train(model, batches(), plan, checkpoint=path))
    assert [event.step for event in again] == [4, 5]
    assert torch.isfinite(weights(model)).all()


def test_gradients_left_in_the_model_are_no_part_of_the_first_update() -> None:
    fresh, used = tiny(), tiny()
    used(*next(batches(7)))[1].backward()
    for model in (fresh, used):
        torch.manual_seed(3)
        list(train(model, batches(), TrainConfig(2)))
    assert torch.equal(weights(used), weights(fresh))


def test_the_speed_is_of_all_processes_and_leaves_out_the_time_to_save(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1
        return now

    def save(*_: Any) -> None:
        nonlocal now
        now += 1000

    monkeypatch.setattr(meter, "time", SimpleNamespace(perf_counter=clock))
    monkeypatch.setattr(checkpoint, "save", save)
    monkeypatch.setattr(loop, "world_size", lambda: 3)
    plan = TrainConfig(1, checkpoint_every=1, grad_accumulation=2)
    (event,) = train(tiny(), batches(), plan, checkpoint=tmp_path / "run.pt")
    assert event.tokens_per_second == 3 * 2 * 4 * TINY.block_size


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_steps", 0),
        ("max_steps", 2.5),
        ("grad_accumulation", 0),
        ("eval_batches", 0),
        ("eval_batches", True),
        ("warmup_steps", -1),
        ("eval_every", -1),
        ("checkpoint_every", -1),
        ("max_lr", 0.0),
        ("max_lr", float("nan")),
        ("min_lr", -1e-5),
        ("weight_decay", -0.1),
        ("grad_clip", 0.0),
        ("grad_clip", float("nan")),
        ("betas", (0.9, 1.0)),
    ],
)
def test_a_plan_that_no_run_can_follow_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"{name} \S+"):
        TrainConfig(**{"max_steps": 1, name: value})


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("max_lr", "1e-3", TypeError),
        ("min_lr", None, TypeError),
        ("max_lr", float("inf"), ValueError),
        ("betas", (0.9,), ValueError),
        ("autocast", "bfloat16", TypeError),
    ],
)
def test_a_plan_of_what_is_no_number_is_refused(
    name: str, value: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=rf"^{name} "):
        TrainConfig(**{"max_steps": 1, name: value})


@pytest.mark.parametrize("wrong", [257, -1])
@pytest.mark.parametrize("validating", [False, True])
def test_a_text_of_another_vocabulary_is_refused(wrong: int, validating: bool) -> None:
    other = Batches(TokenDataset([*IDS, wrong], TINY.block_size), 4)
    texts = (batches(), other) if validating else (other, None)
    with pytest.raises(ValueError, match="the text holds an id outside 0 to 256"):
        next(train(tiny(), texts[0], TrainConfig(1), texts[1]))


def test_a_model_that_is_frozen_is_told() -> None:
    with pytest.raises(ValueError, match="every weight is frozen"):
        next(train(tiny().requires_grad_(False), batches(), TrainConfig(1)))


# Checkpoints


def test_a_compiled_model_goes_on_as_a_plain_one_and_a_place_may_be_a_text(tmp_path: Path) -> None:
    path, model = str(tmp_path / "run.pt"), tiny()
    compiled: Any = torch.compile(model, backend="eager")
    list(train(compiled, batches(), TrainConfig(2), checkpoint=path))
    plain = tiny(1)
    assert checkpoint.load(Path(path), plain, adamw(plain, TrainConfig(3)), [batches()]) == 2
    assert torch.equal(weights(plain), weights(model))


class Adapter(nn.Module):
    """A linear layer with another beside it; it has no `weight`."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear
        self.beside = nn.Linear(linear.in_features, linear.out_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) + self.beside(x)


def test_a_model_with_another_head_is_moved_trained_and_goes_on(tmp_path: Path) -> None:
    def learnt(steps: int, place: Path | None = None) -> tuple[torch.Tensor, list[int]]:
        model: Any = tiny()
        model.lm_head = Adapter(model.lm_head)
        plan = TrainConfig(steps, max_lr=1e-3, min_lr=1e-3)
        model.to(torch.float64)
        events = list(train(model, batches(), plan, batches(1), checkpoint=place))
        return weights(model), [event.step for event in events]

    whole, _ = learnt(3)
    part, _ = learnt(2, tmp_path / "run.pt")
    resumed, steps = learnt(3, tmp_path / "run.pt")
    assert steps == [2]
    assert torch.equal(resumed, whole)
    assert not torch.equal(resumed, part)


def test_a_resumed_run_is_the_same_run_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    whole, events = run(12)
    run(6, path, checkpoint_every=6)
    resumed, rest = run(12, path)
    assert torch.equal(weights(resumed), weights(whole))
    told = [(event.step, event.loss, event.val_loss) for event in rest]
    assert told == [(event.step, event.loss, event.val_loss) for event in events[6:]]


def test_a_run_interrupted_while_it_saves_keeps_the_last_checkpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "run.pt"
    run(2, path)
    before = path.read_bytes()

    def cut(_: Any, target: Path) -> None:
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", cut)
    with pytest.raises(KeyboardInterrupt):
        run(4, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]


def test_the_last_update_is_saved_too(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    model, _ = run(5, path, checkpoint_every=2)
    saved = tiny(1)
    assert checkpoint.load(path, saved, adamw(saved, TrainConfig(1)), [batches(), batches(1)]) == 5
    assert torch.equal(weights(saved), weights(model))


def test_all_three_sources_of_random_numbers_go_on() -> None:
    saved = checkpoint.random_states(torch.device("cpu"))
    drawn = [random.random(), np.random.random(), torch.rand(1).item()]
    checkpoint.set_random_states(saved, torch.device("cpu"))
    assert drawn == [random.random(), np.random.random(), torch.rand(1).item()]


def test_only_the_model_s_own_gpu_has_its_random_numbers_saved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states = {f"cuda:{n}": torch.tensor([n], dtype=torch.uint8) for n in range(8)}

    def set_state(state: torch.Tensor, device: torch.device) -> None:
        states[str(device)] = state

    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: states[str(device)])
    monkeypatch.setattr(torch.cuda, "set_rng_state", set_state)
    saved = checkpoint.random_states(torch.device("cuda:5"))
    checkpoint.set_random_states(saved, torch.device("cuda:0"))
    assert [int(state) for state in states.values()] == [5, 1, 2, 3, 4, 5, 6, 7]

    before = torch.get_rng_state()
    on_cpu = checkpoint.random_states(torch.device("cpu"))
    torch.rand(3)
    checkpoint.set_random_states(on_cpu, torch.device("cuda:1"))  # which it says nothing of
    assert torch.equal(torch.get_rng_state(), before)
    assert int(states["cuda:1"]) == 1


def test_the_new_settings_count_in_a_resumed_run(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    run(2, path, weight_decay=0.1, betas=(0.9, 0.95))
    seen: list[list[tuple[float, Any]]] = []
    hook = register_optimizer_step_pre_hook(
        lambda optimizer, *_: seen.append(
            [(group["weight_decay"], group["betas"]) for group in optimizer.param_groups]
        )
    )
    try:
        run(3, path, weight_decay=0.5, betas=(0.8, 0.9))
    finally:
        hook.remove()
    assert seen == [[(0.5, (0.8, 0.9)), (0.0, (0.8, 0.9))]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"model": {}, "iter_num": 3}, "it lacks batches, config, optimizer, random, step"),
        ([1], "no checkpoint that can be read: it lacks"),
    ],
)
def test_what_is_no_checkpoint_of_this_loop_is_told(
    tmp_path: Path, content: Any, said: str
) -> None:
    torch.save(content, tmp_path / "run.pt")
    with pytest.raises(ValueError, match=said):
        run(1, tmp_path / "run.pt")


def test_a_place_that_cannot_be_written_is_told_before_the_first_update(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "run.pt", tmp_path):
        running = train(tiny(), batches(), TrainConfig(1), checkpoint=path)
        with pytest.raises(OSError, match=f"cannot write {path}: "):
            next(running)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_full_disk_costs_the_last_checkpoint_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "run.pt"
    run(2, path)
    before = path.read_bytes()

    def full(_: Any, target: Path) -> None:
        target.write_bytes(b"half")
        raise RuntimeError("PytorchStreamWriter failed writing file data/0")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match=r"cannot write .*run\.pt: Pytorch.*; what was there is"):
        run(4, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_called_one_whatever_torch_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(_: Any, target: Path) -> None:
        usage = shutil.disk_usage(tmp_path)._replace(free=0)
        monkeypatch.setattr("gptcore.files.disk_usage", lambda _: usage)
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match=r"run\.pt: No space left on device; what was there is"):
        run(1, tmp_path / "run.pt")


def test_what_torch_did_not_write_is_told_without_its_advice(tmp_path: Path) -> None:
    (tmp_path / "run.pt").write_text("# Notes of a run")
    with pytest.raises(ValueError, match=r"that can be read: not in torch's format$"):
        run(1, tmp_path / "run.pt")


def test_a_whole_model_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save(tiny(), tmp_path / "run.pt")
    with pytest.raises(
        ValueError, match="that can be read: it holds Python's own objects, such as a"
    ):
        run(1, tmp_path / "run.pt")


def test_a_disk_too_small_for_a_checkpoint_is_noticed_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny()
    weights = sum(weight.nbytes for weight in model.parameters())
    usage = shutil.disk_usage(tmp_path)._replace(free=2 * weights)
    monkeypatch.setattr("gptcore.files.disk_usage", lambda _: usage)
    running = train(model, batches(), TrainConfig(3), checkpoint=tmp_path / "run.pt")
    with pytest.raises(OSError, match=r"run\.pt: it takes about [\d.]+ MB, and [\d.]+ are free"):
        next(running)


def test_what_is_no_regular_file_is_no_checkpoint(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run.pt")  # to open it would be to wait for ever
    running = train(tiny(), batches(), TrainConfig(3), checkpoint=tmp_path / "run.pt")
    with pytest.raises(OSError, match=r"run\.pt: it is no regular file"):
        next(running)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_disk_that_is_really_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = torch.save
    monkeypatch.setattr(torch, "save", lambda state, _: original(state, "/dev/full"))
    with pytest.raises(OSError, match=r"cannot write .*run\.pt"):
        run(1, tmp_path / "run.pt")
    assert not list(tmp_path.iterdir())


def test_a_link_goes_on_pointing_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "link.pt").symlink_to(tmp_path / "run.pt")
    run(1, tmp_path / "link.pt")
    assert (tmp_path / "link.pt").is_symlink()
    assert torch.load(tmp_path / "run.pt", weights_only=True)["step"] == 1


def test_another_text_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    run(2, path)
    other = Batches(TokenDataset(IDS[:1000], TINY.block_size), 4)
    with pytest.raises(ValueError, match=r"run\.pt: the text has 984 windows, and that of the run"):
        next(train(tiny(), other, TrainConfig(3), checkpoint=path))


def other_blocks(model: GPT) -> None:
    model.transformer.h[1].mlp.c_fc = nn.Sequential(model.transformer.h[1].mlp.c_fc)


def frozen(model: GPT) -> None:
    model.transformer.wpe.requires_grad_(False)


def reordered(model: GPT) -> None:
    """The same names and shapes, and the two norms of a block the other way round."""
    parts: Any = model.transformer.h[1]._modules
    for name in ("ln_2", "attn", "ln_1", "mlp"):
        parts[name] = parts.pop(name)


def everything(model: GPT, optimizer: torch.optim.Optimizer, texts: list[Batches]) -> Any:
    """What going on from a checkpoint changes."""
    kept = (one.state_dict() for one in texts)
    places = [(one["generator"].tolist(), one["position"]) for one in kept]
    drawn = torch.get_rng_state().sum(), random.getstate(), str(np.random.get_state())
    return weights(model).tolist(), optimizer.state_dict(), places, drawn


@pytest.mark.parametrize(
    ("make", "texts", "said"),
    [
        (lambda model: None, (4000, 1000), "the text has 984 windows"),
        (lambda model: None, (1000, 4000), "the text has 984 windows"),
        (other_blocks, (4000, 4000), r"its transformer\.h\.1\.mlp\.c_fc\.0\.weight is missing"),
        (frozen, (4000, 4000), r"its optimizer is of \[10, 18\] weights in groups, .* \[9, 18\]"),
        (
            reordered,
            (4000, 4000),
            r"its optimizer has transformer\.h\.1\.ln_1\.weight where here is \S+\.h\.1\.ln_2",
        ),
    ],
)
def test_a_run_that_cannot_go_on_is_refused_before_anything_is_changed(
    make: Callable[[GPT], None], texts: tuple[int, int], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.pt"
    run(2, path)
    model = tiny(1)
    make(model)
    optimizer = adamw(model, TrainConfig(1))
    here = [Batches(TokenDataset(IDS[:length], TINY.block_size), 4, 9) for length in texts]
    before = everything(model, optimizer, here)
    with pytest.raises(ValueError, match=rf"run\.pt: .*{said}"):
        checkpoint.load(path, model, optimizer, here)
    assert everything(model, optimizer, here) == before


def gathered(state: dict[str, Any]) -> dict[str, Any]:
    """What the optimizer has of its first weight, the tokens' embedding."""
    first: dict[str, Any] = state["optimizer"]["state"][0]
    return first


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda s: gathered(s).update(exp_avg=torch.zeros(3)),
            r"exp_avg of \S+wte.weight is \(3,\)",
        ),
        (
            lambda s: gathered(s).update(exp_avg=torch.zeros(())),
            r"wte.weight is \(\), not \(257, 32\)",
        ),
        (lambda s: gathered(s).update(step=torch.zeros(2)), r"step of \S+ is \(2,\), not \(\)"),
        (lambda s: gathered(s).update(exp_avg=torch.ones(257, 32).char()), "of torch.int8, not"),
        (
            lambda s: s.update(model={name: w.char() for name, w in s["model"].items()}),
            r"its transformer.wte.weight is \(257, 32\) of torch.int8, and here \(257, 32\)",
        ),
        (lambda s: s["optimizer"]["param_groups"][0]["params"].reverse(), "weights in groups"),
        (lambda s: gathered(s).pop("exp_avg_sq"), "KeyError: 'exp_avg_sq'"),
        (lambda s: s["optimizer"].update(param_groups=None), "TypeError: 'NoneType' object"),
        (lambda s: s.update(optimizer={}), "KeyError: 'param_groups'"),
        (lambda s: s.update(names=None), "TypeError: "),
        (lambda s: s["config"].update(rope=True), "of another model, with rope True, not unset$"),
        (lambda s: s["config"].pop("bias"), "of another model, with bias unset, not True$"),
        (lambda s: s.update(config=None), "TypeError: .* 'dict' and 'NoneType'"),
        (lambda s: s.update(model=[1]), "AttributeError: 'list' object"),
        (lambda s: s["model"].update({"lm_head.weight": "x"}), "AttributeError: 'str' object"),
        (lambda s: s.update(step=None), "step None is no count"),
        (lambda s: s.update(step=-5), "step -5 is no count"),
        (lambda s: s.update(step=float("nan")), "step nan is no count"),
        (lambda s: s.update(batches=None), "it lacks its place in the text"),
        (lambda s: s.update(batches=[]), "it lacks its place in the text"),
        (lambda s: s.update(batches=[{}]), "KeyError: 'position'"),
        (lambda s: s["batches"][1].update(position=10**7), "position 10000000 is not within the 3"),
        (lambda s: s["batches"][0].update(position=-3), "position -3 is no count"),
        (lambda s: s["batches"][0].update(generator=torch.zeros(2).byte()), "RuntimeError: .* 2"),
        (lambda s: s["batches"][0].update(generator=None), "AttributeError: 'NoneType' object"),
        (lambda s: s.update(random=None), "TypeError: 'NoneType' object"),
        (lambda s: s.update(random={}), "KeyError: 'torch'"),
        (lambda s: s["random"].update(torch=torch.zeros(3).byte()), "RuntimeError: .* 3"),
        (lambda s: s["random"].update(python=(3, (1, 2), None)), "state vector is the wrong size"),
        (lambda s: s["random"].update(numpy=["PCG64"]), "legacy MT19937"),
        (lambda s: s["random"].update(numpy=["MT19937", [-1] * 624, 0, 0, 0.0]), "OverflowError"),
    ],
)
def test_a_damaged_checkpoint_is_refused_before_anything_is_changed(
    damage: Callable[[dict[str, Any]], Any], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.pt"
    run(2, path)
    state = torch.load(path, weights_only=True)
    damage(state)
    torch.save(state, path)
    model, here = tiny(1), [batches(9), batches(9)]
    optimizer = adamw(model, TrainConfig(1))
    before = everything(model, optimizer, here)
    with pytest.raises(ValueError, match=rf"run\.pt\b.*{said}") as refused:
        checkpoint.load(path, model, optimizer, here)
    assert "\n" not in str(refused.value)
    assert everything(model, optimizer, here) == before


def test_an_older_checkpoint_goes_on_without_the_names_of_its_weights(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    run(2, path)
    state = torch.load(path, weights_only=True)
    del state["names"]
    torch.save(state, path)
    assert torch.equal(weights(run(4, path)[0]), weights(run(4)[0]))


def test_a_model_of_another_config_is_told_what_differs(tmp_path: Path) -> None:
    path, other = tmp_path / "run.pt", GPT(dataclasses.replace(TINY, n_head=4, dropout=0.0))
    run(1, path)
    with pytest.raises(
        ValueError, match=r"of another model, with n_head 2, not 4; dropout 0\.1, not 0"
    ):
        checkpoint.load(path, other, adamw(other, TrainConfig(1)), [batches()])


def test_validation_may_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    _, events = run(9)
    losses = []
    for steps, validation in ((3, None), (6, batches(1)), (9, None)):
        plan = TrainConfig(steps, max_lr=1e-3, min_lr=1e-3)
        losses += list(train(tiny(), batches(), plan, validation, checkpoint=path))
    assert [event.loss for event in losses] == [event.loss for event in events]


# The tied matrix


def test_a_model_that_comes_from_the_meta_device_is_tied() -> None:
    with torch.device("meta"):
        model = GPT(TINY)
    model = model.to_empty(device="cpu")
    assert model.lm_head.weight is model.transformer.wte.weight
    model.load_state_dict(tiny().state_dict())
    assert model.lm_head.weight is model.transformer.wte.weight
    assert torch.equal(weights(model), weights(tiny()))


@pytest.mark.parametrize("left_out", [None, "lm_head.weight", "transformer.wte.weight"])
def test_a_model_that_is_given_its_weights_is_tied(left_out: str | None) -> None:
    given = {name: w for name, w in tiny().state_dict().items() if name != left_out}
    with torch.device("meta"):
        model = GPT(TINY)
    model.load_state_dict(given, strict=left_out is None, assign=True)
    assert model.lm_head.weight is model.transformer.wte.weight
    assert torch.equal(weights(model), weights(tiny()))


def test_a_model_that_was_untied_stays_so() -> None:
    model = tiny()
    model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach().clone())
    assert model.double().lm_head.weight is not model.transformer.wte.weight
    assert tiny().bfloat16().lm_head.weight.dtype == torch.bfloat16


# Several processes


def place(monkeypatch: pytest.MonkeyPatch, rank: int, size: int, local: int = 0) -> list[str]:
    """Make this process one of several; gives the backends that it joins them by."""
    backends: list[str] = []
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setenv("LOCAL_RANK", str(local))
    monkeypatch.setattr(distributed, "init_process_group", backends.append)
    monkeypatch.setattr(distributed, "get_rank", lambda: rank)
    monkeypatch.setattr(distributed, "get_world_size", lambda: size)
    return backends


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Profile:
    """A profile that the command trains within seconds."""
    found = cpu()
    budget = dataclasses.replace(found.budget, block_size=16, batch_size=4)
    profile = dataclasses.replace(found, config=TINY, budget=budget)
    monkeypatch.setattr(command, "active", lambda: profile)
    return profile


def test_processes_have_equal_weights_and_random_numbers_of_their_own(
    monkeypatch: pytest.MonkeyPatch, small: Profile
) -> None:
    models, numbers = [], []

    def spy(model: GPT, *_: Any, **__: Any) -> list[Step]:
        models.append(weights(model))
        numbers.append(torch.rand(4).tolist())
        return []

    monkeypatch.setattr(command, "train", spy)
    for rank in (0, 1):
        place(monkeypatch, rank, 2)
        assert command.main(["--steps", "1"]) == 0
    assert torch.equal(*models)
    assert numbers[0] != numbers[1]


def test_a_resumed_process_other_than_the_first_keeps_its_own_random_numbers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, model = tmp_path / "run.pt", tiny()
    run(2, path)
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    for rank in (0, 1):
        place(monkeypatch, rank, 2)
        torch.manual_seed(5)
        before = torch.get_rng_state()
        checkpoint.load(path, model, adamw(model, TrainConfig(1)), [batches(), batches(1)])
        assert torch.equal(torch.get_rng_state(), before) == (rank == 1)


@pytest.mark.parametrize(
    ("kind", "device", "backend"), [("cpu", "cpu", "gloo"), ("cuda", "cuda:1", "nccl")]
)
def test_a_process_takes_the_gpu_that_its_machine_has_for_it(
    kind: str, device: str, backend: str, monkeypatch: pytest.MonkeyPatch, small: Profile
) -> None:
    devices = []

    def spy(_: GPT, batches: Batches, *__: Any, **___: Any) -> list[Step]:
        devices.append(str(batches.device))
        return []

    profile = dataclasses.replace(small, device=torch.device(kind))
    monkeypatch.setattr(command, "active", lambda: profile)
    monkeypatch.setattr(command, "train", spy)
    batches = lambda _, size, seed, device, **place: SimpleNamespace(device=device)  # noqa: E731
    monkeypatch.setattr(command, "Batches", batches)  # which move there what they hold
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(GPT, "to", lambda model, _: model)
    backends = place(monkeypatch, rank=3, size=4, local=1)
    assert command.main(["--steps", "1"]) == 0
    assert (devices, backends) == ([device], [backend])


def test_only_the_first_process_saves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "all_reduce", lambda value: value.mul_(2))
    monkeypatch.setattr(loop, "DistributedDataParallel", lambda model: model)
    path = tmp_path / "new" / "run.pt"
    for rank in (1, 0):
        place(monkeypatch, rank, 2)
        run(1, path)
        assert path.exists() == (rank == 0)


def test_two_processes_lose_what_one_loses_with_the_same_batch(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import os, torch
            from torch import distributed
            from gptcore import GPT, GPTConfig
            from gptcore.data import Batches, TokenDataset
            from gptcore.train import TrainConfig, train
            torch.set_num_threads(1)
            place = {{}}
            if "RANK" in os.environ:
                distributed.init_process_group("gloo")
                place = dict(rank=distributed.get_rank(), world_size=distributed.get_world_size())
            torch.manual_seed(0)
            settings = {dataclasses.asdict(TINY) | {"dropout": 0.0}!r}
            batches = Batches(TokenDataset({IDS!r}, 16), 8, **place)
            events = list(train(GPT(GPTConfig(**settings)).double(), batches, TrainConfig(5)))
            if not place or place["rank"] == 0:
                print(*(repr(event.loss) for event in events))
            if place:
                distributed.destroy_process_group()
            """
        )
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    launcher = ["-m", "torch.distributed.run", "--log-dir", str(tmp_path)]
    launcher += ["--standalone", "--nproc-per-node", "2"]
    losses = [
        subprocess.run(
            [sys.executable, *before, str(script)],
            env={**environment, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        ).stdout.split()
        for before in ([], launcher)
    ]
    one, two = ([float(loss) for loss in row] for row in losses)
    assert len(one) == 5
    assert two == pytest.approx(one, rel=1e-9)


# The command


def test_the_command_trains_and_saves_its_last_update(
    capsys: pytest.CaptureFixture[str], small: Profile, tmp_path: Path
) -> None:
    path = tmp_path / "run.pt"
    assert command.main(["--steps", "21", "--checkpoint", str(path)]) == 0
    assert torch.load(path, weights_only=True)["step"] == 21
    assert "step    20  loss" in capsys.readouterr().out


def test_the_command_says_that_a_run_is_finished(
    capsys: pytest.CaptureFixture[str], small: Profile, tmp_path: Path
) -> None:
    path = tmp_path / "run.pt"
    for steps in ("3", "3", "2"):
        assert command.main(["--steps", steps, "--checkpoint", str(path)]) == 0
    said = f"{path} has 3 updates already; a larger --steps goes on from there"
    assert capsys.readouterr().out.splitlines()[-2:] == [said, said]


def test_a_port_that_is_taken_is_told_in_a_line(
    capsys: pytest.CaptureFixture[str], small: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("", 0)) as taken:
        where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(taken.getsockname()[1])}
        for name, value in {"RANK": "0", "WORLD_SIZE": "1", **where}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            command.main(["--steps", "1"])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "EADDRINUSE" in line


def test_the_command_tries_the_place_first(
    capsys: pytest.CaptureFixture[str], small: Profile, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as ended:
        command.main(["--steps", "2", "--checkpoint", str(tmp_path / "file" / "run.pt")])
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: cannot write ")
    assert printed.err.count("\n") == 1


def test_the_command_follows_its_profile(monkeypatch: pytest.MonkeyPatch, small: Profile) -> None:
    budget = dataclasses.replace(small.budget, dropout=0.25, autocast=torch.bfloat16, compile=True)
    monkeypatch.setattr(command, "active", lambda: dataclasses.replace(small, budget=budget))
    seen: list[Any] = []
    monkeypatch.setattr(command, "train", lambda *given, **_: seen.append(given) or [])
    assert command.main(["--steps", "40"]) == 0
    ((model, data, plan, val_data),) = seen
    assert model.config == dataclasses.replace(TINY, dropout=0.25)
    assert (plan.autocast, plan.compile, plan.warmup_steps) == (torch.bfloat16, True, 2)
    texts = [small.tokenizer().decode(one.dataset.ids.tolist()) for one in (data, val_data)]
    assert texts == list(split(small.corpus()))


def lacks(error: OSError) -> Callable[[], str]:
    def lacking() -> str:
        raise error

    return lacking


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda patch: patch.setenv("LESSON_PROFILE", "tpu"), "LESSON_PROFILE is 'tpu'"),
        (lambda patch: patch.setenv("LESSON_PROFILE", "gpu"), "profile gpu needs a CUDA GPU"),
        (
            lambda patch: patch.setattr("gptcore.profile.play", lacks(ConnectionError("no play"))),
            "no play",
        ),
        (
            lambda patch: patch.setattr(
                "gptcore.profile.byte_tokenizer", lacks(FileNotFoundError("no ids"))
            ),
            "no ids",
        ),
        (lambda patch: place(patch, 0, 5), "batch_size 12 is not divisible by the 5 processes"),
        (lambda _: Path("run.pt").write_bytes(b"text"), "run.pt is no checkpoint that can be read"),
    ],
)
def test_what_the_command_cannot_do_it_says_in_one_line(
    change: Callable[[pytest.MonkeyPatch], Any],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LESSON_PROFILE", "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    change(monkeypatch)
    with pytest.raises(SystemExit) as ended:
        command.main(["--steps", "1", "--checkpoint", "run.pt"])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert told in line


@pytest.mark.parametrize("steps", ["0", "-5"])
def test_the_command_refuses_a_number_of_updates_that_is_none(
    steps: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--steps", steps])
    assert ended.value.code == 2
    assert f"argument --steps: {steps} is too few" in capsys.readouterr().err


@pytest.mark.parametrize(("saved", "said"), [(True, "goes on from"), (False, "nothing was saved")])
def test_an_interrupted_command_says_where_it_goes_on(
    saved: bool,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("LESSON_PROFILE", "cpu")
    monkeypatch.setattr("gptcore.train.__main__._run", interrupted)
    if saved:
        (tmp_path / "run.pt").touch()
    with pytest.raises(SystemExit) as ended:
        command.main(["--checkpoint", str(tmp_path / "run.pt")])
    assert ended.value.code == 130
    assert said in capsys.readouterr().err


def test_a_run_that_breaks_down_ends_the_command_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, small: Profile
) -> None:
    monkeypatch.setattr(
        GPT, "forward", lambda *_: (None, torch.tensor(torch.nan, requires_grad=True))
    )
    with pytest.raises(SystemExit) as ended:
        command.main(["--steps", "1"])
    assert ended.value.code == 1
    assert "error: the loss is nan" in capsys.readouterr().err


# What was copied


def test_copied_parts_are_found_to_the_letter() -> None:
    source = Training("The tide comes in without a wheel, without a bell.", window=10)
    found = source.passage("And so the tide comes in; without a bell!")
    assert repr(found) == "And so t[he tide comes in];[ without a bell]!"


def test_what_is_shorter_than_the_window_is_no_copy() -> None:
    source = Training("abcdefghijklmnopqrstuvwxyz", window=10)
    assert source.passage("xx abcdefghi yy").spans == ()
    assert source.passage("xx abcdefghij yy").spans == ((3, 13),)
    assert source.passage("short").share == 0.0


def test_real_words_are_those_of_the_text_whatever_stands_around_them() -> None:
    source = Training("The tide's in. Ring the bell, o'clock!")
    assert source.real_words("BELL, tide's; the") == 1.0
    assert source.real_words("the bel tide clock") == 0.25
    assert source.real_words("3 + 4\n") == 0.0


def test_a_text_held_against_itself_is_all_copy() -> None:
    text = play()
    assert Training(text).passage(text).spans == ((0, len(text)),)


def test_marks_are_escaped() -> None:
    shown = Training("0123456789<b>&amp;", window=8).passage("<i>0123456789<b>")._repr_html_()
    assert shown == '<pre class="passage">&lt;i&gt;<mark>0123456789&lt;b&gt;</mark></pre>'


class Gained(nn.Module):
    """A model with a weight around it, and not only a wrapper."""

    def __init__(self) -> None:
        super().__init__()
        self.module = tiny()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, idx: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, Any]:
        logits, _ = self.module(idx)
        logits = self.gain * logits
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        return logits, loss


def test_a_model_around_a_model_goes_on_with_its_own_weights_too(tmp_path: Path) -> None:
    def to(steps: int, path: Path | None = None) -> Gained:
        model = Gained()
        plan = TrainConfig(steps, max_lr=1e-2, min_lr=1e-2)
        list(train(model, batches(), plan, checkpoint=path))  # type: ignore[arg-type]
        return model

    whole = to(6)
    to(3, tmp_path / "run.pt")
    assert torch.equal(weights(to(6, tmp_path / "run.pt")), weights(whole))


def test_the_averages_of_another_kind_of_optimizer_are_refused(tmp_path: Path) -> None:
    model = tiny()
    list(train(model, batches(), TrainConfig(2), checkpoint=tmp_path / "run.pt"))
    groups = [{"params": group["params"]} for group in adamw(model, TrainConfig(2)).param_groups]
    with pytest.raises(ValueError, match=r"its optimizer has .*betas.*, and the one here .*damp"):
        checkpoint.load(tmp_path / "run.pt", model, torch.optim.SGD(groups), [batches()])
