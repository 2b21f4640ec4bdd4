"""Published values to compare a study with, as data. No torch and no pandas here.

A name such as ``southampton`` means a file of this package; a path means the user's own file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sngan_repro.core.schema import ConfigError, describe, require_known
from sngan_repro.core.yaml_files import read_yaml
from sngan_repro.study.reference.models import ASPECTS, Aspect, Reference
from sngan_repro.study.reference.values import REAL, Kind, LossReadings, Published, Source

__all__ = ["ASPECTS", "REAL", "Aspect", "Kind", "LossReadings", "Published", "Reference", "Source", "load_reference"]

FOLDER = Path(__file__).parent


def reference_path(name: str) -> Path:
    """The file of a reference given by name (in this package) or by path."""
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    require_known("reference", name, sorted(file.stem for file in FOLDER.glob("*.yaml")))
    return FOLDER / f"{name}.yaml"


def load_reference(name: str) -> Reference:
    """Read and check published values given by name or path. The file's stem is their name.

    Raises :class:`ConfigError` for an unknown name, and with every problem of the file, one line each.
    """
    path = reference_path(name)
    values: dict[str, Any] = read_yaml(path)
    if "name" in values:
        raise ConfigError(f"{path}: name: published values are named after their file; remove this key")
    try:
        return Reference.model_validate({**values, "name": path.stem})
    except ValidationError as error:
        raise ConfigError(describe(error, Reference, str(path))) from None
