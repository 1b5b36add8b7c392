"""What the graph file tells of choices: where they stand, and what each candidate is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import nn

from nas_tuners.contract import space_json
from nas_tuners.contract.search_space import SearchSpace

from ..nn._input_choice import InputChoice
from ..nn._layer_choice import LayerChoice
from ..nn._repeat import Repeat
from ..nn._super_kernel import standalone
from ..nn._value_decision import ValueDecision
from ._choosing import ChoiceCall, SlotCall
from ._module_tree import ModuleTree
from ._value_runs import super_forward_of

Json = dict[str, Any]


def choice_entries(
    space: SearchSpace,
    tree: ModuleTree,
    keys: Mapping[int, str],
    calls: Mapping[int, Sequence[ChoiceCall]],
) -> dict[str, Json]:
    """Every key of a search space, in its order.

    Args:
        space: The space.
        tree: The modules.
        keys: Of the choices among them, by the choice's id.
        calls: What was recorded of the choices, by their entry.
    """
    places: dict[str, list[Json]] = defaultdict(list)
    telling: set[str] = set()
    for number, entry in enumerate(tree.entries):
        module = entry.module
        key = keys.get(id(module))
        if key is not None and not isinstance(module, ValueDecision):
            places[key].append(_place(module, number, tree, calls.get(number, ())))
            if getattr(module, "return_mask", False) is True:
                telling.add(key)
        for key in _values_of(module):
            places[key].append({"module": number, "nodes": [], "slots": []})
    return {
        key: {
            **_described(spec),
            **({"return_mask": True} if key in telling else {}),
            "places": places[key],
        }
        for key, spec in space.specs.items()
    }


def _described(spec: space_json.Spec) -> Json:
    if isinstance(spec, space_json.LayerChoice):
        return {"kind": "layer", "names": list(spec.candidates), "n_chosen": 1}
    if isinstance(spec, space_json.InputChoice):
        n_chosen = spec.n_chosen
        chosen = list(n_chosen) if isinstance(n_chosen, tuple) else n_chosen
        return {"kind": "input", "names": list(spec.candidates), "n_chosen": chosen}
    options = spec.options if isinstance(spec, space_json.ValueChoice) else ()
    return {"kind": "value", "names": [str(option) for option in options], "n_chosen": 1}


def _place(choice: nn.Module, number: int, tree: ModuleTree, calls: Sequence[ChoiceCall]) -> Json:
    slots = list(_slots(choice, number, tree))
    for index, slot in enumerate(slots):
        slot.update(_measured([call.slots[index] for call in calls], "params" in slot))
    return {"module": number, "nodes": [call.node for call in calls], "slots": slots}


def _slots(choice: nn.Module, number: int, tree: ModuleTree) -> Iterator[Json]:
    """What is known of candidates without running them."""
    if isinstance(choice, LayerChoice):
        for name, candidate in choice._modules.items():
            if candidate is None:  # not built
                yield {"module": None, "shape": None, "params": 0}
            else:
                entry = tree.children[number][name]
                alone = standalone(candidate)
                params = tree.parameters[entry] if alone is candidate else _count(alone)
                yield {"module": entry, "shape": None, "params": params}
    elif isinstance(choice, Repeat):
        for depth in choice.depths:
            yield {"shape": None, "params": _count(nn.ModuleList(choice.blocks[:depth]))}
    elif isinstance(choice, InputChoice):
        for _ in range(choice.n_candidates):
            yield {"shape": None}


def _measured(calls: Sequence[SlotCall], has_cost: bool) -> Json:
    """The shape that it gave first, and the FLOPs of all calls."""
    shapes = [call.shape for call in calls if call.shape is not None]
    flops = [call.flops for call in calls if call.flops is not None]
    cost = {"flops": sum(flops) if flops else None}
    return {"shape": shapes[0] if shapes else None} | (cost if has_cost else {})


def _values_of(module: nn.Module) -> list[str]:
    """The keys of the values that a layer of a supernet depends on."""
    forward = super_forward_of(module)
    decisions = forward._decisions if forward is not None else []
    return [decision.key for decision in decisions if decision.key is not None]


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
