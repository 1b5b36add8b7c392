"""Tuners on tables: look up what others trained instead of training it again.

::

    from nas_tuners import RegularizedEvolutionTuner
    from nas_tuners.bench import load_table, run

    table = load_table("nasbench201-cifar10")
    trace = run(table, RegularizedEvolutionTuner(seed=0), 200)
    trace.test_regret[-1]  # points below the best architecture of the table
"""

from __future__ import annotations

from .methods import PEERS, search
from .protocol import Trace, run, run_sampler
from .tables import TABLES, Table, data_folder, load_table
from .trade_off import TradeOff, TradeOffTrace, search_trade_off

__all__ = [
    "PEERS",
    "TABLES",
    "Table",
    "Trace",
    "TradeOff",
    "TradeOffTrace",
    "data_folder",
    "load_table",
    "run",
    "run_sampler",
    "search",
    "search_trade_off",
]
