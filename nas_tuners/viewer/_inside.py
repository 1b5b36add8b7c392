"""Files of folders that somebody else may have written: read only where they are no links."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from nas_tuners.contract.errors import ExperimentError


@dataclass(frozen=True)
class Stamp:
    """What tells one state of a file from another; another file under the name has another."""

    device: int
    inode: int
    size: int
    changed: int

    def __str__(self) -> str:
        return "-".join(format(part, "x") for part in (self.inode, self.size, self.changed))


@dataclass(frozen=True)
class FileInside:
    """A file that is shown only if it lies within a folder, itself and not as a link.

    A link to another file of the folder is refused, too, as ``open_regular`` would refuse it.
    Folders on the way to it may be links that stay within.

    Attributes:
        root: The folder, without links in its path.
        path: Where the file is expected; it may not be there (yet).
    """

    root: Path
    path: Path

    def stamp(self) -> Stamp | None:
        """The state of the file; None if there is none.

        Raises:
            ExperimentError: if it is a link, leads out of the folder, is no ordinary file or is
                unreadable.
        """
        try:
            real = self.path.resolve()
            found = real.stat()
        except FileNotFoundError:
            return None
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, before 3.13
            raise ExperimentError(f"{self.path.name}: cannot be read: {error}") from error
        if not is_inside(real, self.root):
            raise ExperimentError(
                f"{self.path.name}: is a link that leads out of {self.root}; it is not read"
            )
        if self.path.is_symlink():
            raise ExperimentError(f"{self.path.name}: is a symbolic link; it is not read")
        if not stat.S_ISREG(found.st_mode):
            raise ExperimentError(f"{self.path.name}: is not an ordinary file; it is not read")
        if not os.access(real, os.R_OK):
            raise ExperimentError(f"{self.path.name}: you may not read it")
        return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def is_inside(real: Path, root: Path) -> bool:
    """Whether a path without links lies in a folder, or is it."""
    return real == root or root in real.parents
