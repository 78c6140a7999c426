"""Training on several machines by existing engines: SLURM."""
