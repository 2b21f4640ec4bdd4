"""Raw files of a source: put there by hand or downloaded, and checked before they are read.

They are in ``downloads/<source>/``, in the layout of torchvision. A download goes to a temporary folder beside it. Its
files are moved to their place only if their checksums match, so a file in its place is always complete.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import Any

from sngan_repro.config.data_records import SourceFile
from sngan_repro.config.records import read_record
from sngan_repro.core.disk import DiskError, disk_errors
from sngan_repro.core.files import file_sha256
from sngan_repro.core.schema import ConfigError
from sngan_repro.core.sealed import write_sealed_json
from sngan_repro.data.download import download_file
from sngan_repro.data.sources import SOURCES, Archive, RawFile, Source
from sngan_repro.data.storage import file_digests, remove_stale


def fetch(source: str, downloads: Path, download: bool) -> None:
    """Put the raw files of a source into ``downloads/<source>/``, complete and checked.

    Files that are already there are checked, never replaced. An archive there is unpacked. Missing files are downloaded
    if ``download`` is true. Then ``source.json`` is written: url, how (staged | downloaded), and for each file sha256,
    md5, bytes, how. Raises ConfigError with the files, the URLs of the source, and the folder for them.
    """
    entry = SOURCES.get(source)
    if entry.files_of is not None:
        return fetch(entry.files_of, downloads, download)
    if not entry.archives:
        raise ConfigError(f"the source '{source}' has nothing to fetch ({entry.where_to_put()})")
    folder = downloads / source
    with disk_errors(downloads):
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
                    same = known.get("sha256") == record["sha256"]
                    record |= {key: known[key] for key in ("how", "note") if same and key in known} or {"how": "staged"}
                    files[file.path] = record
        for archive in entry.archives:
            absent = [file for file in archive.files if file.path not in files]
            if absent:
                files |= _obtain(entry, archive, absent, downloads, download)
    downloaded = any(record["how"] == "downloaded" for record in files.values())
    write_sealed_json(
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
    """The files in an earlier source.json, since it records which were downloaded; empty if it cannot be read."""
    try:
        return read_record(SourceFile, path, "")["files"]
    except ConfigError:
        return {}


def fetched_origin(source: str, downloads: Path) -> dict[str, Any]:
    """{url, how, files: {path: sha256}, notes} of a fetched source, after a new check of each file.

    notes: only if there are any.

    Raises ConfigError if the source was not fetched or if a file has changed since.
    """
    folder = downloads / source
    again = f"sngan-repro fetch --source {source} --downloads {downloads}"
    if not (folder / "source.json").exists():
        raise ConfigError(f"{folder}: the source is not fetched yet; run `{again}`")
    record = read_record(SourceFile, folder / "source.json", f"delete it and run `{again}`")
    for name, known in record["files"].items():
        path = folder / name
        if not path.exists() or file_sha256(path) != known["sha256"]:
            raise ConfigError(f"{path}: missing or changed since it was fetched; run `{again}` again")
    files = {name: known["sha256"] for name, known in record["files"].items()}
    notes = [f"{name}: {known['note']}" for name, known in record["files"].items() if known.get("note")]
    return {"url": record["url"], "how": record["how"], "files": files} | ({"notes": notes} if notes else {})


def _checked(folder: Path, file: RawFile) -> dict[str, Any]:
    """Checksums and size of a file. Raises ConfigError if it is not the published one."""
    path = folder / file.path
    if not path.is_file():
        raise ConfigError(f"{path}: a file is needed here, found something else; remove it and run again")
    md5, sha256 = file_digests(path)
    if md5 != file.md5:
        raise _not_published(path, md5, file.md5)
    return {"sha256": sha256, "md5": md5, "bytes": path.stat().st_size}


def _not_published(path: Path, md5: str, expected: str) -> ConfigError:
    return ConfigError(
        f"{path}: corrupt or not the published file (MD5 {md5}, expected {expected}, {path.stat().st_size} bytes); "
        "delete it and run again"
    )


def _obtain(
    entry: type[Source], archive: Archive, absent: list[RawFile], downloads: Path, download: bool
) -> dict[str, dict[str, Any]]:
    """Unpack absent files from an archive, staged or downloaded, and move them to their places: {path: record}.

    A staged archive may have been compressed again: the checksums of the files in it decide, and each has a note.
    """
    folder = downloads / entry.name
    staged = folder / archive.path
    with tempfile.TemporaryDirectory(prefix=f".fetch-{entry.name}-", dir=downloads) as name:
        temporary = Path(name)
        md5 = archive.md5
        if staged.exists():
            md5 = _md5_of_archive(staged)
            if md5 != archive.md5 and not _is_whole_gzip(staged):
                raise _not_published(staged, md5, archive.md5)
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
            try:
                _unpack(packed, archive, file, temporary / file.path)
                files[file.path] = {**_checked(temporary, file), "how": how}
            except DiskError:
                raise
            except ConfigError:
                if md5 != archive.md5:
                    raise _not_published(staged, md5, archive.md5) from None
                raise
            if md5 != archive.md5:
                files[file.path]["note"] = f"from {archive.path}, compressed again (MD5 {md5}, published {archive.md5})"
        for file in absent:
            (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
            (temporary / file.path).replace(folder / file.path)
    return files


def _md5_of_archive(path: Path) -> str:
    if not path.is_file():
        raise ConfigError(f"{path}: a file is needed here, found something else; remove it and run again")
    return file_digests(path)[0]


def _is_whole_gzip(path: Path) -> bool:
    """True if a file can be unpacked to its end, where gzip has a checksum of the content."""
    try:
        with gzip.open(path) as stream:
            while stream.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error):
        return False
    return True


def _missing(entry: type[Source], folder: Path, problems: list[str]) -> str:
    """The message for missing files: the reason, their URLs, and the folder for them."""
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
    """Write one file of an archive to ``target``. Other members are ignored, so no archive can write elsewhere."""
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
    """Try each mirror until one gives the published file; returns the problems, none if the file is there."""
    problems = []
    for url in archive.urls:
        problem = download_file(url, target)
        if problem is None:
            if (md5 := file_digests(target)[0]) == archive.md5:
                return []
            problem = f"gave a corrupt file (MD5 {md5}, expected {archive.md5}), which was not kept"
        problems.append(f"{url}: {problem}")
    return problems
