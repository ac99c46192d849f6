"""famsock against the stdlib on the same work, alternating in one run: ``python -m benchmarks``."""
