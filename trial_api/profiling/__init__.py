"""What a network costs: parameters, FLOPs, and the time that a run takes."""

from ._latency import Latency, measure_latency
from ._profile import Profile, profile, profile_architecture

__all__ = ["Latency", "Profile", "measure_latency", "profile", "profile_architecture"]
