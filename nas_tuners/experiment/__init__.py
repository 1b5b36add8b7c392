"""Experiments: a study, a tuner, and trials that run as processes, on one machine or on many.

Who does what:

- :mod:`.runner` puts an experiment together; :mod:`.loop` decides what happens next; :mod:`.study`
  asks the tuner, :mod:`.recording` writes what was found; :mod:`.folder` is where the experiment
  lives.
- :mod:`.configuration` reads the configuration, NNI's too.
- Where trials run: :mod:`.launcher` is what the loop asks of it. :mod:`.local` runs them here, as
  processes of their own or forked from a warm one (:mod:`.warm`), on the GPUs that :mod:`.gpus`
  gives them; :mod:`.ray_cluster` on a Ray cluster; :mod:`.slurm` submits workers.
- Where they are recorded: :mod:`.storages` opens it, waits for it and locks it.
- With others: :mod:`.company` tells who is alive, :mod:`.joining` and :mod:`.worker` join a study.
- Early ends: :mod:`.budgets` and :mod:`.hyperband`; :mod:`.constraint` before the beginning.
- Who is told: :mod:`.events`.
"""
