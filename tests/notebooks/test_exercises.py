"""What a check says of right answers, of typical wrong ones, and of none."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gptcore import GPTConfig, exercises
from gptcore.exercises import Verdict
from gptcore.model import GPT, Block, CausalSelfAttention, FeedForward, Head
from gptcore.schedule import lr_at

CONV1D = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")

Wrong = tuple[Callable[..., Verdict], Callable[..., Any], str]


def past(scores: torch.Tensor) -> torch.Tensor:
    return torch.ones(scores.shape[-2:], dtype=torch.bool).tril()


def scores(q, k, divide=math.sqrt):
    return q @ k.transpose(1, 2) / divide(q.shape[-1])


def masked_softmax(scores, mask=None, dim=-1):
    mask = past(scores) if mask is None else mask
    return F.softmax(scores.masked_fill(~mask, -math.inf), dim)


def step(loss=None, before=lambda model: None, after=lambda model: None, late=lambda model: None):
    def one(model, x, y, optimizer):
        logits, _ = model(x)
        cost = loss(logits, y) if loss else F.cross_entropy(logits.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        before(model)
        cost.backward()
        after(model)
        optimizer.step()
        late(model)
        return cost.item()

    return one


def clip(model):
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)


def no_zeroing(model, x, y, optimizer):
    _, loss = model(x, y)
    loss.backward()
    clip(model)
    optimizer.step()
    return loss.item()


def greedy(model, idx, new, choose=None, size=None, position=-1):
    for _ in range(new):
        context = idx[:, -(size or model.config.block_size) :]
        logits = model(context)[0][:, position]
        chosen = choose(logits) if choose else logits.argmax(-1, keepdim=True)
        idx = torch.cat((idx, chosen), 1)
    return idx


def cosine(done):
    return 0.5 * (1 + math.cos(math.pi * done))


def schedule(after):
    def rate(step, high, low, warmup, last):
        if step < warmup:
            return high * (step + 1) / warmup
        return after((step - warmup) / (last - warmup), high, low)

    return rate


def accumulate(divide=1.0, keep=False):
    def run(model, x, y, parts):
        for some_x, some_y in zip(x.chunk(parts), y.chunk(parts), strict=True):
            if keep:
                model.zero_grad()
            (model(some_x, some_y)[1] / divide).backward()

    return run


def load(turned=CONV1D, turn=torch.Tensor.t, skip="", rename=False):
    @torch.no_grad()
    def run(model, theirs):
        for name, weight in model.state_dict().items():
            if skip and skip in name:
                continue
            source = theirs[name]
            if name.endswith(tuple(f"{part}.weight" for part in turned)):
                source = turn(source)
            if rename:
                weight = source
            else:
                weight.copy_(source)

    return run


def config_of(**changes):
    def read(theirs):
        vocab_size, n_embd = theirs["transformer.wte.weight"].shape
        layers = sum(name.endswith(".attn.c_attn.weight") for name in theirs)
        block_size = len(theirs["transformer.wpe.weight"])
        found = GPTConfig(block_size, vocab_size, layers, n_embd // 64, n_embd)
        return replace(found, **{name: change(found) for name, change in changes.items()})

    return read


def logits(model, idx):
    with torch.no_grad():
        return model(idx)[0]


def doubled(model):
    return copy.deepcopy(model).double()


def losses(values):
    return lambda: values


def run_again(**given):
    """A training that ends at 2.0 whatever is asked of it."""
    return [3.0] + [2.0] * 29


check_peaks = partial(exercises.check_peaks, run=run_again)
check_clipping = partial(exercises.check_clipping, run=run_again)


def written(kind, forward):
    """A class of ours whose `forward` somebody else wrote."""
    return type(kind.__name__, (kind,), {"forward": forward})


def a_head(weigh=masked_softmax, divide=math.sqrt, take=lambda self, x: self.value(x)):
    def forward(self, x):
        weights = weigh(scores(self.query(x), self.key(x), divide))
        return self.dropout(weights) @ take(self, x)

    return written(Head, forward)


def uncropped(self, x):
    weights = scores(self.query(x), self.key(x)).masked_fill(~self.mask, -math.inf)
    return F.softmax(weights, -1) @ self.value(x)


def untransposed(self, x):
    return F.softmax(self.query(x) @ self.key(x), -1) @ self.value(x)


def an_attention(split=None, causal=True, join=None, mix=None, drop=None, order=(0, 1, 2)):
    def forward(self, x):
        chunks = self.c_attn(x).chunk(3, dim=-1)
        q, k, v = (chunks[place] for place in order)
        q, k, v = ((split or self.split_heads)(one) for one in (q, k, v))
        drop_p = drop(self) if drop else self.dropout_p * self.training
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=drop_p, is_causal=causal)
        y = join(y) if join else y.transpose(1, 2).flatten(2)
        return mix(y) if mix else self.dropout(self.c_proj(y))

    return written(CausalSelfAttention, forward)


def a_feed_forward(forward):
    return written(FeedForward, forward)


def a_block(forward):
    return written(Block, forward)


def parallel(self, x):
    return x + self.attn(self.ln_1(x)) + self.mlp(self.ln_2(x))


def post_norm(self, x):
    x = self.ln_1(x + self.attn(x))
    return self.ln_2(x + self.mlp(x))


def normed_stream(self, x):
    x = self.ln_1(x)
    x = x + self.attn(x)
    x = self.ln_2(x)
    return x + self.mlp(x)


def no_stream(self, x):
    x = self.attn(self.ln_1(x))
    return self.mlp(self.ln_2(x))


def unnormed(self, x):
    x = x + self.attn(x)
    return x + self.mlp(x)


def a_gpt(embed=None, through=None, norm=True, read=None, loss=None, give=None):
    def forward(self, idx, targets=None):
        parts = self.transformer
        x = (embed or embedded)(parts, idx)
        for block in parts.h if through is None else through(parts.h):
            x = block(x)
        logits = self.lm_head(parts.ln_f(x) if norm else x)
        logits = read(logits) if read else logits
        if give:
            return give(logits)
        if targets is None:
            return logits, None
        return logits, (loss or flat_loss)(logits, targets)

    return written(GPT, forward)


def embedded(parts, idx):
    return parts.drop(parts.wte(idx) + parts.wpe(torch.arange(idx.shape[1])))


def flat_loss(logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def shifted_loss(logits, targets):
    return flat_loss(logits[:, :-1], targets[:, 1:])


def renamed(
    mask=lambda name: name.endswith((".attn.bias", ".attn.masked_bias")),
    bare=lambda name: not name.startswith(("transformer.", "lm_head.")),
    change=lambda weight: weight,
):
    def rename(stored):
        return {
            f"transformer.{name}" if bare(name) else name: change(weight)
            for name, weight in stored.items()
            if not mask(name)
        }

    return rename


WRONG: list[Wrong] = [
    (exercises.check_attention_weights, lambda q, k: F.softmax(scores(q, k), -1), "after it"),
    (
        exercises.check_attention_weights,
        lambda q, k: masked_softmax(scores(q, k, divide=lambda n: 1)),
        "not divided",
    ),
    (
        exercises.check_attention_weights,
        lambda q, k: masked_softmax(scores(q, k, divide=lambda n: n)),
        "not by its root",
    ),
    (
        exercises.check_attention_weights,
        lambda q, k: F.softmax(scores(q, k), -1) * past(scores(q, k)),
        "before softmax",
    ),
    (
        exercises.check_attention_weights,
        lambda q, k: masked_softmax(scores(q, k), dim=-2),
        "last dimension",
    ),
    (
        exercises.check_attention_weights,
        lambda q, k: masked_softmax(scores(q, k), past(scores(q, k)).t()),
        "wrong way round",
    ),
    (exercises.check_attention_weights, lambda q, k: scores(q, k)[0], "has the shape (5, 5)"),
    (exercises.check_attention_weights, lambda q, k: None, "NoneType, not a tensor"),
    (exercises.check_join_heads, lambda y: y.reshape(2, 6, 32), "memory order"),
    (exercises.check_join_heads, lambda y: y.permute(0, 2, 3, 1).flatten(2), "interleaved"),
    (exercises.check_join_heads, lambda y: y.transpose(1, 2), "has the shape"),
    (exercises.check_head, a_head(weigh=lambda s: F.softmax(s, -1)), "after it"),
    (exercises.check_head, a_head(divide=lambda n: 1), "not divided"),
    (exercises.check_head, a_head(divide=lambda n: n), "not by its root"),
    (exercises.check_head, a_head(divide=lambda n: 4), "root of n_embd"),
    (exercises.check_head, a_head(weigh=lambda s: F.softmax(s, -1) * past(s)), "before softmax"),
    (exercises.check_head, a_head(take=lambda self, x: torch.eye(5)), "not yet what"),
    (exercises.check_head, a_head(take=lambda self, x: self.key(x)), "keys that are mixed"),
    (exercises.check_head, written(Head, uncropped), "the longest text"),
    (exercises.check_head, written(Head, untransposed), "turn k over"),
    (
        exercises.check_head,
        written(
            Head,
            lambda self, x: masked_softmax(scores(self.query(x), self.key(x))) @ self.value(x),
        ),
        "dropout does nothing",
    ),
    (exercises.check_head, lambda config, size: nn.Linear(16, size), "leave __init__"),
    (exercises.check_head, lambda config, size: torch.zeros(2, 5, 8), "is no nn.Module"),
    (exercises.check_attention, an_attention(causal=False), "after it"),
    (exercises.check_attention, an_attention(split=lambda x: x, join=lambda y: y), "one head"),
    (exercises.check_attention, an_attention(join=lambda y: y.reshape(2, 5, 16)), "memory order"),
    (exercises.check_attention, an_attention(mix=lambda y: y), "mixed at the end"),
    (
        exercises.check_attention,
        an_attention(join=lambda y: y.transpose(1, 2)),
        "side by side again",
    ),
    (exercises.check_attention, an_attention(drop=lambda self: self.dropout_p), "self.training"),
    (exercises.check_attention, an_attention(order=(1, 0, 2)), "another order"),
    (
        exercises.check_feed_forward,
        a_feed_forward(lambda self, x: self.dropout(self.c_proj(self.c_fc(x)))),
        "nothing between",
    ),
    (
        exercises.check_feed_forward,
        a_feed_forward(lambda self, x: self.dropout(self.gelu(self.c_proj(self.c_fc(x))))),
        "after c_proj",
    ),
    (
        exercises.check_feed_forward,
        a_feed_forward(lambda self, x: x + self.c_proj(self.gelu(self.c_fc(x)))),
        "what Block does",
    ),
    (
        exercises.check_feed_forward,
        a_feed_forward(lambda self, x: self.c_proj(self.gelu(self.c_fc(x)))),
        "dropout does nothing",
    ),
    (
        exercises.check_feed_forward,
        a_feed_forward(lambda self, x: self.gelu(self.c_fc(x))),
        "four times as wide",
    ),
    (exercises.check_block, a_block(no_stream), "nothing is added"),
    (exercises.check_block, a_block(unnormed), "norms are missing"),
    (exercises.check_block, a_block(post_norm), "post-norm"),
    (exercises.check_block, a_block(normed_stream), "the stream itself"),
    (exercises.check_block, a_block(parallel), "the same x"),
    (exercises.check_gpt, a_gpt(embed=lambda parts, idx: parts.wte(idx)), "positions are missing"),
    (
        exercises.check_gpt,
        a_gpt(embed=lambda parts, idx: parts.wte(idx) + parts.wpe(idx)),
        "not for the ids",
    ),
    (
        exercises.check_gpt,
        a_gpt(embed=lambda parts, idx: parts.wte(idx) + parts.wpe(torch.arange(16))),
        "fewer tokens",
    ),
    (exercises.check_gpt, a_gpt(norm=False), "ln_f is missing"),
    (exercises.check_gpt, a_gpt(through=lambda blocks: ()), "pass through the blocks"),
    (exercises.check_gpt, a_gpt(through=lambda blocks: blocks[:1]), "only one block"),
    (exercises.check_gpt, a_gpt(read=lambda logits: logits[:, -1]), "give them for all"),
    (exercises.check_gpt, a_gpt(read=lambda logits: F.softmax(logits, -1)), "before softmax"),
    (exercises.check_gpt, a_gpt(give=lambda logits: logits), "two things"),
    (exercises.check_gpt, a_gpt(give=lambda logits: (logits, None)), "there is no loss"),
    (exercises.check_gpt, a_gpt(give=lambda logits: (logits, logits.mean())), "without targets"),
    (exercises.check_gpt, a_gpt(loss=F.cross_entropy), "flatten the logits"),
    (exercises.check_gpt, a_gpt(loss=shifted_loss), "shifted already"),
    (exercises.check_block_parameters, lambda c: 12 * c * c, "layer norms are not"),
    (exercises.check_block_parameters, lambda c: 12 * c * c + 9 * c, "layer norms are missing"),
    (exercises.check_block_parameters, lambda c: 12 * c * c + 4 * c, "biases of the linear"),
    (exercises.check_block_parameters, lambda c: 12.5 * c * c, "off"),
    (
        exercises.check_greedy,
        lambda model, idx, new: greedy(model, idx, new)[:, idx.shape[1] :],
        "append them",
    ),
    (
        exercises.check_greedy,
        lambda model, idx, new: greedy(model, idx, new, position=0),
        "not that after the last",
    ),
    (
        exercises.check_greedy,
        lambda model, idx, new: greedy(model, idx, new, size=10**6),
        "crop it",
    ),
    (
        exercises.check_greedy,
        lambda model, idx, new: greedy(
            model, idx, new, choose=lambda row: F.softmax(row, -1).multinomial(1)
        ),
        "don't sample",
    ),
    (
        exercises.check_measure,
        lambda config: (sum(w.numel() for w in GPT(config).state_dict().values()), 1e9),
        "counted twice",
    ),
    (
        exercises.check_measure,
        lambda config: (sum(w.numel() for w in GPT(config).parameters()), 1e-9),
        "seconds by tokens",
    ),
    (
        exercises.check_measure,
        lambda config: (sum(w.numel() for w in GPT(config).parameters()), math.inf),
        "is no speed",
    ),
    (exercises.check_split, lambda text, tok: (torch.tensor(tok.encode(text)),) * 2, "all of"),
    (
        exercises.check_split,
        lambda text, tok: torch.tensor(tok.encode(text)).split((100, 900))[::-1],
        "the first 90 %, not the last",
    ),
    (
        exercises.check_split,
        lambda text, tok: torch.tensor(tok.encode(text)).float().split((900, 100)),
        "whole number",
    ),
    (exercises.check_window, lambda ids, i, n: (ids[i : i + n], ids[i : i + n]), "the same"),
    (
        exercises.check_window,
        lambda ids, i, n: (ids[i : i + n], ids[i - 1 : i + n - 1]),
        "wrong way",
    ),
    (
        exercises.check_window,
        lambda ids, i, n: (ids[i : i + n], ids[i + 1 : i + n]),
        "missing at the end",
    ),
    (exercises.check_training_step, step(), "between backward and step"),
    (exercises.check_training_step, step(before=clip), "between backward and step"),
    (exercises.check_training_step, step(late=clip), "after the step"),
    (
        exercises.check_training_step,
        step(late=lambda model: model.zero_grad()),
        "between backward and step",
    ),
    (
        exercises.check_training_step,
        step(late=lambda model: model.zero_grad(set_to_none=False)),
        "between backward and step",
    ),
    (exercises.check_training_step, no_zeroing, "zero_grad"),
    (
        exercises.check_training_step,
        step(loss=lambda logits, y: F.cross_entropy(logits, y), after=clip),
        "flatten the logits",
    ),
    (
        exercises.check_training_step,
        step(loss=lambda logits, y: F.cross_entropy(logits[:, -1], y[:, -1]), after=clip),
        "only the last position",
    ),
    (exercises.check_learning_rate, schedule(lambda done, high, low: high), "stays at max_lr"),
    (
        exercises.check_learning_rate,
        schedule(lambda done, high, low: high * cosine(done)),
        "not to min_lr",
    ),
    (
        exercises.check_learning_rate,
        schedule(lambda done, high, low: low + (high - low) * (1 - cosine(done))),
        "rises after warmup",
    ),
    (
        exercises.check_learning_rate,
        schedule(lambda done, high, low: high + (low - high) * done),
        "straight line",
    ),
    (exercises.check_learning_rate, schedule(lambda done, high, low: None), "without a return"),
    (check_peaks, losses({1e-3: 3.0, 1e-2: 2.0}), "too few"),
    (
        check_peaks,
        losses({10.0**-n: torch.tensor(3.0) for n in range(4)}),
        "losses are the same",
    ),
    (check_peaks, losses({1e-3: 3.0, 2e-3: 2.0, 3e-3: 2.0, 4e-3: 3.0}), "too close"),
    (check_peaks, losses({1e-4: 4.0, 1e-3: 3.0, 1e-2: 2.0, 1e-1: 1.0}), "go higher"),
    (check_peaks, losses({1e-4: 1.0, 1e-3: 3.0, 1e-2: 4.0, 1e-1: 5.0}), "go lower"),
    (check_peaks, losses({1e-4: 4.0, 1e-3: 3.0, 1e-2: 1.5, 1e-1: 3.0}), "ends at 2.00, not at 1.5"),
    (check_peaks, losses({1e-4: 4.0, 1e-3: 2.5, 1e-2: 2.9, 1e-1: 3.0}), "run the trainings"),
    (check_clipping, lambda norm: [4.0] + [min(norm, 2.0)] * 9, "begins with 3.00, 2.00"),
    (check_clipping, lambda norm: [3.0] + [min(norm, 1.9)] * 9, "run the training"),
    (check_clipping, lambda norm: [3.0, 2.0], "10 at least"),
    (check_clipping, lambda norm: [min(norm, 2.0)] * 10, "before the first update"),
    (check_clipping, lambda norm: [3.0] * 10, "is max_norm used"),
    (exercises.check_accumulate, accumulate(), "four times too long"),
    (exercises.check_accumulate, accumulate(divide=4, keep=True), "only the last part"),
    (exercises.check_accumulate, accumulate(divide=16), "four times too short"),
    (exercises.check_transposed, lambda name: "_" in name and "weight" in name, "not to be"),
    (
        exercises.check_transposed,
        lambda name: name.endswith(("c_attn.weight", "c_fc.weight", "mlp.c_proj.weight")),
        "square",
    ),
    (
        exercises.check_transposed,
        lambda name: name.endswith(tuple(f"{part}.weight" for part in CONV1D)) or "wte" in name,
        "tables",
    ),
    (
        exercises.check_transposed,
        lambda name: name.endswith((*(f"{part}.weight" for part in CONV1D), "ln_f.weight")),
        "ln_f.weight is not to be transposed",
    ),
    (exercises.check_load, load(rename=True), "copy_"),
    (exercises.check_load, load(turned=[p for p in CONV1D if p != "attn.c_proj"]), "square"),
    (exercises.check_load, load(turn=lambda w: w.reshape(w.shape[::-1])), "reshaped"),
    (exercises.check_load, load(skip="ln_f"), "ln_f.weight was not loaded"),
    (
        exercises.check_renamed,
        renamed(mask=lambda name: name.endswith(("attn.bias", "attn.masked_bias"))),
        "its name ends in attn.bias, too",
    ),
    (exercises.check_renamed, renamed(mask=lambda name: False), "causal mask"),
    (exercises.check_renamed, renamed(mask=lambda name: name.endswith(".attn.bias")), "a part of"),
    (exercises.check_renamed, renamed(bare=lambda name: "lm_head" not in name), "already"),
    (exercises.check_renamed, renamed(bare=lambda name: "transformer" not in name), "lm_head"),
    (exercises.check_renamed, renamed(bare=lambda name: False), "still lacks the prefix"),
    (exercises.check_renamed, renamed(change=lambda weight: 2 * weight), "only names"),
    (exercises.check_renamed, lambda stored: list(stored), "not a dict"),
    (exercises.check_renamed, lambda stored: {}, "lm_head.weight is missing"),
    (exercises.check_same_function, lambda one, other, idx: True, "yes to everything"),
    (
        exercises.check_same_function,
        lambda one, other, idx: torch.equal(logits(one, idx), logits(other, idx)),
        "allow for rounding",
    ),
    (
        exercises.check_same_function,
        lambda one, other, idx: torch.equal(
            logits(one, idx).argmax(-1), logits(other, idx).argmax(-1)
        ),
        "exact GELU",
    ),
    (
        exercises.check_same_function,
        lambda one, other, idx: torch.allclose(
            logits(one.double(), idx), logits(other.double(), idx), atol=1e-9
        ),
        "leaves the models in float64",
    ),
    (exercises.check_config, config_of(n_head=lambda found: 8), "head for every 64"),
    (
        exercises.check_config,
        config_of(n_layer=lambda found: found.n_layer - 1),
        "numbered from 0",
    ),
    (exercises.check_config, lambda theirs: dict(theirs), "not a GPTConfig"),
]

RIGHT: list[tuple[Callable[..., Verdict], Callable[..., Any]]] = [
    (exercises.check_attention_weights, lambda q, k: masked_softmax(scores(q, k))),
    (exercises.check_join_heads, lambda y: torch.cat(y.unbind(1), dim=-1)),
    (exercises.check_head, Head),
    (exercises.check_head, a_head()),
    (exercises.check_attention, CausalSelfAttention),
    (exercises.check_attention, an_attention()),
    (exercises.check_feed_forward, FeedForward),
    (exercises.check_block, Block),
    (exercises.check_gpt, GPT),
    (exercises.check_gpt, a_gpt()),
    (exercises.check_block_parameters, lambda c: c * (12 * c + 13)),
    (exercises.check_block_parameters, lambda c: np.int64(c * (12 * c + 13))),
    (exercises.check_block_parameters, lambda c: torch.tensor(c * (12 * c + 13))),
    (
        exercises.check_measure,
        lambda config: (np.int64(GPT(config).num_params()["total"]), torch.tensor(1e9)),
    ),
    (exercises.check_greedy, greedy),
    (
        exercises.check_greedy,
        lambda model, idx, new: model.generate(idx, new, temperature=0),
    ),
    (exercises.check_split, lambda text, tok: torch.tensor(tok.encode(text)).split((900, 100))),
    (exercises.check_window, lambda ids, i, n: (ids[i:][:n], ids[i + 1 :][:n])),
    (exercises.check_training_step, step(after=clip)),
    (exercises.check_training_step, step(after=clip, late=lambda model: model.zero_grad())),
    (
        exercises.check_learning_rate,
        lambda step, high, low, warmup, last: lr_at(
            step, max_lr=high, min_lr=low, warmup_steps=warmup, max_steps=last
        ),
    ),
    (
        exercises.check_learning_rate,
        schedule(
            lambda done, high, low: (
                low + (high - low) * (1 + torch.cos(torch.tensor(math.pi * done))) / 2
            )
        ),
    ),
    (check_peaks, losses({1e-4: 4.0, 1e-3: 2.0, 1e-2: 3.0, 1e-1: math.nan})),
    (check_clipping, lambda norm: [3.0] + [min(norm + 1, 3.0)] * 9),
    (exercises.check_accumulate, accumulate(divide=4)),
    (
        exercises.check_transposed,
        lambda name: name.endswith(tuple(f"{part}.weight" for part in CONV1D)),
    ),
    (exercises.check_load, load()),
    (exercises.check_renamed, renamed()),
    (
        exercises.check_same_function,
        lambda one, other, idx: torch.allclose(
            logits(doubled(one), idx), logits(doubled(other), idx), atol=1e-9
        ),
    ),
    (exercises.check_config, config_of()),
]


def name_of(value: object) -> str:
    return getattr(getattr(value, "func", value), "__name__", "")


@pytest.mark.parametrize(("check", "answer", "said"), WRONG, ids=name_of)
def test_a_typical_mistake_is_named(check, answer, said: str) -> None:
    verdict = check(answer)
    assert said in verdict.message
    assert verdict.kind == "wrong"


@pytest.mark.parametrize(("check", "answer"), RIGHT, ids=name_of)
def test_a_right_answer_is_right_however_it_is_written(check, answer) -> None:
    verdict = check(answer)
    assert verdict.right, verdict.message


GIVEN = {"check_peaks": check_peaks, "check_clipping": check_clipping}
CHECKS = [
    GIVEN.get(name, getattr(exercises, name))
    for name in vars(exercises)
    if name.startswith("check_")
]


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_three_mistakes_at_least_are_known_of_each_exercise(check) -> None:
    assert sum(name_of(one) == name_of(check) for one, _, _ in WRONG) >= 3


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_what_is_not_answered_or_raises_is_told_and_not_raised(check) -> None:
    def empty(*_):
        raise NotImplementedError

    def broken(*_):
        raise KeyError("c_attn")

    assert check(empty).kind == "empty"
    assert "empty" in check(empty).message
    assert check(broken) == Verdict("error", "KeyError: 'c_attn'")
    assert "'c_attn'" in repr(check(broken))


def test_a_check_leaves_random_numbers_as_they_were() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    exercises.check_load(load())
    assert torch.equal(torch.rand(2), expected)


def test_one_wrong_name_is_told_alone_and_more_are_counted() -> None:
    right = tuple(f"{part}.weight" for part in CONV1D)
    one = exercises.check_transposed(lambda name: name.endswith((*right, "ln_f.weight")))
    assert one.message == "transformer.ln_f.weight is not to be transposed"
    more = exercises.check_transposed(lambda name: name.endswith((*right, "ln_1.weight")))
    assert more.message.endswith("transposed, and of 1 more you say the wrong thing")
