"""Search spaces that between them hold everything a tuner must handle."""

from __future__ import annotations

from typing import Any

SPACES: dict[str, dict[str, Any]] = {
    "layers": {
        f"edge_{i}": {"_type": "layer_choice", "_value": ["none", "skip", "conv1x1", "conv3x3"]}
        for i in range(6)
    },
    "inputs": {
        "one": {"_type": "input_choice", "_value": {"candidates": ["", "", ""], "n_chosen": 1}},
        "two": {"_type": "input_choice", "_value": {"candidates": list("abcde"), "n_chosen": 2}},
        "any": {"_type": "input_choice", "_value": {"candidates": list("abcd"), "n_chosen": None}},
        "few": {
            "_type": "input_choice",
            "_value": {"candidates": list("abc"), "n_chosen": [0, 1]},
        },
    },
    "conditional": {
        "block": {"_type": "layer_choice", "_value": ["conv", "pool", "cell"]},
        "kernel": {
            "_type": "layer_choice",
            "_value": ["3x3", "5x5", "7x7"],
            "_active_if": {"block": [0, 2]},
        },
        "inner": {
            "_type": "input_choice",
            "_value": {"candidates": ["a", "b", "c"], "n_chosen": 2},
            "_active_if": {"block": [2], "kernel": [1, 2]},
        },
        "activation": {
            "_type": "choice",
            "_value": ["relu", {"_name": "elu", "alpha": {"_type": "randint", "_value": [1, 4]}}],
        },
    },
    "one candidate": {
        "only": {"_type": "layer_choice", "_value": ["conv"]},
        "all": {"_type": "input_choice", "_value": {"candidates": ["a", "b"], "n_chosen": 2}},
        "op": {"_type": "layer_choice", "_value": ["a", "b", "c"]},
    },
    "numbers": {
        "op": {"_type": "layer_choice", "_value": ["a", "b"]},
        "width": {"_type": "quniform", "_value": [8, 64, 8]},
        "depth": {"_type": "randint", "_value": [1, 5]},
        "units": {"_type": "qloguniform", "_value": [16, 256, 16]},
        "rate": {"_type": "choice", "_value": [0.25, 0.5, 0.75]},
    },
    "continuous": {
        "op": {"_type": "layer_choice", "_value": ["a", "b"]},
        "lr": {"_type": "loguniform", "_value": [1e-4, 1e-1]},
        "momentum": {"_type": "uniform", "_value": [0.5, 0.99]},
        "gain": {"_type": "normal", "_value": [0, 1]},
        "noise": {"_type": "lognormal", "_value": [0, 1]},
        "steps": {"_type": "qnormal", "_value": [10, 3, 1]},
        "size": {"_type": "qlognormal", "_value": [3, 1, 2]},
    },
    "small": {
        "block": {"_type": "layer_choice", "_value": ["conv", "pool"]},
        "kernel": {
            "_type": "layer_choice",
            "_value": ["3x3", "5x5", "7x7"],
            "_active_if": {"block": [0]},
        },
        "from": {"_type": "input_choice", "_value": {"candidates": ["", ""], "n_chosen": None}},
    },
    "empty": {},
}

ODD_SPACES: dict[str, dict[str, Any]] = {
    "two architectures": {"op": {"_type": "layer_choice", "_value": ["a", "b"]}},
    "two thousand candidates": {
        "op": {"_type": "layer_choice", "_value": [f"op_{i}" for i in range(2_000)]}
    },
    "five hundred keys": {
        f"op_{i}": {"_type": "layer_choice", "_value": list("abc")} for i in range(500)
    },
    "no inputs or all": {
        "none": {"_type": "input_choice", "_value": {"candidates": list("abc"), "n_chosen": 0}},
        "all": {"_type": "input_choice", "_value": {"candidates": list("abc"), "n_chosen": 3}},
        "op": {"_type": "layer_choice", "_value": list("abcd")},
    },
}
