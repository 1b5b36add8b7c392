from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset
from torch.utils.data.distributed import DistributedSampler

from nas_tuners.contract.errors import ConfigError, TrainingError
from tests.trial_api.oneshot.small import same_state, trainer
from trial_api.oneshot._data import (
    Stream,
    length_of,
    split,
    training_loader,
    validation_loader,
)
from trial_api.oneshot._options import Settings
from trial_api.randomness import random_state, set_random_state

LENGTH = 20


class Numbers(Dataset[torch.Tensor]):
    """0, 1, 2, ... with noise of each random generator, as augmentation has."""

    def __init__(self, noise: bool = False) -> None:
        self.noise = noise

    def __len__(self) -> int:
        return LENGTH

    def __getitem__(self, index: int) -> torch.Tensor:
        if not self.noise:
            return torch.tensor([float(index)])
        return torch.tensor([index, random.random(), np.random.random(), torch.rand(()).item()])


class Endless(IterableDataset):
    def __iter__(self):
        return itertools.count()


def settings(**options) -> Settings:
    return Settings(**{"batch_size": 4, **options})


def numbers_of(batches) -> list[int]:
    return [int(row[0]) for batch in batches for row in batch]


def take(stream: Stream, count: int) -> list[torch.Tensor]:
    return [stream.next() for _ in range(count)]


def test_a_split_is_random_disjoint_and_whole():
    train, search = split(Numbers(), 0.3, seed=0)
    assert (len(train), len(search)) == (14, 6)
    assert sorted(train.indices + search.indices) == list(range(LENGTH))
    assert search.indices != list(range(14, LENGTH))
    assert sorted(search.indices) != list(range(14, LENGTH))


def test_a_split_follows_its_seed():
    first, again, other = (split(Numbers(), 0.5, seed=seed)[1].indices for seed in (0, 0, 1))
    assert first == again != other


def test_data_in_order_of_class_has_every_class_in_both_halves():
    labels = torch.arange(10).repeat_interleave(50)
    for part in split(TensorDataset(labels), 0.5, seed=0):
        counts = torch.bincount(torch.tensor([int(y) for (y,) in part]), minlength=10)
        assert counts.min() > 10


@pytest.mark.parametrize(("length", "fraction"), [(1, 0.5), (3, 0.1), (0, 0.5)])
def test_a_part_without_samples(length, fraction):
    dataset = TensorDataset(torch.zeros(length))
    with pytest.raises(ConfigError, match=f"a share of {fraction} of {length} samples leaves a"):
        split(dataset, fraction, seed=0)


def test_data_without_a_length():
    with pytest.raises(ConfigError, match=r"a Endless has no length .* pass train_loader"):
        length_of(Endless())


def test_training_batches_are_shuffled_and_of_equal_size():
    stream = Stream("train", training_loader(Numbers(), settings(batch_size=6), pin=False), seed=0)
    assert len(stream) == 3
    batches = take(stream, 3)
    assert [len(batch) for batch in batches] == [6, 6, 6]
    assert numbers_of(batches) != sorted(numbers_of(batches))
    assert len(set(numbers_of(batches))) == 18


def test_fewer_samples_than_a_batch_are_one_batch():
    loader = training_loader(Numbers(), settings(batch_size=64), pin=False)
    assert [len(batch) for batch in loader] == [LENGTH]


def test_validation_batches_are_all_samples_in_order():
    loader = validation_loader(Numbers(), settings(batch_size=8), pin=False)
    assert numbers_of(loader) == list(range(LENGTH))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    list(loader)
    assert torch.equal(torch.get_rng_state(), before)


def own_loader(**options) -> DataLoader:
    return DataLoader(Numbers(noise=True), batch_size=4, shuffle=True, **options)


LOADERS = {
    "ours": lambda: training_loader(Numbers(noise=True), settings(), pin=False),
    "ours with a worker": lambda: training_loader(
        Numbers(noise=True), settings(workers=1), pin=False
    ),
    "own": own_loader,
    "own with a worker": lambda: own_loader(num_workers=1),
    "own with a generator": lambda: own_loader(generator=torch.Generator().manual_seed(3)),
    "own sampler with a generator": lambda: DataLoader(
        Numbers(noise=True),
        batch_size=4,
        sampler=torch.utils.data.RandomSampler(
            Numbers(), generator=torch.Generator().manual_seed(3)
        ),
    ),
    "own batches by a sampler with a generator": lambda: DataLoader(
        Numbers(noise=True),
        batch_sampler=torch.utils.data.BatchSampler(
            torch.utils.data.RandomSampler(Numbers(), generator=torch.Generator().manual_seed(3)),
            batch_size=4,
            drop_last=False,
        ),
    ),
    "a list": lambda: list(own_loader()),
}

CHEAP = [name for name in LOADERS if "worker" not in name]


def seed_all(seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


@pytest.mark.parametrize("name", [name for name in CHEAP if name != "a list"])
def test_every_pass_is_drawn_anew(name):
    stream = Stream("train", LOADERS[name](), seed=0)
    first, second = take(stream, 5), take(stream, 5)
    assert sorted(numbers_of(first)) == sorted(numbers_of(second)) == list(range(LENGTH))
    assert numbers_of(first) != numbers_of(second)
    noise = [torch.cat(batches)[:, 1:].flatten().tolist() for batches in (first, second)]
    assert not set(noise[0]) & set(noise[1])


@pytest.mark.parametrize(
    ("name", "used"),
    [
        *itertools.product(CHEAP, (0, 1, 4, 5, 7, 12)),
        ("ours with a worker", 7),
        ("own with a worker", 7),
    ],
)
def test_a_resumed_stream_goes_on_exactly(name, used):
    seed_all(0)
    made = LOADERS[name]()
    stream = Stream("train", made, seed=0)
    take(stream, used)
    torch.rand(3)  # what training draws in between
    state, randomness = stream.state_dict(), random_state()
    expected = take(stream, 8)
    seed_all(9)
    again = made if name == "a list" else LOADERS[name]()
    resumed = Stream("train", again, seed=0)
    resumed.load_state_dict(state)
    set_random_state(randomness)
    found = take(resumed, 8)
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_a_loader_without_batches():
    with pytest.raises(TrainingError, match="the search loader is empty"):
        Stream("search", [], seed=0).next()


@pytest.mark.parametrize("loader", [iter([1, 2, 3]), DataLoader(Endless())])
def test_a_loader_without_a_length(loader):
    with pytest.raises(TrainingError, match="the search loader has no length"):
        len(Stream("search", loader, seed=0))


def test_same_seed_same_order_and_another_for_each_stream():
    def order(name: str, seed: int) -> list[int]:
        loader = training_loader(Numbers(), settings(), pin=False)
        return numbers_of(take(Stream(name, loader, seed=seed), 5))

    assert order("train", 0) == order("train", 0)
    assert order("train", 0) != order("train", 1)
    assert order("train", 0) != order("search", 0)


def test_a_resumed_search_has_the_data_of_the_first_whatever_seed_it_drew(tmp_path):
    whole = trainer(seed=None)
    whole.checkpoint(tmp_path / "start.pt")
    whole.train()
    resumed = trainer(seed=12345)
    assert resumed.seed != whole.seed
    resumed.resume(tmp_path / "start.pt")
    resumed.train()
    assert resumed.seed == whole.seed
    assert same_state(whole, resumed)


def test_a_pass_is_not_finished_with_other_batches():
    stream = Stream("train", [1, 2, 3, 4], seed=0)
    take(stream, 2)
    state = stream.state_dict()
    Stream("train", [5, 6, 7, 8], seed=0).check_state(state)
    with pytest.raises(ValueError, match=r"the train data had 4 batches .* but has 2 now"):
        Stream("train", [5, 6], seed=0).check_state(state)


def test_between_passes_the_batches_may_change():
    stream = Stream("train", [1, 2, 3, 4], seed=0)
    Stream("train", [5, 6], seed=0).check_state(stream.state_dict())
    take(stream, 4)
    Stream("train", [5, 6], seed=0).check_state(stream.state_dict())


def test_a_loader_is_no_data_set():
    with pytest.raises(ConfigError, match="got a DataLoader; pass train_loader, search_loader"):
        split(DataLoader(Numbers()), 0.5, seed=0)


def test_a_loader_that_can_be_passed_once():
    class Once:
        def __init__(self):
            self.batches = iter([1, 2])

        def __iter__(self):
            return self.batches

    stream = Stream("train", Once(), seed=0)
    assert take(stream, 2) == [1, 2]
    with pytest.raises(TrainingError, match="no batch when it was passed once more"):
        stream.next()


def test_persistent_workers_serve_one_stream_each():
    loader = DataLoader(Numbers(), batch_size=4, num_workers=1, persistent_workers=True)
    one, other = Stream("train", loader, seed=0), Stream("train", loader, seed=0)
    seen = take(one, 2)
    assert numbers_of(take(other, 1)) == [0, 1, 2, 3]
    assert numbers_of(seen + take(one, 3)) == list(range(LENGTH))


def test_a_passing_look_leaves_the_generators_of_a_loader():
    generator = torch.Generator().manual_seed(3)
    loader = DataLoader(Numbers(), batch_size=4, shuffle=True, generator=generator)
    before = generator.get_state()
    with Stream("train", loader, seed=0).passing_by() as look:
        take(look, 7)
    assert torch.equal(generator.get_state(), before)


def test_distributed_samplers_shuffle_anew_in_each_pass():
    def order(position: int) -> list[int]:
        sampler = DistributedSampler(Numbers(), num_replicas=2, rank=0)  # type: ignore[var-annotated]
        stream = Stream("train", DataLoader(Numbers(), batch_size=5, sampler=sampler), seed=0)
        first = take(stream, position)
        resumed = Stream("train", DataLoader(Numbers(), batch_size=5, sampler=sampler), seed=0)
        resumed.load_state_dict(stream.state_dict())
        return numbers_of(first + take(resumed, 6 - position))

    whole = order(6)
    assert len({tuple(whole[i : i + 10]) for i in (0, 10, 20)}) == 3
    assert order(1) == order(3) == whole
