"""What running experiments costs: trials, studies, workers."""
