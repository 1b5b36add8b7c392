"""Where studies lie: :mod:`.storage` opens one of any kind, :mod:`.patience` waits for it.

:mod:`.operations` are what Optuna's storages do not offer: one commit a suggestion, and a lock.
"""
