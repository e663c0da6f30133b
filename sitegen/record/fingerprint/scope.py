"""What a piece of code does with the names around it, from its syntax alone.

A name counts as *touched* wherever its object could be changed, or be stored where others
change it: as the receiver or argument of a call, as the target of an assignment to an
attribute or item, and, inside a function, wherever it escapes into a variable or a result.
Harmless are operators, comparisons, attribute and item reads, formatting, and the builtins
listed here. Names stand as dotted chains, `m.GPT`; `@pkg.mod.f` is an absolute import path.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, fields

from sitegen.parse.tokens import bodies
from sitegen.record.fingerprint.vocabulary import (
    CHANGES_STATE,
    CLASS_OF_ANY,
    ITERATORS,
    LAZY_ITERATORS,
    MUTATORS,
    OPERATORS,
    READERS,
    SHARED,
    VALUE_ATTRIBUTES,
    WRITES_FILES,
)

TOUCH, ELEMENTS, FLOW = 1, 2, 4


@dataclass
class Survey:
    """How code uses the names that it does not define for itself."""

    reads: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)
    elements: set[str] = field(default_factory=set)
    """Whose elements are touched, or which are iterated: harmless for a list of numbers."""
    flows: set[str] = field(default_factory=set)
    """Which the values of these expressions may share with."""
    stores: set[str] = field(default_factory=set)
    """To whose attributes or items something is assigned."""
    rebinds: set[str] = field(default_factory=set)
    """Declared `global` in a function, and assigned there."""
    classes: set[str] = field(default_factory=set)
    """Objects whose classes are reached through them: by `type(x)` or `x.__class__`."""
    bases: set[str] = field(default_factory=set)
    """Of classes: their hooks may run when a class is made."""
    acts: set[str] = field(default_factory=set)
    """Called for what it does and not for its result, as it seems."""
    words: set[str] = field(default_factory=set)
    """Every name, every attribute with a dot before it, every keyword with a `=` after it."""
    writes_files: bool = False
    class_names: set[str] = field(default_factory=set)
    """Bound in the bodies of classes, where they hide names around them."""
    late: list[Survey] = field(default_factory=list)
    """Of code that is run later: the bodies of functions, lambdas and generators."""

    def include(self, other: Survey) -> None:
        """Add what other code does."""
        for part in _SETS:
            getattr(self, part).update(getattr(other, part))
        self.writes_files |= other.writes_files

    def with_late(self) -> Survey:
        """What the code does now and later, in one."""
        whole = Survey()
        for part in [self, *self.late]:
            whole.include(part)
        return whole


_SETS = [part.name for part in fields(Survey) if part.name not in ("writes_files", "late")]


def dotted(node: ast.AST) -> str | None:
    """`a.b.c` for a chain of names, else None."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(names)])


def import_targets(node: ast.Import | ast.ImportFrom, package: str = "") -> dict[str, str]:
    """The absolute path that each name is bound to; `*` stands for whatever is there."""
    if isinstance(node, ast.Import):
        return {
            alias.asname or alias.name.partition(".")[0]: alias.name
            if alias.asname
            else alias.name.partition(".")[0]
            for alias in node.names
        }
    base = imported_module(node, package)
    return {alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names}


def imported_module(node: ast.ImportFrom, package: str = "") -> str:
    """The absolute name of the module in `from ... import`."""
    parents = package.split(".")
    above = parents[: len(parents) - node.level + 1] if node.level else []
    return ".".join([*above, *filter(None, [node.module])])


def bound_names(nodes: Collection[ast.AST]) -> set[str]:
    """The names that code binds in its own scope, whether or not it comes to it."""
    names: set[str] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        match node:
            case ast.Name(id=name):
                if not isinstance(node.ctx, ast.Load):
                    names.add(name)
                continue
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
                stack.extend(part for part in node.decorator_list if hasattr(part, "binds_within"))
                continue
            case ast.Lambda():
                continue
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                walk = ast.walk(node)
                names.update(part.target.id for part in walk if isinstance(part, ast.NamedExpr))
                continue
            case ast.Import() | ast.ImportFrom():
                names.update(import_targets(node))
            case ast.ExceptHandler(name=str(name)) | ast.MatchStar(name=str(name)):
                names.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchMapping(rest=str(name)):
                names.add(name)
        if hasattr(node, "binds_within") or isinstance(node, ast.pattern | ast.match_case):
            stack.extend(ast.iter_child_nodes(node))
            continue
        for field_name in _BINDING_FIELDS:
            inside = getattr(node, field_name, None)
            if type(inside) is list:
                stack.extend(inside)
            elif inside is not None:
                stack.append(inside)
    return names


_BINDING_FIELDS: tuple[str, ...] = ("targets", "target", "items", "optional_vars", "elts", "value")
_BINDING_FIELDS += ("body", "orelse", "handlers", "finalbody", "cases")


def nested(statements: Collection[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements with all that stand inside them."""
    for statement in statements:
        yield statement
        for body in bodies(statement):
            yield from nested(body)


def survey(nodes: Collection[ast.AST], shadowed: Collection[str] = (), package: str = "") -> Survey:
    """What statements or expressions do, in a scope where some builtins may be shadowed."""
    surveyor = _Surveyor(shadowed, package)
    for node in nodes:
        if isinstance(node, ast.expr):
            surveyor.look(node, FLOW)
        else:
            surveyor.run(node)
    return surveyor.found


class _Surveyor:
    """Walks code with the names that are local where it stands."""

    def __init__(self, shadowed: Collection[str], package: str) -> None:
        self.found = Survey()
        self.shadowed = shadowed
        self.package = package
        self.scopes: list[dict[str, str]] = []
        """For each function around: its own names, with what those bound by imports mean."""
        self.globals: set[str] = set()
        self.touched_locals: set[str] = set()
        self.functions = 0

    # Names

    def resolve(self, chain: str) -> str | None:
        """The chain as seen from outside, None if it begins with a local variable."""
        root, dot, rest = chain.partition(".")
        for scope in reversed(self.scopes):
            if root in scope:
                return f"@{scope[root]}{dot}{rest}" if scope[root] else None
        return chain

    def use(self, chain: str, how: int) -> None:
        outside = self.resolve(chain)
        if outside is None:
            if how & (TOUCH | ELEMENTS):
                self.touched_locals.add(chain.partition(".")[0])
            return
        found = self.found
        found.reads.add(outside)
        if how & TOUCH:
            found.touched.add(outside)
        if how & ELEMENTS:
            found.elements.add(outside)
        if how & FLOW:
            found.flows.add(outside)

    def reach_class(self, chain: str | None) -> None:
        outside = self.resolve(chain) if chain else None
        if outside:
            self.found.classes.add(outside)

    @property
    def escaping(self) -> int:
        """How a value is used that is assigned or returned."""
        return FLOW | TOUCH if self.functions else FLOW

    # Expressions

    def look(self, node: ast.AST | None, how: int = 0) -> None:
        if node is None or isinstance(node, ast.Constant):
            return
        special = getattr(self, f"look_{type(node).__name__}", None)
        if special is not None:
            special(node, how)
            return
        if isinstance(node, _DISPLAYS):
            how = _within(how)
        elif not isinstance(node, ast.BinOp | ast.UnaryOp | ast.BoolOp):
            how = 0
        for child in ast.iter_child_nodes(node):
            self.look(child, how)

    def look_Name(self, node: ast.Name, how: int) -> None:  # noqa: N802
        self.found.words.add(node.id)
        self.use(node.id, how)

    def look_Attribute(self, node: ast.Attribute, how: int) -> None:  # noqa: N802
        self.found.words.add(f".{node.attr}")
        if is_value_attribute(node.attr, self.shadowed):
            how = 0
        chain = dotted(node)
        if chain is None:
            self.look(node.value, how)
            return
        self.found.words.update(f".{name}" for name in chain.split(".")[1:])
        self.found.words.add(chain)
        if ".__class__" in chain and node.attr not in VALUE_ATTRIBUTES:
            self.reach_class(chain)
        self.use(chain, how)

    def look_Subscript(self, node: ast.Subscript, how: int) -> None:  # noqa: N802
        self.look(node.value, (how & FLOW) | (ELEMENTS if how & (TOUCH | ELEMENTS) else 0))
        self.look(node.slice)

    def look_Compare(self, node: ast.Compare, _: int) -> None:  # noqa: N802
        self.look(node.left)
        for operator, side in zip(node.ops, node.comparators, strict=True):
            self.look(side, ELEMENTS if isinstance(operator, ast.In | ast.NotIn) else 0)

    def look_IfExp(self, node: ast.IfExp, how: int) -> None:  # noqa: N802
        self.look(node.test)
        self.look(node.body, how)
        self.look(node.orelse, how)

    def look_Starred(self, node: ast.Starred, how: int) -> None:  # noqa: N802
        self.look(node.value, how | ELEMENTS)

    def look_NamedExpr(self, node: ast.NamedExpr, how: int) -> None:  # noqa: N802
        self.look(node.value, how | self.escaping)
        self.assign(node.target)

    def look_Yield(self, node: ast.Yield | ast.YieldFrom | ast.Await, how: int) -> None:  # noqa: N802
        self.look(node.value, how | TOUCH | FLOW | ELEMENTS)

    look_YieldFrom = look_Await = look_Yield  # noqa: N815

    def look_Lambda(self, node: ast.Lambda, _: int) -> None:  # noqa: N802
        self.defaults(node.args)
        self.later(dict.fromkeys(_parameters(node.args), ""), lambda: self.look(node.body, TOUCH))
        # It may be called in this very statement, and what it names is then used here.
        if not self.functions:
            self.found.include(self.found.late[-1])

    def look_GeneratorExp(self, node: ast.GeneratorExp, how: int) -> None:  # noqa: N802
        self.later({}, lambda: self.comprehend(node.generators, [node.elt], TOUCH))
        self.comprehend(node.generators, [node.elt], how)

    def look_ListComp(self, node: ast.ListComp | ast.SetComp, how: int) -> None:  # noqa: N802
        self.comprehend(node.generators, [node.elt], how)

    look_SetComp = look_ListComp  # noqa: N815

    def look_DictComp(self, node: ast.DictComp, how: int) -> None:  # noqa: N802
        self.comprehend(node.generators, [node.key, node.value], how)

    def comprehend(
        self, generators: list[ast.comprehension], results: list[ast.expr], how: int
    ) -> None:
        own = bound_names([part.target for part in generators])
        before, self.touched_locals = self.touched_locals, set()
        self.scopes.append(dict.fromkeys(own, ""))
        for inner in [*results, *(test for part in generators for test in part.ifs)]:
            self.look(inner, _within(how) if inner in results else 0)
        for part in reversed(generators):
            if part is generators[0]:
                self.scopes.pop()
            touches = TOUCH if self.touched_locals & own else 0
            self.look(part.iter, ELEMENTS | touches | (how & FLOW))
        self.touched_locals = before | self.touched_locals - own

    def look_Call(self, node: ast.Call, how: int) -> None:  # noqa: N802
        chain = dotted(node.func)
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        self.found.words.update(f"{keyword.arg}=" for keyword in node.keywords)
        if chain and chain not in self.shadowed and self.resolve(chain) == chain:
            taken = self.builtin(chain, node, how)
            if taken is not None:
                self.found.words.add(chain)
                self.found.reads.add(chain)
                self.consume(arguments, taken)
                return
        taken = TOUCH | (how & FLOW)
        if chain:
            self.look(node.func)
            outside = self.resolve(chain)
            if outside is None:
                self.touched_locals.add(chain.partition(".")[0])
            else:
                self.found.called.add(outside)
                if CHANGES_STATE.match(chain.rpartition(".")[2]):
                    self.found.acts.add(outside)
        elif isinstance(node.func, ast.Attribute) and is_text(node.func.value):
            self.look(node.func)
            self.consume(arguments, ELEMENTS)
            return
        else:
            self.look(node.func, taken)
            name = getattr(node.func, "attr", "")
            keeper = _keeper(node.func)
            outside = self.resolve(keeper) if keeper else None
            if outside and (CHANGES_STATE.match(name) or name in MUTATORS):
                self.found.acts.add(outside)
        name = getattr(node.func, "attr", "") or chain or ""
        if WRITES_FILES.match(name):
            self.found.writes_files = True
        for argument in arguments:
            self.look(argument, taken)

    def consume(self, arguments: list[ast.expr], how: int) -> None:
        """Look at arguments that are not kept; a generator among them is used up at once."""
        for argument in arguments:
            if isinstance(argument, ast.GeneratorExp):
                self.comprehend(argument.generators, [argument.elt], how)
            else:
                self.look(argument, how)

    def builtin(self, name: str, node: ast.Call, how: int) -> int | None:
        """How a harmless builtin uses its arguments, None if it is not one."""
        if name in READERS:
            if name == "print":
                for keyword in node.keywords:
                    if keyword.arg in ("file", None):
                        self.look(keyword.value, TOUCH)
            return 0
        if name == "getattr" and len(node.args) > 1:
            constant = node.args[1]
            if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                self.found.words.add(f".{constant.value}")
        if name in ("vars", "dir") and not node.args:
            self.found.words.add("locals")
        if name == "type" and len(node.args) == 1 and how:
            self.reach_class(_keeper(node.args[0]))
        if name in OPERATORS:
            return how
        if name in LAZY_ITERATORS:
            return ELEMENTS | TOUCH | (how & FLOW) if self.functions else ELEMENTS | (how & FLOW)
        if name in ITERATORS:
            calls = any(keyword.arg == "key" for keyword in node.keywords)
            # `max(xs, ys)` gives one of them, `dict(a=xs)` holds it.
            several = name in ("min", "max", "sum") and len(node.args) + len(node.keywords) > 1
            holds = name == "dict" and node.keywords and how & (TOUCH | ELEMENTS)
            touches = calls or holds or (several and how & TOUCH)
            return ELEMENTS | (how & FLOW) | (TOUCH if touches else 0)
        if name in ("setattr", "delattr") and node.args:
            self.store(node.args[0])
        if name == "open":
            modes = [*node.args[1:2], *(k.value for k in node.keywords if k.arg in ("mode", None))]
            reads = all(isinstance(m, ast.Constant) and m.value in ("r", "rb", "rt") for m in modes)
            self.found.writes_files |= not reads
        return None

    # Statements

    def run(self, node: ast.AST) -> None:
        special = getattr(self, f"run_{type(node).__name__}", None)
        if special is not None:
            special(node)
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.look(child)
            else:
                self.run(child)

    def run_Expr(self, node: ast.Expr) -> None:  # noqa: N802
        if isinstance(node.value, ast.Call):
            chain = dotted(_receiver(node.value))
            outside = self.resolve(chain) if chain else None
            if outside:
                self.found.acts.add(outside)
        self.look(node.value, 0 if self.functions else FLOW)

    def run_Assign(self, node: ast.Assign) -> None:  # noqa: N802
        plain = all(isinstance(target, ast.Name) for target in node.targets)
        apart = any(isinstance(target, ast.Tuple | ast.List) for target in node.targets)
        kept = 0 if plain or apart else TOUCH
        self.look(node.value, self.escaping | kept | (ELEMENTS if apart else 0))
        for target in node.targets:
            self.assign(target)

    def run_AnnAssign(self, node: ast.AnnAssign) -> None:  # noqa: N802
        if not self.functions:
            self.look(node.annotation)
        if node.value:
            kept = 0 if isinstance(node.target, ast.Name) else TOUCH
            self.look(node.value, self.escaping | kept)
            self.assign(node.target)

    def run_AugAssign(self, node: ast.AugAssign) -> None:  # noqa: N802
        self.look(node.value, FLOW | TOUCH)
        if isinstance(node.target, ast.Name):
            self.found.words.add(node.target.id)
            self.use(node.target.id, TOUCH)
        self.assign(node.target)

    def run_For(self, node: ast.For | ast.AsyncFor) -> None:  # noqa: N802
        self.look(node.iter, ELEMENTS | FLOW)
        self.assign(node.target)
        for statement in [*node.body, *node.orelse]:
            self.run(statement)

    run_AsyncFor = run_For  # noqa: N815

    def run_withitem(self, node: ast.withitem) -> None:
        self.look(node.context_expr, TOUCH | FLOW)
        if node.optional_vars:
            self.assign(node.optional_vars)

    def run_Match(self, node: ast.Match) -> None:  # noqa: N802
        self.look(node.subject, self.escaping | ELEMENTS)
        for case in node.cases:
            self.run(case)

    def run_Return(self, node: ast.Return) -> None:  # noqa: N802
        self.look(node.value, self.escaping)

    def run_Delete(self, node: ast.Delete) -> None:  # noqa: N802
        for target in node.targets:
            self.assign(target)

    def run_Global(self, node: ast.Global) -> None:  # noqa: N802
        self.globals.update(node.names)

    def run_Import(self, node: ast.Import | ast.ImportFrom) -> None:  # noqa: N802
        targets = import_targets(node, self.package)
        self.found.words.update(targets)
        if self.functions:
            self.found.rebinds.update(self.globals & targets.keys())
            self.found.reads.update(f"@{path}" for path in targets.values())
            if isinstance(node, ast.Import):
                self.found.reads.update(f"@{alias.name}" for alias in node.names)

    run_ImportFrom = run_Import  # noqa: N815

    def run_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:  # noqa: N802
        self.decorators(node)
        self.defaults(node.args)
        if self.functions and node.name in self.globals:
            self.found.rebinds.add(node.name)
        kinds = (part.name for part in getattr(node, "type_params", ()))
        own = dict.fromkeys([*bound_names(node.body), *_parameters(node.args), *kinds], "")
        for part in _own_nodes(node.body):
            if isinstance(part, ast.Import | ast.ImportFrom):
                own.update(import_targets(part, self.package))
            elif isinstance(part, ast.Global):
                for name in part.names:
                    own.pop(name, None)

        def body() -> None:
            for statement in node.body:
                self.run(statement)

        self.later(own, body)

    run_AsyncFunctionDef = run_FunctionDef  # noqa: N815

    def run_ClassDef(self, node: ast.ClassDef) -> None:  # noqa: N802
        self.decorators(node)
        for base in [*node.bases, *(keyword.value for keyword in node.keywords)]:
            chain = dotted(base)
            outside = self.resolve(chain) if chain else None
            if outside:
                self.found.bases.add(outside)
            self.look(base, 0 if chain else FLOW)
        self.found.class_names.update(bound_names(node.body))
        for statement in node.body:
            self.run(statement)

    def decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            chain = dotted(_receiver(decorator) if isinstance(decorator, ast.Call) else decorator)
            outside = self.resolve(chain) if chain else None
            if outside:
                self.found.called.add(outside)
            self.look(decorator, FLOW | TOUCH)

    def defaults(self, parameters: ast.arguments) -> None:
        for default in [*parameters.defaults, *parameters.kw_defaults]:
            self.look(default, self.escaping)

    def later(self, own: dict[str, str], body: Callable[[], None]) -> None:
        """Look at code that is run when it is called; inside a function that is no difference."""
        outer = self.found
        if not self.functions:
            self.found = Survey()
        self.scopes.append(own)
        self.functions += 1
        body()
        self.functions -= 1
        self.scopes.pop()
        if not self.functions:
            inner, self.found = self.found, outer
            outer.late.append(inner.with_late())
            outer.words.update(inner.words)

    def assign(self, target: ast.AST) -> None:
        if isinstance(target, ast.Name):
            self.found.words.add(target.id)
            if self.functions and target.id in self.globals and self.resolve(target.id):
                self.found.rebinds.add(target.id)
        elif isinstance(target, ast.Attribute | ast.Subscript):
            self.store(target.value)
            if isinstance(target, ast.Subscript):
                self.look(target.slice)
        elif isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                self.assign(part)
        elif isinstance(target, ast.Starred):
            self.assign(target.value)

    def store(self, owner: ast.expr) -> None:
        chain = _keeper(owner)
        outside = self.resolve(chain) if chain else None
        if outside:
            self.found.stores.add(outside)
        elif _is_class(owner):
            self.found.words.add(CLASS_OF_ANY)
        self.look(owner, TOUCH)


_DISPLAYS = ast.Tuple | ast.List | ast.Set | ast.Dict


def _within(how: int) -> int:
    """How the members of a display are used: what is picked out of it may be changed."""
    return how | TOUCH if how & ELEMENTS else how


def _receiver(call: ast.AST) -> ast.AST:
    """Where a chain of calls, attributes and items begins: `Path` in `Path("x").open()`."""
    inner = call.func if isinstance(call, ast.Call) else call
    while dotted(inner) is None and isinstance(inner, ast.Attribute | ast.Subscript | ast.Call):
        inner = inner.func if isinstance(inner, ast.Call) else inner.value
    return inner


def _keeper(node: ast.AST) -> str | None:
    """What keeps an object: `a.b` in `a.b["c"][0]`, `getLogger` in `getLogger("x").handlers`."""
    chain = dotted(node)
    if isinstance(node, ast.Attribute | ast.Subscript) and chain is None:
        return _keeper(node.value)
    if isinstance(node, ast.Call):
        called = dotted(node.func)
        return called if called and called.rpartition(".")[2] in SHARED else None
    return chain


def _is_class(node: ast.expr) -> bool:
    """Whether it is the class of some object: `type(x)` or `x.__class__`."""
    match node:
        case ast.Call(func=ast.Name(id="type"), args=[_]) | ast.Attribute(attr="__class__"):
            return True
    return False


def is_value_attribute(name: str, shadowed: Collection[str]) -> bool:
    """Whether an attribute is a value, unless a class that is known has another of that name."""
    return name in VALUE_ATTRIBUTES and f".{name}" not in shadowed


def is_text(node: ast.expr) -> bool:
    """Whether an expression is a string, formatted or not."""
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _parameters(parameters: ast.arguments) -> list[str]:
    named = [*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs]
    return [part.arg for part in [*named, parameters.vararg, parameters.kwarg] if part]


def _own_nodes(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The statements of a function, not those of functions inside it."""
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            stack.extend(ast.iter_child_nodes(node))
