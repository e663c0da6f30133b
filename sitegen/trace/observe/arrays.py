"""Tensors and arrays as nodes. Memory that several of them share is a node of its own."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sitegen.trace.observe.nodes import Key, Node

if TYPE_CHECKING:
    from sitegen.trace.observe.graph import Graph

ROWS = 2048
BIG = 1 << 22
"""Bytes on a device above which sums stand for them: copying them takes too long."""


def node(graph: Graph, one: Any) -> Node | None:
    """The node of a tensor or an array, None for anything else."""
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    if torch and isinstance(one, torch.Tensor):
        return _tensor(graph, one, torch)
    if numpy and isinstance(one, numpy.ndarray):
        return _array(graph, one, numpy)
    if numpy and isinstance(one, numpy.generic):
        return Node(f"{type(one).__name__} {one!r}")
    return None


def _tensor(graph: Graph, one: Any, torch: Any) -> Node:
    head = f"{type(one).__name__} {one.dtype} {tuple(one.shape)} {one.requires_grad} {one.device}"
    held: list[Any] = [*getattr(one, "__dict__", {}).values()]
    if one.is_leaf and one.grad is not None:
        held.append(one.grad)
    parts = [graph.part(value) for value in held]
    if one.layout is not torch.strided:
        return Node(f"{head} {one.layout}", tuple(parts), data=True, opaque=True)
    storage = one.untyped_storage()
    if storage.nbytes() and one.device.type != "meta":
        key = ("memory", storage.data_ptr())
        _memory(graph, key, storage.nbytes(), lambda: _storage_hash(storage, torch))
        parts.append(key)
    head = f"{head} {tuple(one.stride())} {one.storage_offset()}"
    return Node(head, tuple(parts), data=True)


def _memory(graph: Graph, key: Key, size: int, content: Callable[[], str]) -> None:
    """Enter memory into a graph, once; not read again where it was not touched."""
    if key not in graph.nodes:
        head = f"memory {size} "
        known = graph.known.get(key)
        same = known if known and known.head.startswith(head) else None
        graph.nodes[key] = same or Node(head + content(), data=True)


def _storage_hash(storage: Any, torch: Any) -> str:
    raw = torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage)
    if raw.device.type == "cpu":
        return f"{zlib.crc32(raw.numpy()):x}"
    if raw.numel() <= BIG:
        return f"{zlib.crc32(raw.cpu().numpy()):x}"
    words = raw[: raw.numel() // 8 * 8].view(torch.int64)
    whole = words[: len(words) // ROWS * ROWS].view(-1, ROWS)
    rest = raw[whole.numel() * 8 :].cpu().numpy()
    # Sums by rows and by columns: one alone does not see that two values changed places.
    sums = torch.cat([whole.sum(0), whole.sum(1)]).cpu().numpy()
    return f"{zlib.crc32(sums):x} {zlib.crc32(rest):x}"


def _array(graph: Graph, one: Any, numpy: Any) -> Node:
    head = f"{type(one).__name__} {one.dtype.str} {one.shape} {one.strides} {one.flags.writeable}"
    if one.dtype.hasobject:
        return Node(head, tuple(map(graph.part, one.ravel().tolist())), data=True)
    root = one
    while isinstance(root.base, numpy.ndarray):
        root = root.base
    place = root.__array_interface__["data"][0]
    key = ("memory", place)
    raw = numpy.ascontiguousarray(root).reshape(-1).view(numpy.uint8)
    _memory(graph, key, raw.nbytes, lambda: f"{zlib.crc32(raw):x}")
    offset = one.__array_interface__["data"][0] - place
    return Node(f"{head} {offset}", (key,), data=True)
