"""From score files to tables, statistics and figures. Nothing here imports torch."""
