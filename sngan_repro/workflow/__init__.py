"""The plan of a study for the Snakefile, its cost, its jobs on a cluster, and the state of its runs. No torch."""
