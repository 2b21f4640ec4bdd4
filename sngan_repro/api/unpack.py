"""A bundle is unpacked, and its files are compared with its checksums. Nothing in it is believed before."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

from sngan_repro.api.bundle import CHECKSUMS
from sngan_repro.core.disk import disk_errors
from sngan_repro.core.files import check_regular, file_sha256
from sngan_repro.core.paths import exists
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.listing import ZIP_ERRORS

MOST_BYTES = 2**40
"""A bundle that claims to unpack to more is refused."""


def unpack(bundle: Path, work: Path) -> list[str]:
    """Unpack a bundle; returns the names of its files. Raises ConfigError if it is no zip, or if a name leaves it."""
    if not exists(bundle):
        raise ConfigError(f"{bundle}: no such file; give the zip that `sngan-repro bundle` wrote")
    check_regular(bundle)
    try:
        with zipfile.ZipFile(bundle) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            for member in members:
                path = PurePosixPath(member.filename)
                if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
                    raise ConfigError(
                        f"{bundle}: the name {member.filename!r} leaves the bundle; do not trust this file"
                    )
            if sum(member.file_size for member in members) > MOST_BYTES:
                raise ConfigError(f"{bundle}: it claims to unpack to more than {MOST_BYTES:,} bytes")
            with disk_errors(work):
                archive.extractall(work)
    except ConfigError:  # a name that leaves the bundle, or a full disk
        raise
    except ZIP_ERRORS as error:
        raise ConfigError(f"{bundle}: not a readable zip ({error})") from None
    names = [member.filename for member in members]
    if CHECKSUMS not in names:
        raise ConfigError(f"{bundle}: it has no {CHECKSUMS}; `sngan-repro bundle` writes bundles")
    return names


def wrong_files(work: Path, names: list[str]) -> tuple[list[str], int]:
    """(what is wrong with files of an unpacked bundle, one text each; the number of checksums)."""
    listed: dict[str, str] = {}
    for line in (work / CHECKSUMS).read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        listed[name] = digest
    wrong = [f"{name} is missing" for name in sorted(listed.keys() - set(names))]
    wrong += [f"{name} is not listed" for name in sorted(set(names) - listed.keys() - {CHECKSUMS})]
    wrong += [f"{name} was changed" for name in names if name in listed and file_sha256(work / name) != listed[name]]
    return wrong, len(listed)
