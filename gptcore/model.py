"""A GPT-2, from one attention head up to the whole model.

Shapes in the comments: B sequences in a batch, T tokens in a sequence, C = n_embd numbers for
each token. Every name is GPT-2's own, so that its weights fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gptcore.checks import check_batch
from gptcore.config import GPTConfig
from gptcore.generate import generate
from gptcore.stop import Stop
from gptcore.tokenizer import Tokenizer

INIT_STD = 0.02  # Radford et al. 2018, section 4.1


class Head(nn.Module):
    """One attention head: every token looks back and takes what it needs.

    (B, T, C) -> (B, T, head_size), by softmax(Q K^T / sqrt(head_size)) V
    (Vaswani et al. 2017, equation 1) with the future masked.
    """

    mask: Tensor

    def __init__(self, config: GPTConfig, head_size: int) -> None:
        super().__init__()
        self.query = nn.Linear(config.n_embd, head_size, bias=config.bias)
        self.key = nn.Linear(config.n_embd, head_size, bias=config.bias)
        self.value = nn.Linear(config.n_embd, head_size, bias=config.bias)
        self.dropout = nn.Dropout(config.dropout)
        # A buffer follows the model to its device, and no optimizer touches it.
        # It can always be made again, so it stays out of the state dict.
        size = config.block_size
        past = torch.ones(
            size, size, dtype=torch.bool
        ).tril()  # (block_size, block_size)
        self.register_buffer("mask", past, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        q = self.query(x)  # (B, T, head_size)
        k = self.key(x)  # (B, T, head_size)
        v = self.value(x)  # (B, T, head_size)
        time, head_size = q.shape[1:]
        scores = q @ k.transpose(1, 2) / math.sqrt(head_size)  # (B, T, T)
        scores = scores.masked_fill(
            ~self.mask[:time, :time], -math.inf
        )  # (B, T, T)
        weights = F.softmax(scores, dim=-1)  # (B, T, T), each row sums to 1
        return self.dropout(weights) @ v  # (B, T, head_size)


class MultiHeadAttention(nn.Module):
    """Several heads, one after the other, then mixed: the formula as it stands.

    (B, T, C) -> (B, T, C). `CausalSelfAttention` computes the same in one go.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        heads = (Head(config, config.head_size) for _ in range(config.n_head))
        self.heads = nn.ModuleList(heads)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([head(x) for head in self.heads], dim=-1)  # (B, T, C)
        return self.dropout(self.c_proj(y))  # (B, T, C)


def masked_attention(
    q: Tensor, k: Tensor, v: Tensor, dropout_p: float = 0.0
) -> Tensor:
    """Attention of all heads at once, with every score in memory.

    q, k, v and the result: (B, n_head, T, head_size). Memory grows with T * T.
    """
    time, head_size = q.shape[-2:]
    past = torch.ones(time, time, dtype=torch.bool, device=q.device).tril()
    scores = q @ k.transpose(-2, -1) / math.sqrt(head_size)  # (B, n_head, T, T)
    weights = F.softmax(
        scores.masked_fill(~past, -math.inf), dim=-1
    )  # (B, n_head, T, T)
    return F.dropout(weights, dropout_p) @ v  # (B, n_head, T, head_size)


def flash_attention(
    q: Tensor, k: Tensor, v: Tensor, dropout_p: float = 0.0
) -> Tensor:
    """The same in one fused step that never stores the T * T scores.

    q, k, v and the result: (B, n_head, T, head_size). PyTorch picks the kernel:
    flash attention (Dao et al. 2022) where the device has it.
    """
    return F.scaled_dot_product_attention(
        q, k, v, dropout_p=dropout_p, is_causal=True
    )


class CausalSelfAttention(nn.Module):
    """All heads in one matrix product: (B, T, C) -> (B, T, C).

    `c_attn` holds the queries, keys and values of every head side by side.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.dropout_p = config.dropout
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.c_attn(x).chunk(3, dim=-1)  # each (B, T, C)
        q, k, v = self.split_heads(q), self.split_heads(k), self.split_heads(v)
        # A function does not know whether the model trains: it has to be told.
        y = flash_attention(q, k, v, self.dropout_p if self.training else 0.0)
        y = y.transpose(1, 2).flatten(2)  # heads side by side again: (B, T, C)
        return self.dropout(self.c_proj(y))  # (B, T, C)

    def split_heads(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, n_head, T, head_size)."""
        batch, time, width = x.shape
        x = x.view(batch, time, self.n_head, width // self.n_head)
        return x.transpose(1, 2)  # from (B, T, n_head, head_size), heads forward


class FeedForward(nn.Module):
    """What each token does with what it has read, by itself.

    (B, T, C) -> (B, T, C)
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd, bias=config.bias)
        # GPT-2 was trained with this form of GELU (Hendrycks and Gimpel 2016, section 2).
        self.gelu = nn.GELU(approximate="tanh")
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd, bias=config.bias)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.gelu(self.c_fc(x))  # (B, T, 4 * C)
        return self.dropout(self.c_proj(x))  # (B, T, C)


class Block(nn.Module):
    """Attention reads, feed-forward writes, both add to the stream.

    (B, T, C) -> (B, T, C)
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=1e-5, bias=config.bias)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=1e-5, bias=config.bias)
        self.mlp = FeedForward(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))  # (B, T, C)
        return x + self.mlp(self.ln_2(x))  # (B, T, C)


class GPT(nn.Module):
    """The whole model: token ids in, a score for every possible next token out."""

    transformer: Any  # an nn.ModuleDict with GPT-2's own names

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(config.vocab_size, config.n_embd),
                "wpe": nn.Embedding(config.block_size, config.n_embd),
                "drop": nn.Dropout(config.dropout),
                "h": nn.ModuleList(Block(config) for _ in range(config.n_layer)),
                "ln_f": nn.LayerNorm(config.n_embd, eps=1e-5, bias=config.bias),
            }
        )
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        # One matrix, two uses: from ids to vectors here, from vectors to scores there.
        self.transformer.wte.weight = self.lm_head.weight
        # After the tying, so that the shared matrix keeps the values it is given.
        self.apply(init_weights)
        scale_residual_projections(self)

    def forward(
        self, idx: Tensor, targets: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Scores for the token after each token, and their loss if targets are given.

        idx and targets are int64, (B, T); a target of -100 counts for nothing. Gives
        the logits, (B, T, vocab_size), and the mean cross-entropy in nats or None.

        Raises TypeError for a wrong dtype, ValueError for a shape that does not fit.
        """
        check_batch(idx, targets, self.config.block_size)
        pos = torch.arange(idx.shape[1], device=idx.device)  # (T)
        x = self.transformer.wte(idx) + self.transformer.wpe(pos)  # (B, T, C)
        x = self.transformer.drop(x)  # (B, T, C)
        for block in self.transformer.h:
            x = block(x)  # (B, T, C)
        x = self.transformer.ln_f(x)  # (B, T, C)
        logits = self.lm_head(x)  # (B, T, vocab_size)
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def generate(
        self,
        idx: Tensor,
        max_new_tokens: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        use_cache: bool = True,
        generator: torch.Generator | None = None,
        stop: Stop = None,
        tokenizer: Tokenizer | None = None,
    ) -> Tensor:
        """Continue idx, (B, T), by max_new_tokens: see `gptcore.generate.generate`."""
        return generate(
            self,
            idx,
            max_new_tokens,
            temperature,
            top_k,
            top_p,
            use_cache,
            generator,
            stop,
            tokenizer,
        )

    def num_params(self) -> dict[str, int]:
        """How many parameters each kind of part has; a tied weight counts once."""
        kinds = {
            "token embeddings": "wte",
            "position embeddings": "wpe",
            "attention": "attn",
            "feed-forward": "mlp",
            "layer norms": "ln_",
        }
        sizes = {name: weight.numel() for name, weight in self.named_parameters()}
        counts = {
            kind: sum(size for name, size in sizes.items() if part in name)
            for kind, part in kinds.items()
        }
        return counts | {"total": sum(sizes.values())}

    def load_state_dict(self, *given: Any, **named: Any) -> Any:
        """As PyTorch does it, but what was one matrix is one afterwards."""
        with staying_tied(self):
            return super().load_state_dict(*given, **named)

    def _apply(self, change: Any, recurse: bool = True) -> GPT:
        """By which PyTorch moves a model: the same."""
        with staying_tied(self):
            return super()._apply(change, recurse)


def init_weights(module: nn.Module) -> None:
    """Draw a layer's weights from N(0, 0.02) and zero its bias; for `model.apply`."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=INIT_STD)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


@contextmanager
def staying_tied(model: GPT) -> Iterator[None]:
    """Tie the two uses of the token embeddings again, whatever is done meanwhile, if they are.

    From the meta device, or assigned, each would come with a parameter of its own. Parts that were
    put in their places may have no such weight.
    """
    embedding, head = model.transformer.wte, model.lm_head
    before = getattr(head, "weight", None)
    tied = before is not None and getattr(embedding, "weight", None) is before
    yield
    if tied and head.weight is not before:
        embedding.weight = head.weight
    elif tied:  # only the other was given
        head.weight = embedding.weight


def scale_residual_projections(model: GPT) -> None:
    """Draw the layers that write to the stream smaller, by 1 / sqrt(their number).

    There are two in each block, and what all of them add together is then about
    the same in a shallow model and in a deep one (Radford et al. 2019, section 2.3).
    """
    std = INIT_STD / math.sqrt(2 * model.config.n_layer)
    for name, weight in model.named_parameters():
        if name.endswith("c_proj.weight"):
            nn.init.normal_(weight, std=std)
