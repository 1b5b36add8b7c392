"""Accuracy against latency, among the architectures of ``trial.py`` that cost little.

What an architecture costs is an objective here, and a bound::

    nas-tuners run examples/classic_nas/latency.yml

The configuration names :func:`multiply_adds` as its constraint: it looks at every architecture
before it becomes a trial. What is left is trained, and its latency measured.
"""

from __future__ import annotations

import argparse
import logging
from typing import Any

import data as images
import torch
from trial import Net, train_epoch, validate

from trial_api import (
    get_and_apply_next_architecture,
    measure_latency,
    profile_architecture,
    report_final_result,
    report_intermediate_result,
)

IMAGE = (1, 1, 8, 8)  # one of scikit-learn's digits


def multiply_adds(parameters: dict[str, Any]) -> dict[str, float]:
    """What an architecture costs, found without weights and without arithmetic."""
    found = profile_architecture(Net, parameters, input_size=IMAGE)
    return {"multiply_adds": found.multiply_adds, "parameters": found.parameters}


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--limit", type=int, help="use only so many images")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    data = images.load(None, limit=options.limit)
    model = get_and_apply_next_architecture(Net())
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    accuracy = 0.0
    for _ in range(options.epochs):
        train_epoch(model, optimizer, data, "cpu")
        accuracy = validate(model, data, "cpu")
        report_intermediate_result(accuracy)
    latency = measure_latency(model, input_size=IMAGE, threads=1, repeats=200)
    report_final_result({"default": accuracy, "latency": latency.median})


if __name__ == "__main__":
    main()
