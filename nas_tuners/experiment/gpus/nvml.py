"""The GPUs of this machine, as NVIDIA's management library (NVML) tells of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from nas_tuners.contract.errors import ExperimentError

VISIBLE_DEVICES = "CUDA_VISIBLE_DEVICES"

_INSTALL = (
    "`gpus` in the configuration needs NVIDIA's management library for Python: "
    "pip install 'nas-tuners[gpu]'"
)
_WITHOUT = "; without `gpus` in the configuration, trials run and nobody looks after GPUs"
_ADVICE = {
    "NVML_ERROR_LIBRARY_NOT_FOUND": "no NVIDIA driver is installed here; "
    "a container needs GPUs passed on to it (docker run --gpus all)",
    "NVML_ERROR_DRIVER_NOT_LOADED": "the NVIDIA driver is not loaded; make `nvidia-smi` work",
    "NVML_ERROR_NO_PERMISSION": "this user may not use the NVIDIA driver; "
    "ask for access to /dev/nvidia*",
    "NVML_ERROR_LIB_RM_VERSION_MISMATCH": "the NVIDIA driver was updated since it was loaded; "
    "restart the machine",
}
_MIG = (
    "is in MIG mode, and its parts cannot be told apart here; for a run on one of them leave out "
    f"`gpus` and set {VISIBLE_DEVICES}=MIG-... (`nvidia-smi -L` lists them)"
)


@dataclass(frozen=True)
class GpuProcess:
    """A program on a GPU.

    Attributes:
        pid: Its process id.
        name: Its program's name.
        memory: Bytes that it uses there; 0 if the driver does not tell.
        graphics: Whether it draws: a display server, a browser.
    """

    pid: int
    name: str
    memory: int
    graphics: bool = False


@dataclass(frozen=True)
class Gpu:
    """A GPU as it is now.

    Attributes:
        index: Its number, as ``nvidia-smi`` counts (by PCI bus).
        uuid: Its identity, whatever the numbering.
        name: Its model.
        memory_total: Bytes; 0 if the driver does not tell.
        memory_used: Bytes in use, by whomever.
        processes: The programs on it that can be seen from here.
        problem: Why it cannot be used at all; empty if it can.
    """

    index: int
    uuid: str = ""
    name: str = ""
    memory_total: int = 0
    memory_used: int = 0
    processes: tuple[GpuProcess, ...] = ()
    problem: str = ""


def read_gpus(environment: Mapping[str, str] = os.environ) -> list[Gpu]:
    """Every GPU of this machine, those that cannot be used too (see :attr:`Gpu.problem`).

    If the environment has ``CUDA_VISIBLE_DEVICES``, as a batch system sets it, only the GPUs
    that it lists can be used. Their numbers stay those of ``nvidia-smi``, and numbers in the
    variable are read as such.

    Args:
        environment: Where the variable is looked for.

    Raises:
        ExperimentError: if there is no NVML, or it cannot reach the driver.
    """
    try:
        import pynvml
    except ImportError as error:
        raise ExperimentError(_INSTALL) from error
    try:
        gpus = _read_all(pynvml)
    except pynvml.NVMLError as error:
        raise ExperimentError(_explained(pynvml, error)) from error
    visible = environment.get(VISIBLE_DEVICES)
    return gpus if visible is None else hide(gpus, visible)


def hide(gpus: Sequence[Gpu], visible: str) -> list[Gpu]:
    """The GPUs, with those marked unusable that ``CUDA_VISIBLE_DEVICES`` does not list.

    Like CUDA, it heeds the list up to the first entry that names no GPU: ``0,-1,1`` lists GPU 0
    only, and an empty text none.
    """
    listed: list[int] = []
    for entry in visible.split(","):
        named = [gpu.index for gpu in gpus if _names(entry.strip(), gpu)]
        if len(named) != 1:
            break
        listed += named
    reason = f"is hidden from this run by {VISIBLE_DEVICES}={visible}"
    return [gpu if gpu.index in listed else replace(gpu, problem=reason) for gpu in gpus]


def _names(entry: str, gpu: Gpu) -> bool:
    """Whether an entry is the GPU's number, or begins its UUID."""
    is_uuid = entry.startswith("GPU-") and gpu.uuid.startswith(entry)
    return entry == str(gpu.index) or is_uuid


def _read_all(nvml: Any) -> list[Gpu]:
    nvml.nvmlInit()
    try:
        return [_read(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
    finally:
        nvml.nvmlShutdown()


def _read(nvml: Any, index: int) -> Gpu:
    """One GPU; an error that concerns it alone does not keep the others from being used."""
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        total, used = _memory(nvml, handle)
        return Gpu(
            index,
            nvml.nvmlDeviceGetUUID(handle),
            nvml.nvmlDeviceGetName(handle),
            memory_total=total,
            memory_used=used,
            processes=_processes(nvml, handle),
            problem=_MIG if _in_mig_mode(nvml, handle) else "",
        )
    except nvml.NVMLError as error:
        return Gpu(index, problem=f"does not answer (NVML: {error})")


def _memory(nvml: Any, handle: Any) -> tuple[int, int]:
    """Total and used bytes; zeros where GPU and host share their memory."""
    try:  # the second version does not count as used what the driver keeps for itself
        memory = nvml.nvmlDeviceGetMemoryInfo(handle, nvml.nvmlMemory_v2)
    except (nvml.NVMLError_FunctionNotFound, nvml.NVMLError_ArgumentVersionMismatch):
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    except nvml.NVMLError_NotSupported:
        return 0, 0
    return memory.total, memory.used


def _processes(nvml: Any, handle: Any) -> tuple[GpuProcess, ...]:
    drawing = _running(nvml, nvml.nvmlDeviceGetGraphicsRunningProcesses, handle)
    computing = _running(nvml, nvml.nvmlDeviceGetComputeRunningProcesses, handle)
    return tuple(
        GpuProcess(pid, _process_name(nvml, pid), memory, graphics=pid in drawing)
        for pid, memory in sorted((drawing | computing).items())
    )


def _running(nvml: Any, query: Any, handle: Any) -> dict[int, int]:
    """Process id -> bytes."""
    try:
        return {process.pid: process.usedGpuMemory or 0 for process in query(handle)}
    except nvml.NVMLError_NotSupported:  # Windows Subsystem for Linux, some virtual GPUs
        return {}


def _process_name(nvml: Any, pid: int) -> str:
    """The program's name alone: its arguments may hold what does not belong into a log."""
    try:
        words = nvml.nvmlSystemGetProcessName(pid).split()
    except nvml.NVMLError:  # it has ended, or is somebody else's, or outside this container
        words = []
    return PurePosixPath(words[0]).name if words else "a process"


def _in_mig_mode(nvml: Any, handle: Any) -> bool:
    try:
        current, _pending = nvml.nvmlDeviceGetMigMode(handle)
    except nvml.NVMLError_NotSupported:
        return False
    return bool(current)


def _explained(nvml: Any, error: Any) -> str:
    advice = {getattr(nvml, name): text for name, text in _ADVICE.items()}
    known = advice.get(error.value, "make `nvidia-smi` work")
    return f"cannot read this machine's GPUs (NVML: {error}): {known}{_WITHOUT}"
