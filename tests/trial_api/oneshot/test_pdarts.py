"""P-DARTS."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from nas_tuners.contract.errors import CheckpointError, ConfigError, SearchSpaceError
from search_spaces import darts
from trial_api import LayerChoice, apply_fixed_architecture, search_space
from trial_api.oneshot import Callback, DartsTrainer, ModelCheckpoint, PdartsTrainer
from trial_api.testing import OneShotSuite
from trial_api.testing._planted import PlantedData, accuracy


class TestPdarts(OneShotSuite):
    planted_options: ClassVar[dict[str, Any]] = {"arc_learning_rate": 0.05}

    def make_trainer(self, model: nn.Module, *, num_epochs: int, **options: Any) -> Any:
        """Two stages that share the epochs, where there are two; of the same depth."""

        def create(layers: int) -> tuple[Any, ...]:
            copied = copy.deepcopy(model)
            optimizer = torch.optim.SGD(copied.parameters(), 0.02, momentum=0.5)
            return copied, F.cross_entropy, optimizer, None

        stages = 1 if num_epochs % 2 else 2
        defaults = {
            "pdarts_num_layers": (0, 6)[:stages],
            "pdarts_num_to_drop": (1, 1)[:stages],
            "skip_dropout": (0.2, 0.4)[:stages],
            "weights_only_epochs": 0,
        }
        return PdartsTrainer(create, 5, accuracy, num_epochs // stages, **defaults | options)

    def test_candidates_learn_and_architecture_parameters_are_no_weights(self) -> None:
        """As in the suite, with nothing dropped: it looks at the weights of all candidates."""
        make = self.make
        self.make = lambda: make(pdarts_num_to_drop=(0, 0))  # type: ignore[method-assign, misc]
        super().test_candidates_learn_and_architecture_parameters_are_no_weights()

    def test_what_is_exported_keeps_to_the_constraints(self) -> None:
        """Unless what fits was dropped, which is said when the next stage is first judged."""
        make = self.make
        self.make = lambda model: make(model, pdarts_num_to_drop=(0, 0))  # type: ignore[method-assign]
        super().test_what_is_exported_keeps_to_the_constraints()
        self.make = make  # type: ignore[method-assign]
        with pytest.raises(SearchSpaceError, match=r"have left: none of 1,000 .*drop fewer"):
            super().test_what_is_exported_keeps_to_the_constraints()


class Chain(nn.Module):
    """Layers that decide together, among a list of four."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*[self._layer() for _ in range(layers)])
        self.head = nn.Linear(12, 2)

    def _layer(self) -> LayerChoice:
        convs = [nn.Conv2d(12, 12, 1) for _ in range(3)]
        return LayerChoice([convs[0], nn.Identity(), *convs[1:]], key="normal")

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.layers(x).mean((2, 3)))
        return logits


class Creator:
    """Makes chains, and remembers what it made."""

    def __init__(self) -> None:
        self.depths: list[int] = []
        self.optimizers: list[torch.optim.SGD] = []

    def __call__(self, layers: int) -> tuple[Any, ...]:
        self.depths.append(layers)
        model = Chain(layers)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        self.optimizers.append(optimizer)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        return model, nn.CrossEntropyLoss(), optimizer, scheduler


def make(creator: Any, *, num_epochs: int = 2, **options: Any) -> PdartsTrainer:
    torch.manual_seed(0)
    given: dict[str, Any] = {
        "dataset_train": PlantedData(32),
        "dataset_valid": PlantedData(16, seed=1),
        "batch_size": 8,
        "weights_only_epochs": 1,
        "seed": 1,
        "progress": False,
        **options,
    }
    return PdartsTrainer(creator, 1, None, num_epochs, **given)


class Nested(nn.Module):
    """A choice inside a candidate of another."""

    def __init__(self) -> None:
        super().__init__()
        inner = LayerChoice({"conv": nn.Conv2d(12, 12, 1), "tanh": nn.Tanh()}, key="inner")
        outer = {"inside": inner, "pool": nn.AvgPool2d(3, 1, 1), "conv": nn.Conv2d(12, 12, 1)}
        self.op = LayerChoice(outer, key="outer")
        self.head = nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.op(x).mean((2, 3)))
        return logits


class Watch(Callback):
    """What there is at the beginning of each epoch."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int, int]] = []

    def on_epoch_begin(self, epoch: int) -> None:
        chain: Any = self.model
        self.seen.append((epoch, len(chain.layers), len(chain.layers[0])))


def test_stages_grow_and_drop_and_count_epochs_through() -> None:
    creator, watch = Creator(), Watch()
    trainer = make(
        creator, pdarts_num_layers=(0, 1, 2), pdarts_num_to_drop=(1, 2, 0), callbacks=[watch]
    )
    assert trainer.stage == 0
    trainer.train()
    assert creator.depths == [1, 2, 3, 1, 2, 3]  # looked at first, then trained
    assert watch.seen == [(0, 1, 4), (1, 1, 4), (2, 2, 3), (3, 2, 3), (4, 3, 1), (5, 3, 1)]
    assert trainer.stage == 2
    assert watch.trainer is trainer  # type: ignore[comparison-overlap]


def test_each_stage_begins_with_epochs_of_the_weights_only() -> None:
    moved: list[bool] = []

    class Compare(Callback):
        def on_epoch_begin(self, epoch: int) -> None:
            self.before = copy.deepcopy(self.mutator.state_dict())

        def on_epoch_end(self, epoch: int) -> None:
            now = self.mutator.state_dict()
            moved.append(any(not torch.equal(self.before[name], now[name]) for name in now))

    trainer = make(
        Creator(),
        num_epochs=3,
        weights_only_epochs=2,
        pdarts_num_layers=(0, 1),
        pdarts_num_to_drop=(1, 0),
        skip_dropout=(0.0, 0.0),
        callbacks=[Compare()],
    )
    trainer.train()
    assert moved == [False, False, True, False, False, True]


def test_the_export_names_candidates_of_the_untouched_model() -> None:
    """After a deletion, numbered candidates have other names; the export has the first ones."""
    trainer = make(
        Creator(),
        pdarts_num_layers=(0, 0),
        pdarts_num_to_drop=(3, 0),
        num_epochs=1,
        weights_only_epochs=0,
        skip_dropout=(0.0, 0.0),
    )
    rows = trainer.mutator.logits.one.rows()
    rows["normal"].data.copy_(torch.tensor([0.0, 0.0, 0.0, 5.0]))
    trainer.train()
    assert trainer.model.layers[0].names == ["0"]
    assert trainer.export() == {"normal": "3"}
    assert trainer.search_space == search_space(Chain(1))
    network = apply_fixed_architecture(Chain(7), trainer.export())
    assert all(isinstance(layer, nn.Conv2d) for layer in network.layers)


@pytest.mark.parametrize("drops", [(1, 0), (1, 1), (0, 1), (4, 9)])
def test_any_number_may_be_dropped_but_the_last(drops: tuple[int, int]) -> None:
    """Exactly one in total too."""
    trainer = make(
        Creator(), pdarts_num_layers=(0, 1), pdarts_num_to_drop=drops, skip_dropout=(0.0, 0.0)
    )
    trainer.train()
    assert len(trainer.model.layers[0]) == max(1, 4 - drops[0])
    assert trainer.validate()["loss"] > 0
    apply_fixed_architecture(Chain(3), trainer.export())


def test_optimizers_forget_dropped_candidates_and_schedulers_step() -> None:
    creator = Creator()
    trainer = make(
        creator, pdarts_num_layers=(0, 0), pdarts_num_to_drop=(3, 0), skip_dropout=(0.0, 0.0)
    )
    trainer.train()
    held = {id(p) for group in creator.optimizers[-1].param_groups for p in group["params"]}
    assert held == {id(parameter) for parameter in trainer.model.parameters()}
    assert [o.param_groups[0]["lr"] for o in creator.optimizers[-2:]] == [0.025, 0.025]


def test_candidates_that_are_dropped_are_the_least_probable() -> None:
    trainer = make(
        Creator(), pdarts_num_layers=(0, 0), pdarts_num_to_drop=(2, 0), skip_dropout=(0.0, 0.0)
    )
    row = trainer.mutator.logits.one.rows()["normal"]
    row.data.copy_(torch.tensor([1.0, 9.0, -9.0, 3.0]))
    candidates = list(trainer.model.layers[0])
    trainer.train()
    kinds = [type(candidate) for candidate in trainer.model.layers[0]]
    assert kinds == [type(candidates[1]), type(candidates[3])]
    assert kinds == [nn.Identity, nn.Conv2d]


@pytest.mark.parametrize(("dropped", "keys"), [(0, {"outer"}), (1, {"outer", "inner"})])
def test_a_choice_that_is_dropped_with_its_candidate(dropped: int, keys: set[str]) -> None:
    def create(_layers: int) -> tuple[Any, ...]:
        model = Nested()
        return model, F.cross_entropy, torch.optim.SGD(model.parameters(), 0.1), None

    trainer = make(
        create, pdarts_num_layers=(0, 0), pdarts_num_to_drop=(1, 0), skip_dropout=(0.0, 0.0)
    )
    trainer.mutator.logits.one.rows()["outer"].data[dropped] = -5.0
    trainer.train()
    assert trainer.mutator.status().keys() == keys
    apply_fixed_architecture(Nested(), trainer.export())


def test_dropout_behind_skip_connections_in_training_only() -> None:
    rates: list[float] = []

    class Look(Callback):
        def on_batch_end(self, epoch: int, batch: int) -> None:
            x = torch.ones(200, 12, 1, 1)
            skip = self.model.layers[0][1]  # type: ignore[index, union-attr]
            rates.append(float((skip(x) == 0).float().mean()))

    trainer = make(
        Creator(),
        pdarts_num_layers=(0,),
        pdarts_num_to_drop=(0,),
        skip_dropout=(0.5,),
        callbacks=[Look()],
    )
    x = torch.ones(50, 12, 1, 1)
    trainer.train()
    assert rates[0] == pytest.approx(0.25, abs=0.05)  # 0.5 * (2 - 0 - 1) / 2
    assert rates[-1] == pytest.approx(0.5, abs=0.05)  # the first epoch of the architecture
    assert torch.equal(trainer.model.layers[0][1](x), x), "the search is over"
    pickle.loads(pickle.dumps(trainer.model.layers[0][1]))


@pytest.mark.parametrize(("cap", "skips"), [(None, 8), (2, 2), (0, 0)])
def test_the_exported_normal_cell_has_few_skip_connections(cap: int | None, skips: int) -> None:
    def create(layers: int) -> tuple[Any, ...]:
        model = darts(channels=2, cells=layers, classes=2, stem_multiplier=1, in_channels=12)
        return model, F.cross_entropy, torch.optim.SGD(model.parameters(), 0.1), None

    trainer = PdartsTrainer(
        create,
        3,
        None,
        25,
        PlantedData(8),
        pdarts_num_layers=(0,),
        pdarts_num_to_drop=(0,),
        skip_dropout=(0.0,),
        skip_cap=cap,
        seed=2,
    )
    for key, row in trainer.mutator.logits.one.rows().items():
        row.data[3] += 1.0 + 0.01 * len(key)  # skip_connect
    architecture = trainer.export()

    def count(kind: str) -> int:
        switches = {key: names for key, names in architecture.items() if key.endswith("switch")}
        taken = [name for key, names in switches.items() if key.startswith(kind) for name in names]
        return sum(architecture[name] == "skip_connect" for name in taken)

    assert count("normal") == skips
    assert count("reduce") == 8, "only the normal cell is bounded"
    decided = trainer.mutator._final()["normal_n2_p0"].indices
    assert (
        architecture["normal_n2_p0"]
        == trainer.search_space.specs["normal_n2_p0"].candidates[decided[0]]
    )


def test_keys_must_not_depend_on_the_depth() -> None:
    class Unnamed(Chain):
        def _layer(self) -> LayerChoice:
            return LayerChoice([nn.Identity(), nn.Conv2d(12, 12, 1)])

    def create(layers: int) -> tuple[Any, ...]:
        model = Unnamed(layers)
        return model, F.cross_entropy, torch.optim.SGD(model.parameters(), 0.1), None

    stages = {"pdarts_num_layers": (0, 1), "pdarts_num_to_drop": (1, 0), "skip_dropout": (0, 0)}
    with pytest.raises(ConfigError, match=r"same search space, but 'layers\.1' differ"):
        make(create, **stages)


def test_wrong_stages_are_told_together() -> None:
    with pytest.raises(ConfigError) as caught:
        make(
            Creator(),
            pdarts_num_layers=(0, 1),
            pdarts_num_to_drop=(-1,),
            skip_cap=-2,
            skip_names="skip",
        )
    assert len(caught.value.problems) == 5
    assert "skip_dropout: must have as many entries as pdarts_num_layers (2)" in str(caught.value)
    with pytest.raises(ConfigError, match="must be >= 0 and < 1"):
        make(Creator(), skip_dropout=(0.0, 0.4, 1.0))
    with pytest.raises(ConfigError, match="weights_only_epochs: must be less than num_epochs=2"):
        make(Creator(), weights_only_epochs=2)
    with pytest.raises(ConfigError, match="must have an entry a stage, but got none"):
        make(Creator(), pdarts_num_layers=(), pdarts_num_to_drop=(), skip_dropout=())


@pytest.mark.parametrize(
    ("created", "got"),
    [(nn.Linear(1, 1), "Linear"), ((nn.Linear(1, 1), None), "Linear, NoneType")],
)
def test_what_a_model_creator_must_return(created: Any, got: str) -> None:
    with pytest.raises(ConfigError, match=rf"must return \(model, loss.*but returned \({got}\)"):
        make(lambda _layers: created)


def test_arguments_are_not_changed() -> None:
    drops, layers = [1, 0], [0, 0]
    for _ in range(2):
        trainer = make(
            Creator(),
            pdarts_num_layers=layers,
            pdarts_num_to_drop=drops,
            skip_dropout=[0.0, 0.0],
            num_epochs=1,
            weights_only_epochs=0,
        )
        trainer.train()
        assert len(trainer.model.layers[0]) == 3
    assert (drops, layers) == ([1, 0], [0, 0])


def test_resumed_between_two_stages(tmp_path: Path) -> None:
    stages = {
        "pdarts_num_layers": (0, 1),
        "pdarts_num_to_drop": (2, 0),
        "skip_dropout": (0.1, 0.3),
    }
    whole = make(Creator(), callbacks=[ModelCheckpoint(tmp_path)], **stages)
    whole.train()
    resumed = make(Creator(), **stages)
    resumed.resume(tmp_path / "epoch_1.pt")
    assert resumed.stage == 0
    resumed.train()
    assert resumed.stage == 1
    assert resumed.export() == whole.export()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name])


def test_checkpoints_of_other_trainers_and_stages(tmp_path: Path) -> None:
    file = tmp_path / "file.pt"
    model = Chain(1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    other = DartsTrainer(model, F.cross_entropy, None, optimizer, 1, PlantedData(8))
    other.checkpoint(file)
    with pytest.raises(
        CheckpointError, match="written by DartsTrainer; it cannot be resumed by Pd"
    ):
        make(Creator()).resume(file)
    stages = {"pdarts_num_to_drop": (1, 1), "skip_dropout": (0.0, 0.0)}
    trainer = make(
        Creator(), pdarts_num_layers=(0, 1), num_epochs=1, weights_only_epochs=0, **stages
    )
    trainer.train()
    trainer.checkpoint(file)
    with pytest.raises(CheckpointError, match="written by PdartsTrainer"):
        other.resume(file)
    one_stage = make(
        Creator(), pdarts_num_layers=(0,), pdarts_num_to_drop=(1,), skip_dropout=(0.0,)
    )
    with pytest.raises(CheckpointError, match="in stage 1, there are 1"):
        one_stage.resume(file)
    assert one_stage.stage == 0
