"""Rewrite scripts that were written for NNI: imports, calls and arguments become ours.

Without options, prints what would change. A comment `# nas-tuners: ...` is put above what a
person has to look at; all of them are listed, with their lines in the migrated script, and the
exit code is 6 then. What is not understood is never touched.
"""

from __future__ import annotations

import argparse
import difflib
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import exit_codes

if TYPE_CHECKING:
    from nas_tuners.migrate import Migrated
    from nas_tuners.migrate._files import Source

_NO_NEWLINE = "\n\\ No newline at end of file\n"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="*", type=Path, help="a script")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--in-place",
        "-i",
        action="store_true",
        help="replace the scripts; the originals are kept beside them, as FILE.orig",
    )
    ways.add_argument("--output", "-o", metavar="FILE", type=Path, help="write a new script")
    ways.add_argument("--names", action="store_true", help="print the table of names")


def run(options: argparse.Namespace) -> int:
    from nas_tuners.contract.errors import ConfigError

    if options.names:
        from nas_tuners.migrate._page import names_table

        print(names_table(), end="")
        return exit_codes.OK
    if not options.files:
        raise ConfigError("name a script, or several", "migrate")
    if options.output is not None and len(options.files) > 1:
        raise ConfigError("takes one script; use --in-place for several", "--output")
    migrated = _migrate(options.files)
    for source, result in migrated:
        _deliver(source, result, options)
    for source, result in migrated:
        for left in result.left:
            print(f"{source.path}:{left.line}: {left.message}", file=sys.stderr)
    return exit_codes.LEFT_TO_DO if any(result.left for _, result in migrated) else exit_codes.OK


def _migrate(files: list[Path]) -> list[tuple[Source, Migrated]]:
    """All scripts; nothing is written if one of them is not usable."""
    from nas_tuners.contract.errors import ConfigError, Problem
    from nas_tuners.migrate import migrate
    from nas_tuners.migrate._files import read_sources

    migrated, problems = [], []
    for source in read_sources(files):
        try:
            migrated.append((source, migrate(source.text, str(source.path))))
        except ConfigError as error:
            problems.append(Problem("", str(error)))
    if problems:
        raise ConfigError(problems)
    return migrated


def _deliver(source: Source, result: Migrated, options: argparse.Namespace) -> None:
    from nas_tuners.migrate._files import write_in_place, write_new

    if options.output is not None:
        write_new(source, result.text, options.output)
        print(f"{options.output}: written")
    elif result.text == source.text:
        print(f"{source.path}: nothing to change", file=sys.stderr)
    elif options.in_place:
        copy = write_in_place(source, result.text)
        print(f"{source.path}: migrated; the original is {copy}")
    else:
        print(_diff(source, result), end="")


def _diff(source: Source, result: Migrated) -> str:
    """What `patch -p1` applies."""
    before, after = list(io.StringIO(source.text)), list(io.StringIO(result.text))
    lines = difflib.unified_diff(before, after, f"a/{source.path}", f"b/{source.path}")
    return "".join(line if line.endswith("\n") else f"{line}{_NO_NEWLINE}" for line in lines)
