"""What the exit codes mean."""

from __future__ import annotations

from nas_tuners.contract.errors import ExperimentError, NasTunersError, TunerError

OK = 0
BUG = 1
BAD_INPUT = 2
NO_RESULT = 3
TUNER_FAILED = 4
EXPERIMENT_FAILED = 5
LEFT_TO_DO = 6
INTERRUPTED = 130

DESCRIPTION = """\
exit codes:
  0    done; for run and resume: ended within its limits, with at least one result
  1    an unexpected error: please report it
  2    bad input: the command line, the configuration, the search space, the trial script
  3    no result: no trial succeeded, or too many in a row failed
  4    the tuner failed; the trials that ran are recorded
  5    the experiment's folder, study, disk or process is unusable as asked
  6    migrate: done, and something is left for a person to do
  130  interrupted; `nas-tuners resume` goes on
"""


def code_of(error: NasTunersError) -> int:
    """The exit code for an error that ends a command."""
    if isinstance(error, TunerError):
        return TUNER_FAILED
    return EXPERIMENT_FAILED if isinstance(error, ExperimentError) else BAD_INPUT
