"""What tuners are called besides their class names."""

from __future__ import annotations

SAMPLERS: dict[str, str] = {
    "brute_force": "optuna.samplers:BruteForceSampler",
    "cmaes": "optuna.samplers:CmaEsSampler",
    "gp": "optuna.samplers:GPSampler",
    "nsga2": "optuna.samplers:NSGAIISampler",
    "nsga3": "optuna.samplers:NSGAIIISampler",
    "tpe": "optuna.samplers:TPESampler",
}
"""Short name -> Optuna sampler, which runs as an OptunaTuner."""

ALIASES: dict[str, str] = {
    "grid": "GridSearchTuner",
    "motpe": "tpe",
    "nsgaii": "nsga2",
    "nsgaiii": "nsga3",
    "spos": "SPOSEvolutionTuner",
}
"""Other words for the same, as :func:`plain` leaves them."""

ELSEWHERE: dict[str, tuple[str, str]] = {
    "anneal": ("simulated annealing", "LocalSearchTuner"),
    "bohb": ("TPE with early stopping", "tpe"),
    "dngo": ("a Bayesian linear model on a neural network", "BayesianTuner"),
    "evolution": ("evolution in which the worse of two dies", "RegularizedEvolutionTuner"),
    "gptuner": ("a Gaussian process on numbers", "gp"),
    "hyperband": ("random search with early stopping", "RandomTuner"),
    "metis": ("a Gaussian process on numbers", "BayesianTuner"),
    "networkmorphism": ("a Gaussian process on morphed networks", "BayesianTuner"),
    "pbt": ("evolution of hyper-parameters in the midst of training", "RegularizedEvolutionTuner"),
    "policybasedrl": ("a policy trained by Tianshou", "PPOTuner"),
    "smac": ("a random forest as surrogate", "BayesianTuner"),
}
"""Tuners of NNI that are not here: (what it is there, the nearest one here)."""


def plain(name: str) -> str:
    """Without what does not matter: case, underscores, hyphens, and the kind of thing."""
    bare = name.lower().replace("_", "").replace("-", "")
    for kind in ("tuner", "sampler", "strategy"):
        bare = bare.removesuffix(kind)
    return bare


def other_names(known: str) -> tuple[str, ...]:
    """What else a registered tuner or a short name is called."""
    sampler = SAMPLERS.get(known, "").rpartition(":")[2]
    aliases = (alias for alias, target in ALIASES.items() if target == known)
    return (sampler or known.removesuffix("Tuner"), *aliases)


def elsewhere(name: str) -> str | None:
    """What to say to those who name a tuner that only NNI has."""
    for key in (name.lower(), plain(name)):
        if key in ELSEWHERE:
            what, nearest = ELSEWHERE[key]
            return f"no tuner {name!r}: NNI's is {what}; the nearest here is {nearest!r}"
    return None
