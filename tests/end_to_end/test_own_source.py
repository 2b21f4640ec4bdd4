"""A data source of a user, prepared by Snakemake."""

from __future__ import annotations

from pathlib import Path

from workplace import Workplace

from sngan_repro.core.files import read_json

SOURCE = '''\
from sngan_repro.data.sources.base import SOURCES, Source


@SOURCES.register("stripes")
class Stripes(Source):
    """Grey images with one bright row each."""

    name = "stripes"
    title = "Stripes"

    @classmethod
    def open(cls, spec, folder):
        import numpy as np

        from sngan_repro.data.raw import from_arrays

        images = np.zeros((80, 16, 16), np.uint8)
        images[np.arange(80), np.arange(80) % 16] = 200
        return from_arrays([images[:60], images[60:]], labels=np.arange(80) % 2, num_train=60, classes=["a", "b"])
'''


def test_a_users_own_data_source(tmp_path: Path):
    """It is prepared like any other, and again after an edit of its file."""
    workplace, file = Workplace(tmp_path), tmp_path / "stripes.py"
    file.write_text(SOURCE)
    score = {"evaluator": "classifier", "num_fake": 50, "is_splits": 1, "kid_subset_size": 20, "kid_subsets": 5}
    workplace.write_study(datasets={"own": {"source": "stripes", "image_size": 16}}, scores=[score])
    workplace.run("data", plugins=file)
    (record,) = (tmp_path / "data/prepared").glob("*/dataset.json")
    assert (read_json(record)["source_title"], read_json(record)["num_train"]) == ("Stripes", 60)

    def prepared() -> bool:
        return any(job.startswith("Prepare stripes-") for job in workplace.planned(plugins=file))

    assert not prepared()
    file.write_text(SOURCE.replace("200", "250"))
    assert prepared()
