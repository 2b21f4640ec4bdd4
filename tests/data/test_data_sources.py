"""The registry of sources: what it lists, what it refuses, and that it stays light."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sngan_repro.config.specs import DatasetSpec
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.sources import SOURCES, check_source, list_sources, source_info


def spec(source: str, **values: object) -> DatasetSpec:
    return DatasetSpec.model_validate({"source": source, "image_size": 32, **values})


def test_known_sources():
    rows = {row.name: row for row in list_sources()}
    assert list(rows) == ["cifar10", "cifar100", "digits", "fashion_mnist", "images", "mnist", "stacked_mnist", "stl10"]
    assert all(SOURCES.get(name).name == name for name in rows)
    assert (rows["cifar100"].num_train, rows["cifar100"].num_test, rows["cifar100"].num_classes) == (50000, 10000, 100)
    assert {name for name, row in rows.items() if row.needs_fetch} == set(rows) - {"digits", "images"}
    assert all((row.url is not None) == row.needs_fetch for row in rows.values())


def test_info_of_a_dataset():
    assert source_info(spec("digits")).num_train == 1197
    assert source_info(spec("stl10", split="train+unlabeled")).num_train == 105_000
    assert source_info(spec("mnist")).channels == 1
    assert source_info(spec("mnist", channels=3)).channels == 3
    assert "downloads/mnist/MNIST/raw/train-images-idx3-ubyte.gz" in source_info(spec("mnist")).where_to_put
    prints = source_info(spec("images", path="prints.zip"))
    assert (prints.title, prints.num_train) == ("Images (prints.zip)", None)


def test_light():
    """Every job parses the Snakefile, which checks the datasets."""
    program = (
        "import sys\n"
        "from sngan_repro.data.sources import check_source, list_sources, source_info\n"
        "from sngan_repro.config.specs import DatasetSpec\n"
        "spec = DatasetSpec(source='digits', image_size=16)\n"
        "list_sources(); check_source('d', spec); source_info(spec)\n"
        "heavy = {'numpy', 'torch', 'torchvision', 'PIL', 'sklearn', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images" / "cat").mkdir(parents=True)
    return tmp_path / "images"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"source": "mnits"}, r"unknown data source 'mnits'; did you mean 'mnist'\? \(known: cifar10, cifar100, "),
        ({"source": "mnist", "path": "x"}, "`path` has no effect for the source 'mnist'; remove it"),
        ({"source": "cifar10", "split": "train"}, "`split` has no effect for the source 'cifar10'"),
        ({"source": "digits", "test_fraction": 0.2}, "`test_fraction` has no effect.*its own test split"),
        ({"source": "stl10", "split_seed": 1, "split": "train"}, "`split_seed` has no effect.*own test split"),
        ({"source": "stl10"}, "needs `split`, one of: train, unlabeled, train\\+unlabeled"),
        ({"source": "stl10", "split": "unlabelled"}, "unknown `split`.*'unlabelled'; did you mean 'unlabeled'"),
        ({"source": "stl10", "split": "test"}, "unknown `split`.*'test'"),
        ({"source": "images"}, "needs `path`"),
        ({"source": "images", "path": "no/such/place"}, "no/such/place: no such folder or zip"),
    ],
)
def test_refused(values, message):
    with pytest.raises(ConfigError, match=message) as caught:
        check_source("mine", spec(**values))
    assert str(caught.value).startswith("datasets: mine: ")


@pytest.mark.parametrize(
    "values",
    [{"source": "digits", "split_seed": 3}, {"source": "stl10", "split": "unlabeled"}, {"source": "fashion_mnist"}],
)
def test_accepted(values):
    check_source("mine", spec(**values))


def test_own_split_and_test_fraction_exclude_each_other(folder):
    path = str(folder)
    check_source("mine", spec("images", path=path, test_fraction=0.2, split_seed=4))
    (folder / "train").mkdir()
    check_source("mine", spec("images", path=path, test_fraction=0.2))
    (folder / "test").mkdir()
    check_source("mine", spec("images", path=path))
    with pytest.raises(ConfigError, match=r"^datasets: mine: `test_fraction` has no effect.*train/ and test/"):
        check_source("mine", spec("images", path=path, test_fraction=0.2))
    with pytest.raises(ConfigError, match="`split_seed` has no effect"):
        check_source("mine", spec("images", path=path, split_seed=4))


def test_zips(tmp_path):
    path = tmp_path / "images.zip"
    path.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(ConfigError, match=r"images\.zip: neither a folder nor a readable zip"):
        check_source("mine", spec("images", path=str(path)))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("all/train/a/1.png", b"")
        archive.writestr("all/test/a/2.png", b"")
    check_source("mine", spec("images", path=str(path)))
    with pytest.raises(ConfigError, match="`test_fraction` has no effect"):
        check_source("mine", spec("images", path=str(path), test_fraction=0.2))
