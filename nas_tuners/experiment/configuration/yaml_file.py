"""A YAML file as plain data, with the line of every key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import ConfigError, Problem

if TYPE_CHECKING:
    import yaml

_EXPONENTIAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$")
_FLOAT_TAG, _FLOAT_STARTS = "tag:yaml.org,2002:float", list("-+.0123456789")


_LAST_PART = re.compile(
    r"(\.|^)[^.\[\]]*$|\[\d+\]$"
)  # of `a.b[0]`: first `[0]`, then `.b`, then `a`


@dataclass
class YamlFile:
    """What a file holds.

    Attributes:
        content: Plain data.
        lines: Dotted names (``tuner.args.seed``) of the file's keys -> line numbers.
        problems: What is wrong with it, as far as can be told without knowing what it is for.
        origins: Names in ``content`` -> names in the file, where the two differ.
    """

    content: Any = None
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)

    def where(self, name: str) -> str:
        """The name with the line on which it, or else the nearest key above it, stands."""
        name = self._original(name)
        known = name
        while known and known not in self.lines:
            known = _LAST_PART.sub("", known)
        return f"{name} (line {self.lines[known]})" if known else name

    def _original(self, name: str) -> str:
        """The name in the file of what has another one here."""
        known = name
        while known and known not in self.origins:
            known = _LAST_PART.sub("", known)
        return self.origins[known] + name[len(known) :] if known else name


def read_yaml(path: Path) -> YamlFile:
    """Read one YAML document.

    Raises:
        ConfigError: if it is missing, unreadable, or broken (with line and column).
    """
    import yaml

    try:
        loader = _loader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        file = YamlFile()
        file.content = _construct(loader, node, "", file) if node is not None else None
    except FileNotFoundError:
        raise ConfigError("no such file", str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", str(path)) from None
    except yaml.YAMLError as error:
        raise ConfigError([_syntax_problem(error)], str(path)) from None
    except RecursionError:
        raise ConfigError("nested too deeply, or an alias contains itself", str(path)) from None
    return file


def dump_yaml(content: Any) -> str:
    """Plain data as YAML that :func:`read_yaml` reads as the same."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    Dumper.add_implicit_resolver(_FLOAT_TAG, _EXPONENTIAL, _FLOAT_STARTS)
    text: str = yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=99)
    return text


def _loader(text: str) -> yaml.SafeLoader:
    """A loader to which ``1e-3`` is a number, as in YAML 1.2; PyYAML wants ``1.0e-3``."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_implicit_resolver(_FLOAT_TAG, _EXPONENTIAL, _FLOAT_STARTS)
    return Loader(text)


def _construct(loader: yaml.SafeLoader, node: yaml.Node, name: str, file: YamlFile) -> Any:
    import yaml

    if node.tag not in (loader.DEFAULT_SEQUENCE_TAG, loader.DEFAULT_MAPPING_TAG):
        return _construct_value(loader, node)
    if isinstance(node, yaml.SequenceNode):
        return [
            _construct(loader, item, f"{name}[{index}]", file)
            for index, item in enumerate(node.value)
        ]
    assert isinstance(node, yaml.MappingNode)
    _note_repeated_keys(node, name, file)
    loader.flatten_mapping(node)  # resolves merge keys (<<)
    content: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = _construct_value(loader, key_node)
        inner = f"{name}.{key}" if name else str(key)
        file.lines[inner] = key_node.start_mark.line + 1
        content[_hashable(key)] = _construct(loader, value_node, inner, file)
    return content


def _construct_value(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    """A text, a number, a date, or what an unusual tag makes of a list or of keys and values."""
    import yaml

    try:
        return loader.construct_object(node, deep=True)
    except ValueError as error:  # such as the 13th month of a year
        raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None


def _note_repeated_keys(node: yaml.MappingNode, name: str, file: YamlFile) -> None:
    seen: set[str] = set()
    for key_node, _ in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key in seen:
            where = f"{name}.{key}" if name else key
            file.problems.append(Problem(f"{where} (line {line})", "this key stands twice"))
        seen.add(key)


def _hashable(key: object) -> object:
    return str(key) if isinstance(key, (list, dict, set)) else key


def _syntax_problem(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    what = getattr(error, "problem", None) or str(error)
    return Problem(where, f"broken YAML: {what}")
