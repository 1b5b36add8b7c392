"""The network that decides key after key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from ._controller_plan import Decision, Exit, Plan, Source
from ._subsets import RandomSubset

Decide = Callable[[Decision, RandomSubset], Tensor]
"""How a key is decided: to ones and zeros, of shape (samples, candidates)."""


@dataclass(frozen=True)
class Shape:
    """What :class:`ControllerMutator` calls by the same names."""

    lstm_size: int
    lstm_num_layers: int
    tanh_constant: float | None
    op_tanh_reduce: float
    temperature: float | None
    skip_target: float
    cell_exit_extra_step: bool
    entropy_mean: bool


@dataclass
class Walk:
    """What was decided on a walk over all keys, for several samples at once.

    Attributes:
        masks: key -> ones and zeros, of shape (samples, candidates); zeros where it is inactive.
        anchors: What keys and scopes are known by, of shape (samples, size).
    """

    masks: dict[str, Tensor] = field(default_factory=dict)
    anchors: dict[str, Tensor] = field(default_factory=dict)
    _log_probabilities: list[Tensor] = field(default_factory=list)
    _entropies: list[Tensor] = field(default_factory=list)
    _active: list[Tensor] = field(default_factory=list)
    _penalties: list[Tensor] = field(default_factory=list)
    _open: list[Tensor] = field(default_factory=list)

    def note(
        self, decision: Decision, subset: RandomSubset, mask: Tensor, *, active: Tensor
    ) -> None:
        """Note a decision; ``active`` is one in the samples in which the key matters, else 0."""
        self.masks[decision.key] = mask * active.unsqueeze(-1)
        self._log_probabilities.append(subset.log_probability(mask) * active)
        self._entropies.append(subset.entropy() * active)
        self._active.append(active)

    def note_penalty(self, penalty: Tensor, *, active: Tensor) -> None:
        self._penalties.append(penalty * active)
        self._open.append(active)

    def log_probability(self) -> Tensor:
        """Of each sample, of shape (samples,)."""
        return torch.stack(self._log_probabilities).sum(0)

    def entropy(self, *, mean: bool) -> Tensor:
        """Of the distributions along each sample's path: their sum, or their mean."""
        total = torch.stack(self._entropies).sum(0)
        return total / torch.stack(self._active).sum(0) if mean else total

    def skip_penalty(self) -> Tensor:
        """The mean over each sample's open input choices; 0 where there are none."""
        if not self._penalties:
            return torch.zeros_like(self._active[0])
        return torch.stack(self._penalties).sum(0) / torch.stack(self._open).sum(0).clamp(min=1)


@dataclass(frozen=True)
class _State:
    """Before a step: the input, and hidden and cell state of each layer of the LSTM."""

    input: Tensor
    layers: tuple[tuple[Tensor, Tensor], ...]

    @property
    def hidden(self) -> Tensor:
        return self.layers[-1][0]


class ControllerNetwork(nn.Module):
    """An LSTM that makes a step for each key and scores the candidates from its state.

    Layer choices are scored by an output layer, input choices by attention to the states in which
    the LSTM was at their sources. What was chosen is the input of the next step.

    Args:
        plan: What to decide.
        shape: Of the network.
        generator: For the parameters: uniform within 0.1, as published.
    """

    def __init__(self, plan: Plan, shape: Shape, *, generator: torch.Generator) -> None:
        super().__init__()
        self.plan = plan
        self.shape = shape
        size = shape.lstm_size
        self.lstm = nn.ModuleList(nn.LSTMCell(size, size) for _ in range(shape.lstm_num_layers))
        self.start = nn.Parameter(torch.empty(size))
        self.scores = nn.ModuleList(nn.Linear(size, count) for count in plan.layers)
        self.embeddings = nn.ModuleList(nn.Embedding(count, size) for count in plan.layers)
        self.vectors = nn.Parameter(torch.empty(plan.vectors, size))
        self.attend_anchor = nn.Linear(size, size, bias=False)
        self.attend_hidden = nn.Linear(size, size, bias=False)
        self.attention = nn.Linear(size, 1, bias=False)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-0.1, 0.1, generator=generator)

    def forward(self, samples: int, decide: Decide) -> Walk:
        """Decide every key, for so many samples at once."""
        zeros = self.start.new_zeros(samples, self.shape.lstm_size)
        state = _State(self.start.expand(samples, -1), ((zeros, zeros),) * len(self.lstm))
        walk = Walk()
        for step in self.plan.steps:
            if isinstance(step, Exit):
                state = self._exit(state)
            else:
                state = self._decide(step, state, walk, decide)
            walk.anchors[step.key] = state.hidden
        return walk

    def _exit(self, state: _State) -> _State:
        if not self.shape.cell_exit_extra_step:
            return state
        return replace(self._step(state), input=self.start.expand_as(state.input))

    def _decide(self, decision: Decision, state: _State, walk: Walk, decide: Decide) -> _State:
        stepped = self._step(state)
        logits, values = self._scored(decision, stepped.hidden, walk)
        subset = RandomSubset(logits, decision.low, decision.high)
        mask = decide(decision, subset)
        active = decision.active(walk.masks)
        weight = logits.new_ones(len(logits)) if active is None else active.to(logits)
        walk.note(decision, subset, mask, active=weight)
        if decision.is_open:
            walk.note_penalty(bernoulli_divergence(logits, self.shape.skip_target), active=weight)
        after = replace(stepped, input=_embedded(decision, mask, values))
        return after if active is None else _where(active.unsqueeze(-1), after, state)

    def _step(self, state: _State) -> _State:
        x, layers = state.input, []
        for cell, before in zip(self.lstm, state.layers, strict=True):
            layers.append(cell(x, before))
            x = layers[-1][0]
        return replace(state, layers=tuple(layers))

    def _scored(self, decision: Decision, hidden: Tensor, walk: Walk) -> tuple[Tensor, Tensor]:
        """Logits of the candidates, and a vector for each."""
        shape = self.shape
        if decision.layer is not None:
            raw = self.scores[decision.layer](hidden)
            logits = _bounded(raw, shape, divisor=shape.op_tanh_reduce)
            if decision.bias:
                logits = logits + logits.new_tensor(decision.bias)
            return logits, self.embeddings[decision.layer].weight  # type: ignore[return-value]
        anchors = self._anchors(decision.sources, walk, like=hidden)
        query = torch.tanh(self.attend_anchor(anchors) + self.attend_hidden(hidden).unsqueeze(1))
        logits = _bounded(self.attention(query).squeeze(-1), shape, divisor=1.0)
        # Where the number is free, an input is weighed against its absence: q against -q.
        return (logits if decision.low == decision.high else 2 * logits), anchors

    def _anchors(self, sources: tuple[Source, ...], walk: Walk, *, like: Tensor) -> Tensor:
        """Of shape (samples, sources, size)."""
        found = [
            walk.anchors[source]
            if isinstance(source, str)
            else self.vectors[source].expand_as(like)
            for source in sources
        ]
        return torch.stack(found, dim=1)


def bernoulli_divergence(log_odds: Tensor, target: float) -> Tensor:
    """KL divergence of Bernoulli variables from one with probability ``target``, summed.

    Shape:
        (samples, candidates) to (samples,).
    """
    goal = log_odds.new_tensor(target)
    present, absent = F.logsigmoid(log_odds), F.logsigmoid(-log_odds)
    terms = present.exp() * (present - goal.log()) + absent.exp() * (absent - (1 - goal).log())
    return terms.sum(-1)


def _bounded(raw: Tensor, shape: Shape, *, divisor: float) -> Tensor:
    """Temperature first, then the bound, in the order of the authors' code."""
    if shape.temperature is not None:
        raw = raw / shape.temperature
    if shape.tanh_constant is None:
        return raw
    return shape.tanh_constant / divisor * torch.tanh(raw)


def _embedded(decision: Decision, mask: Tensor, values: Tensor) -> Tensor:
    """The next input: the chosen vector, or the mean of several.

    Where the number is free the sum is divided by one more than the count, as published: no
    chosen input at all has a vector then, too.
    """
    total = (mask.unsqueeze(-1) * values).sum(1)
    count = mask.sum(-1, keepdim=True) + (decision.low != decision.high)
    return total / count.clamp(min=1)


def _where(active: Tensor, after: _State, before: _State) -> _State:
    """A key that does not matter leaves no trace."""
    layers = tuple(
        (torch.where(active, h, old_h), torch.where(active, c, old_c))
        for (h, c), (old_h, old_c) in zip(after.layers, before.layers, strict=True)
    )
    return _State(torch.where(active, after.input, before.input), layers)
