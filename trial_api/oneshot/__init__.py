"""One-shot trainers: an architecture search inside one supernet."""

from ._base import BaseTrainer
from ._callbacks import ArchitectureCheckpoint, Callback, LRSchedulerCallback, ModelCheckpoint
from ._darts import DartsTrainer
from ._loop import Phase
from ._meters import AverageMeter, AverageMeterGroup
from ._options import Options

__all__ = [
    "ArchitectureCheckpoint",
    "AverageMeter",
    "AverageMeterGroup",
    "BaseTrainer",
    "Callback",
    "DartsTrainer",
    "LRSchedulerCallback",
    "ModelCheckpoint",
    "Options",
    "Phase",
]
