"""Raw files of a source: staged by hand or downloaded, in either case checked before anything reads them.

They lie in ``downloads/<source>/`` as torchvision has them below its root. A download goes to a temporary folder
beside it and is moved in place, file by file, only when its checksum matches; so whatever stands in place is whole.
"""

from __future__ import annotations

import gzip
import http.client
import logging
import shutil
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path
from typing import Any

from sngan_repro.core.files import file_sha256, read_json, write_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.sources import SOURCES, Archive, RawFile, Source
from sngan_repro.data.storage import file_digests, readable_disk_errors, remove_stale

log = logging.getLogger(__name__)

TIMEOUT = 30.0
"""Seconds without an answer after which a server counts as unreachable."""
RETRY_PAUSES = (1.0, 5.0)
"""Seconds before the second and third attempt after a broken connection."""


def fetch(source: str, downloads: Path, download: bool) -> None:
    """Make sure the raw files of a source lie complete and checked in ``downloads/<source>/``.

    Files already there are checked, never replaced; an archive there is unpacked; what is missing is downloaded if
    ``download``. Then ``source.json`` is written: url, how (staged | downloaded), and of each file sha256, md5,
    bytes, how. Raises ConfigError naming the files, where they may come from and where to put them.
    """
    entry = SOURCES.get(source)
    if not entry.archives:
        raise ConfigError(f"the source '{source}' has nothing to fetch ({entry.where_to_put()})")
    folder = downloads / source
    with readable_disk_errors(downloads):
        folder.mkdir(parents=True, exist_ok=True)
        remove_stale(downloads, f".fetch-{source}-*")
        before = _recorded(folder / "source.json")
        (folder / "source.json").unlink(missing_ok=True)
        files = {}
        for archive in entry.archives:
            for file in archive.files:
                if (folder / file.path).exists():
                    record = _checked(folder, file)
                    known = before.get(file.path, {})
                    record["how"] = known["how"] if known.get("sha256") == record["sha256"] else "staged"
                    files[file.path] = record
        for archive in entry.archives:
            absent = [file for file in archive.files if file.path not in files]
            if absent:
                files |= _obtain(entry, archive, absent, downloads, download)
    downloaded = any(record["how"] == "downloaded" for record in files.values())
    write_json(
        folder / "source.json",
        {
            "source": source,
            "title": entry.title,
            "url": [archive.urls[0] for archive in entry.archives],
            "how": "downloaded" if downloaded else "staged",
            "files": dict(sorted(files.items())),
        },
    )


def _recorded(path: Path) -> dict[str, Any]:
    """The files of an earlier record, to carry on how they came; empty when there is none that can be read."""
    try:
        return read_json(path)["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def fetched_origin(source: str, downloads: Path) -> dict[str, Any]:
    """{url, how, files: {path: sha256}} of a fetched source, after checking every file once more.

    Raises ConfigError when the source was not fetched or a file changed since.
    """
    folder = downloads / source
    again = f"sngan-repro fetch --source {source} --downloads {downloads}"
    if not (folder / "source.json").exists():
        raise ConfigError(f"{folder}: the source is not fetched yet; run `{again}`")
    record = read_json(folder / "source.json")
    for name, known in record["files"].items():
        path = folder / name
        if not path.exists() or file_sha256(path) != known["sha256"]:
            raise ConfigError(f"{path}: missing or changed since it was fetched; run `{again}` again")
    files = {name: known["sha256"] for name, known in record["files"].items()}
    return {"url": record["url"], "how": record["how"], "files": files}


def _checked(folder: Path, file: RawFile) -> dict[str, Any]:
    """Checksums and size of a file in place; ConfigError when it is not the published one."""
    path = folder / file.path
    if not path.is_file():
        raise ConfigError(f"{path}: a file is needed here, found something else; remove it and run again")
    md5, sha256 = file_digests(path)
    if md5 != file.md5:
        raise ConfigError(
            f"{path}: corrupt or not the published file (MD5 {md5}, expected {file.md5}, {path.stat().st_size} "
            "bytes); delete it and run again"
        )
    return {"sha256": sha256, "md5": md5, "bytes": path.stat().st_size}


def _obtain(
    entry: type[Source], archive: Archive, absent: list[RawFile], downloads: Path, download: bool
) -> dict[str, dict[str, Any]]:
    """Take absent files out of an archive, staged or downloaded, and move them in place: {path: record}."""
    folder = downloads / entry.name
    staged = folder / archive.path
    with tempfile.TemporaryDirectory(prefix=f".fetch-{entry.name}-", dir=downloads) as name:
        temporary = Path(name)
        if staged.exists():
            _checked(folder, RawFile(archive.path, archive.md5))
            how, packed = "staged", staged
        elif download:
            how, packed = "downloaded", temporary / "archive"
            problems = _download(archive, packed)
            if problems:
                raise ConfigError(_missing(entry, folder, problems))
        else:
            raise ConfigError(_missing(entry, folder, ["downloading is off (`download: false`)"]))
        files = {}
        for file in absent:
            _unpack(packed, archive, file, temporary / file.path)
            files[file.path] = {**_checked(temporary, file), "how": how}
        for file in absent:
            (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
            (temporary / file.path).replace(folder / file.path)
    return files


def _missing(entry: type[Source], folder: Path, problems: list[str]) -> str:
    """What is missing, why, where it may come from, where to put it."""
    lines = [f"the files of the source '{entry.name}' ({entry.title}) are not complete: {'; '.join(problems)}"]
    lines.append("Put these there by hand, or let them be downloaded (`download: true` in config/config.yaml):")
    for archive in entry.archives:
        if any(not (folder / file.path).exists() for file in archive.files):
            names = ", ".join(Path(file.path).name for file in archive.files)
            lines.append(f"  {folder / archive.path}")
            lines.append(f"      from {' or '.join(archive.urls)} (MD5 {archive.md5})")
            lines.append(f"      or unpacked into {(folder / archive.files[0].path).parent}/: {names}")
    return "\n".join(lines)


def _unpack(packed: Path, archive: Archive, file: RawFile, target: Path) -> None:
    """Write one file of an archive to ``target``. Only listed members are taken, so no archive writes elsewhere."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if archive.path.endswith(".tar.gz"):
            with tarfile.open(packed, "r:gz") as tar, target.open("wb") as out:
                member = tar.extractfile(file.path)
                if member is None:
                    raise KeyError(f"{file.path} is no regular file")
                shutil.copyfileobj(member, out, 1 << 20)
        else:
            with gzip.open(packed) as stream, target.open("wb") as out:
                shutil.copyfileobj(stream, out, 1 << 20)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, KeyError) as error:
        raise ConfigError(f"{archive.path}: cannot take {file.path} out of it: {error}") from None


def _download(archive: Archive, target: Path) -> list[str]:
    """Try each mirror until one gives the published file; returns what went wrong, nothing when it is there."""
    problems = []
    for url in archive.urls:
        problem = _from_mirror(url, target)
        if problem is None:
            md5 = file_digests(target)[0]
            if md5 == archive.md5:
                return []
            problem = f"gave a corrupt file (MD5 {md5}, expected {archive.md5}), which was not kept"
        problems.append(f"{url}: {problem}")
    return problems


def _from_mirror(url: str, target: Path) -> str | None:
    """Download, once more after a broken connection or a busy server; what went wrong, or None."""
    problem = ""
    for pause in (0.0, *RETRY_PAUSES):
        if problem:
            log.warning("%s: %s; trying again", url, problem)
            time.sleep(pause)
        try:
            _receive(url, target)
            return None
        except urllib.error.HTTPError as error:
            error.close()
            problem = f"HTTP {error.code} {error.reason}"
            if error.code < 500:
                break  # the server answered, and will answer the same
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            problem = str(getattr(error, "reason", error)) or type(error).__name__
    return problem


def _receive(url: str, target: Path) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "sngan-repro"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response, target.open("wb") as out:
        announced = response.headers.get("Content-Length")
        log.info("downloading %s (%s bytes)", url, announced or "unknown")
        shutil.copyfileobj(response, out, 1 << 18)
        received = out.tell()
    if announced is not None and received != int(announced):
        raise http.client.HTTPException(f"truncated: {received} of {announced} bytes arrived")
