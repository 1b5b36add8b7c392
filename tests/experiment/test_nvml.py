"""Reading the GPUs: what is made of NVML's answers, and the real NVML where it is."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from nas_tuners.contract.errors import ExperimentError
from nas_tuners.experiment.gpus.nvml import Gpu, GpuProcess, hide, read_gpus
from tests.gpu_kit import GB, FakeNvml, process

pynvml = pytest.importorskip("pynvml", reason="needs nvidia-ml-py (the extra `gpu`)")


def driver_problem() -> str:
    """What NVML says when it cannot start; empty if it can."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return str(error)
    pynvml.nvmlShutdown()
    return ""


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    return FakeNvml(monkeypatch)


def test_what_there_is(machine: FakeNvml) -> None:
    machine.computing[0] = [process(10, 2 * GB), process(30, None)]
    machine.drawing[0] = [process(20, GB)]
    first, second = read_gpus({})
    assert first == Gpu(
        index=0,
        uuid="GPU-0abc",
        name="NVIDIA A100",
        memory_total=40 * GB,
        memory_used=3 * GB,
        processes=(
            GpuProcess(10, "python3", 2 * GB),
            GpuProcess(20, "Xorg", GB, graphics=True),
            GpuProcess(30, "a process", 0),
        ),
    )
    assert (second.index, second.processes) == (1, ())
    assert machine.started == 0


def test_a_program_that_draws_and_computes_draws(machine: FakeNvml) -> None:
    machine.computing[0] = machine.drawing[0] = [process(20, GB)]
    assert read_gpus({})[0].processes == (GpuProcess(20, "Xorg", GB, graphics=True),)


@pytest.mark.parametrize("error", ["GPU_IS_LOST", "UNKNOWN"])
@pytest.mark.parametrize("function", ["HandleByIndex", "UUID", "MemoryInfo"])
def test_a_gpu_that_fails_leaves_the_others(machine: FakeNvml, function: str, error: str) -> None:
    machine.fail(f"nvmlDeviceGet{function}", f"NVML_ERROR_{error}", on=1)
    first, second = read_gpus({})
    assert not first.problem
    assert second.problem.startswith("does not answer (NVML: ")
    assert machine.started == 0


def test_parts_of_a_gpu_are_refused(machine: FakeNvml) -> None:
    machine.answer("nvmlDeviceGetMigMode", lambda handle: [handle, handle])
    first, second = read_gpus({})
    assert not first.problem
    assert "MIG mode" in second.problem
    assert "CUDA_VISIBLE_DEVICES=MIG-..." in second.problem


@pytest.mark.parametrize("function", ["MigMode", "ComputeRunningProcesses"])
def test_what_a_gpu_does_not_know_is_no_problem(machine: FakeNvml, function: str) -> None:
    machine.fail(f"nvmlDeviceGet{function}", "NVML_ERROR_NOT_SUPPORTED")
    assert [gpu.problem for gpu in read_gpus({})] == ["", ""]


def test_memory_that_is_the_hosts(machine: FakeNvml) -> None:
    machine.fail("nvmlDeviceGetMemoryInfo", "NVML_ERROR_NOT_SUPPORTED")
    assert [(gpu.memory_total, gpu.problem) for gpu in read_gpus({})] == [(0, ""), (0, "")]


def test_drivers_without_the_second_version_of_memory(machine: FakeNvml) -> None:
    def first_version_only(handle: int, version: int | None = None) -> SimpleNamespace:
        if version:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
        return SimpleNamespace(total=8 * GB, used=GB)

    machine.answer("nvmlDeviceGetMemoryInfo", first_version_only)
    assert [gpu.memory_used for gpu in read_gpus({})] == [GB, GB]


class TestVisibleDevices:
    @pytest.mark.parametrize(
        ("visible", "usable"),
        [
            ("0,1,2", [0, 1, 2]),
            ("2", [2]),
            (" 2 , 0", [0, 2]),
            ("", []),
            ("-1", []),
            ("NoDevFiles", []),
            ("0,-1,1", [0]),
            ("1,7,2", [1]),
            ("GPU-b", [1]),
            ("GPU-a1,GPU-b1", [0, 1]),
            ("GPU-", []),  # might be any
            ("MIG-a1", []),
        ],
    )
    def test_the_gpus_that_are_left(self, visible: str, usable: list[int]) -> None:
        gpus = [Gpu(0, "GPU-a1"), Gpu(1, "GPU-b1"), Gpu(2, "GPU-c1")]
        left = hide(gpus, visible)
        assert [gpu.index for gpu in left] == [0, 1, 2]
        assert [gpu.index for gpu in left if not gpu.problem] == usable

    def test_the_variable_is_heeded_and_named(self, machine: FakeNvml) -> None:
        first, second = read_gpus({"CUDA_VISIBLE_DEVICES": "1"})
        assert first.problem == "is hidden from this run by CUDA_VISIBLE_DEVICES=1"
        assert not second.problem


class TestNoAnswerAtAll:
    def test_the_library_for_python_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pynvml", None)
        with pytest.raises(ExperimentError, match=r"pip install 'nas-tuners\[gpu\]'"):
            read_gpus({})

    @pytest.mark.parametrize(
        ("error", "advice"),
        [
            ("LIBRARY_NOT_FOUND", "no NVIDIA driver is installed here"),
            ("DRIVER_NOT_LOADED", "the NVIDIA driver is not loaded"),
            ("NO_PERMISSION", "this user may not use the NVIDIA driver"),
            ("LIB_RM_VERSION_MISMATCH", "restart the machine"),
            ("UNKNOWN", "make `nvidia-smi` work"),
        ],
    )
    def test_the_driver_does_not_answer(self, machine: FakeNvml, error: str, advice: str) -> None:
        machine.fail("nvmlInit", f"NVML_ERROR_{error}")
        with pytest.raises(ExperimentError, match=r"cannot read this machine's GPUs") as raised:
            read_gpus({})
        assert advice in str(raised.value)
        assert "without `gpus` in the configuration" in str(raised.value)

    def test_for_real(self) -> None:
        problem = driver_problem()
        if not problem:
            pytest.skip("there is a driver")
        with pytest.raises(ExperimentError) as raised:
            read_gpus({})
        assert problem in str(raised.value)


@pytest.mark.gpu
def test_gpus_for_real() -> None:
    if problem := driver_problem():
        pytest.skip(f"no GPU to read: {problem}")
    gpus = read_gpus({})
    assert [gpu.index for gpu in gpus] == list(range(len(gpus)))
    for gpu in gpus:
        assert gpu.uuid.startswith("GPU-"), gpu
        assert 0 <= gpu.memory_used <= gpu.memory_total, gpu
