"""NNI's experiment files, versions 1 to 3: :mod:`.files` turns one into a configuration of ours.

:mod:`.keys` are its keys, :mod:`.algorithms` its tuners and assessors; :mod:`.draft` collects what
becomes of them, and the mistakes.
"""
