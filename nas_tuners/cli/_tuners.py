"""List the tuners that a configuration can name."""

from __future__ import annotations

import argparse
import importlib

from . import exit_codes


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Also: the import path of a class (module:Class), such as a sampler of Optuna."


def run(options: argparse.Namespace) -> int:
    from nas_tuners.tuners._registry import TUNERS

    width = max(map(len, TUNERS))
    for name, path in sorted(TUNERS.items()):
        print(f"{name:<{width}}  {_summary(path)}")
    return exit_codes.OK


def _summary(path: str) -> str:
    module, _, name = path.partition(":")
    doc = getattr(importlib.import_module(module), name).__doc__ or ""
    return str(doc.strip().partition("\n")[0]).replace("``", "`")
