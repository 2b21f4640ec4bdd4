"""Datasets: declared (sources), fetched (fetch), prepared as one array (prepare), opened (dataset)."""
