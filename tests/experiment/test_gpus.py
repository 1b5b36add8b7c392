"""The GPUs that the trials of a run hold, and what is said while they wait for one."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nas_tuners.contract.errors import ConfigError, ExperimentError
from nas_tuners.experiment.configuration.parts import GpuConfig
from nas_tuners.experiment.gpus.nvml import Gpu
from nas_tuners.experiment.gpus.placement import GpuPlacement, own_processes
from tests.gpu_kit import GB, gpu, python

NOBODY = 4_194_305  # beyond the largest process id of Linux


@pytest.fixture(autouse=True)
def _claims_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


class Machine:
    """GPUs and a clock that a test changes; counts how often it is looked at."""

    def __init__(self, *gpus: Gpu) -> None:
        self.gpus: list[Gpu] = list(gpus)
        self.error: ExperimentError | None = None
        self.now = 100.0
        self.looks = 0

    def placement(
        self,
        per_trial: float = 1,
        *,
        indices: tuple[int, ...] | None = None,
        trials_per_gpu: int = 1,
        use_occupied: bool = False,
        patience: float = 600,
    ) -> GpuPlacement:
        config = GpuConfig(per_trial, indices, trials_per_gpu, use_occupied, patience)
        return GpuPlacement(config, read=self.read, clock=lambda: self.now)

    def read(self) -> list[Gpu]:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return self.gpus

    def wait(self, seconds: float = 2.0) -> None:
        self.now += seconds


class TestPlacement:
    def test_trials_get_different_gpus_until_none_is_left(self) -> None:
        placement = Machine(gpu(0), gpu(1)).placement()
        assert placement.room(running=False)
        assert placement.take(0) == {
            "CUDA_VISIBLE_DEVICES": "0",
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        }
        assert placement.room(running=True)
        assert placement.take(1)["CUDA_VISIBLE_DEVICES"] == "1"
        assert not placement.room(running=True)
        placement.give_back(0)
        assert placement.room(running=True)
        assert placement.take(2)["CUDA_VISIBLE_DEVICES"] == "0"

    def test_several_gpus_a_trial(self) -> None:
        placement = Machine(gpu(0), gpu(1), gpu(2)).placement(2, indices=(0, 2))
        assert placement.room(running=False)
        assert placement.take(0)["CUDA_VISIBLE_DEVICES"] == "0,2"

    def test_no_gpu_a_trial_needs_no_driver_and_hides_them_all(self) -> None:
        machine = Machine()
        placement = machine.placement(0)
        assert all(placement.room(running=False) for _ in range(3))
        assert placement.take(0)["CUDA_VISIBLE_DEVICES"] == ""
        assert machine.looks == 0

    def test_no_more_than_one_look_a_second(self) -> None:
        machine = Machine(gpu(0))
        placement = machine.placement()
        for _ in range(10):
            placement.room(running=False)
        assert machine.looks == 1
        machine.wait(1.0)
        placement.room(running=False)
        assert machine.looks == 2

    def test_taking_without_room_is_an_error(self) -> None:
        placement = Machine(gpu(0)).placement()
        assert placement.room(running=False)
        placement.take(0)
        with pytest.raises(ExperimentError, match=r"trial 1 .*\n.*GPU 0: holds 1 of 1 trials"):
            placement.take(1)

    def test_what_did_not_start_can_be_given_back(self) -> None:
        Machine().placement().give_back(3)

    def test_part_of_a_gpu(self) -> None:
        with pytest.raises(ConfigError, match=r"per_trial: 0.5: .*trials_per_gpu.*launcher: ray"):
            Machine().placement(0.5)


class TestSeveralRuns:
    def test_they_get_different_gpus_before_the_driver_knows_of_their_trials(self) -> None:
        machine = Machine(gpu(0), gpu(1))
        first, second, third = (machine.placement() for _ in range(3))
        assert first.room(running=False)
        assert second.room(running=False)
        assert second.take(0)["CUDA_VISIBLE_DEVICES"] == "1"
        assert first.take(0)["CUDA_VISIBLE_DEVICES"] == "0"
        assert not third.room(running=False)
        second.give_back(0)
        assert third.room(running=False)
        assert third.take(0)["CUDA_VISIBLE_DEVICES"] == "1"

    def test_they_share_if_they_may(self) -> None:
        machine = Machine(gpu(0), gpu(1))
        runs = [machine.placement(use_occupied=True) for _ in range(3)]
        assert all(run.room(running=False) for run in runs)
        assert [run.take(0)["CUDA_VISIBLE_DEVICES"] for run in runs] == ["0", "1", "0"]

    def test_one_that_cannot_get_enough_claims_none(self) -> None:
        machine = Machine(gpu(0), gpu(1), gpu(2))
        one, all_three = machine.placement(1), machine.placement(3)
        assert one.room(running=False)
        assert not all_three.room(running=False)
        assert machine.placement(indices=(2,)).room(running=False)

    def test_one_that_has_ended_claims_none(self) -> None:
        machine = Machine(gpu(0))
        first, second = machine.placement(), machine.placement()
        assert first.room(running=False)
        assert not second.room(running=False)
        first.close()
        assert second.room(running=False)


class TestOwnProcesses:
    def test_children_in_sessions_of_their_own_belong_to_the_trial(self) -> None:
        with trial_with_child() as (trial, child):
            machine = Machine(gpu(0))
            placement = machine.placement(trials_per_gpu=2)
            assert placement.room(running=False)
            placement.take(0)
            placement.note_process(0, trial)
            machine.gpus = [gpu(0, python(trial), python(child))]
            machine.wait()
            assert placement.room(running=True)
            machine.gpus = [gpu(0, python(trial), python(os.getpid()))]
            machine.wait()
            assert not placement.room(running=True)

    def test_so_do_those_whose_parent_is_gone(self) -> None:
        with subprocess.Popen(
            ["/bin/sh", "-c", "exec 3<&0; cat <&3 >/dev/null & echo $!"],
            stdin=subprocess.PIPE,  # closed at the end, which ends the child
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as trial:
            assert trial.stdout is not None
            child = int(trial.stdout.readline())
            trial.wait()
            gpus = [gpu(0, python(child), python(os.getpid()))]
            assert own_processes(gpus, {trial.pid}, Counter()) == {child}

    def test_a_trial_that_has_just_ended_is_not_taken_for_a_stranger(self) -> None:
        with trial_with_child() as (trial, _child):
            machine = Machine(gpu(0))
            placement = machine.placement()
            assert placement.room(running=False)
            placement.take(0)
            placement.note_process(0, trial)
            machine.gpus = [gpu(0, python(trial))]
            machine.wait()
            assert not placement.room(running=True)
            placement.give_back(0)
            assert placement.room(running=False)

    def test_memory_that_no_process_seems_to_use(self) -> None:
        machine = Machine(gpu(0))
        placement = machine.placement(trials_per_gpu=2)
        assert placement.room(running=False)
        placement.take(0)
        machine.gpus = [gpu(0, used=10 * GB)]
        machine.wait()
        assert placement.room(running=True)
        placement.give_back(0)
        assert placement.room(running=False)  # what was seen was from when the trial ran
        machine.wait()
        assert not placement.room(running=False)

    def test_ids_from_outside_a_container(self) -> None:
        machine = Machine(gpu(0), gpu(1))
        placement = machine.placement(trials_per_gpu=2, indices=(0,))
        assert placement.room(running=False)
        placement.take(0)
        machine.gpus = [gpu(0, python(NOBODY))]
        machine.wait()
        assert placement.room(running=True)
        placement.give_back(0)
        machine.wait()
        assert not placement.room(running=False)


@contextmanager
def trial_with_child() -> Iterator[tuple[int, int]]:
    """Process ids of a process and of its child, which is in a session of its own."""
    child = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    code = (
        "import subprocess\n"
        f"child = subprocess.Popen({child!r}, start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "child.wait()"
    )
    with subprocess.Popen(  # at the end its input is closed, which ends the child
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())


class TestWhenThereIsNoRoom:
    def test_the_log_says_it_once_for_each_reason(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        machine = Machine(gpu(0, python(memory=3 * GB)))
        placement = machine.placement()
        for memory in (3 * GB, 4 * GB):
            machine.gpus = [gpu(0, python(memory=memory))]
            machine.wait()
            assert not placement.room(running=False)
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert "GPU 0: python (pid 4711) uses 3 GB of 24 GB" in record.getMessage()

    def test_other_programs_that_come_back_are_told_of_again(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        machine = Machine()
        placement = machine.placement()
        for gpus in ([gpu(0, python())], [gpu(0)], [gpu(0, python())]):
            machine.gpus = gpus
            machine.wait()
            placement.room(running=False)
        assert len(caplog.records) == 2

    def test_what_is_waited_for_is_the_same_until_it_is_over(self) -> None:
        machine = Machine()
        placement, waited = machine.placement(), []
        for memory in (3 * GB, 4 * GB, 0, 5 * GB):
            machine.gpus = [gpu(0, python(memory=memory))]
            machine.wait()
            placement.room(running=False)
            waited.append(placement.waits_for().rpartition(" uses ")[2].partition(" of ")[0])
        assert waited == ["3 GB", "3 GB", "", "5 GB"]

    def test_a_gpu_that_others_keep_is_told_of_once_while_trials_run_on_the_rest(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        machine = Machine()
        placement, waited = machine.placement(), set()
        for number in range(3):
            machine.gpus = [gpu(0), gpu(1, python(memory=(3 + number) * GB))]
            machine.wait()
            assert placement.room(running=False)
            placement.take(number)
            assert not placement.room(running=True)
            waited.add(placement.waits_for())
            placement.give_back(number)
        assert len(caplog.records) == 1
        (said,) = waited
        assert "GPU 0: holds 1 of 1 trials (gpus.trials_per_gpu)" in said
        assert "GPU 1: python (pid 4711) uses 3 GB of 24 GB" in said

    def test_gpus_full_of_our_own_trials_are_no_warning(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        placement = Machine(gpu(0)).placement()
        for number in range(3):
            assert placement.room(running=False)
            placement.take(number)
            assert not placement.room(running=True)
            assert placement.waits_for() == ""
            placement.give_back(number)
        full = [record for record in caplog.records if "holds 1 of 1" in record.getMessage()]
        assert [record.levelno for record in full] == [logging.INFO]

    def test_patience_ends(self) -> None:
        machine = Machine(gpu(0, python()))
        placement = machine.placement(patience=60)
        assert not placement.room(running=False)
        machine.wait(59.0)
        assert not placement.room(running=False)
        machine.wait(1.0)
        with pytest.raises(ExperimentError) as raised:
            placement.room(running=False)
        assert str(raised.value).splitlines() == [
            "no trial could be given its GPUs for 60 s (gpus.patience):",
            "  - GPU 0: python (pid 4711) uses 3.1 GB of 24 GB; "
            "set gpus.use_occupied: true to share it",
            "resume the run when they are free, or change `gpus` in the configuration",
        ]

    def test_patience_begins_anew_with_each_placement(self) -> None:
        machine = Machine(gpu(0, python()))
        placement = machine.placement(patience=60)
        for _ in range(4):
            machine.gpus = [gpu(0, python())]
            machine.wait(40.0)
            assert not placement.room(running=False)
            machine.gpus = [gpu(0)]
            machine.wait()
            assert placement.room(running=False)

    def test_there_is_no_end_to_it_while_trials_run(self) -> None:
        machine = Machine(gpu(0, python()))
        placement = machine.placement(patience=60)
        for running in (False, True, True, True, False):
            machine.wait(50.0)
            assert not placement.room(running=running)

    def test_rules_that_can_never_be_met_end_the_run_at_once(self) -> None:
        placement = Machine(gpu(0), gpu(1)).placement(2, indices=(0,))
        with pytest.raises(ExperimentError) as raised:
            placement.room(running=False)
        assert str(raised.value).splitlines() == [
            "no trial can ever be given its GPUs (gpus.per_trial: 2):",
            "  - GPU 0: is free, but a trial needs 2 (gpus.per_trial) and 1 are free",
            "  - GPU 1: is not among gpus.indices",
            "change `gpus` in the configuration",
        ]

    def test_an_index_that_is_not_there_ends_the_run_at_once(self) -> None:
        placement = Machine(gpu(0), gpu(1)).placement(indices=(0, 5))
        with pytest.raises(ExperimentError, match=r"^GPU 5: is among gpus.indices, but not there"):
            placement.room(running=False)

    def test_gpus_that_are_lost_do_not_end_trials_that_run(self) -> None:
        machine = Machine(gpu(0), gpu(1))
        placement = machine.placement()
        assert placement.room(running=False)
        placement.take(0)
        machine.gpus = [gpu(0, problem="lost"), gpu(1, problem="lost")]
        machine.wait()
        assert not placement.room(running=True)
        placement.give_back(0)
        with pytest.raises(ExperimentError, match=r"GPU 1: lost"):
            placement.room(running=False)

    def test_nor_does_a_driver_that_fails(self, caplog: pytest.LogCaptureFixture) -> None:
        machine = Machine(gpu(0), gpu(1))
        placement = machine.placement()
        assert placement.room(running=False)
        placement.take(0)
        machine.error = ExperimentError("the driver was updated")
        machine.wait()
        assert not any(placement.room(running=True) for _ in range(3))
        assert [r.getMessage() for r in caplog.records] == [
            "no trial is started: the driver was updated"
        ]
        with pytest.raises(ExperimentError, match="the driver was updated"):
            placement.room(running=False)
