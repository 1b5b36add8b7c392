"""The three agreements between the program that searches and the program that trains.

What a search space is (:mod:`.search_space`), what an architecture is (:mod:`.architecture`), and
how a trial receives the one and reports back (:mod:`.trial_io`). Standard library only.
"""
