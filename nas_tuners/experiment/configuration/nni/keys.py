"""What becomes of each key of NNI's experiment files: one table a version.

A value that stands for a key of ours is read by the parser of that key, so its mistakes are found
there, under the name that NNI's file has for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Union


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Becomes:
    """The value goes to a key of ours, or to a word that the conversion takes together later.

    Attributes:
        name: The key of ours, or the word: ``tuner.class``, ``tuner.file``, ``advisor.name``,
            ``advisor.args`` and ``inline_search_space``.
        convert: The value in our form; raises ``ValueError`` with the rule.
    """

    name: str
    convert: Callable[[Any], Any] = _as_it_is


@dataclass(frozen=True)
class Ignored:
    """The value changes nothing here.

    Attributes:
        reason: Why.
    """

    reason: str


@dataclass(frozen=True)
class Refused:
    """The value asks for what there is not.

    Attributes:
        reason: What to do instead.
        harmless: The one value, besides false, none and empty ones, that asks for nothing.
    """

    reason: str
    harmless: str | None = None


Fate = Union[Becomes, Ignored, Refused]


def folded(key: object) -> str:
    """A key as version 2 compares it: without case and underscores."""
    return str(key).replace("_", "").lower()


def _learned(value: Any) -> Any:
    """Whether tuners learn the last value of a trial that was stopped."""
    return ("latest" if value else "ignore") if isinstance(value, bool) else value


def _file_name(value: Any) -> Any:
    """Names of NNI's may hold any letter; ours name a folder."""
    if not isinstance(value, str) or not value.strip():
        return value
    return re.sub(r"[^A-Za-z0-9._ -]", "_", value.strip()).lstrip(".- ") or "experiment"


_MACHINES = (
    "run `nas-tuners worker` on each machine, or write a file of nas-tuners' own with "
    "`launcher: ray` or `launcher: slurm`"
)
_CLUSTER = Ignored("says something to a cluster alone")
_MACHINE_LIST = Refused(_MACHINES)
_PLATFORM = Refused(_MACHINES, harmless="local")
_ANNOTATION = Refused(
    "a search space is a file, or made by the trial script's choices, not by its comments"
)
_LABEL = Ignored("a label")
_LOGS = Ignored("what nas-tuners does stands in runner.log, what a trial prints in its folder")
_THREADS = Ignored("a tuner is asked by one thread")
_TUNER_GPUS = Ignored("tuners compute on the CPU")
_ONE_MACHINE = Ignored("everything runs on this machine")
_OF_A_CLASS = Ignored("says where the class is")
_OWN_ASSESSOR = Refused(
    "name a built-in assessor, or write a file of nas-tuners' own whose `early_stopping` names "
    "a pruner of Optuna's by its import path"
)
_OWN_ADVISOR = Refused("write it as a tuner, with the same methods; `budget` gives trials budgets")
_RETIARII = Refused("an experiment of Retiarii is a Python program; port its model to `trial_api`")

VERSION_1: dict[str, Fate] = {
    "authorName": _LABEL,
    "experimentName": Becomes("name", _file_name),
    "description": _LABEL,
    "trialConcurrency": Becomes("concurrency"),
    "maxExecDuration": Becomes("max_duration"),
    "maxTrialNum": Becomes("max_trials"),
    "trainingServicePlatform": _PLATFORM,
    "searchSpacePath": Becomes("search_space"),
    "useAnnotation": _ANNOTATION,
    "multiPhase": Refused("a trial has one set of parameters"),
    "multiThread": _THREADS,
    "nniManagerIp": _ONE_MACHINE,
    "logDir": Becomes("experiments_directory"),
    "logLevel": _LOGS,
    "debug": _LOGS,
    "versionCheck": _ONE_MACHINE,
    "logCollection": _ONE_MACHINE,
    "tuner.builtinTunerName": Becomes("tuner.name"),
    "tuner.classArgs": Becomes("tuner.args"),
    "tuner.codeDir": Becomes("tuner.code_directory"),
    "tuner.classFileName": Becomes("tuner.file"),
    "tuner.className": Becomes("tuner.class"),
    "tuner.gpuIndices": _TUNER_GPUS,
    "tuner.includeIntermediateResults": Becomes("early_stopping.pruned_trials", _learned),
    "assessor.builtinAssessorName": Becomes("early_stopping.name"),
    "assessor.classArgs": Becomes("early_stopping.args"),
    "assessor.codeDir": _OF_A_CLASS,
    "assessor.classFileName": _OF_A_CLASS,
    "assessor.className": _OWN_ASSESSOR,
    "assessor.gpuIndices": _TUNER_GPUS,
    "advisor.builtinAdvisorName": Becomes("advisor.name"),
    "advisor.classArgs": Becomes("advisor.args"),
    "advisor.codeDir": _OF_A_CLASS,
    "advisor.classFileName": _OF_A_CLASS,
    "advisor.className": _OWN_ADVISOR,
    "advisor.gpuIndices": _TUNER_GPUS,
    "trial.command": Becomes("command"),
    "trial.codeDir": Becomes("code_directory"),
    "trial.gpuNum": Becomes("gpus.per_trial"),
    "trial.nasMode": _ANNOTATION,
    "trial.cpuNum": _CLUSTER,
    "trial.memoryMB": _CLUSTER,
    "trial.image": _CLUSTER,
    "trial.virtualCluster": _CLUSTER,
    "localConfig.gpuIndices": Becomes("gpus.indices"),
    "localConfig.maxTrialNumPerGpu": Becomes("gpus.trials_per_gpu"),
    "localConfig.useActiveGpu": Becomes("gpus.use_occupied"),
    "machineList": _MACHINE_LIST,
    "remoteConfig": _MACHINE_LIST,
    "paiConfig": _MACHINE_LIST,
    "kubeflowConfig": _MACHINE_LIST,
    "frameworkcontrollerConfig": _MACHINE_LIST,
    "dltsConfig": _MACHINE_LIST,
    "adlConfig": _MACHINE_LIST,
    "amlConfig": _MACHINE_LIST,
    "hybridConfig": _MACHINE_LIST,
    "sharedStorage": _MACHINE_LIST,
}
"""Key of NNI 1.x -> what becomes of it."""

VERSION_2: dict[str, Fate] = {
    "experimentName": Becomes("name", _file_name),
    "experimentType": Refused(_RETIARII.reason, harmless="hpo"),
    "executionEngine": _RETIARII,
    "modelFormat": _RETIARII,
    "searchSpaceFile": Becomes("search_space"),
    "searchSpace": Becomes("inline_search_space"),
    "trialCommand": Becomes("command"),
    "trialCodeDirectory": Becomes("code_directory"),
    "trialConcurrency": Becomes("concurrency"),
    "trialGpuNumber": Becomes("gpus.per_trial"),
    "maxExperimentDuration": Becomes("max_duration"),
    "maxTrialNumber": Becomes("max_trials"),
    "maxTrialDuration": Becomes("max_trial_duration"),
    "nniManagerIp": _ONE_MACHINE,
    "useAnnotation": _ANNOTATION,
    "debug": _LOGS,
    "logLevel": _LOGS,
    "experimentWorkingDirectory": Becomes("experiments_directory"),
    "tunerGpuIndices": _TUNER_GPUS,
    "tuner.name": Becomes("tuner.name"),
    "tuner.classArgs": Becomes("tuner.args"),
    "tuner.className": Becomes("tuner.class"),
    "tuner.codeDirectory": Becomes("tuner.code_directory"),
    "assessor.name": Becomes("early_stopping.name"),
    "assessor.classArgs": Becomes("early_stopping.args"),
    "assessor.className": _OWN_ASSESSOR,
    "assessor.codeDirectory": _OF_A_CLASS,
    "advisor.name": Becomes("advisor.name"),
    "advisor.classArgs": Becomes("advisor.args"),
    "advisor.className": _OWN_ADVISOR,
    "advisor.codeDirectory": _OF_A_CLASS,
    "trainingService": _PLATFORM,  # of a list, which is a hybrid of several
    "trainingService.platform": _PLATFORM,
    "trainingService.useActiveGpu": Becomes("gpus.use_occupied"),
    "trainingService.maxTrialNumberPerGpu": Becomes("gpus.trials_per_gpu"),
    "trainingService.gpuIndices": Becomes("gpus.indices"),
    "trainingService.reuseMode": Ignored("`warm: true` keeps processes, in a file of one's own"),
    "trainingService.machineList": _MACHINE_LIST,
    "sharedStorage": _MACHINE_LIST,
}
"""Key of NNI 2.x and 3.x -> what becomes of it."""

TABLES = {1: VERSION_1, 2: VERSION_2}
VERSIONS = {1: "version 1", 2: "versions 2 and 3"}
