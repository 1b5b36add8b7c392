"""Small graphs of the schema ``nas-graph/1``, to be written, spoilt and drawn."""

from __future__ import annotations

from typing import Any

SPACE = {
    "conv": {"_type": "layer_choice", "_value": ["conv3x3", "conv5x5", "skip"]},
    "skip": {"_type": "input_choice", "_value": {"candidates": ["a", "b"], "n_chosen": 1}},
    "depth": {"_type": "choice", "_value": [16, 32]},
}


def small_graph() -> dict[str, Any]:
    """A model of two alike blocks: ``block(x) = input_choice(x, conv(x))``."""
    modules: list[dict[str, Any]] = [{"parent": None, "name": "", "type": "Net", "params": 352}]
    nodes: list[dict[str, Any]] = [{"kind": "input", "name": "x", "shapes": [[1, 4, 8, 8]]}]
    edges: list[list[int]] = []
    conv_places, skip_places = [], []
    before = 0
    for number in range(2):
        block = len(modules)
        modules += [
            {"parent": 0, "name": f"block{number}", "type": "Block", "params": 176},
            {"parent": block, "name": "conv", "type": "LayerChoice", "params": 176},
            {"parent": block + 1, "name": "conv3x3", "type": "Conv2d", "params": 72, "text": 0},
            {"parent": block + 1, "name": "conv5x5", "type": "Conv2d", "params": 104, "text": 1},
            {"parent": block + 1, "name": "skip", "type": "Identity", "params": 0},
            {"parent": block, "name": "skip", "type": "InputChoice", "params": 0},
        ]
        first = len(nodes)
        shapes = [[1, 4, 8, 8]]
        nodes += [
            {"kind": "module", "module": block + 2, "shapes": shapes, "flops": 4608},
            {"kind": "module", "module": block + 3, "shapes": shapes, "flops": 6656},
            {"kind": "module", "module": block + 4, "shapes": shapes},
            {"kind": "choice", "key": "conv", "module": block + 1, "shapes": shapes},
            {"kind": "op", "op": "relu", "module": block, "shapes": shapes},
            {"kind": "choice", "key": "skip", "module": block + 5, "shapes": shapes},
        ]
        edges += [[before, first + i] for i in range(3)]
        edges += [[first + i, first + 3, i] for i in range(3)]
        edges += [[first + 3, first + 4], [before, first + 5, 0], [first + 4, first + 5, 1]]
        slots = [
            {"module": block + 2 + i, "shape": shapes[0], "params": params, "flops": flops}
            for i, (params, flops) in enumerate([(72, 4608), (104, 6656), (0, 0)])
        ]
        conv_places.append({"module": block + 1, "nodes": [first + 3], "slots": slots})
        inputs = [{"shape": shapes[0]}, {"shape": shapes[0]}]
        skip_places.append({"module": block + 5, "nodes": [first + 5], "slots": inputs})
        before = first + 5
    nodes.append({"kind": "output", "shapes": [[1, 4, 8, 8]]})
    edges.append([before, len(nodes) - 1])
    return {
        "schema": "nas-graph/1",
        "tier": "meta",
        "note": "",
        "model": "Net",
        "inputs": [{"shape": [1, 4, 8, 8], "dtype": "float32"}],
        "parameters": 352,
        "flops": 22528,
        "search_space": SPACE,
        "texts": ["4, 4, kernel_size=(3, 3)", "4, 4, kernel_size=(5, 5)"],
        "modules": modules,
        "nodes": nodes,
        "edges": edges,
        "choices": {
            "conv": {
                "kind": "layer",
                "names": ["conv3x3", "conv5x5", "skip"],
                "n_chosen": 1,
                "places": conv_places,
            },
            "skip": {"kind": "input", "names": ["a", "b"], "n_chosen": 1, "places": skip_places},
            "depth": {"kind": "value", "names": ["16", "32"], "n_chosen": 1, "places": []},
        },
        "templates": [{"name": "Block", "modules": [1, 7]}],
    }
