"""The package as a library, for notebooks and scripts: what :mod:`sngan_repro` offers by name (docs/library.md)."""
