"""Tools for authors of methods."""
