"""Figures of searches, with matplotlib."""
