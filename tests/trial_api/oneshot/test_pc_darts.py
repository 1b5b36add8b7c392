"""PC-DARTS."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.data import TensorDataset

from nas_tuners.contract.errors import ConfigError, SearchSpaceError
from search_spaces import darts
from trial_api import apply_fixed_architecture, search_space
from trial_api.mutators import EdgeNormalizedMutator
from trial_api.nn import PartialChannels
from trial_api.oneshot import BaseTrainer, Callback, PcDartsTrainer
from trial_api.testing import OneShotSuite
from trial_api.testing._planted import PlantedData, PlantedNet, accuracy


def make(model: nn.Module, **options: Any) -> PcDartsTrainer:
    optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=0.5, weight_decay=1e-4)
    return PcDartsTrainer(model, F.cross_entropy, accuracy, optimizer, **options)


class TestPcDarts(OneShotSuite):
    planted_options: ClassVar[dict[str, Any]] = {
        "arc_learning_rate": 0.05,
        "weights_only_epochs": 1,
    }

    def make_trainer(self, model: nn.Module, **options: Any) -> BaseTrainer:
        return make(model, **{"weights_only_epochs": 0, **options})


class Watch(Callback):
    """The architecture parameters after each epoch."""

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []

    def on_epoch_end(self, epoch: int) -> None:
        flat = [parameter.detach().flatten() for parameter in self.mutator.parameters()]
        self.seen.append(torch.cat(flat).clone())


def test_the_first_epochs_train_weights_only() -> None:
    watch = Watch()
    trainer = make(
        PlantedNet(),
        num_epochs=3,
        dataset_train=PlantedData(64),
        batch_size=8,
        weights_only_epochs=2,
        callbacks=[watch],
        progress=False,
    )
    weights = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    start = [parameter.detach().clone() for parameter in trainer.mutator.parameters()]
    trainer.train()
    first, second, third = watch.seen
    assert torch.equal(first, torch.cat([parameter.flatten() for parameter in start]))
    assert torch.equal(first, second)
    assert not torch.equal(second, third)
    assert not torch.equal(weights["head.weight"], trainer.model.state_dict()["head.weight"])


def test_a_search_must_leave_epochs_for_the_architecture() -> None:
    with pytest.raises(ConfigError, match="less than num_epochs=15, or the architecture is never"):
        make(PlantedNet(), num_epochs=15, dataset_train=PlantedData(64))
    with pytest.raises(ConfigError, match="weights_only_epochs: must be a whole number >= 0"):
        make(PlantedNet(), num_epochs=5, weights_only_epochs=-1, dataset_train=PlantedData(64))


def test_the_defaults_are_the_published_ones() -> None:
    trainer = make(PlantedNet(), num_epochs=50, dataset_train=PlantedData(600))
    assert trainer.settings.batch_size == 256
    assert trainer.settings.grad_clip == 5.0
    assert trainer.weights_only_epochs == 15
    (group,) = trainer._architecture.optimizer.param_groups
    assert (group["lr"], group["betas"], group["weight_decay"]) == (6e-4, (0.5, 0.999), 1e-3)


def test_an_export_of_the_narrow_supernet_fits_the_whole_network() -> None:
    narrow = darts(channels=8, cells=3, classes=2, stem_multiplier=1, partial_channels=4)
    whole = darts(channels=8, cells=3, classes=2, stem_multiplier=1)
    assert search_space(narrow) == search_space(whole)
    images = torch.randn(8, 3, 9, 9)  # an odd size: the way around must round as the edges do
    data = TensorDataset(images, torch.arange(8) % 2)
    trainer = make(
        narrow,
        num_epochs=1,
        dataset_train=data,
        dataset_valid=data,
        batch_size=4,
        weights_only_epochs=0,
        progress=False,
    )
    trainer.train()
    network = apply_fixed_architecture(whole, trainer.export())
    assert not any(isinstance(module, PartialChannels) for module in network.modules())
    assert network(images).shape == (8, 2)


def test_operations_are_built_for_a_part_of_the_channels() -> None:
    def parameters(partial_channels: int) -> int:
        cells = darts(16, 3, partial_channels=partial_channels).cells
        return sum(p.numel() for cell in cells for p in cell.choices.parameters())

    assert parameters(4) < parameters(1) / 4


@pytest.mark.parametrize("arguments", [{"k": 0}, {"k": 2.0}, {"stride": 0}])
def test_wrong_arguments_of_partial_channels(arguments: dict[str, Any]) -> None:
    with pytest.raises(SearchSpaceError, match="must be a whole number > 0"):
        PartialChannels(nn.Identity(), **arguments)


def test_channels_that_cannot_be_divided() -> None:
    with pytest.raises(SearchSpaceError, match="6 channels cannot be divided by k=4"):
        PartialChannels(nn.Identity())(torch.zeros(1, 6, 2, 2))
    with pytest.raises(SearchSpaceError, match=r"multiple of `partial_channels`.*channels=6"):
        darts(channels=6, partial_channels=4)


def test_all_channels_are_the_layer_alone() -> None:
    x = torch.randn(2, 3, 4, 4)
    layer = nn.Conv2d(3, 3, 1)
    assert torch.equal(PartialChannels(layer, 1)(x), layer(x))


def test_edges_without_a_switch_have_no_weights() -> None:
    mutator = EdgeNormalizedMutator(PlantedNet())
    assert list(mutator.edges.parameters()) == []
    assert mutator.logits.one.rows().keys() == {"left", "right", "source"}
