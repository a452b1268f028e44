"""The code that a class or function can reach by name in this package, at any depth.

Whole modules would be too much: a table of downloads beside an encoder changes no states. A list of
modules would soon be incomplete. So names are followed from each top-level definition to the
definitions that it uses. File names, comments, docstrings and annotations are ignored: an annotated
value was made by code that names its class.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, ModuleType

PACKAGE = __name__.partition(".")[0]
FOLDER = Path(sys.modules[PACKAGE].__file__).parent
WHOLE = "*"
"""In place of a name: all definitions of the module."""

Place = tuple[str, str]
"""A module, and the name of a definition in it."""


@dataclass
class Code:
    """Definitions as text, and the third-party packages that they use."""

    definitions: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Definition:
    """A statement at the top of a module."""

    text: str
    uses: frozenset[Place]


@dataclass
class Source:
    """The parsed top level of a module of this package."""

    defined: dict[str, list[Definition]] = field(default_factory=dict)
    imported: dict[str, Place] = field(default_factory=dict)
    always: list[Definition] = field(default_factory=list)
    """Statements that bind no name: they run when the module is imported."""


def code_behind(roots: Iterable[type | FunctionType]) -> Code:
    """Return the code that `roots`, classes and functions, can reach."""
    code, sources, seen = Code(), {}, set()
    waiting = [(root.__module__, root.__qualname__.partition(".")[0]) for root in roots]
    while waiting:
        if (place := waiting.pop()) in seen:
            continue
        seen.add(place)
        module, name = place
        if (top := module.partition(".")[0]) != PACKAGE:
            code.packages |= {top} - sys.stdlib_module_names
            continue
        if module not in sources:
            sources[module] = _taken_apart(module)
            waiting += _keep(code, sources[module].always)
        waiting += _follow(code, sources[module], module, name)
    return code


def _follow(code: Code, source: Source, module: str, name: str) -> list[Place]:
    """Add the definitions of a name to `code`; return the places that they use or come from."""
    if name == WHOLE:
        return [(module, own) for own in source.defined]
    if isinstance(value := getattr(sys.modules.get(module), name, None), ModuleType):
        code.packages |= {value.__name__.partition(".")[0]} - {PACKAGE}  # imported in any way
    origin = [source.imported[name]] if name in source.imported else []
    return origin + _keep(code, source.defined.get(name, []))


def _keep(code: Code, definitions: list[Definition]) -> list[Place]:
    code.definitions |= {definition.text for definition in definitions}
    return [place for definition in definitions for place in definition.uses]


def read(module: str) -> str:
    """Return the source of a module of this package."""
    return _file(module).read_text(encoding="utf-8")


def _file(module: str) -> Path | None:
    path = FOLDER.joinpath(*module.split(".")[1:])
    return next((f for f in (path.with_suffix(".py"), path / "__init__.py") if f.is_file()), None)


def _taken_apart(module: str) -> Source:
    statements, source = ast.parse(read(module)).body, Source()
    for statement in statements:
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            source.imported |= _imports(statement)
    for statement in statements:
        local = source.imported | dict(_imports(statement))
        bare = _Bare().visit(statement)
        if bare is None:
            continue
        definition = Definition(ast.unparse(bare), frozenset(_uses(bare, module, local)))
        for name in (names := _bound(bare)):
            source.defined.setdefault(name, []).append(definition)
        if not names:
            source.always.append(definition)
    return source


def _imports(statement: ast.stmt) -> dict[str, Place]:
    """Return the origin of each name that is imported anywhere in a statement."""
    found = {}
    for node in ast.walk(statement):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (alias.name, WHOLE)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner, name = f"{node.module}.{alias.name}", alias.asname or alias.name
                own = inner.startswith(f"{PACKAGE}.") and _file(inner)
                found[name] = (inner, WHOLE) if own else (node.module, alias.name)
    return found


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}


def _uses(statement: ast.stmt, module: str, imported: Mapping[str, Place]) -> Iterator[Place]:
    """Yield the places that a statement names; `padding.Padded` counts as Padded alone."""
    entered = set()
    for node in ast.walk(statement):  # parents come before their children
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            place = imported.get(node.value.id)
            if place and place[1] == WHOLE:
                entered.add(node.value)
                yield place[0], node.attr
        elif isinstance(node, ast.Name) and node not in entered:
            yield imported.get(node.id, (module, node.id))


class _Bare(ast.NodeTransformer):
    """Remove the parts of a statement that do not change its result."""

    def visit(self, node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            return None  # imports are followed instead
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return None  # a docstring
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(...)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        self.generic_visit(node)
        if getattr(node, "body", None) == []:
            node.body = [ast.Pass()]
        return node
