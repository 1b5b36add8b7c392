"""Convert an experiment file of NNI's, check a configuration, or print the JSON schema of one.

`convert` prints a configuration that means the same; put it beside NNI's file, where the paths in
it start. `check` tells everything that is wrong with a file of either kind. `schema` is for
editors that complete and check YAML.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import exit_codes
from ._log import print_log

if TYPE_CHECKING:
    from nas_tuners.experiment.configuration.nni.files import Converted

_ALONE = {"tuner": "name", "early_stopping": "name", "gpus": "per_trial", "budget": "maximum"}


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    convert = actions.add_parser("convert", help="print an experiment file of NNI's as ours")
    convert.add_argument("file", metavar="FILE", type=Path, help="the file, of NNI 1, 2 or 3")
    convert.set_defaults(act=_convert)
    check = actions.add_parser("check", help="tell everything that is wrong with a configuration")
    check.add_argument("file", metavar="FILE", type=Path, help="the configuration, ours or NNI's")
    check.set_defaults(act=_check)
    schema = actions.add_parser("schema", help="print the JSON schema of configurations")
    schema.set_defaults(act=_schema)


def run(options: argparse.Namespace) -> int:
    code: int = options.act(options)
    return code


def _convert(options: argparse.Namespace) -> int:
    from nas_tuners.contract.errors import ConfigError
    from nas_tuners.experiment.configuration.config import load_config
    from nas_tuners.experiment.configuration.fields import fields_of
    from nas_tuners.experiment.configuration.nni.files import convert, is_nni
    from nas_tuners.experiment.configuration.yaml_file import read_yaml

    path: Path = options.file
    file, base = read_yaml(path), path.resolve().parent
    table = fields_of(base)
    if not is_nni(file.content, table):
        words = "trainingServicePlatform (version 1) or trainingService (version 2)"
        raise ConfigError(f"no experiment file of NNI's, which has {words}", str(path))
    load_config(path)  # raises what is wrong
    print(_as_text(convert(file, base=base), path, list(table)), end="")
    return exit_codes.OK


def _as_text(converted: Converted, path: Path, keys: Sequence[str]) -> str:
    """The file of ours, with the notes as comments."""
    from nas_tuners.experiment.configuration.values import default_name
    from nas_tuners.experiment.configuration.yaml_file import dump_yaml

    folder = path.resolve().parent
    lines = (
        f"From {path.name}, an experiment file of NNI (version {converted.version}).",
        f"Relative paths start at the folder of this file: keep it in {folder}",
        *converted.notes,
    )
    given = {"name": default_name(path)} | converted.file.content
    content = {key: _short(key, given[key]) for key in keys if key in given}
    return "".join(f"# {line}\n" for line in lines) + dump_yaml(content)


def _short(key: str, value: Any) -> Any:
    """A part of which only the one field is given that may stand for it."""
    alone = _ALONE.get(key)
    return value[alone] if isinstance(value, Mapping) and list(value) == [alone] else value


def _check(options: argparse.Namespace) -> int:
    from nas_tuners.experiment.configuration.config import load_config

    with print_log("nas_tuners.experiment.configuration.nni.files"):
        load_config(options.file)
    print(f"{options.file}: OK")
    return exit_codes.OK


def _schema(options: argparse.Namespace) -> int:
    from nas_tuners.experiment.configuration.schema import config_schema_text

    print(config_schema_text(), end="")
    return exit_codes.OK
