"""The controller of ENAS: architectures decided by a recurrent network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import torch
from torch import Tensor, nn

from nas_tuners.contract.architecture import vector_of
from nas_tuners.contract.constraints import attempts_of, nothing_fits
from nas_tuners.contract.errors import ConfigError, Problem

from ._controller_network import ControllerNetwork, Decide, Shape, Walk
from ._controller_plan import Decision, plan_of
from ._fitting import broken_constraint, indices_of
from ._mutator import Mutator
from ._noise import GumbelNoise
from ._random import draw_seed, selections_of
from ._relaxation import generator_from
from ._selection import Mask, Selection
from ._subsets import RandomSubset

_ROUND = 32  # architectures that are drawn at once where some are refused


@dataclass(frozen=True)
class Samples:
    """Architectures that a controller drew.

    Attributes:
        decisions: A decision for each.
        log_probabilities: Of the architectures, of shape (samples,).
        entropies: Of the distributions that they were drawn from.
        skip_penalties: How far the distributions of open input choices are from the target.
    """

    decisions: list[dict[str, Selection]]
    log_probabilities: Tensor
    entropies: Tensor
    skip_penalties: Tensor

    def rows(self, indices: Sequence[int]) -> Samples:
        """Some of them."""
        places = torch.tensor(list(indices))
        return Samples(
            [self.decisions[index] for index in indices],
            self.log_probabilities[places],
            self.entropies[places],
            self.skip_penalties[places],
        )


@final
class ControllerMutator(Mutator):
    """Decides one key after the other with an LSTM, each given those before it.

    Pham, Guan, Zoph, Le, Dean: Efficient Neural Architecture Search via Parameter Sharing, ICML
    2018 (https://arxiv.org/abs/1802.03268), sections 2.2 to 2.4. Keys are decided in order of
    definition, a step of the LSTM each. An input choice attends to the states in which the LSTM
    was when it decided the sources, by ``choose_from``: choices and scopes by their keys. An
    input that is neither (``NO_KEY``, the input of a cell, a name that repeats) has a learned
    vector of its own.

    Any number of inputs may be asked for: where it is open (``n_chosen=None``) each is drawn
    independently; exactly k of them, or a range, are drawn jointly. Keys in candidates that are
    not chosen are not decided, and count for nothing. What breaks a constraint of the model space
    is drawn again.

    The network is tiny and its decisions are needed on the host, where it stays.

    Args:
        model: A model with choices.
        lstm_size, lstm_num_layers: Of the LSTM.
        tanh_constant: Bound of the logits, which keeps the search from settling early; None for
            none. Published: 1.5 for whole networks, 1.1 for cells.
        op_tanh_reduce: What divides that bound for layer choices. Published: 2.5 for cells.
        temperature: What divides the logits first; None for 1.
        skip_target: The probability of a connection that the skip penalty draws towards, for
            input choices of any number.
        branch_bias: Added to the logits of candidates that are convolutions by name, and
            subtracted from the others', in keys with ``normal_``: as in the authors' code, normal
            cells prefer convolutions. None for none.
        cell_exit_extra_step: Whether the end of a scope is a step of the LSTM too. Published: for
            cells, not for whole networks.
        entropy_reduction: Of the entropies of an architecture's keys: their ``"sum"`` or
            ``"mean"``.
        seed: Of the parameters and the decisions; None takes one from torch's generator.

    Attributes:
        sample_log_prob: The log-probability of the last ``sample_search()``, a scalar tensor.
        sample_entropy: The entropy of the distributions it was drawn from.
        sample_skip_penalty: See :class:`Samples`.

    Raises:
        ConfigError: with everything that is wrong with the arguments.

    Example::

        mutator = ControllerMutator(model)
        mutator.reset()
        reward = evaluate(model)
        (-reward * mutator.sample_log_prob).backward()  # REINFORCE, without a baseline
    """

    stays_on_host = True

    def __init__(
        self,
        model: nn.Module,
        *,
        lstm_size: int = 64,
        lstm_num_layers: int = 1,
        tanh_constant: float | None = 1.5,
        op_tanh_reduce: float = 1.0,
        temperature: float | None = None,
        skip_target: float = 0.4,
        branch_bias: float | None = 0.25,
        cell_exit_extra_step: bool = False,
        entropy_reduction: Literal["sum", "mean"] = "sum",
        seed: int | None = None,
    ) -> None:
        shape = Shape(
            lstm_size=lstm_size,
            lstm_num_layers=lstm_num_layers,
            tanh_constant=tanh_constant,
            op_tanh_reduce=op_tanh_reduce,
            temperature=temperature,
            skip_target=skip_target,
            cell_exit_extra_step=cell_exit_extra_step,
            entropy_mean=entropy_reduction == "mean",
        )
        problems = [*_check(shape, entropy_reduction)]
        if problems:
            raise ConfigError(problems, "ControllerMutator")
        super().__init__(model)
        seed = draw_seed() if seed is None else seed
        plan = plan_of(self.mutables, self.search_space, branch_bias=branch_bias or 0.0)
        self.network = ControllerNetwork(plan, shape, generator=generator_from(seed))
        self._noise = GumbelNoise(seed + 1)
        self.sample_log_prob = self.sample_entropy = self.sample_skip_penalty = torch.zeros(())

    def sample(self, count: int, *, seed: int | None = None) -> Samples:
        """Draw several architectures at once, which costs little more than one.

        Args:
            count: How many.
            seed: Of a generator for these alone; None goes on with the mutator's own.

        Raises:
            SearchSpaceError: if too many in a row break a constraint of the model space.
        """
        noise = self._noise if seed is None else GumbelNoise(seed)
        if self.search_space.constraints:
            return self._fitting(count, noise)
        return self._drawn(count, noise)

    def sample_search(self) -> dict[str, Selection]:
        samples = self.sample(1)
        self.sample_log_prob = samples.log_probabilities[0]
        self.sample_entropy = samples.entropies[0]
        self.sample_skip_penalty = samples.skip_penalties[0]
        return samples.decisions[0]

    def sample_final(self) -> dict[str, Selection]:
        """The likeliest decision key after key; trainers that can judge several do better."""
        with torch.no_grad():
            walk = self.network(1, lambda _, subset: subset.mode())
            likeliest = _decisions(walk, 1)[0]
            if broken_constraint(self.search_space, indices_of(likeliest)) is None:
                return likeliest
            samples = self.sample(_ROUND, seed=0)
        return samples.decisions[int(samples.log_probabilities.argmax())]

    def log_probability(self, masks: Mapping[str, Mask]) -> Tensor:
        """The log-probability of an architecture, a scalar tensor.

        Args:
            masks: key -> mask, as for :meth:`apply_on_model`; inactive keys do not matter.

        Raises:
            ArchitectureError: if it is none of the search space.
        """
        chosen = {key: list(one.indices) for key, one in self._read(masks).items()}
        given = selections_of(self.search_space, vector_of(self.search_space, chosen))
        walk: Walk = self.network(1, _as_given(given))
        return walk.log_probability()[0]

    def get_extra_state(self) -> Any:
        return self._noise.get_state()

    def set_extra_state(self, state: Any) -> None:
        self._noise.set_state(state)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        for name in ("sample_log_prob", "sample_entropy", "sample_skip_penalty"):
            state[name] = state[name].detach()
        return state

    def _fitting(self, count: int, noise: GumbelNoise) -> Samples:
        """What breaks a constraint of the space is drawn again.

        The probability that an architecture fits would belong to its log-probability. It is the
        same for all, so that a baseline takes it out of a gradient, and is left out.
        """
        parts: list[Samples] = []
        refusals: Counter[str] = Counter()
        while sum(len(part.decisions) for part in parts) < count:
            drawn = self._drawn(max(count, _ROUND), noise)
            broken = [
                broken_constraint(self.search_space, indices_of(one)) for one in drawn.decisions
            ]
            refusals.update(one.name for one in broken if one is not None)
            fitting = [index for index, one in enumerate(broken) if one is None]
            if fitting:
                parts.append(drawn.rows(fitting))
                refusals.clear()
            elif refusals.total() >= attempts_of(self.search_space.constraints):
                raise nothing_fits(refusals)
        return joined(parts).rows(range(count))

    def _drawn(self, count: int, noise: GumbelNoise) -> Samples:
        walk = self.network(count, lambda _, subset: subset.sample(noise.like))
        return Samples(
            decisions=_decisions(walk, count),
            log_probabilities=walk.log_probability(),
            entropies=walk.entropy(mean=self.network.shape.entropy_mean),
            skip_penalties=walk.skip_penalty(),
        )


def joined(parts: Sequence[Samples]) -> Samples:
    """All of them, in order."""
    return Samples(
        [decision for part in parts for decision in part.decisions],
        torch.cat([part.log_probabilities for part in parts]),
        torch.cat([part.entropies for part in parts]),
        torch.cat([part.skip_penalties for part in parts]),
    )


def _decisions(walk: Walk, count: int) -> list[dict[str, Selection]]:
    """Each sample's decision: by key, the candidates that it chose."""
    decisions: list[dict[str, Selection]] = [{} for _ in range(count)]
    for key, masks in walk.masks.items():
        for decision, row in zip(decisions, masks.tolist(), strict=True):
            decision[key] = Selection(len(row), _where(row))
    return decisions


def _where(row: Sequence[float]) -> tuple[int, ...]:
    return tuple(index for index, entry in enumerate(row) if entry)


def _as_given(selections: Mapping[str, Selection]) -> Decide:
    def decide(decision: Decision, subset: RandomSubset) -> Tensor:
        return selections[decision.key].mask().unsqueeze(0).to(subset.logits)

    return decide


def _check(shape: Shape, entropy_reduction: object) -> Iterator[Problem]:
    for name in ("lstm_size", "lstm_num_layers"):
        value = getattr(shape, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            yield Problem(name, f"must be a whole number >= 1, but got {value!r}")
    for name in ("tanh_constant", "temperature", "op_tanh_reduce"):
        value = getattr(shape, name)
        if value is None and name != "op_tanh_reduce":
            continue
        if not isinstance(value, (int, float)) or not value > 0:
            yield Problem(name, f"must be a number > 0, but got {value!r}")
    if not isinstance(shape.skip_target, (int, float)) or not 0 < shape.skip_target < 1:
        yield Problem("skip_target", f"must be between 0 and 1, but got {shape.skip_target!r}")
    if entropy_reduction not in ("sum", "mean"):
        yield Problem("entropy_reduction", f"must be 'sum' or 'mean', got {entropy_reduction!r}")
