"""Trials forked from a process that has imported their code: :mod:`.spawner` is the way in.

:mod:`.process` is this side of the pipe; :mod:`.server` the other, with :mod:`.preload` (what is
imported) and :mod:`.trial` (what a child does).
"""
