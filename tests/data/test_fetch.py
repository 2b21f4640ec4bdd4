"""Fetching: staged, downloaded, and everything that goes wrong, against a server on this machine."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from standins import tar_gz

from sngan_repro.core.files import read_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.data import download as download_module
from sngan_repro.data.fetch import fetch, fetched_origin
from sngan_repro.data.sources import SOURCES
from sngan_repro.data.sources.cifar import read_pickle

IMAGES = "MNIST/raw/train-images-idx3-ubyte"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones included."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def names(folder: Path) -> list[str]:
    """The names of the files and folders in a folder."""
    return sorted(path.name for path in folder.iterdir())


def stage(folder: Path, files: dict[str, bytes]) -> None:
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)


@pytest.mark.parametrize("source", ["mnist", "fashion_mnist", "cifar10", "cifar100", "stl10"])
def test_download_places_exactly_the_checked_files(source, stand_in, server, tmp_path):
    made = stand_in(source)
    fetch(source, tmp_path, download=True)
    found = contents(tmp_path)
    record = found.pop(f"{source}/source.json")
    assert found == {f"{source}/{name}": body for name, body in made.raw.items()}
    assert names(tmp_path) == [source]  # no temporary folder is left
    record = read_json(tmp_path / source / "source.json")
    assert record["how"] == "downloaded"
    assert record["url"] == [archive.urls[0] for archive in SOURCES.get(source).archives]
    assert {name: f["sha256"] for name, f in record["files"].items()} == {
        name: hashlib.sha256(body).hexdigest() for name, body in made.raw.items()
    }


def test_second_fetch_needs_no_network_and_remembers(stand_in, server, tmp_path):
    stand_in("mnist")
    fetch("mnist", tmp_path, download=True)
    requests = len(server.requests)
    first = read_json(tmp_path / "mnist/source.json")
    fetch("mnist", tmp_path, download=False)
    assert len(server.requests) == requests == 4
    assert read_json(tmp_path / "mnist/source.json") == first


@pytest.mark.parametrize("kind", ["raw", "packed"])
@pytest.mark.parametrize("source", ["mnist", "cifar10"])
def test_files_staged_by_hand_are_found(source, kind, stand_in, server, tmp_path):
    made = stand_in(source)
    stage(tmp_path / source, getattr(made, kind))
    fetch(source, tmp_path, download=True)
    assert server.requests == []
    for name, body in made.raw.items():
        assert (tmp_path / source / name).read_bytes() == body
    assert read_json(tmp_path / source / "source.json")["how"] == "staged"


def test_only_what_is_missing_is_taken(stand_in, server, tmp_path):
    made = stand_in("mnist")
    stage(tmp_path / "mnist", {name: body for name, body in made.raw.items() if name != IMAGES})
    fetch("mnist", tmp_path, download=True)
    assert server.requests == ["train-images-idx3-ubyte.gz"]
    files = read_json(tmp_path / "mnist/source.json")["files"]
    assert [name for name, file in files.items() if file["how"] == "downloaded"] == [IMAGES]


def test_missing_without_download_says_what_from_where_and_to_where(stand_in, server, tmp_path):
    made = stand_in("mnist")
    stage(tmp_path / "mnist", {name: body for name, body in made.raw.items() if "images" in name})
    with pytest.raises(ConfigError) as caught:
        fetch("mnist", tmp_path, download=False)
    message = str(caught.value)
    for name in ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"):
        assert f"{tmp_path}/mnist/MNIST/raw/{name}.gz" in message
        assert f"{server.url}{name}.gz" in message
    assert "train-images" not in message  # that one is there
    assert "download: true" in message
    assert server.requests == []
    assert not (tmp_path / "mnist/source.json").exists()


def test_corrupted_download_is_reported_and_not_left_behind(stand_in, server, tmp_path):
    stand_in("cifar10")
    body = bytearray(server.files["cifar-10-python.tar.gz"])
    body[len(body) // 2] ^= 1
    server.files["cifar-10-python.tar.gz"] = bytes(body)
    with pytest.raises(ConfigError, match=r"corrupt file.*not kept") as caught:
        fetch("cifar10", tmp_path, download=True)
    assert hashlib.md5(body).hexdigest() in str(caught.value)
    assert contents(tmp_path) == {}
    assert names(tmp_path) == ["cifar10"]


def test_next_mirror_after_a_corrupt_one(stand_in, server, tmp_path, monkeypatch):
    made = stand_in("cifar10")
    entry = SOURCES.get("cifar10")
    server.files["bad"] = b"<html>log in first</html>"
    urls = (server.url + "bad", server.url + "absent", *entry.archives[0].urls)
    monkeypatch.setattr(entry, "archives", (replace(entry.archives[0], urls=urls),))
    fetch("cifar10", tmp_path, download=True)
    assert server.requests == ["bad", "absent", "cifar-10-python.tar.gz"]
    assert set(contents(tmp_path / "cifar10")) == {*made.raw, "source.json"}


def test_truncated_download(stand_in, server, tmp_path):
    stand_in("mnist")
    name = "train-images-idx3-ubyte.gz"
    server.claims[name] = len(server.files[name]) + 100
    with pytest.raises(ConfigError, match=rf"truncated: {len(server.files[name])} of \d+ bytes"):
        fetch("mnist", tmp_path, download=True)
    assert server.requests == [name] * 3  # tried again, in vain
    assert contents(tmp_path) == {}


def test_broken_connection_is_tried_again(stand_in, server, tmp_path):
    made = stand_in("cifar100")
    server.fail_first = 2
    fetch("cifar100", tmp_path, download=True)
    assert len(server.requests) == 3
    assert set(contents(tmp_path / "cifar100")) == {*made.raw, "source.json"}


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (403, 1), (503, 3)])
def test_http_errors(status, tries, stand_in, server, tmp_path):
    stand_in("stl10")
    server.statuses["stl10_binary.tar.gz"] = status
    with pytest.raises(ConfigError, match=f"HTTP {status}") as caught:
        fetch("stl10", tmp_path, download=True)
    assert f"{tmp_path}/stl10/stl10_binary.tar.gz" in str(caught.value)
    assert len(server.requests) == tries
    assert contents(tmp_path) == {}


def test_no_network(stand_in, server, tmp_path, monkeypatch):
    stand_in("cifar10")
    entry = SOURCES.get("cifar10")
    closed = replace(entry.archives[0], urls=("http://127.0.0.1:9/cifar.tar.gz",))
    monkeypatch.setattr(entry, "archives", (closed,))
    with pytest.raises(ConfigError, match="Connection refused") as caught:
        fetch("cifar10", tmp_path, download=True)
    assert "http://127.0.0.1:9/cifar.tar.gz" in str(caught.value)


@pytest.mark.parametrize("kind", ["raw", "packed"])
def test_corrupt_staged_file_is_named_and_kept(kind, stand_in, server, tmp_path):
    made = stand_in("cifar10")
    files = getattr(made, kind)
    name = next(iter(files))
    stage(tmp_path / "cifar10", {**files, name: files[name][:-1]})
    with pytest.raises(ConfigError, match=r"corrupt or not the published file.*delete it") as caught:
        fetch("cifar10", tmp_path, download=True)
    assert str(tmp_path / "cifar10" / name) in str(caught.value)
    assert (tmp_path / "cifar10" / name).read_bytes() == files[name][:-1]
    assert not (tmp_path / "cifar10/source.json").exists()
    assert server.requests == []


@pytest.mark.parametrize("source", ["mnist", "cifar10"])
def test_an_archive_that_was_compressed_again(source, stand_in, server, tmp_path):
    """Its content decides. Where the files came from is in the record of each, and in the origin of the dataset."""
    made = stand_in(source)
    again = {name: gzip.compress(gzip.decompress(body), 1, mtime=7) for name, body in made.packed.items()}
    assert all(again[name] != body for name, body in made.packed.items())
    stage(tmp_path / source, again)
    for _ in range(2):  # the second time the unpacked files are there
        fetch(source, tmp_path, download=False)
        assert {name: (tmp_path / source / name).read_bytes() for name in made.raw} == made.raw
        origin = fetched_origin(source, tmp_path)
        assert len(origin["notes"]) == len(made.raw)
        for name, body in again.items():
            text = f"from {name}, compressed again (MD5 {hashlib.md5(body).hexdigest()}, published "
            assert any(text in note for note in origin["notes"])
    assert server.requests == []


def test_an_archive_with_another_content_is_refused(stand_in, tmp_path):
    made = stand_in("mnist")
    name, body = next(iter(made.packed.items()))
    stage(tmp_path / "mnist", {**made.packed, name: gzip.compress(gzip.decompress(body)[:-1] + b"?")})
    with pytest.raises(ConfigError, match=r"corrupt or not the published file.*delete it") as caught:
        fetch("mnist", tmp_path, download=False)
    assert str(tmp_path / "mnist" / name) in str(caught.value)
    assert not list((tmp_path / "mnist").rglob("*ubyte"))


def test_archive_that_lacks_a_member(stand_in, server, tmp_path, monkeypatch):
    made = stand_in("cifar100")
    body = tar_gz({name: content for name, content in made.raw.items() if not name.endswith("meta")})
    entry = SOURCES.get("cifar100")
    archive = replace(entry.archives[0], md5=hashlib.md5(body).hexdigest())
    monkeypatch.setattr(entry, "archives", (archive,))
    stage(tmp_path / "cifar100", {archive.path: body})
    with pytest.raises(ConfigError, match="cannot take cifar-100-python/meta out of it"):
        fetch("cifar100", tmp_path, download=False)
    assert set(contents(tmp_path)) == {f"cifar100/{archive.path}"}


def test_killed_download_leaves_nothing_in_place(stand_in, server, tmp_path):
    """kill -9 in the middle of a download; the next fetch succeeds, and the leftover goes once it is old."""
    made = stand_in("stl10")
    server.hang = threading.Event()
    program = (
        "import sys; from dataclasses import replace; from pathlib import Path\n"
        "from sngan_repro.data.fetch import fetch; from sngan_repro.data.sources import SOURCES\n"
        "entry = SOURCES.get('stl10')\n"
        "entry.archives = (replace(entry.archives[0], urls=(sys.argv[1],)),)\n"
        "fetch('stl10', Path(sys.argv[2]), True)"
    )
    url = SOURCES.get("stl10").archives[0].urls[0]
    process = subprocess.Popen([sys.executable, "-c", program, url, str(tmp_path)])
    deadline = time.monotonic() + 20
    while not list(tmp_path.glob(".fetch-stl10-*/archive")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert contents(tmp_path / "stl10") == {}
    server.hang.set()
    server.hang = None
    fetch("stl10", tmp_path, download=True)
    assert set(contents(tmp_path / "stl10")) == {*made.raw, "source.json"}
    (leftover,) = tmp_path.glob(".fetch-*")  # young: it might belong to a running job
    for path in [*leftover.rglob("*"), leftover]:
        os.utime(path, (1, 1))
    fetch("stl10", tmp_path, download=False)
    assert names(tmp_path) == ["stl10"]


def test_full_disk_is_told_and_leaves_nothing(stand_in, server, tmp_path, monkeypatch):
    stand_in("cifar10")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download_module.shutil, "copyfileobj", full)
    with pytest.raises(ConfigError, match=r"no space left.*data_dir"):
        fetch("cifar10", tmp_path, download=True)
    assert contents(tmp_path) == {}


def test_sources_without_files():
    with pytest.raises(ConfigError, match="'digits' has nothing to fetch"):
        fetch("digits", Path("anywhere"), download=True)
    with pytest.raises(ConfigError, match=r"unknown data source 'mnits'; did you mean 'mnist'\?"):
        fetch("mnits", Path("anywhere"), download=True)


def test_origin_is_checked_again(stand_in, server, tmp_path):
    made = stand_in("mnist")
    with pytest.raises(ConfigError, match="not fetched yet"):
        fetched_origin("mnist", tmp_path)
    stage(tmp_path / "mnist", made.raw)
    fetch("mnist", tmp_path, download=False)
    origin = fetched_origin("mnist", tmp_path)
    assert origin["files"][IMAGES] == hashlib.sha256(made.raw[IMAGES]).hexdigest()
    body = bytearray(made.raw[IMAGES])
    body[-1] ^= 1
    (tmp_path / "mnist" / IMAGES).write_bytes(body)
    with pytest.raises(ConfigError, match="train-images-idx3-ubyte: missing or changed"):
        fetched_origin("mnist", tmp_path)


def test_pickles_never_run_code(tmp_path):
    path = tmp_path / "data_batch_1"
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR.")
    with pytest.raises(ConfigError, match=r"data_batch_1: not a CIFAR batch: it needs os\.system"):
        read_pickle(path)
    assert not (tmp_path / "ran").exists()
