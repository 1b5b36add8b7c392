"""Tuners: they read a search space and propose architectures. One algorithm a file."""
