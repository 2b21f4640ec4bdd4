"""The declaration of a program, and how a study names it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from sngan_repro.core.schema import ConfigError
from sngan_repro.methods import find_method
from sngan_repro.methods.program import Program, find_program
from sngan_repro.study.load import load_study
from sngan_repro.study.study import Study

DECLARED: dict[str, Any] = {
    "title": "Toy",
    "summary": "a toy",
    "command": "toy --k {k} --seed {seed} {samples}",
    "options": {"k": {"default": 3, "min": 1, "max": 9}, "law": {"default": "flat", "choices": ["flat", "steep"]}},
}
STUDY: dict[str, Any] = {
    "title": "A study with a program",
    "datasets": {"digits": {"source": "digits", "image_size": 16}},
    "methods": ["sngan", "toy.yaml"],
    "settings": {"A": {"lr": 0.001}, "B": {"lr": 0.002, "n_dis": 5}},
    "seeds": [0, 1],
    "budget": {"steps": 40},
    "scores": [{"evaluator": "classifier", "metrics": ["is"], "num_fake": 100}],
}


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes toy.yaml with changes, in a folder of its own, and reads it."""
    monkeypatch.chdir(tmp_path)

    def write(**changes: Any) -> Program:
        Path("toy.yaml").write_text(yaml.safe_dump({**DECLARED, **changes}))
        found = find_program("toy.yaml")
        assert found is not None
        return found

    return write


def study(*methods: Any, **changes: Any) -> Study:
    Path("mine.yaml").write_text(yaml.safe_dump({**STUDY, "methods": list(methods) or STUDY["methods"], **changes}))
    return load_study("mine.yaml")


class TestDeclaration:
    def test_words_of_the_command(self, declare):
        program = declare(command="toy --k {k} '--law={law}' {flag} {{x}} {samples}", options={
            "k": 3, "law": "flat", "flag": False
        })  # fmt: skip
        values = {"k": 4, "law": 'it\'s "steep"', "flag": True, "samples": "/a folder/x.npy"}
        assert program.words(values) == ["toy", "--k", "4", '--law=it\'s "steep"', "true", "{x}", "/a folder/x.npy"]

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"titel": "x"}, "toy.yaml: titel: unknown key; did you mean 'title'?"),
            ({"title": "Two words"}, "toy.yaml: title: a name that becomes part of paths"),
            ({"command": "toy {sampels}"}, "`command` names {sampels}, which is not known; did you mean 'samples'?"),
            ({"command": "toy {lr_d}"}, "`command` names {lr_d}, which is not known"),
            ({"command": "toy 'x"}, "`command` cannot be read: No closing quotation"),
            ({"command": "toy {"}, "`command` cannot be read: Single '{' encountered"),
            ({"options": {"seed": 1}, "command": "toy"}, "must not be called 'seed', which has a meaning already"),
            ({"options": {"added": 1}, "command": "toy"}, "must not be called 'added', which has a meaning already"),
            ({"options": {"k-l": 1}, "command": "toy"}, "'k-l' is no name for an option"),
            (
                {"options": {"k": {"default": None, "min": 1}}},
                "options.k: `min` and `max` are for options whose default is",
            ),
            (
                {"options": {"k": {"default": 2, "choices": [1, 3]}}},
                "toy.yaml: options: k: Input should be 1 or 3; found 2",
            ),
            (
                {"options": {"k": {"default": 2, "choices": []}}},
                "toy.yaml: options.k.choices: Tuple should have at least 1",
            ),
            ({"options": {"k": {"default": [1]}}}, "toy.yaml: options.k.default"),
            ({"options": {"k": {"default": 1, "mni": 0}}}, "toy.yaml: options.k.mni: unknown key; did you mean 'min'?"),
            ({"options": {"k": {"default": 0, "min": 1}}}, "toy.yaml: options: k: Input should be greater than"),
            (
                {"options": {"k": {"default": "a", "min": 1}}},
                "`min` and `max` are for options whose default is a number",
            ),
            ({"options": {"k": {"default": 1, "min": 0.5}}}, "a whole number, so `min` and `max` are whole numbers"),
            ({"files": ["x" * 300]}, ": no such file; give `rules` where a rule makes it"),
            ({"files": ["gone.R"]}, "`files`: gone.R: no such file; give `rules` where a rule makes it"),
            ({"files": ["gone.R"], "rules": "gone.smk"}, "`rules`: gone.smk: no such file"),
            ({"name": "x"}, "toy.yaml: name: a program is named after its file; remove this key"),
            ({"threads": 0}, "toy.yaml: threads: Input should be greater than or equal to 1; found 0"),
        ],
    )
    def test_mistakes(self, declare, changes, words):
        with pytest.raises(ConfigError) as caught:
            declare(**changes)
        assert words in str(caught.value)

    def test_what_it_depends_on(self, declare, tmp_path: Path):
        for name in ("toy.R", "data.csv", "other.R"):
            Path(name).write_text("")
        program = declare(command="Rscript {folder}/toy.R {samples}", files=["data.csv"])
        assert program.inputs == ["toy.R", "data.csv"]
        assert declare(command=f"{sys.executable} toy.R").inputs == ["toy.R"]
        Path("toy.smk").touch()
        assert declare(files=["{folder}/later.bin"], rules="{folder}/toy.smk").inputs == ["later.bin"]

    @pytest.mark.parametrize(
        ("default", "good", "bad"),
        [
            (3, [4, -1], [True, 2.5, "3"]),
            (0.5, [1, 2.5], [True, "x"]),
            (True, [False], [1, "true"]),
            ("flat", ["steep"], [1, True]),
            (None, [None, 1, 2.5, True, "x"], [[1]]),
        ],
    )
    def test_a_value_has_the_type_of_the_default(self, declare, default, good, bad):
        options = declare(options={"k": default}, command="toy").Options
        assert options().to_dict() == {"k": default}
        for value in good:
            assert options.model_validate({"k": value}).to_dict() == {"k": value}
        for value in bad:
            with pytest.raises(ValidationError):
                options.model_validate({"k": value})

    def test_an_edit_is_seen(self, declare):
        declare()
        assert declare(title="Another").title == "Another"

    def test_the_name_of_a_method_is_taken(self, declare, tmp_path: Path):
        (tmp_path / "programs").mkdir()
        (tmp_path / "programs/sngan.yaml").write_text(yaml.safe_dump(DECLARED))
        with pytest.raises(ConfigError, match=r"programs/sngan.yaml: there is a method of the name 'sngan'"):
            find_method("sngan")
        (tmp_path / "programs/sngan.yaml").rename(tmp_path / "programs/toy.yaml")
        assert find_method("toy").title == "Toy"
        with pytest.raises(ConfigError, match=r"unknown method 'tyo'; did you mean 'toy'\? \(known: .*sngan, .*toy"):
            find_method("tyo")


class TestStudy:
    def test_runs_once_per_dataset_and_seed(self, declare):
        declare()
        found = study("sngan", "toy.yaml", {"name": "toy.yaml", "label": "Toy-9", "k": 9})
        ids = [run.id for run in found.runs()]
        assert ids[:4] == [f"digits/SNGAN/{setting}/seed{seed}" for setting in "AB" for seed in (0, 1)]
        assert ids[4:] == [f"digits/{label}/own/seed{seed}" for label in ("Toy", "Toy-9") for seed in (0, 1)]
        assert [run.label for run in found.trained_runs()] == ["SNGAN"] * 4
        assert [run.method.options for run in found.runs()[4::2]] == [{"k": 3, "law": "flat"}, {"k": 9, "law": "flat"}]

    def test_depends_on_nothing_it_is_not_told(self, declare):
        declare()
        changed = study(training={"ema": 0.9}, nets={"width": 8}, settings={"A": {"lr": 0.5}}, title="Other")
        before, after = ([run for run in s.runs() if run.label == "Toy"] for s in (study(), changed))
        assert [run.digest() for run in before] == [run.digest() for run in after]
        longer = [run.digest() for run in study(budget={"steps": 50}).runs() if run.label == "Toy"]
        assert not set(longer) & {run.digest() for run in before}

    def test_the_settings_where_it_has_use_for_them(self, declare):
        declare(settings=True, command="toy --rate {lr_g}")
        found = study("sngan", {"name": "toy.yaml", "setting": {"beta1": 0.25}})
        runs = [run for run in found.runs() if run.label == "Toy"]
        assert [run.setting for run in runs] == ["A", "A", "B", "B"]
        assert [(run.optimizer.lr, run.optimizer.beta1, run.optimizer.n_dis) for run in runs[::2]] == [
            (0.001, 0.25, 1),
            (0.002, 0.25, 5),
        ]

    @pytest.mark.parametrize(
        ("entry", "words"),
        [
            ({"k": 0}, "methods: Toy: k: Input should be greater than or equal to 1; found 0"),
            ({"k": "three"}, "methods: Toy: k: Input should be a valid integer; found 'three'"),
            ({"law": "flta"}, "methods: Toy: law: Input should be 'flat' or 'steep'; found 'flta'"),
            ({"kk": 1}, "methods: Toy: kk: unknown key"),
            ({"setting": {"n_dis": 5}}, "methods: Toy: `setting` has no effect on a program; remove it"),
            ({"nets": {"width": 5}}, "methods: Toy: `nets` has no effect on a program; remove it"),
            ({"name": "gone.yaml"}, "gone.yaml: no such file; a method that ends in .yaml is the declaration of a pr"),
        ],
    )
    def test_mistakes(self, declare, entry, words):
        declare()
        with pytest.raises(ConfigError) as caught:
            study("sngan", {"name": "toy.yaml", **entry})
        assert words in str(caught.value)

    def test_the_name_of_its_setting_is_taken(self, declare):
        declare()
        with pytest.raises(ConfigError, match="settings: 'own' is the setting of programs without settings"):
            study(settings={"own": {"lr": 1.0}})


def test_listing_and_checking_need_no_torch(declare, tmp_path: Path):
    declare()
    study()
    code = "import sys; from sngan_repro.study.load import load_study; "
    code += "from sngan_repro.training.program import run, contract; "
    code += "print(len(load_study('mine.yaml').runs())); sys.exit('torch' in sys.modules)"
    repository = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(repository)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (0, "6\n"), result.stderr
