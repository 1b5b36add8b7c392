"""GPUs where there are none: as values, and as NVML tells of them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from nas_tuners.experiment.gpus.nvml import Gpu, GpuProcess

GB = 2**30


def gpu(index: int, *processes: GpuProcess, used: int | None = None, problem: str = "") -> Gpu:
    return Gpu(
        index,
        uuid=f"GPU-{index}",
        name="NVIDIA",
        memory_total=24 * GB,
        memory_used=sum(p.memory for p in processes) if used is None else used,
        processes=processes,
        problem=problem,
    )


def python(pid: int = 4711, memory: float = 3.1 * GB) -> GpuProcess:
    return GpuProcess(pid, "python", int(memory))


def process(pid: int, memory: int | None) -> SimpleNamespace:
    """A process on a GPU, as NVML describes it."""
    return SimpleNamespace(pid=pid, usedGpuMemory=memory)


class FakeNvml:
    """Replaces the functions of ``pynvml`` by ones that answer as on a machine with two GPUs.

    Its errors and constants stay the real ones. A device's handle is its number.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, memory_used: int = 3 * GB) -> None:
        self.started = 0
        self.memory_used = memory_used
        self.computing: dict[int, list[SimpleNamespace]] = {0: [], 1: []}
        self.drawing: dict[int, list[SimpleNamespace]] = {0: [], 1: []}
        self.names = {10: "/usr/bin/python3 --password hunter2", 20: "/usr/lib/xorg/Xorg"}
        self._pynvml = pytest.importorskip("pynvml", reason="needs the extra `gpu`")
        self._patch = monkeypatch
        self.answer("nvmlInit", self._init)
        self.answer("nvmlShutdown", self._shutdown)
        self.answer("nvmlDeviceGetCount", lambda: 2)
        self.answer("nvmlDeviceGetHandleByIndex", lambda index: index)
        self.answer("nvmlDeviceGetUUID", lambda handle: f"GPU-{handle}abc")
        self.answer("nvmlDeviceGetName", lambda handle: "NVIDIA A100")
        self.answer("nvmlDeviceGetMemoryInfo", self._memory)
        self.answer("nvmlDeviceGetMigMode", lambda handle: [0, 0])
        self.answer("nvmlDeviceGetComputeRunningProcesses", self.computing.__getitem__)
        self.answer("nvmlDeviceGetGraphicsRunningProcesses", self.drawing.__getitem__)
        self.answer("nvmlSystemGetProcessName", self._name)

    def answer(self, function: str, how: Callable[..., Any]) -> None:
        self._patch.setattr(self._pynvml, function, how)

    def fail(self, function: str, error: str, *, on: int | None = None) -> None:
        """Let a function fail, on all devices or on one."""
        usual = getattr(self._pynvml, function)

        def answer(handle: int | None = None, *rest: Any) -> Any:
            if on in (None, handle):
                raise self._pynvml.NVMLError(getattr(self._pynvml, error))
            return usual(handle, *rest)

        self.answer(function, answer)

    def _init(self) -> None:
        self.started += 1

    def _shutdown(self) -> None:
        self.started -= 1

    def _memory(self, handle: int, version: int | None = None) -> SimpleNamespace:
        # The first version counts what the driver keeps for itself as used.
        used = self.memory_used if version else self.memory_used + GB
        return SimpleNamespace(total=40 * GB, used=used)

    def _name(self, pid: int) -> str:
        if pid not in self.names:
            raise self._pynvml.NVMLError(self._pynvml.NVML_ERROR_NOT_FOUND)
        return self.names[pid]
