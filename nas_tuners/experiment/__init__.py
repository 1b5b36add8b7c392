"""Experiments: a study, a tuner, and trials that run as processes, on one machine or on many.

Who does what:

- :mod:`.runner` puts an experiment together; :mod:`.loop` decides what happens next; :mod:`.study`
  asks the tuner and records; :mod:`.folder` is where the experiment lives.
- The configuration: :mod:`.config` and :mod:`.config_parts` say what there is,
  :mod:`.config_fields` how each key is read, :mod:`.config_checks` what does not go together;
  ``nni_*`` reads NNI's.
- Where trials run: :mod:`.launcher` is what the loop asks of it. :mod:`.local` runs them here, as
  processes of their own (:mod:`.spawners`) or forked from a warm one (``warm_*``), on the GPUs
  that :mod:`.gpus` gives them; ``ray_*`` on a Ray cluster; :mod:`.slurm` submits workers.
- Where they are recorded: :mod:`.storage` opens it, ``storage_*`` waits for it and locks it.
- With others: :mod:`.company` tells who is alive, :mod:`.joining` and :mod:`.worker` join a study.
- Early ends: :mod:`.budgets` and :mod:`.hyperband`; :mod:`.constraint` before the beginning.
- Who is told: :mod:`.events` and those that write them down or pass them on.
"""
