"""Scores, evaluators and network families: what is registered, from where, and what must never change by it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sngan_repro.cli.listings import print_scores
from sngan_repro.config.protocol import METRICS, ProtocolSpec
from sngan_repro.config.specs import NetsSpec
from sngan_repro.core.registry import FileRegistry, Registry
from sngan_repro.core.schema import ConfigError, text_digest
from sngan_repro.evaluation.evaluators import EVALUATORS, Evaluator
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.evaluation.scores import SCORES, Score, in_order
from sngan_repro.evaluation.scores.base import Sets
from sngan_repro.nets.families import FAMILIES, Family
from sngan_repro.study.schema import study_schema

ROOT = Path(__file__).parents[2]


class TestNothingIsScoredAgain:
    """Names and digests as they were before scores and evaluators were files of their own."""

    def test_names_of_metrics(self):
        metrics = [*METRICS, "confidence", "duplicates"]
        plain = ProtocolSpec(evaluator="inception", num_fake=6000, metrics=tuple(metrics))
        assert list(metric_names(plain).values()) == [
            "is6k@inception",
            "fid6k_train@inception",
            "kid6k_train@inception",
            "precision6k_train@inception",
            "recall6k_train@inception",
            "confidence6k@inception",
            "duplicates6k_train@inception",
        ]
        keys = {
            "reference": "test",
            "num_real": 2000,
            "is_splits": 1,
            "kid_subset_size": 50,
            "kid_subsets": 5,
            "seed": 3,
        }
        odd = ProtocolSpec(evaluator="classifier", num_fake=150, metrics=tuple(metrics), batch_norm="batch", **keys)
        assert list(metric_names(odd).values()) == [
            "is150s1_bnbatch_seed3@classifier",
            "fid150_test2k_bnbatch_seed3@classifier",
            "kid150_test2k_m50x5_bnbatch_seed3@classifier",
            "precision150_test2k_bnbatch_seed3@classifier",
            "recall150_test2k_bnbatch_seed3@classifier",
            "confidence150_bnbatch_seed3@classifier",
            "duplicates150_test2k_bnbatch_seed3@classifier",
        ]

    def test_digests_of_protocols(self):
        plain = ProtocolSpec(evaluator="inception", num_fake=6000)
        assert plain.to_json() == (
            '{"batch_norm": "running", "evaluator": "inception", "is_splits": 10, "kid_subset_size": 1000, '
            '"kid_subsets": 100, "metrics": ["is", "fid", "kid", "precision", "recall"], "num_fake": 6000, '
            '"num_real": null, "reference": "train", "seed": 0}'
        )
        assert plain.digest() == "43380d0b2e0902b5"

    def test_digests_of_evaluators(self):
        found = {name: text_digest(EVALUATORS.get(name).preprocessing) for name in ("classifier", "inception")}
        assert found == {"classifier": "09967609cdbe8167", "inception": "eaef886da97158d4"}

    def test_digest_of_networks(self):
        assert NetsSpec().to_json() == (
            '{"conditional": false, "family": "cnn", "init": "xavier", "label_law": "balanced", "width": 64, '
            '"z_dim": 128, "z_law": "normal"}'
        )


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_listing_imports_nothing_heavy():
    listing = """
import sys
from sngan_repro.cli.listings import print_scores
from sngan_repro.evaluation.evaluators import EVALUATORS, Evaluator
from sngan_repro.nets.families import FAMILIES
from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.evaluation.protocol import metric_names
from sngan_repro.study.load import load_study
print_scores()
FAMILIES.names()
load_study("quick")
metric_names(ProtocolSpec(evaluator="inception", num_fake=5000))
print([name for name in ("torch", "numpy", "pandas", "scipy", "torch_fidelity") if name in sys.modules])
"""
    assert run_python(listing).splitlines()[-1] == "[]"


OWN = {
    "scores": """
from sngan_repro.evaluation.scores import SCORES as REGISTRY
from sngan_repro.evaluation.scores.confidence import Confidence as Base
own, shipped = "own", "fid"
""",
    "evaluators": """
from sngan_repro.evaluation.evaluators import EVALUATORS as REGISTRY, Evaluator
class Base(Evaluator):
    preprocessing = features = "none"
    @classmethod
    def load(cls, weights, device="cpu"):
        return lambda images: (images, images)
own, shipped = "own", "classifier"
""",
    "families": """
from sngan_repro.nets.families import FAMILIES as REGISTRY, Family
class Base(Family):
    name = "own"
    @classmethod
    def generator(cls, nets, image_shape):
        return None
own, shipped = "own", "cnn"
""",
}
REGISTER = """
@REGISTRY.register(own)
class Own(Base):
    summary = "mine"
"""
LOAD = """
assert shipped in REGISTRY.names()
"""


@pytest.mark.parametrize("kind", OWN)
@pytest.mark.parametrize("order", ["before", "after"])
def test_modules_elsewhere_may_register_before_and_after_the_package_is_read(kind: str, order: str):
    parts = [REGISTER, LOAD] if order == "before" else [LOAD, REGISTER]
    code = OWN[kind] + "".join(parts) + "print(REGISTRY.get(own).summary, own in REGISTRY.names(), REGISTRY.shipped())"
    printed = run_python(code)
    assert printed.startswith("mine True")
    assert "'own'" not in printed


@pytest.mark.slow
def test_a_family_elsewhere_may_not_take_the_name_of_a_file():
    code = OWN["families"] + "own = Base.name = 'cnn'\n" + REGISTER
    code += """
from sngan_repro.core.schema import ConfigError
try:
    REGISTRY.get("cnn")
except ConfigError as error:
    print(error)
"""
    assert re.search("register .*'cnn'", run_python(code))


class TestRegistry:
    @pytest.mark.parametrize(
        ("registry", "name", "like", "changes", "message"),
        [
            (SCORES, "top5", "fid", {}, "score 'top5': a name has small letters and _ only"),  # top5600 would be what?
            (EVALUATORS, "my-net", "classifier", {}, "evaluator 'my-net': a name has small letters, digits and _ only"),
            (EVALUATORS, "both", "classifier", {"weights": "a file"}, "`trained` or has published `weights`, not both"),
            (FAMILIES, "other", "cnn", {}, "network family 'other': its `name` is 'cnn'"),
        ],
    )
    def test_entries_that_cannot_be_used(self, registry, name, like, changes, message):
        with pytest.raises(ConfigError, match=message):
            registry.register(name)(type("Own", (registry.get(like),), changes))
        assert name not in registry.names()

    def test_what_is_missing_is_told_before_anything_runs(self):
        with pytest.raises(ConfigError, match=r"`blind_to`, `report`, `compute\(\)` missing; see the class Score"):
            SCORES.register("own")(
                type("Own", (Score,), dict.fromkeys(("title", "long_title", "measures", "higher_is_better"), "x"))
            )
        with pytest.raises(ConfigError, match=r"`preprocessing`, `features`, `load\(\)`, `train\(\)` missing"):
            EVALUATORS.register("own")(type("Own", (Evaluator,), {"trained": True}))
        with pytest.raises(ConfigError, match=r"`name`, `summary`, `generator\(\)` missing; see the class Family"):
            FAMILIES.register("own")(type("Own", (Family,), {}))
        with pytest.raises(ConfigError, match="`compute` is called on the class: put @classmethod above it"):
            SCORES.register("own")(type("Own", (SCORES.get("fid"),), {"compute": lambda sets: 0.0}))

    def test_a_name_is_registered_once(self, tmp_path):
        registry: Registry[type] = Registry("thing", "sngan_repro.evaluation.scores")
        for file in ("first.py", "second.py"):
            (tmp_path / file).write_text("registry.register('one')(dict)\n")

        def run(file: str) -> None:
            path = tmp_path / file
            exec(path.read_text(), {"registry": registry, "__name__": path.stem, "__file__": str(path)})

        run("first.py")
        run("first.py")  # again, as a notebook does
        with pytest.raises(ConfigError, match=r"register the name 'one', in .*first\.py and in .*second\.py"):
            run("second.py")

    def test_files_are_called_like_their_entries(self, tmp_path, monkeypatch):
        package = tmp_path / "my_families"
        package.mkdir()
        (package / "__init__.py").write_text(
            "from sngan_repro.core.registry import FileRegistry\nTHINGS = FileRegistry('thing', 'my_families')\n"
        )
        (package / "good.py").write_text("from my_families import THINGS\nTHINGS.register('good')(dict)\n")
        (package / "bad.py").write_text("from my_families import THINGS\nTHINGS.register('god')(list)\n")
        (package / "never.py").write_text("raise RuntimeError('imported without need')\n")
        monkeypatch.syspath_prepend(tmp_path)
        import my_families

        registry: FileRegistry = my_families.THINGS
        assert registry.names() == registry.shipped() == ["bad", "good", "never"]
        assert registry.get("good") is dict
        with pytest.raises(ConfigError, match=r"bad\.py: does not register a thing called 'bad'"):
            registry.get("bad")
        with pytest.raises(ConfigError, match="unknown thing 'goood'; did you mean 'good'"):
            registry.get("goood")


class TestScores:
    def test_order_of_texts(self):
        assert in_order(["duplicates", "recall", "confidence", "is"]) == ["is", "recall", "confidence", "duplicates"]

    def test_every_score_says_what_it_is(self, capsys):
        for name in SCORES.names():
            score = SCORES.get(name)
            for text in (score.title, score.long_title, score.measures, score.blind_to, score.report, score.__doc__):
                assert text
            assert score.noun().startswith("the ")
        print_scores()
        printed = capsys.readouterr().out
        assert "fid: Fréchet Inception Distance, lower is better - mean and covariance" in printed
        assert "inception: InceptionV3 of torch-fidelity" in printed

    def test_infeasible_by_default(self):
        class Both(Score):
            title = "Both"
            needs = 5

        class Alone(Both):
            uses_real_images = False

        p = ProtocolSpec(evaluator="classifier", num_fake=10, metrics=("fid",))
        assert Both.infeasible(p, 9, 4) == "Both needs at least 5 images, found 4"
        assert Both.infeasible(p, 5, 5) is None
        assert Alone.infeasible(p, 5, 0) is None
        assert Alone.infeasible(p, 4, 99) == "Both needs at least 5 images, found 4"

    def test_one_computation_for_two(self):
        features = {"features": np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)}
        protocol = ProtocolSpec(evaluator="classifier", num_fake=50, metrics=("precision", "recall"))
        sets = Sets(features, features, protocol)
        for name in ("precision", "recall"):
            assert SCORES.get(name).compute(sets) == {"precision": 1, "recall": 1}


def test_editors_complete_names_and_accept_others():
    definitions = study_schema()["$defs"]
    protocol, nets = (definitions[name]["properties"] for name in ("ProtocolSpec", "NetsSpec"))
    open_ended = {"type": "string"}
    assert protocol["evaluator"]["anyOf"] == [{"enum": ["classifier", "inception"]}, open_ended]
    assert protocol["metrics"]["items"]["anyOf"] == [{"enum": SCORES.shipped()}, open_ended]
    assert nets["family"]["anyOf"] == [{"enum": FAMILIES.shipped()}, open_ended]
    assert "digits" in definitions["DatasetSpec"]["properties"]["source"]["anyOf"][0]["enum"]
    bare, _, entry = definitions["MethodEntry"]["anyOf"]
    assert "sngan" in bare["enum"]
    assert entry["properties"]["name"]["anyOf"][0] == bare
