"""A script, read: what it imports from NNI, and where it uses that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Union

import libcst as cst
from libcst import metadata
from libcst.helpers import get_full_name_for_node

from nas_tuners.contract.errors import ConfigError, Problem

from ._lookup import find_whole, is_nni

ImportStatement = Union[cst.Import, cst.ImportFrom]


@dataclass(eq=False)
class Use:
    """Where a script uses an imported name.

    Attributes:
        chain: The nodes of ``nn``, ``nn.LayerChoice``, ...: each the one before with one more
            attribute. Of an annotation in quotes, the text alone.
        is_certain: Whether the name can be nothing else at this place.
    """

    chain: Sequence[cst.CSTNode]
    is_certain: bool

    @property
    def attributes(self) -> list[str]:
        return [cst.ensure_type(node, cst.Attribute).attr.value for node in self.chain[1:]]

    @property
    def is_quoted(self) -> bool:
        return not isinstance(self.chain[0], cst.Name)


@dataclass(eq=False)
class Binding:
    """A name that an import statement makes.

    Attributes:
        statement: The statement.
        alias: The part of it.
        local: The name, without a dot.
        nni: What it stands for in NNI.
        uses: Where it is used.
    """

    statement: ImportStatement
    alias: cst.ImportAlias
    local: str
    nni: str
    uses: list[Use] = field(default_factory=list)


_ByPlace = Mapping[tuple[int, str], Binding]  # the id of the statement, and the local name


class Script:
    """A parsed script.

    Args:
        text: The script, without a byte order mark.
        source: Its name, for errors.

    Attributes:
        content: The text in UTF-8, which all offsets are about.
        module: Its syntax tree.
        newline: What ends its lines.

    Raises:
        ConfigError: if it is not Python.
    """

    def __init__(self, text: str, source: str) -> None:
        wrapper = metadata.MetadataWrapper(_parse(text, source), unsafe_skip_copy=True)
        self.content = text.encode()
        self.module = wrapper.module
        self.newline = wrapper.module.default_newline
        self._spans = wrapper.resolve(metadata.ByteSpanPositionProvider)
        self._parents = wrapper.resolve(metadata.ParentNodeProvider)
        self._declared = set(_declared(wrapper.module))
        scopes = wrapper.resolve(metadata.ScopeProvider).values()
        self._scopes = list(dict.fromkeys(scope for scope in scopes if scope is not None))

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        found = self._spans[node]
        return found.start, found.start + found.length

    def code(self, node: cst.CSTNode) -> str:
        start, stop = self.span(node)
        return self.content[start:stop].decode()

    def parent(self, node: cst.CSTNode) -> cst.CSTNode:
        parent: cst.CSTNode = self._parents[node]
        return parent

    def statement_start(self, node: cst.CSTNode) -> int:
        """Where the statement that a node belongs to begins, its decorators included."""
        while not isinstance(node, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
            node = self.parent(node)
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)) and node.decorators:
            node = node.decorators[0]
        return self.span(node)[0]

    def is_free(self, name: str) -> bool:
        """Whether nothing in the script has this name, but for imports of that package."""
        return all(
            isinstance(one, metadata.ImportAssignment) and _imports_package(one.node, name)
            for scope in self._scopes
            if not isinstance(scope, metadata.BuiltinScope)
            for one in scope.assignments[name]
        )

    def bindings(self) -> list[Binding]:
        """Everything that the script imports from NNI by name, in order."""
        found = [
            binding
            for node in walk(self.module)
            if isinstance(node, (cst.Import, cst.ImportFrom))
            for binding in _bindings_of(node)
        ]
        by_place = {(id(one.statement), one.local): one for one in found}
        seen: set[int] = set()
        for scope in self._scopes:
            for access in scope.accesses:
                root = _root_of(access.node)
                if id(root) not in seen:
                    seen.add(id(root))
                    self._note_use(root, access, by_place)
        for binding in found:
            binding.uses.sort(key=lambda use: self.span(use.chain[0]))
        return found

    def _note_use(
        self,
        root: cst.CSTNode,
        access: metadata.Access,
        by_place: _ByPlace,
    ) -> None:
        is_quoted = not isinstance(root, cst.Name)
        meant = access.referents if is_quoted else _meant(access.scope, _name_of(root))
        bindings = [_binding_of(one, by_place) for one in meant]
        known = list(dict.fromkeys(one for one in bindings if one is not None))
        is_one = None not in bindings and len({_meaning(one) for one in known}) == 1
        is_certain = is_one and not any(
            (id(one.statement), one.local) in self._declared for one in known
        )
        use = Use([root] if is_quoted else self._chain_from(root), is_certain)
        for binding in known:
            binding.uses.append(use)

    def _chain_from(self, root: cst.CSTNode) -> list[cst.CSTNode]:
        chain = [root]
        parent = self.parent(root)
        while isinstance(parent, cst.Attribute) and parent.value is chain[-1]:
            chain.append(parent)
            parent = self.parent(parent)
        return chain


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A node and everything below it, in order."""
    yield node
    for child in node.children:
        yield from walk(child)


def module_of(statement: cst.ImportFrom) -> str | None:
    """What follows ``from``; None where it is relative."""
    if statement.relative or statement.module is None:
        return None
    return _name_of(statement.module)


def _parse(text: str, source: str) -> cst.Module:
    if lone := re.search(r"\r(?!\n)", text):
        line = len(text[: lone.start()].splitlines())
        message = "a carriage return alone is no end of a line here: save it with others"
        raise ConfigError([Problem(f"line {line}", message)], source)
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        problem = Problem(f"line {error.editor_line}", f"not Python 3: {error.message}")
        raise ConfigError([problem], source) from error


def _bindings_of(statement: ImportStatement) -> Iterator[Binding]:
    """Those of NNI's; a star import has none."""
    if isinstance(statement.names, cst.ImportStar):
        return
    module = module_of(statement) if isinstance(statement, cst.ImportFrom) else ""
    if module is None:
        return
    for alias in statement.names:
        name = f"{module}.{_name_of(alias.name)}".lstrip(".")
        local = _name_of(alias.asname.name) if alias.asname else _name_of(alias.name)
        if not is_nni(name):
            continue
        if not module and not alias.asname:  # `import a.b` makes the name `a`
            name = local = "nni"
        yield Binding(statement, alias, local, name)


def _declared(module: cst.Module) -> Iterator[tuple[int, str]]:
    """The imports in functions that declare names ``global`` or ``nonlocal``, and those names."""
    for function in walk(module):
        if not isinstance(function, cst.FunctionDef):
            continue
        nodes = list(walk(function))
        lists = [node.names for node in nodes if isinstance(node, (cst.Global, cst.Nonlocal))]
        names = {item.name.value for items in lists for item in items}
        for node in nodes if names else ():
            if isinstance(node, (cst.Import, cst.ImportFrom)):
                yield from ((id(node), name) for name in names)


def _binding_of(assignment: metadata.BaseAssignment, by_place: _ByPlace) -> Binding | None:
    local = assignment.name.partition(".")[0]
    return by_place.get((id(getattr(assignment, "node", None)), local))


def _meant(scope: metadata.Scope, name: str) -> Iterable[metadata.BaseAssignment]:
    """What a name may be; that of a class may still be the one around it: `nni = nni`."""
    around = scope.parent[name] if isinstance(scope, metadata.ClassScope) else ()
    return {*scope[name], *around}


def _meaning(binding: Binding) -> object:
    """The same for the same thing in two places of NNI."""
    name = find_whole(binding.nni)
    return (name.nni, name.ours) if name is not None else binding.nni


def _imports_package(statement: cst.CSTNode, name: str) -> bool:
    return isinstance(statement, cst.Import) and all(
        alias.asname is None or _name_of(alias.asname.name) != name for alias in statement.names
    )


def _root_of(node: cst.CSTNode) -> cst.CSTNode:
    while isinstance(node, cst.Attribute):
        node = node.value
    return node


def _name_of(node: cst.CSTNode) -> str:
    name = get_full_name_for_node(node)
    assert name is not None, "a name has a name"
    return name
