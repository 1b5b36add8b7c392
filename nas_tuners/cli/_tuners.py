"""List the tuners that a configuration can name, or describe one of them.

The list tells what each is good for, what it is not, and what a suggestion costs; a name, or the
import path of a class, tells its arguments, their defaults and what they mean.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from . import exit_codes

if TYPE_CHECKING:
    from nas_tuners.tuners._catalog import Description

_WIDTH = 96
_INDENT = 25
_NAMES = "Case, hyphens and underscores in names do not matter, nor does 'Tuner' at their end."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        help="describe this one: a name, or module:Class of a tuner or an Optuna sampler",
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def run(options: argparse.Namespace) -> int:
    from nas_tuners.tuners._catalog import describe, describe_all

    if options.name is None:
        described = describe_all()
        shown: object = [asdict(description) for description in described]
        text = "\n".join([*map(_entry, described), _NAMES])
    else:
        description = describe(options.name, Path.cwd())
        shown, text = asdict(description), _page(description)
    print(json.dumps(shown, indent=2) if options.json else text)
    return exit_codes.OK


def _entry(description: Description) -> str:
    """One of the list: a line of what it is, then the details below it."""
    from nas_tuners.tuners._docstrings import first_sentence

    names = textwrap.wrap(", ".join(description.arguments) or "none", _WIDTH - _INDENT)
    return "\n".join(
        [
            f"{description.name}  {first_sentence(description.summary)}",
            *_details(description),
            *_facts({"arguments": f"\n{'':{_INDENT}}".join(names)}),
            "",
        ]
    )


def _page(description: Description) -> str:
    arguments = [line for name in description.arguments for line in _argument(description, name)]
    more = ["", f"  in full at {description.reference}"] if description.reference else []
    return "\n".join(
        [
            description.name,
            "",
            *textwrap.wrap(description.summary, _WIDTH),
            "",
            *_details(description),
            "",
            "  arguments",
            *(arguments or ["    none"]),
            *more,
        ]
    )


def _argument(description: Description, name: str) -> list[str]:
    """One argument: name and default, then what it is."""
    text = textwrap.wrap(
        description.explanations.get(name, ""),
        _WIDTH,
        initial_indent=" " * 8,
        subsequent_indent=" " * 8,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return [f"    {name}  {description.arguments[name]}", *text]


def _details(description: Description) -> list[str]:
    card = description.card
    return _facts(
        {
            "also": ", ".join(description.also),
            "strengths": card.strengths,
            "limits": card.limits,
            "cost of a suggestion": card.cost,
            "several objectives": "yes" if description.multi_objective else "no",
            "scores from elsewhere": "yes" if description.uses_scores else "no",
        }
    )


def _facts(facts: Mapping[str, str]) -> list[str]:
    return [f"  {name:<{_INDENT - 3}} {fact}" for name, fact in facts.items() if fact]
