"""Efficient Neural Architecture Search."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, Union, final

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from typing_extensions import Unpack

from nas_tuners.contract.architecture import to_architecture, vector_of
from nas_tuners.contract.errors import ConfigError, Problem, TrainingError
from trial_api.randomness import seed_of, seeded

from ..mutators import ControllerMutator, Mutator, Selection
from ..training.auxiliary import on_logits, with_auxiliary
from ..training.batches import Batch
from . import _distributed as distributed
from ._arguments import described
from ._base import BaseTrainer, Loss, Metrics
from ._batch_norm import judging
from ._data import SEARCH, TRAIN
from ._judge import judge
from ._loop import Phase
from ._meters import Value
from ._options import Options
from ._reinforce import MovingBaseline, read_reward, reinforce_loss
from ._update import Update

Reward = Callable[[Any, Any], Union[float, Tensor]]

_BLOCK = 32
"""Architectures that are drawn at once for training: one costs nearly as much as all."""


@final
class EnasTrainer(BaseTrainer):
    """A controller learns by reinforcement which subnetworks of a supernet are good.

    Pham, Guan, Zoph, Le, Dean: Efficient Neural Architecture Search via Parameter Sharing, ICML
    2018 (https://arxiv.org/abs/1802.03268), section 2.2. An epoch trains the weights for
    ``child_steps``, an architecture from the controller each; then the controller for
    ``mutator_steps``, by REINFORCE with a moving baseline. The reward of an architecture is that
    of a batch of held-out data: a tenth of ``dataset_train``, as published, unless
    ``search_fraction`` says otherwise. At the end several architectures are drawn, and the best is
    exported.

    An epoch costs ``child_steps`` training steps of a subnetwork, and ``mutator_steps *
    mutator_steps_aggregate`` times a forward pass.

    The published search on CIFAR-10 trains whole networks of 12 layers for 310 epochs with
    batches of 128, and cells for 150 epochs with batches of 160; SGD with Nesterov momentum, the
    learning rate between 0.05 and 0.0005 by a cosine with restarts.

    Args:
        model: With choices; in training it may give ``(logits, auxiliary logits)``.
        loss, metrics, optimizer, num_epochs, dataset_train, dataset_valid: See
            :class:`BaseTrainer`. They see the logits.
        reward_function: ``reward_function(output, target)``, a number: what is to be large.
        mutator: :class:`ControllerMutator` by default.
        entropy_weight: Of the entropy of the controller's distributions, in the reward.
        skip_weight: Of the distance of input choices of any number from the controller's
            ``skip_target``.
        baseline_decay: Of the baseline; 0.99 as in the authors' experiments. With 0.999 it lags
            behind the rewards for whole epochs.
        child_steps: Training steps an epoch; None for a pass over the training data.
        mutator_lr: Of Adam on the controller; with the authors' beta_1 = 0 and epsilon = 1e-3.
        mutator_steps: Updates of the controller an epoch.
        mutator_steps_aggregate: Architectures an update.
        mutator_grad_clip: Largest norm of the controller's gradient; None does not clip.
        aux_weight: Of the loss of the auxiliary logits; None if a pair of outputs means something
            else, and loss, metrics and reward take it as it is.
        reward_batch_norm: Whether rewards are measured with the statistics of their batch
            (``"train"``, the authors' way for cells) or with those of the supernet (``"eval"``,
            for whole networks). Dropout is off, and running statistics do not move, either way.
        final_samples: Architectures of which :meth:`export` gives the best by the reward.
        final_batches: Held-out batches that they are compared on, the same for all.
        bn_batches: Training batches for the statistics of batch norm, of an architecture that is
            judged; 0 uses those of the supernet.
        options: See :class:`Options`; here ``grad_clip`` is 5 by default.

    Example::

        trainer = EnasTrainer(
            model, F.cross_entropy, accuracy, top1, optimizer, 150, dataset_train, dataset_valid
        )
        trainer.train()
        trainer.export("best.json")
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        metrics: Metrics,
        reward_function: Reward,
        optimizer: torch.optim.Optimizer,
        num_epochs: int,
        dataset_train: Dataset[Any] | None = None,
        dataset_valid: Dataset[Any] | None = None,
        *,
        mutator: ControllerMutator | None = None,
        entropy_weight: float = 1e-4,
        skip_weight: float = 0.8,
        baseline_decay: float = 0.99,
        child_steps: int | None = 500,
        mutator_lr: float = 3.5e-4,
        mutator_steps: int = 50,
        mutator_steps_aggregate: int = 20,
        mutator_grad_clip: float | None = 5.0,
        aux_weight: float | None = 0.4,
        reward_batch_norm: Literal["train", "eval"] = "train",
        final_samples: int = 10,
        final_batches: int = 10,
        bn_batches: int = 20,
        **options: Unpack[Options],
    ) -> None:
        counts = {
            "child_steps": 1 if child_steps is None else child_steps,
            "mutator_steps": mutator_steps,
            "mutator_steps_aggregate": mutator_steps_aggregate,
            "final_samples": final_samples,
            "final_batches": final_batches,
        }
        problems = [*_check_counts(counts)]
        problems += _check(reward_function, mutator, baseline_decay, reward_batch_norm)
        if problems:
            raise ConfigError(problems, "EnasTrainer")
        self._controller = mutator or ControllerMutator(model, seed=options.get("seed"))
        super().__init__(
            model,
            loss,
            metrics,
            optimizer,
            num_epochs,
            dataset_train,
            dataset_valid,
            mutator=self._controller,
            search_fraction=0.1,
            options={"grad_clip": 5.0, **options},
        )
        self.entropy_weight = entropy_weight
        self.skip_weight = skip_weight
        self.child_steps = child_steps
        self.mutator_steps = mutator_steps
        self.mutator_steps_aggregate = mutator_steps_aggregate
        self.reward_batch_norm = reward_batch_norm
        self.final_samples = final_samples
        self.final_batches = final_batches
        self.bn_batches = bn_batches
        self._reward_function = reward_function
        if aux_weight is not None:
            self._loss = with_auxiliary(self._loss, aux_weight)
            self._metrics = None if metrics is None else on_logits(metrics)
            self._reward_function = on_logits(reward_function)
        self._drawn: dict[int, list[dict[str, Selection]]] = {}
        self._baseline = MovingBaseline(baseline_decay)
        adam = torch.optim.Adam(
            self._controller.parameters(), lr=mutator_lr, betas=(0.0, 0.999), eps=1e-3
        )
        self._architecture = Update(adam, clip=mutator_grad_clip, only=True)
        self._parts |= {"architecture": self._architecture, "baseline": self._baseline}

    def _phases(self, epoch: int) -> Sequence[Phase]:
        self._drawn = {}  # the controller has moved since, or was replaced by resume()
        steps = self._steps(TRAIN) if self.child_steps is None else self.child_steps
        return [
            Phase("child", self._train_child, (TRAIN,), steps),
            Phase("controller", self._train_controller, (), self.mutator_steps),
        ]

    def _train_child(self, batch: Batch) -> dict[str, Value]:
        self._controller.apply_on_model(self._child_decision())
        self._write_graph_status()
        return self._train_weights(batch)

    def _child_decision(self) -> Mapping[str, Selection]:
        """One of a block; a resumed search draws the same block again, and keeps none of it."""
        position = self._loop.position
        block, place = divmod(position.step, _BLOCK)
        if block not in self._drawn:
            seed = seed_of(self.seed, f"child {position.epoch}", block)
            with torch.no_grad():
                self._drawn = {block: self._controller.sample(_BLOCK, seed=seed).decisions}
        return self._drawn[block][place]

    def _train_controller(self) -> dict[str, Value]:
        samples = self._controller.sample(self.mutator_steps_aggregate)
        rewards = self._rewards(samples.decisions)
        entropies = samples.entropies
        bonus = (self.entropy_weight * entropies.detach()).tolist()
        totals = [reward + extra for reward, extra in zip(rewards, bonus, strict=True)]
        loss = reinforce_loss(
            samples.log_probabilities,
            entropies.new_tensor(self._baseline.advantages(totals)),
            entropies=entropies,
            penalties=samples.skip_penalties,
            entropy_weight=self.entropy_weight,
            skip_weight=self.skip_weight,
        )
        self._architecture.step(loss)
        return {
            "reward": sum(rewards) / len(rewards),
            "baseline": self._baseline.value,
            "entropy": entropies.mean(),
            "skip_penalty": samples.skip_penalties.mean(),
        }

    def _rewards(self, decisions: Sequence[Mapping[str, Selection]]) -> list[float]:
        """Of each on a batch of its own; every process has the same ones.

        They are needed as numbers, so this waits for a GPU once an update.
        """
        with judging(self.model, batch_norm=self.reward_batch_norm):
            values = [self._reward_of(decision) for decision in decisions]
        rewards = torch.stack([torch.as_tensor(one, device=self.device) for one in values])
        distributed.average([rewards])
        numbers: list[float] = rewards.tolist()
        for number in numbers:
            if not math.isfinite(number):
                raise TrainingError(
                    f"reward_function returned {number} in {self._loop.where}; the search stops"
                )
        return numbers

    def _reward_of(self, decision: Mapping[str, Selection]) -> Value:
        self._controller.apply_on_model(decision)
        batch = self._loop.next_batch(SEARCH)
        return self._measure_reward(self._output(batch), batch)["reward"]

    def _measure_reward(self, output: Any, batch: Batch) -> dict[str, Value]:
        return {"reward": read_reward(self._reward_function(output, batch.target))}

    @property
    def _final_seed(self) -> int:
        return seed_of(self.seed, "final", 0)

    def _final_decision(self) -> Mapping[str, Selection]:
        """The best of several samples; the same ones until the controller moves."""
        with torch.no_grad():
            samples = self._controller.sample(self.final_samples, seed=self._final_seed)
        return max(_distinct(samples.decisions), key=self._final_reward)

    def _final_reward(self, decision: Mapping[str, Selection]) -> float:
        """On the same batches each time, also where data is augmented at random."""
        with seeded(self._final_seed):
            reward = judge(
                self._controller,
                decision,
                run=self._output,
                measure=self._measure_reward,
                statistics=self._statistics_batches(),
                batches=self._batches_of(SEARCH, self.final_batches),
            )["reward"]
        return reward if math.isfinite(reward) else -math.inf

    def _final_architecture(self) -> dict[str, Any]:
        space = self._controller.search_space
        chosen = {key: list(one.indices) for key, one in self._final_decision().items()}
        return to_architecture(space, vector_of(space, chosen))


def _distinct(decisions: Sequence[dict[str, Selection]]) -> list[dict[str, Selection]]:
    return list({tuple(decision.values()): decision for decision in decisions}.values())


def _check_counts(counts: Mapping[str, object]) -> Iterator[Problem]:
    for name, value in counts.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            yield Problem(name, f"must be a whole number >= 1, but got {value!r}")


def _check(
    reward_function: object,
    mutator: Mutator | None,
    baseline_decay: object,
    reward_batch_norm: object,
) -> Iterator[Problem]:
    if not callable(reward_function):
        yield Problem("reward_function", f"must be callable, but got {described(reward_function)}")
    if mutator is not None and not isinstance(mutator, ControllerMutator):
        kind = type(mutator).__name__
        yield Problem("mutator", f"must be a ControllerMutator, which learns, but got a {kind}")
    if not isinstance(baseline_decay, (int, float)) or not 0 <= baseline_decay < 1:
        yield Problem("baseline_decay", f"must be in [0, 1), but got {baseline_decay!r}")
    if reward_batch_norm not in ("train", "eval"):
        message = f"must be 'train' or 'eval', but got {reward_batch_norm!r}"
        yield Problem("reward_batch_norm", message)
