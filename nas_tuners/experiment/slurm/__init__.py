"""Workers on a Slurm cluster: :mod:`.submission` submits and watches them, :mod:`.job` is one."""
