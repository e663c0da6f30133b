"""Training that waits for nothing and keeps no logits: the same run, by other means."""

from __future__ import annotations

import dataclasses
import pickle
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from gptcore import GPT, GPTConfig, stock
from gptcore import checkpoint as checkpoints
from gptcore.data import Batches, TokenDataset
from gptcore.train import TrainConfig, adamw, economical, meter, prepared, train

CONFIG = GPTConfig(block_size=16, vocab_size=257, n_layer=2, n_head=2, n_embd=32)
IDS = [(7 * i * i + i) % 257 for i in range(400)]


def fresh(dtype: torch.dtype = torch.float32, **changes: Any) -> GPT:
    torch.manual_seed(0)
    return GPT(dataclasses.replace(CONFIG, **changes)).to(dtype)


def batches() -> Batches:
    return Batches(TokenDataset(IDS, CONFIG.block_size), 4)


def never(*_: Any) -> Any:
    raise AssertionError("it went the plain way")


def gradients(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight.grad.clone() for name, weight in model.named_parameters()}


@pytest.fixture(params=[2**28, 3000, 1], ids=["one piece", "pieces", "row by row"])
def pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(economical, "LOGITS", request.param)


# The loss


@pytest.mark.usefixtures("pieces")
@pytest.mark.parametrize(("dtype", "near"), [(torch.float64, 1e-13), (torch.float32, 2e-6)])
@pytest.mark.parametrize("vocab_size", [257, 264, 5])
def test_loss_and_gradients_are_those_of_the_plain_way(
    dtype: torch.dtype, near: float, vocab_size: int
) -> None:
    model = fresh(dtype, vocab_size=vocab_size)
    idx, targets = (torch.randint(vocab_size, (3, 13)) for _ in range(2))
    targets[0, :5] = -100
    _, plain = model(idx, targets)
    (plain * 3).backward()
    expected = gradients(model)
    model.zero_grad()
    logits, loss = economical.economical(model, never)(idx, targets)
    (loss * 3).backward()  # as where batches are accumulated, or a scale is on
    assert logits is None
    torch.testing.assert_close(loss, plain, rtol=near, atol=near)
    torch.testing.assert_close(gradients(model), expected, rtol=near, atol=near)


def test_in_mixed_precision_it_is_as_near_the_truth_as_the_plain_way() -> None:
    model, idx = fresh(), torch.randint(257, (4, 16))
    for weight in model.parameters():
        weight.data *= 4
    true = fresh(torch.float64)
    true.load_state_dict(model.state_dict())
    true(idx, idx)[1].backward()
    far = []
    for forward in (model, economical.economical(model, never)):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = forward(idx, idx)[1]
        assert loss.dtype == torch.float32
        loss.backward()
        far.append(
            sum((g - true.get_parameter(n).grad).norm() for n, g in gradients(model).items())
        )
    assert far[1] < 1.05 * far[0]


def test_an_odd_vocabulary_is_padded_within_the_product_and_the_padding_learns_nothing() -> None:
    seen: list[Tensor] = []

    def piece(x: Tensor, weight: Tensor, *rest: Any) -> Any:
        seen.append(weight)
        return economical.piece_of_loss(x, weight, *rest)

    x, weight = torch.randn(6, 8), torch.randn(12_801, 8, requires_grad=True)
    targets = torch.randint(len(weight), (6,))
    loss = economical.cross_entropy(x, weight, targets, piece)
    torch.testing.assert_close(loss, F.cross_entropy(F.linear(x, weight), targets))
    assert len(seen[0]) == 12_928  # 101 times 128
    assert weight.grad is None
    loss.backward()
    assert weight.grad is not None
    assert weight.grad.shape == weight.shape


@pytest.mark.parametrize("wrong", [257, -1, 263])
def test_a_target_outside_the_vocabulary_does_not_pass(wrong: int) -> None:
    model, idx = fresh(), torch.zeros(1, 4, dtype=torch.int64)
    targets = torch.full_like(idx, wrong)
    try:
        loss = economical.economical(model, never)(idx, targets)[1]
    except (IndexError, RuntimeError):
        return
    assert not loss.isfinite()  # a padding's score: train stops


def test_where_no_target_counts_there_is_no_loss_as_in_the_plain_way() -> None:
    model, idx = fresh(), torch.zeros(1, 4, dtype=torch.int64)
    targets = torch.full_like(idx, -100)
    assert economical.economical(model, never)(idx, targets)[1].isnan()
    assert model(idx, targets)[1].isnan()


@pytest.mark.usefixtures("watching")
def test_never_all_logits_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    largest = {}
    model, idx = fresh(), torch.randint(257, (8, 16))
    monkeypatch.setattr(economical, "LOGITS", 16 * 264)
    for name, forward in {"plain": model, "pieces": economical.economical(model, never)}.items():
        with Largest() as mode:
            forward(idx, idx)[1].backward()
        largest[name] = mode.numbers
    assert largest["plain"] == 128 * 257
    assert largest["pieces"] == 32 * 264  # the weights; a piece of logits has half of them


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modes of these tests only watch, which can't be seen from without."""
    monkeypatch.setattr(stock, "OURS", {*stock.OURS, __name__})


class Largest(TorchDispatchMode):
    """Remembers how many numbers the largest tensor has that was made for each id."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor) and made.shape[-1:] in ((257,), (264,)):
            self.numbers = max(self.numbers, made.numel())
        return made


@pytest.mark.parametrize(("rows", "width", "many"), [(64, 10, 64), (64, 100, 8), (7, 1000, 1)])
def test_pieces_are_equal_where_that_goes(
    rows: int, width: int, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(economical, "LOGITS", 1000)
    assert economical.rows_of_a_piece(rows, width) == many


def test_gpt2_s_step_is_made_in_eight_pieces() -> None:
    assert economical.rows_of_a_piece(32 * 1024, 50_304) == 4096


def test_a_changed_model_goes_the_plain_way() -> None:
    model, idx, plain = fresh(), torch.zeros(1, 4, dtype=torch.int64), []
    forward = economical.economical(model, lambda *given: plain.append(1) or model(*given))
    assert forward(idx, idx)[0] is None
    hook = model.lm_head.register_forward_hook(lambda *_: None)
    assert forward(idx, idx)[0] is not None
    hook.remove()
    assert forward(idx, idx)[0] is None
    model.lm_head = nn.Sequential(model.lm_head, nn.Tanh())  # type: ignore[assignment]
    assert forward(idx, idx)[0] is not None


def test_blocks_that_are_compiled_in_place_are_called_as_they_are() -> None:
    model, idx, compiled = fresh(), torch.randint(257, (3, 16)), []
    expected = model(idx, idx)[1]
    for block in model.transformer.h:
        block.compile(backend=lambda graph, _: compiled.append(1) or graph)
    loss = economical.economical(model, never)(idx, idx)[1]
    torch.testing.assert_close(loss, expected)
    assert compiled


def test_dropout_is_drawn_as_in_the_plain_way() -> None:
    model, idx = fresh(dropout=0.5), torch.randint(257, (3, 16))
    losses = []
    for forward in (model, economical.economical(model, never)):
        torch.manual_seed(1)
        losses.append(forward(idx, idx)[1])
    torch.testing.assert_close(*losses)


def test_it_is_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fresh()
    assert not economical.saves(torch.device("cpu"))
    assert economical.saves(torch.device("cuda"))
    assert prepared(model, TrainConfig(1)) is model
    monkeypatch.setattr(economical.distributed, "is_initialized", lambda: True)
    assert not economical.saves(torch.device("cuda"))


# The loop


class Event:
    """A moment of a device that is at once where it is told to be."""

    waited = 0
    now = 0.0

    def __init__(self) -> None:
        Event.now += 0.5
        self.time = Event.now

    def synchronize(self) -> None:
        Event.waited += 1

    def elapsed_time(self, other: Event) -> float:
        return 1000 * (other.time - self.time)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training goes on this machine as it does on a GPU, but for what computes."""
    monkeypatch.setattr(meter, "reads_late", lambda device: True)
    monkeypatch.setattr(meter, "moment", Event)
    monkeypatch.setattr("gptcore.train.loop.saves", lambda device: True)


class Waits(TorchDispatchMode):
    """Counts what needs a number of the device, or sends something there and waits."""

    seen = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        waits = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "lift_fresh")
        self.seen += any(name in str(func) for name in waits)
        return func(*args, **(kwargs or {}))


def test_the_counter_of_waits_counts() -> None:
    with Waits() as waits:
        torch.ones(1).item()
        bool(torch.ones(1) > 0)
        torch.tensor([1])
    assert waits.seen == 3


@pytest.mark.usefixtures("gpu", "watching")
def test_within_a_step_nothing_waits_for_the_device() -> None:
    running = train(fresh(), batches(), TrainConfig(20, grad_accumulation=2))
    list(islice(running, 2))  # what is set up is set up once
    with Waits() as waits:
        list(islice(running, 5))
    assert waits.seen == 0


@pytest.mark.usefixtures("gpu")
def test_of_an_update_only_the_one_before_is_waited_for() -> None:
    running = train(fresh(), batches(), TrainConfig(20))
    Event.waited = 0
    next(running)
    assert Event.waited == 0
    next(running)
    assert Event.waited == 2  # the loss and the norm of the first


def test_a_run_is_the_same_run_on_either_way(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    plan = TrainConfig(8, max_lr=1e-3, checkpoint_every=4, eval_every=3, eval_batches=2)
    here = list(train(fresh(torch.float64), batches(), plan, batches()))
    request.getfixturevalue("gpu")
    there = list(train(fresh(torch.float64), batches(), plan, batches(), checkpoint=tmp_path / "a"))
    for name in ("step", "lr", "loss", "grad_norm", "val_loss", "tokens"):
        told = ([getattr(event, name) or 0.0 for event in run] for run in (here, there))
        torch.testing.assert_close(*map(torch.tensor, told), rtol=1e-6, atol=0)
    assert all(event.tokens_per_second == 4 * 16 / 1.0 for event in there)


@pytest.mark.usefixtures("gpu")
def test_numbers_on_their_way_can_be_copied_and_kept() -> None:
    events = list(train(fresh(), batches(), TrainConfig(2)))
    again = pickle.loads(pickle.dumps(events))
    assert type(again[0].numbers) is meter.Numbers
    assert [event.loss for event in again] == [event.loss for event in events]


@pytest.mark.usefixtures("gpu")
def test_when_a_run_has_ended_its_numbers_are_plain() -> None:
    events = list(train(fresh(), batches(), TrainConfig(3)))
    held = [value for event in events for value in vars(event.numbers).values()]
    assert {type(value) for value in held} == {type(None), meter.Numbers}
    Event.waited = 0
    assert [event.tokens_per_second > 0 for event in events] == [True] * 3
    assert Event.waited == 0


@pytest.mark.usefixtures("gpu")
def test_a_loss_that_is_no_number_stops_the_run_an_update_later(tmp_path: Path) -> None:
    path, model, plan = tmp_path / "run.pt", fresh(), TrainConfig(9, checkpoint_every=4)
    running = train(model, batches(), plan, checkpoint=path)
    list(islice(running, 4))
    model.lm_head.weight.data[:] = torch.nan
    assert next(running).step == 4
    with pytest.raises(FloatingPointError, match=r"nan at step 4; .*run\.pt"):
        next(running)
    kept = fresh()
    assert checkpoints.load(path, kept, adamw(kept, plan), [batches()]) == 4
    assert all(weight.isfinite().all() for weight in kept.parameters())


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("bad", [3, 7], ids=["checkpoint", "last"])
def test_nothing_is_saved_that_came_of_no_number(tmp_path: Path, bad: int) -> None:
    path, model, plan = tmp_path / "run.pt", fresh(), TrainConfig(8, checkpoint_every=2)
    running = train(model, batches(), plan, checkpoint=path)
    list(islice(running, bad))
    model.lm_head.weight.register_hook(lambda gradient: gradient * torch.nan)
    with pytest.raises(FloatingPointError, match=f"norm nan at step {bad}"):
        next(running)
    kept = fresh()
    assert checkpoints.load(path, kept, adamw(kept, plan), [batches()]) == bad - 1
    assert all(weight.isfinite().all() for weight in kept.parameters())


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("steps", [9, 5], ids=["on the way", "last"])
def test_nothing_is_validated_or_sampled_that_came_of_no_number(steps: int) -> None:
    looked: list[GPT] = []
    model, plan = fresh(), TrainConfig(steps, eval_every=4)
    running = train(model, batches(), plan, batches(), lambda model: looked.append(model) or "")
    list(islice(running, 3))
    model.lm_head.weight.register_hook(lambda gradient: gradient * torch.nan)
    assert next(running).step == 3
    with pytest.raises(FloatingPointError, match="norm nan at step 3"):
        next(running)
    assert len(looked) == 1


def test_batches_are_gathered_where_they_are_used() -> None:
    there = Batches(TokenDataset(IDS, CONFIG.block_size), 4, device="meta")
    x, y = next(there)
    assert {t.device.type for t in (x, y, there.dataset.ids, there.order)} == {"meta"}
    assert x.shape == y.shape == (4, CONFIG.block_size)


def test_what_a_dataset_is_given_to_stays_where_it_is() -> None:
    dataset = TokenDataset(IDS, CONFIG.block_size)
    Batches(dataset, 4, device="meta")
    assert dataset.ids.device.type == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_learns_what_a_cpu_learns() -> None:
    plan = TrainConfig(6, max_lr=1e-3)
    losses = []
    for device in ("cpu", "cuda"):
        data = Batches(TokenDataset(IDS, CONFIG.block_size), 4, device=device)
        model = fresh(torch.float64).to(device)
        losses.append([event.loss for event in train(model, data, plan)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)
