"""Which models the cached path computes exactly: those that are what was declared, part by part.

The cached path repeats a model's arithmetic on its weights. So it may serve a model only if calling
that model would run this arithmetic and nothing else. That is shown, not guessed: all that the code
which builds and calls a model finds by name, from the class itself down to torch's functions, is
what it found when the class was declared, and the model holds what a newly built one holds, module
for module, with the same settings and no hooks. Only its weights are its own, attributes that none
of this code mentions, and that torch compiled a part in place, which computes the same.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.modules import module as machinery
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from gptcore.config import GPTConfig

BEGUN_BY = {"__init__", "__call__", "forward"}
"""What building and calling a module begin with."""

# torch.compile replaces some of these for good; calling a module runs none of them.
NOT_RUN = {"__setattr__", "__delattr__", "__setstate__"}

# What a model has of its own, which is looked at by itself: its mode, weights and parts, and
# what `compile` leaves on a module, to be run in place of its call.
OWN = ("training", "_parameters", "_modules", "_compiled_call_impl")

OURS = {"torch", __package__, *sys.stdlib_module_names}
"""The packages that say what a model computes."""

Found = dict[str, tuple[object, object]]
"""What code finds in a class or module, by name: the value, and its code if it has any."""


class UnknownModelError(ValueError):
    """A model that the cached path does not know, and what in it."""


_declared: type[nn.Module] | None = None
_found: dict[Any, Found] = {}
_mentioned: set[str] = set()


def declare(model_class: type[nn.Module]) -> None:
    """Let models of this class be served, as it and all that it calls stand now."""
    global _declared
    if model_class is _declared:  # and may have been changed since
        return
    _declared = model_class
    _mentioned.update(BEGUN_BY)
    places: set[Any] = {model_class, Tensor}
    before = None
    while before != (len(places), len(_mentioned)):
        before = len(places), len(_mentioned)
        for value in [one for place in places for _, one in _members(place)]:
            places.update(_places(value))
            if _is_followed(value):
                _mentioned.update(_names(value.__code__))
    _found.update({place: _found_in(place) for place in places})


def _members(
    place: Any, names: Iterable[str] | None = None
) -> Iterator[tuple[str, Any]]:
    """What can run of what the code finds in a class or module; operators have no other name."""
    if names is None:
        # What a tensor can do stands in a base of its class, and is hidden by what that gains.
        names = dir(place) if place is Tensor else list(vars(place))
    for name in names:
        known = name in _mentioned or (isinstance(place, type) and name[:2] == "__")
        if known and name not in _not_run(place):
            value = _member(place, name)
            if _runs(value):
                yield name, value


def _member(place: Any, name: str) -> Any:
    return getattr(place, name, None) if place is Tensor else vars(place).get(name)


def _not_run(place: Any) -> set[str]:
    return NOT_RUN | {"__init__"} if place is nn.Module else NOT_RUN


def _runs(value: object) -> bool:
    """Whether a value can run, or leads to what can."""
    return (
        callable(value)
        or isinstance(value, ModuleType)
        or hasattr(type(value), "__get__")
    )


def _places(value: object) -> Iterator[Any]:
    """The classes and modules that a value leads to."""
    if isinstance(value, ModuleType):
        yield value
    elif isinstance(value, type) and issubclass(value, nn.Module):
        for base in value.__mro__[:-1]:
            yield from (base, sys.modules[base.__module__])
    elif _is_followed(value):
        yield sys.modules[value.__module__]


def _is_followed(value: object) -> TypeGuard[FunctionType]:
    """Whether a function is code of modules, whose own names count, and not of what they call."""
    assert _declared is not None
    home = (_declared.__module__, "torch.nn.")
    return isinstance(value, FunctionType) and str(value.__module__).startswith(
        home
    )


def _package(module: object) -> str:
    return str(module).partition(".")[0]


def _found_in(place: Any) -> Found:
    return {
        # What a learner or a library has put in torch's place before counts as changed.
        name: (None, None)
        if _is_foreign(value)
        else (value, getattr(value, "__code__", None))
        for name, value in _members(place)
    }


def _is_foreign(value: object) -> bool:
    """Whether a function comes from elsewhere than Python, torch and here."""
    if not isinstance(value, FunctionType):
        return False
    return _package(value.__globals__.get("__name__")) not in OURS


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
    # Before one is built, which would run what was changed.
    found = next(_interventions(), "")
    if found:
        return found
    kinds: set[tuple[torch.dtype, torch.device]] = set()
    no_dropout = config.dropout > 0 and not training
    try:
        walk = _differences(model, built(config), "model", no_dropout, kinds)
        found = next(walk, "")
    except Exception as error:  # whatever a changed config or setting brings about
        return f"it can't be held against one of its config: {error}"
    if not found and len(kinds) > 1:
        return "the weights differ in dtype or device"
    return found


def _interventions() -> Iterator[str]:
    """What is otherwise than when the class was declared, of all that calling a model runs."""
    for place, found in _found.items():
        for name in _changes(place, found):
            yield f"{place.__name__}.{name} was changed"
    for name, value in vars(machinery).items():
        if isinstance(value, OrderedDict) and value:
            yield f"{name.strip('_')} are set for all modules"
    modes = (
        *_get_current_function_mode_stack(),
        *_get_current_dispatch_mode_stack(),
    )
    for mode in modes:
        # Those of torch, as a default device, are there for whatever is computed.
        if _package(type(mode).__module__) not in OURS:
            yield f"a {type(mode).__name__} is active"


def _changes(place: Any, found: Found) -> Iterator[str]:
    """By what names the code would find something else there now.

    It finds nothing else by what a module gains, but a class may hide what it inherits.
    """
    for name, known in found.items():
        value = _member(place, name)
        if (value, getattr(value, "__code__", None)) != known:
            yield name
    if place is not Tensor and not isinstance(place, ModuleType):
        gained = vars(place).keys() - found.keys()
        yield from (name for name, _ in _members(place, gained))


def _names(code: object) -> Iterator[str]:
    """All that code mentions by name, as an attribute or in a string."""
    if not isinstance(code, CodeType):
        return
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        yield from _names(constant)


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
            inert = key not in _mentioned and not hasattr(type(mine), key)
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
            if weight.layout is not torch.strided:
                yield f"{name}.{key} is sparse"
            if weight.shape != like.shape:
                yield f"{name}.{key} has another shape"
    if list(mine._modules) != list(stock._modules):
        yield f"{name} has other parts"
        return
    for key, part in mine._modules.items():
        like_part = stock._modules[key]
        assert part is not None
        assert like_part is not None
        yield from _differences(part, like_part, f"{name}.{key}", no_dropout, kinds)
