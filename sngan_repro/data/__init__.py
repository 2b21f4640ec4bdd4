"""Datasets: where they come from (sources), fetched (fetch), prepared to one array (prepare), opened (dataset)."""
