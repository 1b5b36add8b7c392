"""Experiments on one machine: a study, a tuner, and trials that run as processes.

Who does what: :mod:`.config` reads the YAML file, :mod:`.folder` is the folder in which an
experiment lives, :mod:`.study` the Optuna study that records it, :mod:`.launcher` and
:mod:`.local` run trials, :mod:`.loop` decides what happens next, and :mod:`.runner` puts them
together.
"""
