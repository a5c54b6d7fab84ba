"""Cheap ovens in a process of their own: they speak the real protocols, and do next to nothing else."""
