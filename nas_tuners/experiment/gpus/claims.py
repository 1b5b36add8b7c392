"""Which GPUs this run uses, for other runs on this machine to see."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Collection
from pathlib import Path

from nas_tuners.contract.errors import ExperimentError


class GpuClaims:
    """Claims on GPUs; one at a time can have one.

    A trial needs seconds until the driver knows of it, in which a second run (or a second worker
    of the same one) would take the same GPU. A claim is a lock on a file, so that the system gives
    it back however a run ends. It holds among the runs of one user that see the same folder for
    temporary files.

    Args:
        folder: Where the files are; one of the user's own among the temporary files if not given.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir()) / f"nas-tuners-gpus-{os.getuid()}"
        self._files: dict[str, int] = {}

    def claim(self, uuid: str) -> bool:
        """Whether this run may use a GPU, which no other can then claim.

        Raises:
            ExperimentError: if the folder cannot be used, or is somebody else's.
        """
        if uuid in self._files:
            return True
        file = self._open(uuid)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._files[uuid] = file
        return True

    def keep(self, uuids: Collection[str]) -> None:
        """Give back all claims but these."""
        for uuid in self._files.keys() - set(uuids):
            file = self._files.pop(uuid)
            fcntl.flock(file, fcntl.LOCK_UN)  # closing is not enough if a child has a copy
            os.close(file)

    def _open(self, uuid: str) -> int:
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if self._folder.lstat().st_uid != os.getuid() or self._folder.is_symlink():
                raise PermissionError("it is somebody else's")
            return os.open(self._folder / uuid, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise ExperimentError(
                f"{self._folder}: cannot keep what this run claims of the GPUs there: {error}; "
                "remove it, or set TMPDIR to another folder"
            ) from error
