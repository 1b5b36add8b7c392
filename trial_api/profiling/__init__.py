"""What a network costs: parameters, FLOPs, and the time that a run takes."""

from ._latency import Latency, measure_latency
from ._parameter_counter import ParameterCounter
from ._profile import ArchitectureProfiler, Profile, profile, profile_architecture

__all__ = [
    "ArchitectureProfiler",
    "Latency",
    "ParameterCounter",
    "Profile",
    "measure_latency",
    "profile",
    "profile_architecture",
]
