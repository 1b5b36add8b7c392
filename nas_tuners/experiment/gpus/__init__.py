"""GPUs for trials: :mod:`.nvml` sees them, :mod:`.rules` assigns, :mod:`.placement` remembers."""
