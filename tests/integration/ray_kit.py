"""Ray clusters for tests, whose nodes have a Python of their own without our packages."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PROGRAM = Path(__file__).with_name("ray_cluster.py")
QUICK = {  # notice the death of a node within two seconds; it takes Ray fifteen
    "RAY_health_check_initial_delay_ms": "0",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "3",
}


class RayCluster:
    """Several nodes on this computer.

    Attributes:
        address: Where to join it.
        folder: Ray's files.
        head: The process that everything depends on.
        nodes: The processes of the nodes.
    """

    def __init__(self, nodes: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # sockets: short names
        (self.folder / "ray").mkdir()
        self._process = subprocess.Popen(
            [bare_python(self.folder / "venv"), str(PROGRAM), str(nodes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self.folder,
            env=os.environ | QUICK | {"RAY_TMPDIR": str(self.folder), "OMP_NUM_THREADS": "1"},
        )
        assert self._process.stdout is not None
        self.address, head, *pids = self._process.stdout.readline().split()
        self.head, self.nodes = int(head), [int(pid) for pid in pids]

    def node_of(self, pid: int) -> int:
        """The node on which a process runs."""
        return parent(self.worker_of(pid))

    def worker_of(self, pid: int) -> int:
        """Ray's own process that a trial's process comes from."""
        while parent(pid) not in self.nodes:
            assert pid > 1, "no process of the cluster"
            pid = parent(pid)
        return pid

    def replace(self, node: int) -> None:
        """Kill a node and start another."""
        os.kill(node, signal.SIGKILL)
        self.nodes.remove(node)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("add\n")
        self._process.stdin.flush()
        self.nodes.append(int(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)


def parent(pid: int) -> int:
    """The process that started another."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def bare_python(folder: Path) -> str:
    """A Python that has Ray, what Ray needs, and nothing else."""
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    for distribution in _needed_by("ray", {}).values():
        for name in {file.parts[0] for file in distribution.files or []}:
            source = Path(str(distribution.locate_file(name)))
            if name not in ("..", "__pycache__") and not (site / name).exists():
                (site / name).symlink_to(source)
    return str(folder / "bin" / Path(sys.executable).name)


def _needed_by(
    name: str, found: dict[str, importlib.metadata.Distribution]
) -> dict[str, importlib.metadata.Distribution]:
    try:
        found[name] = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return found  # of another platform
    for requirement in found[name].requires or []:
        match = re.match(r"[\w.-]+", requirement)
        if match and "extra ==" not in requirement and match[0] not in found:
            _needed_by(match[0], found)
    return found
