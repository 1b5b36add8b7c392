"""Trials on a Ray cluster: :mod:`.launcher` here, a :mod:`.host` beside each trial there."""
