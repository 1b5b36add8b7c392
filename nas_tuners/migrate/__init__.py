"""Scripts that were written for NNI, with our names.

What a script imports from NNI is looked up in one table (:mod:`nas_tuners.migrate.names`);
imports, calls and arguments are rewritten where they are in it, and all else stays as it is, to
the byte. Where a person has to go on, a comment ``# nas-tuners: ...`` says what to do.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas_tuners.contract.errors import ConfigError

from ._edits import Left, left_in

__all__ = ["Left", "Migrated", "migrate"]


@dataclass(frozen=True)
class Migrated:
    """A script after its migration.

    Attributes:
        text: The script.
        left: What is left to do, by the marks in it.
    """

    text: str
    left: tuple[Left, ...]


def migrate(text: str, source: str = "") -> Migrated:
    """A script with our names in place of NNI's.

    Args:
        text: The script, of any version of NNI.
        source: Its name, for errors.

    Raises:
        ConfigError: if it is not Python, or libcst is missing.

    Example::

        migrate("import nni\\nnni.report_final_result(0.9)\\n").text
        # "import trial_api\\ntrial_api.report_final_result(0.9)\\n"
    """
    try:
        from ._rewriting import rewrite
    except ModuleNotFoundError as error:
        if error.name != "libcst":
            raise
        message = "needs the package libcst: pip install 'nas-tuners[migrate]'"
        raise ConfigError(message, "migrate") from error
    try:
        migrated = rewrite(text, source)
    except RecursionError as error:
        raise ConfigError("nested too deeply to be read", source) from error
    return Migrated(migrated, tuple(left_in(migrated)))
