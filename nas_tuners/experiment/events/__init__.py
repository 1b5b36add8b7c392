"""What happens in an experiment (:mod:`.events`), and who is told.

:mod:`.observer` makes the events of a run; :mod:`.sinks` are the file, callbacks and notifications
that take them.
"""
