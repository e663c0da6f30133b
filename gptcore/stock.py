"""Which models the cached path computes exactly: those that are what was declared, part by part.

The cached path repeats a model's arithmetic on its weights. So it may serve a model only if calling
that model would run this arithmetic and nothing else. That is shown, not guessed: the code that
builds a model and the code that a call runs are those that were there when the class was declared,
and the model holds what a newly built one holds, module for module, with the same settings and no
hooks. Only its weights are its own, attributes that none of this code mentions, and that torch
compiled a part in place, which computes the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from types import CodeType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules import module as machinery
from torch.overrides import TorchFunctionMode

from gptcore.config import GPTConfig

# torch.compile replaces some of these for good; calling a module runs none of them.
NOT_RUN = {"__setattr__", "__delattr__", "__setstate__"}
NOT_RUN_OF_MODULE = NOT_RUN | {"__init__"}

# What a model has of its own, which is looked at by itself: its mode, weights and parts, and
# what `compile` leaves on a module, to be run in place of its call.
OWN = ("training", "_parameters", "_modules", "_compiled_call_impl")

Code = dict[str, tuple[object, object]]

_declared: type[nn.Module] | None = None
_code: dict[Any, Code] = {}


class UnknownModelError(ValueError):
    """A model that the cached path does not know, and what in it."""


def declare(model_class: type[nn.Module], its_module: ModuleType) -> None:
    """Let models of this class be served, as it and all that it calls stand now."""
    global _declared
    _declared = model_class
    kinds = [
        one
        for place in (its_module, nn)
        for one in vars(place).values()
        if _is_part(one)
    ]
    classes = dict.fromkeys(base for kind in kinds for base in kind.__mro__[:-1])
    _code.update(
        {place: _code_of(place) for place in (*classes, its_module, functional)}
    )


def _is_part(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module)


def built(config: GPTConfig) -> nn.Module:
    """A model as its class makes it, whose weights have shapes and no numbers.

    Its blocks are one and the same, so that it is there in a millisecond or two, and can be made
    for every text: what a module of a library keeps would tie all cells of a lesson together that
    use it.
    """
    assert _declared is not None
    of_one = replace(config, n_layer=1)
    with torch.device("meta"), _WithoutNumbers():
        model = _declared(of_one)
    for part in list(model.modules()):
        if isinstance(part, nn.ModuleList):
            part.extend([part[0]] * (config.n_layer - 1))
        settings = vars(part)
        if settings.get("config") is of_one:
            settings["config"] = config
    return model


class _WithoutNumbers(TorchFunctionMode):
    """Functions that only write numbers into a tensor do nothing."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        first = next(iter((*args, *kwargs.values())), None)
        name = getattr(func, "__name__", "")
        if (
            isinstance(first, Tensor)
            and name.endswith("_")
            and not name.endswith("__")
        ):
            return first
        return func(*args, **kwargs)


def _called(model: nn.Module) -> dict[Any, Code]:
    """The code that calling a model runs, by class or module; none of an undeclared class."""
    modules = {
        place: code for place, code in _code.items() if not isinstance(place, type)
    }
    classes = {base for part in model.modules() for base in type(part).__mro__[:-1]}
    return modules | {kind: _code.get(kind, {}) for kind in classes}


def check(model: Any) -> None:
    """Refuse, by UnknownModelError, a model that the cached path does not know."""
    found = difference(model)
    if found:
        raise UnknownModelError(
            f"the cached path computes GPT as it stands in gptcore.model, and here {found}; "
            "generate reads such a model anew for each token"
        )


def difference(model: Any, training: bool = False) -> str:
    """What in a model is not as declared, in words; empty if all is.

    Dropout is such a thing, unless the model is `training`.
    """
    config = getattr(model, "config", None)
    if type(model) is not _declared:
        return f"the model is a {type(model).__name__} of its own"
    if type(config) is not GPTConfig:
        return f"its config is a {type(config).__name__} of its own"
    stock = built(config)
    called = _called(stock)
    mentioned = _Mentioned(called)
    for place, code in called.items():
        if _changed(place, code, mentioned):
            return f"{place.__name__} was changed"
    for name, value in vars(machinery).items():
        if isinstance(value, OrderedDict) and value:
            return f"{name.strip('_')} are set for all modules"
    kinds: set[tuple[torch.dtype, torch.device]] = set()
    forbidden = config.dropout > 0 and not training
    walk = _differences(model, stock, "model", forbidden, mentioned, kinds)
    found = next(walk, "")
    if not found and len(kinds) > 1:
        return "the weights differ in dtype or device"
    return found


def _code_of(place: Any) -> Code:
    """What a class or module holds that can run, with its code."""
    return {
        name: (value, getattr(value, "__code__", None))
        for name, value in vars(place).items()
        if _runs(place, name, value)
    }


def _changed(place: Any, code: Code, mentioned: _Mentioned) -> bool:
    """Whether a call would find other code there now.

    A module's functions find nothing else by what it gains, but a class may hide what it inherits.
    """
    members = vars(place)
    for name, known in code.items():
        value = members.get(name)
        if (value, getattr(value, "__code__", None)) != known:
            return True
    return isinstance(place, type) and any(
        name[:2] == "__" or name in mentioned
        for name, value in members.items()
        if name not in code and _runs(place, name, value)
    )


def _runs(place: Any, name: str, value: object) -> bool:
    """Whether what a class or module holds by this name can run in a call or its building."""
    not_run = NOT_RUN_OF_MODULE if place is nn.Module else NOT_RUN
    return name not in not_run and (callable(value) or isinstance(value, property))


def _names(code: object) -> Iterator[str]:
    """All that code mentions by name, as an attribute or in a string."""
    if not isinstance(code, CodeType):
        return
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        yield from _names(constant)


class _Mentioned:
    """All that some code mentions, gathered when first asked for: hardly ever."""

    def __init__(self, called: Mapping[Any, Code]) -> None:
        self._called = called

    @cached_property
    def _all(self) -> set[str]:
        codes = (one for code in self._called.values() for _, one in code.values())
        return {name for one in codes for name in _names(one)}

    def __contains__(self, name: str) -> bool:
        return name in self._all


def _settings(module: nn.Module) -> dict[str, Any]:
    """All that a module holds but what is its own: numbers, hooks, and so on."""
    held = dict(vars(module))
    for name in OWN:
        held.pop(name, None)
    return held


def _calls_another(module: nn.Module) -> bool:
    """Whether what runs in place of a module's call is another thing than that call, compiled."""
    compiled = module._compiled_call_impl
    call = getattr(compiled, "_torchdynamo_orig_callable", None)
    return compiled is not None and call != module._call_impl


def _differences(
    mine: nn.Module,
    stock: nn.Module,
    name: str,
    no_dropout: bool,
    mentioned: _Mentioned,
    kinds: set[tuple[torch.dtype, torch.device]],
) -> Iterator[str]:
    """What sets a module apart from a newly built one; the kinds of its weights are gathered."""
    if type(mine) is not type(stock):
        yield f"{name} is {type(mine).__name__}, not {type(stock).__name__}"
        return
    if mine.training and no_dropout:
        yield f"{name} is in training mode, with dropout"
    if _calls_another(mine):
        yield f"{name} has a compiled call that is not its own"
    state, expected = _settings(mine), _settings(stock)
    if state != expected:
        for key in state.keys() | expected.keys():
            inert = key not in mentioned and not hasattr(type(mine), key)
            if key not in expected and inert:
                continue
            if (
                key not in state
                or key not in expected
                or state[key] != expected[key]
            ):
                yield f"{name}.{key.strip('_')} is not as it is built"
    if mine._parameters.keys() != stock._parameters.keys():
        yield f"{name} has other weights"
    for key, weight in mine._parameters.items():
        like = stock._parameters.get(key)
        if type(weight) is not type(like):
            yield f"{name}.{key} is {type(weight).__name__}"
        elif weight is not None and like is not None:
            kinds.add((weight.dtype, weight.device))
            if weight.shape != like.shape:
                yield f"{name}.{key} has another shape"
    if list(mine._modules) != list(stock._modules):
        yield f"{name} has other parts"
        return
    for key, part in mine._modules.items():
        like_part = stock._modules[key]
        assert part is not None
        assert like_part is not None
        yield from _differences(
            part, like_part, f"{name}.{key}", no_dropout, mentioned, kinds
        )
