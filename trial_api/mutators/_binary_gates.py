"""Binary gates, as in ProxylessNAS."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final, get_args

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import ConfigError, MutatorError, did_you_mean

from ..nn._input_choice import InputChoice, inputs_in_order
from ..nn._layer_choice import LayerChoice
from ..nn._tree import Choice
from ._gate_draws import Draw, draw_of_all, draw_of_two, rescaled
from ._gates import GatedSelection, gated_output
from ._mutator import Mutator
from ._noise import GumbelNoise
from ._random import draw_seed
from ._relaxation import ArchitectureLogits, generator_from
from ._selection import Selection
from ._sources import ZERO_NAMES, chosen_by_strength

Mode = Literal["full", "two_path"]


@final
class BinaryGateMutator(Mutator):
    """Runs one candidate of each choice, drawn from the softmax of architecture parameters.

    Cai, Zhu, Han: ProxylessNAS: Direct Neural Architecture Search on Target Task and Hardware,
    ICLR 2019 (https://arxiv.org/abs/1812.00332), section 3.2. With ``p = softmax(alpha)``, a drawn
    one-hot vector of gates ``g`` and candidates ``o``, the output is that of the open gate
    (equation 3), and the gradient (equation 4) is::

        dL/dalpha_i = sum_j dL/dg_j p_j (delta_ij - p_i),    dL/dg_j = <dL/doutput, o_j(x)>

    A ``reset()`` under ``torch.no_grad()`` draws a network to train, which runs as if written by
    hand. Any other one draws gates for a step of the architecture: candidates whose gates are
    closed then run in the backward pass, without a graph. What is random in them (dropout) is
    drawn there.

    Input choices of one have gates over their inputs. Those of any number have an independent gate
    an input; of limited numbers, the likeliest are kept within the limits. Those that follow from
    layer choices (``choose_from`` names them) run all inputs.

    Args:
        model: A model with choices.
        mode: ``"full"``: gates over all candidates. ``"two_path"``: over two, drawn without
            replacement; call :meth:`keep_unsampled` after each step (section 3.2.1).
        scale: Standard deviation of the initial parameters.
        seed: Of these and of the draws; None takes one from torch's generator.
        zero_names: As for :class:`SoftmaxMutator`.

    Raises:
        ConfigError: for an unknown mode.
    """

    stays_on_host = True

    def __init__(
        self,
        model: nn.Module,
        *,
        mode: Mode = "full",
        scale: float = 1e-3,
        seed: int | None = None,
        zero_names: Sequence[str] = ZERO_NAMES,
    ) -> None:
        if mode not in get_args(Mode):
            known = get_args(Mode)
            hint = did_you_mean(str(mode), known)
            raise ConfigError(f"must be one of {', '.join(known)}, but got {mode!r}{hint}", "mode")
        super().__init__(model)
        seed = draw_seed() if seed is None else seed
        self.mode = mode
        self.logits = ArchitectureLogits(
            self.mutables,
            self.search_space,
            scale=scale,
            generator=generator_from(seed),
            zero_names=zero_names,
        )
        self._noise = GumbelNoise(seed + 1)
        self._reductions = _reductions_of(self.undedup_mutables)
        self._touched: dict[int, _Touched] = {}

    def sample_search(self) -> dict[str, Selection]:
        selections = self._gated() if torch.is_grad_enabled() else self._plain()
        for key, sources in self.logits.roles.derived.items():
            selections[key] = Selection(len(sources), tuple(range(len(sources))))
        return selections

    def sample_final(self) -> dict[str, Selection]:
        return self.logits.final()

    def preferences(self) -> dict[str, list[float]]:
        """The probabilities; of inputs that all run, 1 each."""
        return self.logits.numbers()

    def probabilities(self) -> dict[str, Tensor]:
        """key -> probabilities in the present decision, with a graph, on the model's device.

        Of the keys of which one candidate is chosen, in a step of the architecture. With two
        paths only the two of a key vary, and their sum does not.
        """
        current = self._current().items()
        return {key: one.probabilities for key, one in current if isinstance(one, GatedSelection)}

    def log_probability(self) -> Tensor:
        """Of the present decision, with a graph, on the host; as if all gates were independent.

        Raises:
            MutatorError: unless it was drawn under ``torch.no_grad()``.
        """
        current = self._current()
        if any(one.weights is not None for one in current.values()):
            raise MutatorError("gates of a step by gradient; draw under torch.no_grad()")
        terms = [
            row[current[key].indices[0]]
            for key, row in self.logits.one.rows(lambda t: torch.log_softmax(t, -1)).items()
        ]
        for key, row in self.logits.gates.rows().items():
            signs = torch.full_like(row, -1.0)
            signs[list(current[key].indices)] = 1.0
            terms.append(nn.functional.logsigmoid(signs * row).sum())
        return torch.stack(terms).sum()

    @torch.no_grad()
    def keep_unsampled(self) -> None:
        """After a step with two paths: leave the probabilities of all others as they were.

        The step counts for the parameters that were drawn since the last call, relative to each
        other.
        """
        for size, touched in self._touched.items():
            table = self.logits.one.tables[str(size)]
            table.copy_(rescaled(table, touched.before, touched.sampled))
        self._touched = {}

    def on_forward_layer_choice(self, mutable: LayerChoice, *args: Any, **kwargs: Any) -> Any:
        selection = self.selection_of(mutable)
        if not (isinstance(selection, GatedSelection) and torch.is_grad_enabled()):
            return super().on_forward_layer_choice(mutable, *args, **kwargs)
        layers: list[Any] = list(mutable._modules.values())
        output = gated_output(
            selection,
            lambda index: layers[index](*args, **kwargs),
            inputs=[args, kwargs],
            key=str(mutable.key),
            names=mutable.names,
        )
        return _as_reduced(mutable, selection, output)

    def on_forward_input_choice(self, mutable: InputChoice, inputs: Any) -> Any:
        selection = self.selection_of(mutable)
        if not (isinstance(selection, GatedSelection) and torch.is_grad_enabled()):
            return super().on_forward_input_choice(mutable, inputs)
        candidates = inputs_in_order(inputs, mutable.choose_from)
        names = [name or f"input {n}" for n, name in enumerate(mutable.choose_from)]
        output = gated_output(
            selection,
            candidates.__getitem__,
            inputs=inputs,
            key=str(mutable.key),
            names=names,
        )
        return _as_reduced(mutable, selection, output)

    def get_extra_state(self) -> dict[str, Any]:
        return {"noise": self._noise.get_state()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self._noise.set_state(state["noise"])

    def _plain(self) -> dict[str, Selection]:
        one, selections = self.logits.one, self._open_gates()
        for size, keys in one.keys.items():
            table = one.tables[str(size)]
            active = (table + self._noise.like(table)).argmax(1).tolist()
            drawn = zip(keys, active, strict=True)
            selections |= {key: Selection(size, (index,)) for key, index in drawn}
        return selections

    def _gated(self) -> dict[str, Selection]:
        """Draws, with everything that has a graph on the model's device in one transfer."""
        one, gates = self.logits.one, self.logits.gates
        draws = {size: self._draw(one.tables[str(size)]) for size in one.keys}
        open_gates = self._open_gates()
        sizes = list(gates.keys)
        soft = [torch.sigmoid(gates.tables[str(size)]) for size in sizes]
        parts = [part for draw in draws.values() for part in (draw.gates, draw.probabilities)]
        moved = iter(_moved([*parts, *soft], _device_of(self.model)))
        selections: dict[str, Selection] = {}
        for size, draw in draws.items():
            selections |= _selections(one.keys[size], draw, next(moved), next(moved))
        for size in sizes:
            for key, row in zip(gates.keys[size], next(moved), strict=True):
                selections[key] = _straight_through(open_gates[key], row, self._reductions[key])
        return selections

    def _draw(self, table: Tensor) -> Draw:
        if self.mode == "full":
            return draw_of_all(table, self._noise.like(table))
        draw = draw_of_two(table, self._noise.like(table), self._noise.like(table))
        size = table.shape[1]
        if size not in self._touched:
            before = table.detach().clone()
            self._touched[size] = _Touched(before, torch.zeros_like(before, dtype=torch.bool))
        self._touched[size].sampled.scatter_(1, draw.among, True)
        return draw

    def _open_gates(self) -> dict[str, Selection]:
        """Independent draws: logits plus logistic noise above zero, within the limits."""
        selections = {}
        for key, row in self.logits.gates.rows(self._perturbed).items():
            domain: Any = self.search_space.decisions[self.search_space.first_decision[key]].domain
            selections[key] = chosen_by_strength(domain, row.tolist(), above=0.0)
        return selections

    def _perturbed(self, table: Tensor) -> Tensor:
        table = table.detach()
        return table + self._noise.like(table) - self._noise.like(table)


@dataclass(frozen=True)
class _Touched:
    """What has been drawn since the last step, and the logits before it."""

    before: Tensor
    sampled: Tensor


def _selections(
    keys: Sequence[str], draw: Draw, gates: Tensor, probabilities: Tensor
) -> dict[str, Selection]:
    n = draw.probabilities.shape[1]
    rows = zip(keys, draw.active.tolist(), draw.among.tolist(), gates, probabilities, strict=True)
    return {
        key: GatedSelection(n, (active,), among=tuple(among), gates=g, probabilities=p)
        for key, active, among, g, p in rows
    }


def _straight_through(drawn: Selection, row: Tensor, reductions: Collection[str]) -> Selection:
    """Gates as weights: zero or one, with the gradient of their probabilities.

    Closed gates learn too where a zero takes an input out: in sums, and in means of something.
    """
    fit = {"sum", "mean"} if drawn.indices else {"sum"}
    indices = tuple(range(drawn.length)) if fit.issuperset(reductions) else drawn.indices
    hard = [float(index in drawn.indices) for index in indices]
    weights = [row[i] - row[i].detach() + value for i, value in zip(indices, hard, strict=True)]
    return Selection(drawn.length, indices, tuple(weights))


def _reductions_of(choices: Sequence[Choice]) -> dict[str, set[str]]:
    """key -> the reductions in its places."""
    reductions: dict[str, set[str]] = {}
    for choice in choices:
        reductions.setdefault(choice.key or "", set()).add(choice.reduction)
    return reductions


def _as_reduced(mutable: Choice, selection: Selection, output: Any) -> Any:
    if mutable.reduction == "none":
        output = [output]
    return (output, selection.mask()) if mutable.return_mask else output


def _device_of(model: nn.Module) -> torch.device:
    """Where the model is; a model without weights is taken to be on the CPU."""
    weight = next(model.parameters(), None)
    return torch.device("cpu") if weight is None else weight.device


def _moved(tensors: list[Tensor], device: torch.device) -> list[Tensor]:
    """All on a device, in one transfer."""
    if not tensors or device.type == "cpu":
        return tensors
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors]).to(device, non_blocking=True)
    parts = torch.split(flat, [tensor.numel() for tensor in tensors])
    return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]
