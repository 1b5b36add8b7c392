"""What a configuration file may say: :mod:`.config` is read through the table of :mod:`.fields`.

:mod:`.parts` are the classes, :mod:`.checks` what does not go together, :mod:`.nni` NNI's files.
"""
