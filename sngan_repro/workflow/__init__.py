"""What the Snakefile needs: the plan, costs, clusters, the state of a study. No torch."""
