"""Training on several machines by existing engines: Ray and SLURM."""
