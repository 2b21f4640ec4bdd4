"""The package as a library, for notebooks and scripts: the public names of :mod:`sngan_repro` (docs/library.md)."""
