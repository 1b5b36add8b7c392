"""The command ``nas-tuners``: one file a subcommand, each with ``configure`` and ``run``.

Only this file turns errors into exit codes and prints tracebacks.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import traceback
from collections.abc import Sequence

from nas_tuners import __version__
from nas_tuners.contract.errors import NasTunersError, did_you_mean

from . import (
    _bench,
    _config,
    _confirm,
    _export,
    _migrate,
    _resume,
    _run,
    _ss_gen,
    _status,
    _stop,
    _top,
    _tuners,
    _view,
    _worker,
    exit_codes,
)

_COMMANDS = {
    "run": _run,
    "resume": _resume,
    "worker": _worker,
    "status": _status,
    "top": _top,
    "view": _view,
    "stop": _stop,
    "export": _export,
    "confirm": _confirm,
    "config": _config,
    "ss-gen": _ss_gen,
    "migrate": _migrate,
    "tuners": _tuners,
    "bench": _bench,
}
_ALIASES = {"ss-gen": ["ss_gen"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words after ``nas-tuners``; those of the command line if None.

    Returns:
        The exit code.
    """
    code: int = exit_codes.OK
    try:
        _secure_streams()
        options = _parse(list(sys.argv[1:] if arguments is None else arguments))
        code = options.run(options)
        sys.stdout.flush()
        return code
    except NasTunersError as error:
        print(f"nas-tuners: error: {error}", file=sys.stderr)
        return exit_codes.code_of(error)
    except KeyboardInterrupt:
        print("nas-tuners: interrupted", file=sys.stderr)
        return exit_codes.INTERRUPTED
    except BrokenPipeError:  # `nas-tuners top | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code
    except Exception:
        traceback.print_exc()
        print("nas-tuners: unexpected error, please report it", file=sys.stderr)
        return exit_codes.BUG


def _secure_streams() -> None:
    """No missing stream (``>&-``, some daemons) and no letter it cannot show ends a command."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr has it anyway


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="nas-tuners",
        description="Neural architecture search: run, watch and export experiments.",
        epilog=exit_codes.DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"nas-tuners {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in _COMMANDS.items():
        summary = (module.__doc__ or "").strip().splitlines()[0]
        subparser = commands.add_parser(
            name,
            help=summary,
            description=module.__doc__,
            aliases=_ALIASES.get(name, []),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.configure(subparser)
        subparser.set_defaults(run=module.run)
    _refuse_unknown_command(parser, arguments)
    return parser.parse_args(arguments)


def _refuse_unknown_command(parser: argparse.ArgumentParser, arguments: list[str]) -> None:
    known = [*_COMMANDS, *(alias for aliases in _ALIASES.values() for alias in aliases)]
    if arguments and not arguments[0].startswith("-") and arguments[0] not in known:
        hint = did_you_mean(arguments[0], known)
        parser.error(f"no command {arguments[0]!r}{hint} (commands: {', '.join(_COMMANDS)})")
