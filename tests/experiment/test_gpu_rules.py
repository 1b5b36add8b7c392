"""Which GPUs a trial gets, and what is said if it gets none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pytest

from nas_tuners.experiment.configuration.parts import GpuConfig
from nas_tuners.experiment.gpus.nvml import Gpu, GpuProcess
from nas_tuners.experiment.gpus.rules import Placement, Refusal, assign
from tests.gpu_kit import GB, gpu, python


def reasons(answer: Placement | Refusal) -> list[str]:
    assert isinstance(answer, Refusal)
    return [str(blocked) for blocked in answer.blocked]


class TestAllSmallCases:
    """Every combination of up to three GPUs, against a search through all possible choices."""

    @pytest.mark.parametrize("count", range(4))
    @pytest.mark.parametrize("use_occupied", [False, True])
    @pytest.mark.parametrize("trials_per_gpu", [1, 2])
    def test_the_best_allowed_choice(
        self, count: int, use_occupied: bool, trials_per_gpu: int
    ) -> None:
        cases = 0
        for held, occupied, indices, wanted in small_cases(count):
            rules = GpuConfig(
                per_trial=wanted,
                indices=indices,
                trials_per_gpu=trials_per_gpu,
                use_occupied=use_occupied,
            )
            gpus = [gpu(i, python(4000 + i)) if occupied[i] else gpu(i) for i in range(count)]
            answer = assign(gpus, rules, held=dict(enumerate(held)))
            best = best_choice(held, occupied, rules)
            if best is None:
                assert isinstance(answer, Refusal)
                named = {blocked.gpu for blocked in answer.blocked}
                assert named == {*range(count), *(indices or ())}
            else:
                assert answer == Placement(best)
            cases += 1
        assert cases == 6**count * 9 * 4

    def test_the_order_in_which_gpus_are_listed_does_not_matter(self) -> None:
        gpus = [gpu(0), gpu(1, python()), gpu(2)]
        for order in itertools.permutations(gpus):
            answer = assign(order, GpuConfig(per_trial=2, trials_per_gpu=2), held={0: 1})
            assert answer == Placement((0, 2))


Case = tuple[tuple[int, ...], tuple[bool, ...], "tuple[int, ...] | None", int]


def small_cases(count: int) -> Iterator[Case]:
    subsets = [c for size in range(4) for c in itertools.combinations(range(3), size)]
    return itertools.product(
        itertools.product(range(3), repeat=count),
        itertools.product([False, True], repeat=count),
        [None, *subsets],
        range(4),
    )


def best_choice(
    held: Sequence[int], occupied: Sequence[bool], rules: GpuConfig
) -> tuple[int, ...] | None:
    """The rules once more, as a search for the smallest total load."""

    def allowed(choice: tuple[int, ...]) -> bool:
        return (
            all(held[i] + 1 <= rules.trials_per_gpu for i in choice)
            and (rules.indices is None or set(choice) <= set(rules.indices))
            and (rules.use_occupied or not any(occupied[i] for i in choice))
        )

    def load(choice: tuple[int, ...]) -> int:
        return sum(held[i] + occupied[i] for i in choice)

    choices = itertools.combinations(range(len(held)), int(rules.per_trial))
    return min(filter(allowed, choices), key=lambda c: (load(c), c), default=None)


class TestOccupied:
    def test_programs_that_draw_do_not_count(self) -> None:
        desktop = GpuProcess(900, "Xorg", 4 * GB, graphics=True)
        assert assign([gpu(0, desktop)], GpuConfig(), held={}) == Placement((0,))

    @pytest.mark.parametrize(("memory", "free"), [(GB, True), (GB + 1, False)])
    def test_little_memory_does_not_count(self, memory: int, free: bool) -> None:
        answer = assign([gpu(0, python(memory=memory))], GpuConfig(), held={})
        assert isinstance(answer, Placement) == free

    def test_little_memory_of_many_programs_does(self) -> None:
        many = [python(pid, GB / 2) for pid in (1001, 1002, 1003)]
        answer = assign([gpu(0, *many)], GpuConfig(), held={})
        assert [reason.count("uses 0.5 GB of 24 GB") for reason in reasons(answer)] == [3]

    def test_our_own_trials_do_not_count(self) -> None:
        rules = GpuConfig(trials_per_gpu=2)
        answer = assign([gpu(0, python(77))], rules, held={0: 1}, own={77})
        assert answer == Placement((0,))

    def test_a_foreign_program_beside_our_own_trial_does(self) -> None:
        both = gpu(0, python(77), python(78))
        answer = assign([both], GpuConfig(trials_per_gpu=2), held={0: 1}, own={77})
        (reason,) = reasons(answer)
        assert "pid 78" in reason
        assert "pid 77" not in reason

    def test_memory_of_programs_that_cannot_be_seen_counts(self) -> None:
        answer = assign([gpu(0, used=10 * GB)], GpuConfig(), held={})
        assert reasons(answer) == [
            "GPU 0: programs that cannot be seen from here use 10 GB of 24 GB; "
            "set gpus.use_occupied: true to share it"
        ]

    def test_a_claim_of_another_run_counts(self) -> None:
        answer = assign([gpu(0)], GpuConfig(), held={}, claimed={0})
        assert reasons(answer) == [
            "GPU 0: another run of nas-tuners uses it; set gpus.use_occupied: true to share it"
        ]

    def test_a_free_gpu_goes_before_one_that_is_shared_with_others(self) -> None:
        rules = GpuConfig(use_occupied=True)
        assert assign([gpu(0, python()), gpu(1)], rules, held={}) == Placement((1,))


def test_a_refusal_says_which_rule_blocks_which_gpu() -> None:
    gpus = [gpu(0, python()), gpu(1), gpu(2), gpu(3, problem="does not answer"), gpu(4)]
    rules = GpuConfig(per_trial=2, indices=(0, 1, 3, 4, 9), trials_per_gpu=2)
    answer = assign(gpus, rules, held={1: 2})
    assert reasons(answer) == [
        "GPU 0: python (pid 4711) uses 3.1 GB of 24 GB; set gpus.use_occupied: true to share it",
        "GPU 1: holds 2 of 2 trials (gpus.trials_per_gpu)",
        "GPU 2: is not among gpus.indices",
        "GPU 3: does not answer",
        "GPU 4: is free, but a trial needs 2 (gpus.per_trial) and 1 are free",
        "GPU 9: is among gpus.indices, but not there (there: 0, 1, 2, 3, 4)",
    ]


@pytest.mark.parametrize(
    ("gpus", "rules", "lasting"),
    [
        ([], GpuConfig(), True),
        ([gpu(0)], GpuConfig(per_trial=2), True),
        ([gpu(0), gpu(1)], GpuConfig(indices=(2,)), True),
        ([gpu(0), gpu(1, problem="lost")], GpuConfig(per_trial=2), True),
        ([gpu(0), gpu(1, python())], GpuConfig(per_trial=2), False),
    ],
)
def test_whether_waiting_is_in_vain(gpus: list[Gpu], rules: GpuConfig, lasting: bool) -> None:
    answer = assign(gpus, rules, held={})
    assert isinstance(answer, Refusal)
    assert answer.lasting == lasting
