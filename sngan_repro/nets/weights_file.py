"""Networks as safetensors files: their weights, and one JSON record with what is needed to build them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

from pydantic import Field

from sngan_repro.config.data_records import ImageShape
from sngan_repro.config.records import FileModel, check_record
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import atomic_path, check_regular, file_sha256
from sngan_repro.core.schema import ConfigError, parse, shortened
from sngan_repro.nets.interface import ImageSpec

if TYPE_CHECKING:
    from torch import Tensor

KEY = "sngan-repro"
"""The only entry of the metadata: safetensors writes several in an order that changes, and equal networks must be equal
bytes."""


class NetworkRecord(FileModel):
    """The record of a network."""

    format: str
    spec: dict[str, Any]
    image_shape: ImageShape
    num_classes: Annotated[int, Field(ge=1, le=1_000_000)] | None
    checksum: str | None = None
    """Of the other entries and of the weights; earlier versions wrote none."""


RecordT = TypeVar("RecordT", bound=NetworkRecord)


class StoredNetwork(NamedTuple):
    """What a file holds, checked; no network has been built yet."""

    record: Any
    """An instance of the model that was given to :func:`read_weights`."""
    spec: RunSpec
    image: ImageSpec
    weights: dict[str, Tensor]


def write_weights(
    path: Path, form: str, spec: RunSpec, image: ImageSpec, weights: Mapping[str, Tensor], **entries: Any
) -> str:
    """Write weights and buffers atomically; returns the SHA-256 of the file. form: the name of the format.

    entries: more entries of the record. Equal networks of one specification give equal bytes.
    """
    from safetensors.torch import save_file

    record = {
        "format": form,
        "spec": spec.to_dict(),
        "image_shape": list(image.shape),
        "num_classes": image.num_classes,
        **entries,
    }
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    record["checksum"] = _checksum(record, tensors)
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, {KEY: json.dumps(record, sort_keys=True)})
    return file_sha256(path)


def read_weights(path: Path, form: str, model: type[RecordT], what: str) -> StoredNetwork:
    """Read a file of :func:`write_weights`. what: a noun for messages, such as ``snapshot``.

    Raises ConfigError if the file is missing, is of another format, lacks an entry, or is damaged.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise ConfigError(f"{path}: no such {what}")
    check_regular(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            text = (file.metadata() or {}).get(KEY, "{}")
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        values = json.loads(text)
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not a readable safetensors file ({shortened(str(error))})") from None
    found = values.get("format") if isinstance(values, dict) else None
    if found != form:
        raise ConfigError(f"{path}: expected a {what} of the format '{form}', found '{shortened(str(found))}'")
    record = check_record(model, values, path, f"this is no {what} of this program, or a damaged one")
    if record.checksum is not None and record.checksum != _checksum(values, weights):
        raise ConfigError(f"{path}: damaged: its checksum is wrong; train the run again, or copy the file again")
    channels, size, _ = record.image_shape
    image = ImageSpec(channels, size, record.num_classes)
    return StoredNetwork(record, parse(RunSpec, record.spec, f"{path}: spec"), image, weights)


def check_shapes(path: Path, expected: Mapping[str, tuple[int, ...]], weights: Mapping[str, Tensor]) -> None:
    """Raise ConfigError if weights do not have the names and shapes of the network that their specification gives."""
    found = {name: tuple(weight.shape) for name, weight in weights.items()}
    if expected != found:
        name = min(name for name in {*expected, *found} if expected.get(name) != found.get(name))
        raise ConfigError(
            f"{path}: the weights do not fit the networks of its specification: {shortened(name)} is "
            f"{found.get(name, 'missing')}, expected {expected.get(name, 'no such tensor')}"
        )


def _checksum(record: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 of all entries of the record but the checksum, and of all weights."""
    others = {key: value for key, value in record.items() if key != "checksum"}
    total = hashlib.sha256(json.dumps(others, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        total.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        total.update(value.numpy().tobytes())
    return total.hexdigest()
