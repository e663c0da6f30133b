"""What one can know of a model before it is built: its cache, its speed, its loss."""

from __future__ import annotations

from gptcore.config import GPTConfig

E, A, B, ALPHA, BETA = 1.69, 406.4, 410.7, 0.34, 0.28
"""Of the fit by Hoffmann et al. 2022, approach 3: floor, and what size and text still miss."""


def cache_bytes(
    config: GPTConfig, tokens: int, batch_size: int = 1, bytes_each: int = 2
) -> int:
    """What the keys and values of `tokens` in each of `batch_size` sequences take."""
    return 2 * config.n_layer * config.n_embd * tokens * batch_size * bytes_each


def positions_read(prompt: int, new: int, cached: bool) -> int:
    """How many positions a model computes to continue a prompt by `new` tokens.

    Without a cache each pass reads all there is; with one, the prompt and then one token each.
    The last token is written and never read.
    """
    if not new:
        return 0
    if cached:
        return prompt + new - 1
    return sum(range(prompt, prompt + new))


def attainable(peak: float, bandwidth: float, intensity: float) -> float:
    """The most operations per second at an intensity, in operations per byte.

    `peak` in operations and `bandwidth` in bytes per second (Williams et al. 2009).
    """
    return min(peak, bandwidth * intensity)


def predicted_loss(parameters: float, tokens: float) -> float:
    """The loss of a model of that size after that much text, in nats per token."""
    return E + A / parameters**ALPHA + B / tokens**BETA


def best_size(compute: float) -> float:
    """The parameters for which `predicted_loss` is least, with 6 operations for each and token.

    The text for it is compute / 6 / parameters (Hoffmann et al. 2022, equation 4).
    """
    factor = (ALPHA * A / (BETA * B)) ** (1 / (ALPHA + BETA))
    return factor * (compute / 6) ** (BETA / (ALPHA + BETA))
