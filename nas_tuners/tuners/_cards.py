"""What each tuner is for: data for those who choose one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """A tuner in short.

    Attributes:
        strengths: When to take it.
        limits: When not to.
        cost: Of a suggestion with n results and d decisions, learning included.
    """

    strengths: str
    limits: str
    cost: str


CARDS: dict[str, Card] = {
    "BatchTuner": Card(
        "runs a list of architectures that you give",
        "searches nothing",
        "constant",
    ),
    "BayesianTuner": Card(
        "finds the most with 50 to 400 trials; takes scores from elsewhere as a prior",
        "a suggestion takes milliseconds, not microseconds; no gain for trials of a second",
        "O(n^2) up to some hundred results, bounded beyond",
    ),
    "GridSearchTuner": Card(
        "covers a small space completely, in a fixed order",
        "useless where the space is much larger than the number of trials",
        "O(d)",
    ),
    "LocalSearchTuner": Card(
        "as good as evolution or better at 50 to 400 trials, with nothing to tune",
        "one neighbourhood after the other: slow where there are many decisions",
        "O(d x candidates)",
    ),
    "PPOTuner": Card(
        "learns which decisions go together; ahead of evolution from some 400 trials on",
        "behind evolution, local search and models below 200 trials",
        "O(d) with a recurrent network; an update every few trials",
    ),
    "PredictorEvolutionTuner": Card(
        "hundreds of keys, thousands of trials, large batches; takes scores from elsewhere",
        "behind BayesianTuner at small budgets; one search in ten stays in one region for long",
        "O(n) for refitting its ensemble, done ever more rarely",
    ),
    "QMCTuner": Card(
        "covers the space more evenly than random; any number of workers",
        "does not learn from results",
        "O(d x n), a few milliseconds at 10,000 results",
    ),
    "RandomTuner": Card(
        "the base line; any number of workers",
        "does not learn from results",
        "O(d)",
    ),
    "RegularizedEvolutionTuner": Card(
        "robust to noise, cheap, any space, many workers",
        "needs twice to four times the trials of BayesianTuner",
        "O(d)",
    ),
    "ReinforceTuner": Card(
        "microseconds a suggestion, for very many very short trials",
        "decides every key by itself: blind to interactions",
        "O(d)",
    ),
    "SPOSEvolutionTuner": Card(
        "searching inside a trained supernet, where a trial takes a second",
        "a fixed number of epochs and candidates: ends by itself",
        "O(d)",
    ),
    "brute_force": Card(
        "every architecture once, in random order",
        "finite spaces; slow after thousands of trials (GridSearchTuner is not)",
        "O(n x d)",
    ),
    "cmaes": Card(
        "numbers: learning rates, widths, strengths",
        "layers and inputs become scores, one each candidate; one objective",
        "O(k^2) for k numbers, plus O(n)",
    ),
    "gp": Card(
        "small budgets, numbers and layers mixed",
        "a second and more a suggestion after some hundred trials",
        "O(n^3)",
    ),
    "nsga2": Card(
        "two or three objectives; robust",
        "needs several generations of 50 trials",
        "O(n)",
    ),
    "nsga3": Card(
        "four and more objectives",
        "needs several generations of 50 trials",
        "O(n)",
    ),
    "tpe": Card(
        "Optuna's default; numbers and layers mixed, several objectives, early stopping",
        "proposes much that it has seen, which is then replaced at random",
        "O(n x d)",
    ),
}
"""Registered name or short name of a sampler -> its card."""
