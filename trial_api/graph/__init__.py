"""The graph of a supernet: modules, operations, and every candidate of every choice."""

from ._record import record_graph

__all__ = ["record_graph"]
