"""Trials on this machine: :mod:`.launcher` runs them, each by a :class:`~.spawners.Spawner`.

:mod:`.processes` and :mod:`.watchdog` see to it that no process outlives the experiment.
"""
