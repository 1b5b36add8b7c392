"""One-shot trainers: an architecture search inside one supernet."""

from ._base import BaseTrainer
from ._bender import BenderTrainer
from ._callbacks import ArchitectureCheckpoint, Callback, LRSchedulerCallback, ModelCheckpoint
from ._cdarts import CdartsTrainer
from ._cost import candidate_costs, fixed_cost
from ._cost_table import architecture_cost, cost_tensors, expected_cost, load_costs, save_costs
from ._darts import DartsTrainer
from ._enas import EnasTrainer
from ._fbnet import FBNetTrainer
from ._gdas import GdasTrainer
from ._loop import Phase
from ._meters import AverageMeter, AverageMeterGroup
from ._options import Options
from ._pc_darts import PcDartsTrainer
from ._pdarts import PdartsTrainer
from ._proxyless import ProxylessTrainer
from ._search_history import SearchTuner
from ._single_path import SinglePathTrainer
from ._smash import SmashTrainer
from ._spos import SposTrainer
from ._supernet_evaluator import SupernetEvaluator

__all__ = [
    "ArchitectureCheckpoint",
    "AverageMeter",
    "AverageMeterGroup",
    "BaseTrainer",
    "BenderTrainer",
    "Callback",
    "CdartsTrainer",
    "DartsTrainer",
    "EnasTrainer",
    "FBNetTrainer",
    "GdasTrainer",
    "LRSchedulerCallback",
    "ModelCheckpoint",
    "Options",
    "PcDartsTrainer",
    "PdartsTrainer",
    "Phase",
    "ProxylessTrainer",
    "SearchTuner",
    "SinglePathTrainer",
    "SmashTrainer",
    "SposTrainer",
    "SupernetEvaluator",
    "architecture_cost",
    "candidate_costs",
    "cost_tensors",
    "expected_cost",
    "fixed_cost",
    "load_costs",
    "save_costs",
]
