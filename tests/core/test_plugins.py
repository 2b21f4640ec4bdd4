"""The user's own modules: found, imported, reported with their errors, and part of the runs that they make."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.ledger import load_ledger
from sngan_repro.cli import workflow_training
from sngan_repro.cli.main import main
from sngan_repro.config.machine import load_machine
from sngan_repro.config.run_paths import RunPaths
from sngan_repro.core import plugins
from sngan_repro.core.files import read_json
from sngan_repro.core.registry import isolated
from sngan_repro.core.schema import ConfigError
from sngan_repro.data.sources import SOURCES
from sngan_repro.methods import METHODS
from sngan_repro.report.description import citation, method_texts
from sngan_repro.report.templates import Templates
from sngan_repro.study.load import load_study
from sngan_repro.training.job import train
from sngan_repro.training.options import TrainOptions

ROOT = Path(__file__).parents[2]
MINE = '''"""A method of a user."""

from __future__ import annotations

from pydantic import Field

from sngan_repro import nets
from sngan_repro.methods.base import METHODS, Method, MethodOptions


@METHODS.register("mine")
class Mine(Method):
    """Least squares."""

    title = "mine"
    summary = "least-squares loss, no normaliser in D"
    equations = r"L_D = \\mathbb{E}[(f(x) - b)^2] + \\mathbb{E}[f(y)^2], \\qquad L_G = \\mathbb{E}[(f(y) - b)^2]"
    source = "mao2017"

    class Options(MethodOptions):
        target: float = Field(1.0, description="b, the value D should give to real images")

    def build(self):
        return nets.build_generator(self.nets, self.image), nets.build_discriminator(self.nets, self.image)

    def d_loss(self, D, real, fake):
        f_real, f_fake = D(*real).logits, D(*fake).logits
        loss = (f_real - self.options.target).square().mean() + f_fake.square().mean()
        return loss, {"d_real": f_real.detach().mean(), "d_fake": f_fake.detach().mean()}

    def g_loss(self, D, fake, real):
        return (D(*fake).logits - self.options.target).square().mean(), {}
'''
STUDY: dict[str, Any] = {
    "title": "A study",
    "datasets": {"digits": {"source": "digits", "image_size": 16}},
    "methods": ["sngan", {"name": "mine", "label": "Mine", "target": 0.9}],
    "settings": {"A": {"lr": 0.001}},
    "seeds": [0, 1],
    "budget": {"steps": 10},
    "scores": [{"evaluator": "classifier", "num_fake": 600, "kid_subset_size": 100}],
}

pytestmark = pytest.mark.usefixtures("own_plugins")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a method, a study and a configuration that names the method's folder."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own/mine.py").write_text(MINE)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("plugins: [own]\n")
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sngan_repro", *arguments]
    return subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_commands_find_what_the_configuration_names(work: Path):
    printed = run("methods").stdout
    assert "mine: mine. least-squares loss, no normaliser in D [mao2017]" in printed
    assert "a plugin, in own/mine.py" in printed
    assert "target: float = 1.0 - b, the value D should give to real images" in printed
    full = run("methods", "mine").stdout
    assert r"L_G = \mathbb{E}[(f(y) - b)^2]" in full
    assert full.endswith("file    own/mine.py\n")
    plan = run("check", "--study", "study.yaml", "--no-measure").stdout
    assert "  Mine           A    lr 0.001" in plan
    assert "method mine: a plugin, in own/mine.py; `sngan-repro check-method mine` checks it" in plan
    assert "method sngan:" not in plan
    assert "0 of 4" in run("status", "--study", "study.yaml").stdout


def test_listing_does_not_import_torch(work: Path):
    code = "import sys; from sngan_repro.methods import METHODS; METHODS.get('mine'); sys.exit('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert result.returncode == 0


@pytest.mark.slow
def test_a_file_that_imports_torch_works(work: Path):
    (work / "own/mine.py").write_text(MINE.replace("from __future__ import annotations\n", "import torch\n"))
    assert "mine: mine." in run("methods").stdout


@pytest.mark.slow
def test_jobs_find_what_the_workflow_hands_on(work: Path, tmp_path_factory, monkeypatch):
    value = json.dumps([str(work / "own/mine.py")])
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert run("methods", "mine").returncode == 2
    assert "mine: mine" in run("methods", "mine", SNGAN_REPRO_PLUGINS=value).stdout
    for wrong, message in (
        ("{", "not a JSON list"),
        ("[3]", "plugins: a list of files, folders or modules is needed; found [3]"),
    ):
        assert f"error: SNGAN_REPRO_PLUGINS: {message}" in run("methods", SNGAN_REPRO_PLUGINS=wrong).stderr


def test_what_is_named_closest_counts(work: Path, monkeypatch):
    """--config over the workflow's environment over config/config.yaml; relative paths from the working directory."""
    assert plugins.chosen() == (str(work / "own"),)
    monkeypatch.setenv(plugins.ENVIRONMENT, '["json"]')
    assert plugins.chosen() == load_machine().plugins == ("json",)
    assert load_machine({"plugins": "own/mine.py"}).plugins == ("own/mine.py",)
    assert plugins.chosen() == (str(work / "own/mine.py"),)
    (work / "deeper").mkdir()
    monkeypatch.chdir(work / "deeper")
    assert METHODS.get("mine").title == "mine"


def test_without_a_configuration_there_are_the_packages_own(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert plugins.chosen() == ()
    assert "sngan" in METHODS.names()
    assert "mine" not in METHODS.names()
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("plugins: mine.py\n")  # as when a notebook changes its folder
    assert "mine" in METHODS.names()


def test_a_folder_gives_its_modules_and_no_tests(work: Path):
    for name in ("test_mine", "mine_test", "conftest", "_draft", ".hidden"):
        (work / f"own/{name}.py").write_text("raise RuntimeError('imported')\n")
    (work / "own/notes.md").write_text("no module\n")
    (work / "own/part.py").write_text("def f(): return 1\n")
    (work / "own/mine.py").write_text(MINE.replace("from pydantic", "from .part import f\nfrom pydantic"))
    assert sorted(module.__name__.split(".")[-1] for module in plugins.load("own")) == ["mine", "part"]
    assert METHODS.get("mine").summary == "least-squares loss, no normaliser in D"


def test_a_folder_may_be_a_package(work: Path):
    (work / "own/__init__.py").write_text("VALUE = 0.5\n")
    (work / "own/mine.py").write_text(
        MINE.replace("Field(1.0,", "Field(VALUE,").replace("from pyd", "from . import VALUE\nfrom pyd")
    )
    plugins.load("own")
    assert METHODS.get("mine").Options().target == 0.5


def test_an_installed_package_gives_its_modules(work: Path, monkeypatch):
    package = work / "site/gans_of_someone"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "mine.py").write_text(MINE)
    monkeypatch.syspath_prepend(str(work / "site"))
    load_machine({"plugins": ["gans_of_someone"]})
    assert METHODS.origin("mine") == ("gans_of_someone.mine", package / "mine.py")
    assert METHODS.code("mine") == plugins.code_digest(package / "mine.py")


def test_an_edit_counts_at_the_next_load(work: Path):
    """As beside a notebook; the same file may register its name again."""
    plugins.load("own/mine.py")
    (work / "own/mine.py").write_text(MINE.replace('title = "mine"', 'title = "Mine-2"'))
    plugins.load("own/mine.py")
    assert METHODS.get("mine").title == "Mine-2"


BROKEN = {
    "no such file": (
        {},
        ["own/x.py"],
        r"plugins: own/x.py: no such file or folder, and no .*; relative paths are from .*",
    ),
    "no such module": ({}, ["owm"], "plugins: owm: no such file or folder, and no installed module"),
    "no Python": ({}, ["config/config.yaml"], "plugins: config/config.yaml: not a Python file"),
    "a mistake in its grammar": ({"class Options": "clas Options"}, ["own"], "own/mine.py, line 20: SyntaxError: "),
    "a module that is missing": (
        {"import nets": "import net"},
        ["own"],
        "own/mine.py, line 7: ImportError: cannot import",
    ),
    "an error": (
        {'    title = "mine"': "    title = 1 / 0"},
        ["own"],
        "own/mine.py, line 15: ZeroDivisionError: division",
    ),
    "an exit": (
        {"from pydantic": "import sys\nsys.exit(1)\nfrom pydantic"},
        ["own"],
        "own/mine.py, line 6: SystemExit: 1",
    ),
    "a name that is taken": (
        {'register("mine")': 'register("sngan")'},
        ["own"],
        "own/mine.py, line 11: two methods register the name 'sngan', in .*sngan.py and in own/mine.py; rename one",
    ),
    "no title": (
        {'    title = "mine"': "    tilte = 1"},
        ["own"],
        r"method 'mine' \(class Mine\): `title` must be a text; it has none",
    ),
    "a title that is no part of a path": (
        {'title = "mine"': 'title = "My GAN"'},
        ["own"],
        "`title` becomes part of paths, .*; found 'My GAN'",
    ),
    "no summary": ({"summary = ": "about = "}, ["own"], "`summary` must be a text; it has none"),
    "a summary of two lines": ({"no normaliser in D": r"\n"}, ["own"], "`summary` must be one line"),
    "equations that are no text": (
        {'equations = r"': 'equations = 1, r"'},
        ["own"],
        r"`equations` must be a text; found \(1",
    ),
    "no g_loss": ({"def g_loss": "def gloss"}, ["own"], "it has no `g_loss`; define it"),
    "a loss with other arguments": (
        {"self, D, fake, real)": "self, fake, real)"},
        ["own"],
        r"the loop calls `g_loss\(self, D, fake, real\)`, but: too many",
    ),
    "an option without a default": (
        {"Field(1.0, ": "Field("},
        ["own"],
        "the option `target` has no default; `target: float = Field",
    ),
    "an option with a name of the study's": (
        {"target: float": "label: float"},
        ["own"],
        "`label` is a key of every entry of a study; rename",
    ),
    "options of another class": (
        {"Options(MethodOptions)": "Options"},
        ["own"],
        "`Options` must be a class derived from `MethodOptions`",
    ),
    "no method": ({"(Method)": ""}, ["own"], "method 'mine': a class derived from `Method` is needed; found <class"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_imported_is_told_in_one_line(case: str, work: Path):
    changes, named, message = BROKEN[case]
    text = MINE
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (work / "own/mine.py").write_text(text)
    load_machine({"plugins": named})
    for _ in range(2):  # and again at the next look-up
        with pytest.raises(ConfigError, match=message) as error:
            METHODS.names()
        assert str(error.value).startswith("plugins: ")
        assert len(str(error.value).splitlines()) == 1


def test_the_command_line_tells_it_without_a_traceback(work: Path):
    (work / "own/mine.py").write_text("x = y\n")
    result = run("check", "--study", "study.yaml")
    assert result.returncode == 2
    assert result.stderr == "error: plugins: own/mine.py, line 1: NameError: name 'y' is not defined\n"


def test_an_unknown_method_says_how_own_ones_are_found(work: Path):
    (work / "study.yaml").write_text(yaml.safe_dump({**STUDY, "methods": ["pix2pix"]}))
    with pytest.raises(
        ConfigError, match=r"unknown method 'pix2pix' .*a method of your own: name its file under `plugins`"
    ):
        load_study("study.yaml")


def test_sources_and_tests_of_claims_register_like_methods(work: Path):
    (work / "own/more.py").write_text(
        "from sngan_repro.analysis.claims.criteria import CRITERIA\n"
        "from sngan_repro.data.sources.base import SOURCES, Source\n\n\n"
        '@SOURCES.register("mine")\nclass Mine(Source):\n    name = "mine"\n    title = "Mine"\n\n\n'
        '@CRITERIA.register("mine")\ndef mine(evidence, *, margin: float = 1.0):\n    """A test."""\n'
    )
    assert SOURCES.get("mine").title == "Mine"
    assert CRITERIA.get("mine").__doc__ == "A test."
    assert SOURCES.code("mine") == CRITERIA.code("mine") == plugins.code_digest(work / "own/more.py")
    assert SOURCES.code("digits") is None
    claim = {"id": "1", "where": "x", "statement": "x", "quantity": "x", "criterion": "x", "test": "mine"}
    (work / "ledger.yaml").write_text(yaml.safe_dump({"title": "Claims", "citation": "x", "claims": [claim]}))
    before = load_ledger("ledger.yaml").version()
    (work / "own/more.py").write_text((work / "own/more.py").read_text().replace("1.0", "2.0"))
    assert load_ledger("ledger.yaml").version() != before
    assert load_ledger("ledger.yaml").digest() == before.split()[0]


def test_any_edit_of_the_file_counts(work: Path):
    file = work / "own/mine.py"
    digest = plugins.code_digest(file)
    for changed in (MINE.replace("Field(1.0", "Field(0.9"), MINE + "# a comment\n"):
        file.write_text(changed)
        assert plugins.code_digest(file) != digest
    file.write_text(MINE)
    assert plugins.code_digest(file) == digest


def test_code_of_files_beside_it_counts(work: Path):
    file = work / "own/mine.py"
    file.write_text(MINE.replace("from pydantic", "from .part import f\nfrom pydantic"))
    digests = []
    for part, other in (("1", "1"), ("2", "1"), ("2", "2")):
        (work / "own/part.py").write_text(f"def f():\n    from . import other\n    return {part}\n")
        (work / "own/other.py").write_text(f"X = {other}\n")
        (work / "own/unrelated.py").write_text(f"Y = {part}{other}\n")
        digests.append(plugins.code_digest(file))
    assert len(set(digests)) == 3
    assert {path.name for path in plugins.sources(file)} == {"mine.py", "part.py", "other.py"}


def test_an_edit_makes_other_runs_of_that_method_only(work: Path):
    before = {run.id: run.digest() for run in load_study("study.yaml").runs()}
    (work / "own/mine.py").write_text(MINE.replace("f_fake.square()", "f_fake.abs()"))
    after = {run.id: run.digest() for run in load_study("study.yaml").runs()}
    changed = {run_id for run_id in before if before[run_id] != after[run_id]}
    assert changed == {"digits/Mine/A/seed0", "digits/Mine/A/seed1"}


def test_where_a_file_lies_makes_no_other_runs(work: Path):
    with isolated():
        before = [run.digest() for run in load_study("study.yaml").runs()]
    (work / "own").rename(work / "moved")
    load_machine({"plugins": ["moved"]})
    assert [run.digest() for run in load_study("study.yaml").runs()] == before


def test_a_job_whose_method_has_changed_since_is_refused(work: Path):
    spec = load_study("study.yaml").runs()[-1]
    assert spec.method.code == plugins.code_digest(work / "own/mine.py")
    assert "code" not in load_study("study.yaml").runs()[0].to_dict()["method"]
    (work / "own/mine.py").write_text(MINE.replace("f_fake.square()", "f_fake.abs()"))
    with pytest.raises(ConfigError, match=r"own/mine.py: the method 'mine' has changed since this run was planned"):
        workflow_training.train(Namespace(spec=spec.to_json(), run="run", dataset="data"))


def test_a_run_records_the_file_of_its_method(work: Path, tiny_run, tiny_images: Path):
    plugins.load("own/mine.py")
    code = METHODS.code("mine")
    spec = tiny_run(method={"name": "mine", "options": {}, "code": code}, budget={"steps": 2}, snapshots={"steps": [2]})
    run = RunPaths(work / "run")
    train(spec, run, tiny_images, torch.device("cpu"), TrainOptions(tensorboard=False))
    recorded = read_json(run.status)["method"]
    assert recorded["file"] == "own/mine.py"
    assert recorded["code"] == code == read_json(run.spec)["method"]["code"]
    assert len(recorded["sha256"]) == 64
    assert METHODS.record("sngan") == {
        "name": "sngan",
        "file": str(ROOT / "sngan_repro/methods/sngan.py"),
        "sha256": METHODS.record("sngan")["sha256"],
        "code": None,
    }


def test_a_run_keeps_a_copy_of_its_method(work: Path, tiny_images: Path):
    (work / "own/mine.py").write_text(MINE.replace("from pydantic", "from .part import f\nfrom pydantic"))
    (work / "own/part.py").write_text("def f(): return 1\n")
    study = {**STUDY, "nets": {"width": 4, "z_dim": 8}, "budget": {"steps": 2}}
    (work / "study.yaml").write_text(yaml.safe_dump(study))
    core, *_, own = load_study("study.yaml").runs()
    for spec in (core, own):
        arguments = ["--spec", spec.to_json(), "--run", f"runs/{spec.label}", "--dataset", str(tiny_images)]
        main(["train", *arguments, "--device", "cpu", "--no-tensorboard"])
    assert not (work / "runs/SNGAN/code").exists()
    copies = {file.name: file.read_text() for file in (work / "runs/Mine/code").iterdir()}
    assert copies == {name: (work / "own" / name).read_text() for name in ("mine.py", "part.py")}


def test_sources_in_a_report(work: Path):
    (work / "own/references.bib").write_text("@article{mine2024,\n  title = {Mine}\n}\n")
    METHODS.names()
    keys = Templates(ROOT / "report").citation_keys()
    assert {"mine2024", "miyato2018", "mao2017"} <= keys
    assert citation("miyato2018, mine2024", keys) == "[@miyato2018; @mine2024]"
    assert citation("miyato2018, somebody2020", keys) == "[@miyato2018] (somebody2020)"
    assert citation("Some One, *A title*, 2020", keys) == r"(Some One, \*A title\*, 2020)"
    assert citation("", keys) == ""
    own, core = method_texts(load_study("study.yaml"), keys)[::-1]
    assert own.code == f"`own/mine.py`, digest `{METHODS.code('mine')}`"
    assert (own.citations, core.code) == ("[@mao2017]", "")


def test_editors_accept_methods_of_ones_own(work: Path):
    import jsonschema

    schema = json.loads((ROOT / "workflow/schemas/study.schema.json").read_text())
    jsonschema.validate(STUDY, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**STUDY, "mehtods": []}, schema)
