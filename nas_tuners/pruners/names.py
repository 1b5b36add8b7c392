"""What pruners are called."""

from __future__ import annotations

PRUNERS: dict[str, str] = {
    "curve_fitting": "nas_tuners.pruners._curve_fitting:CurveFittingPruner",
    "hyperband": "optuna.pruners:HyperbandPruner",
    "median": "optuna.pruners:MedianPruner",
    "median_stopping": "nas_tuners.pruners._median_stopping:MedianStoppingPruner",
    "nop": "optuna.pruners:NopPruner",
    "patient": "optuna.pruners:PatientPruner",
    "percentile": "optuna.pruners:PercentilePruner",
    "successive_halving": "optuna.pruners:SuccessiveHalvingPruner",
    "threshold": "optuna.pruners:ThresholdPruner",
    "wilcoxon": "optuna.pruners:WilcoxonPruner",
}
"""Short name -> class. NNI's assessors Curvefitting and Medianstop are among them."""

ALIASES: dict[str, str] = {
    "asha": "successive_halving",
    "medianstop": "median_stopping",
}
"""Other words for the same, as :func:`plain` leaves them."""


def plain(name: str) -> str:
    """Without what does not matter: case, underscores, hyphens, and the kind of thing."""
    bare = name.lower().replace("_", "").replace("-", "")
    for kind in ("pruner", "assessor"):
        bare = bare.removesuffix(kind)
    return bare


def registered_name(name: str) -> str | None:
    """The short name that is meant, or None."""
    return accepted_names().get(plain(name))


def accepted_names() -> dict[str, str]:
    """Every accepted name, as :func:`plain` leaves it -> the short one."""
    return {plain(known): known for known in PRUNERS} | ALIASES
