"""The step of a decoder in few kernels: five for each layer, written in Triton.

One token of one stream is little work, of which a GPU is given each part by itself: what a kernel
takes to start, and to wait for the last one, is longer than its work. So each product takes what
comes before and after it along: the norm, the bias, GELU, the stream, the places in the cache.
A norm is computed again by every program that needs it, which is a few numbers beside its weights.

A program of a kernel must not read what another program of the same one writes, as they run in no
order. What a kernel has written the next one finds, as kernels do run in order.

All is computed in float32, whatever the weights are in, and the stream stays in float32 too. On a
CPU the kernels run under TRITON_INTERPRET=1, slowly, which is how they are tested.

Importing this needs Triton, which torch brings where it knows CUDA. Nothing else imports it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from gptcore.decode import Decoder, Linear, Norm, cuda_graph

try:
    import triton
    import triton.language as tl
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "a fused step needs Triton, which torch brings where it knows CUDA; it isn't here",
        name="triton",
    ) from None

INTERPRETED = triton.knobs.runtime.interpret
"""Whether the kernels below are interpreted, on any device."""

ONE, MANY = 16, 64
"""Rows of a weight that a program multiplies with, for one sequence and for several: at most."""

PROGRAMS = 128
"""So many there are to be at least, with a fourth of these rows: as many as processors."""

DTYPES = {
    torch.float32: tl.float32,
    torch.bfloat16: tl.bfloat16,
    torch.float16: tl.float16,
}


@torch.no_grad()
def fuse(decoder: Decoder) -> Decoder:
    """Let these kernels compute a decoder's step, on CUDA recorded as one CUDA graph.

    In place of `Decoder.compile`, and for who asks for it until it is known how fast it is. From
    then on only a new text is to be read by another step: `mask` is not kept up.

    Raises RuntimeError for a model on a device other than CUDA, TypeError for one in float64.
    """
    step = fused(decoder)
    on_cuda = decoder.token.device.type == "cuda"
    decoder.run = cuda_graph(step) if on_cuda else step
    return decoder


def fused(decoder: Decoder) -> Callable[[], Tensor]:
    """What computes a step as `Decoder.forward` does: the logits of `token`, read at `place`.

    They are (B, vocab_size) in the weights' dtype, the same memory each time, and nothing else is
    allocated, so that it can be recorded. Raises what `fuse` raises.
    """
    device, dtype = decoder.wte.device, decoder.wte.dtype
    if device.type != "cuda" and not INTERPRETED:
        raise RuntimeError(
            f"a fused step runs on CUDA, and this model is on {device}; use compile there"
        )
    if dtype not in DTYPES:
        raise TypeError(
            f"a fused step computes in float32, and this model is in {dtype}"
        )
    batch, heads, room, size = decoder.layers[0].keys.shape
    width = heads * size
    x, q = torch.empty(2, batch, width, device=device, dtype=torch.float32)
    y, hidden, logits = (
        torch.empty(batch, numbers, device=device, dtype=dtype)
        for numbers in (width, 4 * width, len(decoder.wte))
    )
    first = partial(
        _embed[batch,],
        decoder.token,
        decoder.place,
        decoder.starts,
        decoder.wte.contiguous(),
        decoder.wpe.contiguous(),
        x,
        width=width,
        block=triton.next_power_of_2(width),
    )
    launches = [first]
    for layer in decoder.layers:
        cache = layer.keys, layer.values, decoder.place
        attention = partial(
            _attention[batch * heads,],
            q,
            *cache,
            decoder.starts,
            y,
            1 / math.sqrt(size),
            heads=heads,
            room=room,
            size=size,
            numbers=triton.next_power_of_2(size),
            block=128,
        )
        launches += [
            _launch(x, layer.c_attn, q, norm=layer.ln_1, cache=cache),
            attention,
            _launch(y, layer.attn_c_proj, x, add=True),
            _launch(x, layer.c_fc, hidden, norm=layer.ln_2, gelu=True),
            _launch(hidden, layer.mlp_c_proj, x, add=True),
        ]
    launches.append(_launch(x, decoder.lm_head, logits, norm=decoder.ln_f))

    def step() -> Tensor:
        for launch in launches:
            launch()
        return logits

    return step


def _launch(
    x: Tensor,
    linear: Linear,
    out: Tensor,
    norm: Norm | None = None,
    cache: tuple[Tensor, Tensor, Tensor] | None = None,
    gelu: bool = False,
    add: bool = False,
) -> partial[None]:
    """Norm, product and GELU of x, (B, inputs), which replace out, (B, outputs), or are added.

    With a cache, its keys and values and the place in them, out gets the queries alone.
    """
    # Rows of (outputs, inputs), as nn.Linear has them, lie in the order in which they are read.
    weight, bias = linear[0].t().contiguous(), linear[1]
    (outputs, inputs), batch = weight.shape, len(x)
    block = max(16, triton.next_power_of_2(inputs))
    if batch == 1:
        most, group = ONE, 1
    else:  # matrix units take no fewer than 16 of each
        most, group = MANY, min(32, max(16, triton.next_power_of_2(batch)))
        block = min(512 // weight.itemsize, block)
    rows = most
    while rows > most // 4 and outputs < rows * PROGRAMS:
        rows //= 2
    return partial(
        _product[triton.cdiv(outputs, rows), triton.cdiv(batch, group)],
        x,
        weight,
        bias,
        out,
        *((None, None) if norm is None else norm[1:3]),
        *((None, None, None) if cache is None else cache),
        batch,
        eps=0.0 if norm is None else norm[3],
        inputs=inputs,
        outputs=outputs,
        room=0 if cache is None else cache[0].shape[2],
        size=0 if cache is None else cache[0].shape[3],
        normed=norm is not None,
        gelu=gelu,
        add=add,
        group=group,
        rows=rows,
        block=block,
        # The interpreter multiplies matrices of bfloat16 by their bits.
        multiplied=tl.float32 if INTERPRETED else DTYPES[weight.dtype],
        num_warps=min(8, max(2, rows * block // 2048)) if batch == 1 else 4,
    )


@triton.jit
def _embed(
    token,
    place,
    starts,
    wte,
    wpe,
    x,
    width: tl.constexpr,
    block: tl.constexpr,
):
    """A program for each sequence: its row of x, (B, width)."""
    one = tl.program_id(0)
    number = tl.arange(0, block)
    inside = number < width
    position = tl.load(place) - tl.load(starts + one)
    word = tl.load(wte + tl.load(token + one) * width + number, mask=inside)
    where = tl.load(wpe + position * width + number, mask=inside)
    both = word.to(tl.float32) + where.to(tl.float32)
    tl.store(x + one * width + number, both, mask=inside)


@triton.jit
def _product(
    x,
    weight,
    bias,
    out,
    norm_weight,
    norm_bias,
    keys,
    values,
    place,
    batch,
    eps: tl.constexpr,
    inputs: tl.constexpr,
    outputs: tl.constexpr,
    room: tl.constexpr,
    size: tl.constexpr,
    normed: tl.constexpr,
    gelu: tl.constexpr,
    add: tl.constexpr,
    group: tl.constexpr,
    rows: tl.constexpr,
    block: tl.constexpr,
    multiplied: tl.constexpr,
):
    """A program for `rows` rows of the weight, (outputs, inputs), and `group` sequences."""
    row = tl.program_id(0) * rows + tl.arange(0, rows)
    number = tl.arange(0, block)
    one, kept = tl.program_id(1) * group, row < outputs
    lines, wanted = weight + row[:, None] * inputs, kept[:, None]
    if group > 1:
        one += tl.arange(0, group)[:, None]
        kept = kept & (one < batch)
    cell = out + one * outputs + row
    if group == 1:
        # All that memory is asked for is on its way before anything waits for it.
        inside = number < inputs
        tile = tl.load(lines + number, mask=wanted & inside, other=0.0)
        part = tl.load(x + one * inputs + number, mask=inside, other=0.0).to(
            tl.float32
        )
        if normed:
            gain, shift = _affine(norm_weight, norm_bias, number, inside)
    added = 0.0
    if bias is not None:
        added += tl.load(bias + row, mask=row < outputs, other=0.0)
    if add:  # to what this very program alone reads and writes
        added += tl.load(cell, mask=kept, other=0.0)
    if group == 1:
        if normed:
            part = tl.where(inside, part - tl.sum(part, 0) / inputs, 0.0)
            part *= tl.rsqrt(tl.sum(part * part, 0) / inputs + eps)
            part = part * gain + shift
        total = tl.sum(part[None, :] * tile.to(tl.float32), 1)
    else:
        if normed:
            mean, scale = _moments(x, one, batch, eps, inputs, group, block)
        total = tl.zeros((group, rows), tl.float32)
        for start in range(0, inputs, block):
            at = start + number
            inside = at < inputs
            tile = tl.load(lines + at, mask=wanted & inside, other=0.0)
            part = _part(x, one, batch, at, inputs)
            if normed:
                gain, shift = _affine(norm_weight, norm_bias, at, inside)
                part = (part - mean) * scale * gain + shift
            part = part.to(weight.dtype.element_ty).to(multiplied)
            tile = tl.trans(tile.to(multiplied))
            total = tl.dot(part, tile, total, input_precision="ieee")
    total += added
    if gelu:  # tanh(a) = 2 sigmoid(2 a) - 1
        inner = 0.7978845608028654 * (total + 0.044715 * total * total * total)
        total *= tl.sigmoid(2 * inner)
    if size > 0:
        width: tl.constexpr = outputs // 3
        head = one * (width // size) + row % width // size
        cell = (head * room + tl.load(place)) * size + row % size
        tl.store(out + one * width + row, total, mask=kept & (row < width))
        third = row // width
        tl.store(keys + cell, total, mask=kept & (third == 1))
        tl.store(values + cell, total, mask=kept & (third == 2))
    else:
        tl.store(cell, total, mask=kept)


@triton.jit
def _part(x, one, batch, at, width: tl.constexpr):
    """Some columns of some rows of x, (B, width), in float32; 0 beyond."""
    there = (one < batch) & (at < width)
    return tl.load(x + one * width + at, mask=there, other=0.0).to(tl.float32)


@triton.jit
def _affine(weight, bias, at, inside):
    """What a layer norm multiplies with and adds; 0 beyond."""
    gain = tl.load(weight + at, mask=inside, other=0.0).to(tl.float32)
    shift = tl.zeros_like(gain)
    if bias is not None:
        shift += tl.load(bias + at, mask=inside, other=0.0)
    return gain, shift


@triton.jit
def _moments(
    x,
    one,
    batch,
    eps: tl.constexpr,
    width: tl.constexpr,
    group: tl.constexpr,
    block: tl.constexpr,
):
    """Of each row of x its mean, and 1 over its standard deviation, (group, 1) each."""
    number = tl.arange(0, block)
    total = tl.zeros((group,), tl.float32)
    for start in range(0, width, block):
        total += tl.sum(_part(x, one, batch, start + number, width), 1)
    mean = total[:, None] / width
    squares = tl.zeros((group,), tl.float32)
    for start in range(0, width, block):
        at = start + number
        apart = tl.where(at < width, _part(x, one, batch, at, width) - mean, 0.0)
        squares += tl.sum(apart * apart, 1)
    return mean, tl.rsqrt(squares[:, None] / width + eps)


@triton.jit
def _attention(
    q,
    keys,
    values,
    place,
    starts,
    y,
    scale,
    heads: tl.constexpr,
    room: tl.constexpr,
    size: tl.constexpr,
    numbers: tl.constexpr,
    block: tl.constexpr,
):
    """A program for each head of each sequence, by the softmax that goes on with what comes.

    (Milakov and Gimelshein 2018, algorithm 3): sums so far shrink when a higher score is met.
    """
    one = tl.program_id(0)
    number = tl.arange(0, numbers)[None, :]
    inside = number < size
    query = tl.load(q + one * size + number, mask=inside, other=0.0) * scale
    first, last = tl.load(starts + one // heads), tl.load(place)
    peak = float("-inf")
    total = 0.0
    mixed = tl.zeros((numbers,), tl.float32)
    # Each with a token that is seen; the next ones come while one is computed with.
    for start in tl.range(first, last + 1, block, num_stages=3):
        time = start + tl.arange(0, block)
        seen = time <= last
        cell = (one * room + time[:, None]) * size + number
        there = seen[:, None] & inside
        key = tl.load(keys + cell, mask=there, other=0.0).to(tl.float32)
        value = tl.load(values + cell, mask=there, other=0.0).to(tl.float32)
        score = tl.where(seen, tl.sum(query * key, 1), float("-inf"))
        higher = tl.maximum(peak, tl.max(score, 0))
        weight, shrink = tl.exp(score - higher), tl.exp(peak - higher)
        total = total * shrink + tl.sum(weight, 0)
        mixed = mixed * shrink + tl.sum(weight[:, None] * value, 0)
        peak = higher
    tl.store(y + one * size + number, (mixed / total)[None, :], mask=inside)
