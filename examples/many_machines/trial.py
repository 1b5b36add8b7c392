"""A trial of about a second on one core: how well random features tell two spirals apart."""

import numpy as np

from trial_api import get_next_parameter, report_final_result, report_intermediate_result

ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0.0),
    "tanh": np.tanh,
    "sine": np.sin,
    "gauss": lambda z: np.exp(-(z**2)),
}
POINTS, ROUNDS = 4000, 5


def spirals(generator):
    """Points on two spirals, and on which of the two (-1 or 1) each is."""
    side = generator.choice([-1.0, 1.0], size=POINTS)
    angle = 6 * np.pi * np.sqrt(generator.random(POINTS))
    points = side[:, None] * np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1)
    return points / angle.max() + generator.normal(scale=0.02, size=points.shape), side


def accuracy(generator, width, scale, activation):
    """Of a network whose first layer is random and whose second is solved for."""
    weights = generator.normal(scale=scale, size=(2, width))
    shifts = generator.uniform(0, 2 * np.pi, size=width)
    (train, learnt), (test, asked) = spirals(generator), spirals(generator)
    hidden = ACTIVATIONS[activation](train @ weights + shifts)
    solved = np.linalg.solve(hidden.T @ hidden + 1e-3 * np.eye(width), hidden.T @ learnt)
    found = ACTIVATIONS[activation](test @ weights + shifts) @ solved
    return float(np.mean(np.sign(found) == asked))


def main():
    # Run alone, without a search, there are no parameters.
    chosen = {"width": 128, "scale": 4.0, "activation": "relu"} | get_next_parameter()
    results = []
    for seed in range(ROUNDS):
        results.append(accuracy(np.random.default_rng(seed), **chosen))
        report_intermediate_result(float(np.mean(results)))
    report_final_result(float(np.mean(results)))


if __name__ == "__main__":
    main()
