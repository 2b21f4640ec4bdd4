import csv

import pytest
import synthetic
from synthetic import DIVERGED, make_case

from sngan_repro.analysis.aggregate import aggregate
from sngan_repro.analysis.outputs import aggregate_files
from sngan_repro.analysis.tabular import read_table
from sngan_repro.core.files import read_json, write_json
from sngan_repro.core.schema import ConfigError
from sngan_repro.evaluation.selection import REAL_DRAWS

RUN = "digits/SNGAN/A/seed1"


def rows_of(case, name):
    with aggregate_files(case.layout)[name].open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_every_score_of_every_snapshot_is_there_in_the_order_of_the_study(finished):
    rows, metrics = rows_of(finished, "scores"), finished.study.metric_names
    expected = [("Real data", "", str(draw), "", metric) for draw in range(REAL_DRAWS) for metric in metrics]
    for spec in finished.study.runs():
        status = read_json(finished.layout.run(spec.id).status)
        for snapshot in status["snapshots"]:
            cell = (spec.label, spec.setting, str(spec.seed), str(snapshot["steps"]))
            expected += [(*cell, metric) for metric in metrics]
    keys = ("label", "setting", "seed", "steps", "metric")
    assert [tuple(row[key] for key in keys) for row in rows if not row["selection"]] == expected


def test_re_sampled_scores_follow_the_others_of_their_run(finished):
    rows = [r for r in rows_of(finished, "scores") if (r["label"], r["setting"], r["seed"]) == ("SNGAN", "A", "1")]
    number = 4 * len(finished.study.metric_names)
    assert [row["selection"] for row in rows] == [""] * number + ["best"] * len(finished.study.metric_names)
    assert sorted(row["metric"] for row in rows[number:]) == sorted(finished.study.metric_names)
    assert {(row["last"], row["sampling_seed"]) for row in rows[number:]} == {("False", "1000000")}
    assert {row["sampling_seed"] for row in rows[:number]} == {"0"}
    highest = max((r for r in rows[:number] if r["metric"] == "is600@classifier"), key=lambda r: float(r["value"]))
    again = next(r for r in rows[number:] if r["metric"] == "is600@classifier")
    assert again["steps"] == highest["steps"]
    assert float(again["value"]) == 0.96875 * float(highest["value"])  # as synthetic.py invents it


def test_scores_of_external_samples_have_no_seed_and_no_second_sample(tmp_path):
    study = synthetic.make_study(methods=["sngan"])
    case = make_case(tmp_path, study, again=None)
    aggregate(study, case.layout)
    rows = [row for row in rows_of(case, "scores") if row["label"] == "SNGAN"]
    assert {(row["selection"], row["sampling_seed"]) for row in rows} == {("", "")}


def test_values_survive_to_the_last_bit(finished):
    spec = next(spec for spec in finished.study.runs() if spec.id == RUN)
    rows = [r for r in rows_of(finished, "scores") if (r["label"], r["setting"], r["seed"]) == ("SNGAN", "A", "1")]
    for row in (row for row in rows if not row["selection"]):
        assert float(row["value"]) == synthetic.invented_value(row["metric"], spec, int(row["steps"]))


def test_scores_carry_state_last_snapshot_and_protocol(finished):
    rows = rows_of(finished, "scores")
    last = [
        r for r in rows if r["label"] == "BEGAN" and r["setting"] == "B" and r["seed"] == "1" and r["last"] == "True"
    ]
    assert {(r["state"], r["steps"]) for r in last} == {("diverged", "149")}
    first = rows[0]
    assert (first["state"], first["num_fake"], first["reference"], first["is_splits"]) == ("real", "600", "train", "10")
    assert (first["sampling_seed"], first["torch_fidelity"], first["spread"]) == ("2000000", "0.4.0", "0.125")


def test_runs_table_has_one_row_per_run(finished):
    rows = rows_of(finished, "runs")
    assert [f"{r['dataset']}/{r['label']}/{r['setting']}/seed{r['seed']}" for r in rows] == [
        spec.id for spec in finished.study.runs()
    ]
    assert {
        r["folder"].removeprefix("runs/"): int(r["diverged_at"]) for r in rows if r["state"] == "diverged"
    } == DIVERGED
    assert [r["spec_digest"] for r in rows] == [spec.digest() for spec in finished.study.runs()]
    assert (rows[0]["parameters_g"], rows[0]["threads"], rows[0]["resumed"]) == ("123456", "1", "0")
    assert float(rows[0]["epochs"]) == 400 * 64 / 96


def test_cost_sums_runs(finished):
    rows = {(r["stage"], r["label"]): r for r in rows_of(finished, "cost")}
    train = rows["train", "SNGAN"]
    # 400 updates at 0.02 s, plus one second for seed 1, in each of two settings.
    assert (train["runs"], float(train["seconds"]), train["steps"]) == ("4", 4 * 8.0 + 2 * 1.0, "1600")
    assert float(train["seconds_per_1000_steps"]) == pytest.approx(34 / 1.6)
    assert float(train["images_per_second"]) == pytest.approx(1600 * 64 / 34)
    assert float(train["max_rss_mb"]) == 513
    assert (float(rows["score", "SNGAN"]["seconds"]), float(rows["score real", "Real data"]["seconds"])) == (13.0, 3.25)
    assert float(rows["evaluator", "classifier"]["seconds"]) == 6.5


def test_aggregating_again_gives_the_same_bytes(broken):
    before = {name: path.read_bytes() for name, path in aggregate_files(broken.layout).items()}
    aggregate(broken.study, broken.layout)
    assert {name: path.read_bytes() for name, path in aggregate_files(broken.layout).items()} == before


def test_labels_that_look_like_numbers_or_missing_values_stay_text(tmp_path):
    study = synthetic.make_study(
        datasets={"NA": {"source": "digits", "image_size": 16}},
        methods=[{"name": "sngan", "label": "1e3"}, {"name": "sngan", "label": "nan", "loss": "standard"}],
        settings={"007": {"lr": 0.001}, "null": {"lr": 0.002}},
        seeds=[0],
    )
    case = make_case(tmp_path, study)
    aggregate(study, case.layout)
    table = read_table(aggregate_files(case.layout)["scores"], "aggregate")
    assert set(table["dataset"]) == {"NA"}
    assert set(table["label"]) == {"Real data", "1e3", "nan"}
    assert set(table["setting"]) == {"", "007", "null"}


def test_missing_value_is_an_empty_field(tmp_path):
    study = synthetic.make_study(methods=["sngan"])
    case = make_case(tmp_path, study, value=lambda metric, *_: None if metric.startswith("kid") else 1.0)
    aggregate(study, case.layout)
    assert {r["value"] for r in rows_of(case, "scores") if r["metric"].startswith("kid") and r["state"] != "real"} == {
        ""
    }


def edit(path, change):
    content = read_json(path)
    change(content)
    write_json(path, content)


FAULTS = {
    "status missing": (lambda run, real: run.status.unlink(), r"status\.json: no such file"),
    "scores missing": (lambda run, real: run.scores.unlink(), r"scores-\w+\.json: no such file"),
    "spec missing": (lambda run, real: run.spec.unlink(), r"spec\.json: no such file"),
    "real missing": (lambda run, real: real.unlink(), r"digits\.json: no such file"),
    "not json": (lambda run, real: run.scores.write_text("{"), r"scores-\w+\.json: damaged, not JSON"),
    "not text": (lambda run, real: run.status.write_bytes(b"\xff\xfe\x00"), r"status\.json: damaged, not JSON"),
    "a list": (
        lambda run, real: run.spec.write_text("[]"),
        r"spec\.json: damaged, a mapping is needed",
    ),
    "key missing": (
        lambda run, real: edit(run.status, lambda s: s.pop("seconds")),
        r"status\.json: seconds: .* required",
    ),
    "wrong state": (lambda run, real: edit(run.status, lambda s: s.update(state="fine")), r"status\.json: state"),
    "other spec": (
        lambda run, real: edit(run.spec, lambda s: s["optimizer"].update(lr=0.5)),
        r"spec\.json: .*differs in optimizer",
    ),
    "other digest": (
        lambda run, real: edit(run.scores, lambda s: s.update(spec_digest="0" * 16)),
        r"scores-\w+\.json: made from spec 0{16}",
    ),
    "score missing": (lambda run, real: edit(run.scores, lambda s: s["records"].pop(4)), r"scores missing: .*recall"),
    "no fresh sample": (
        lambda run, real: edit(run.scores, lambda s: s["records"].pop()),
        r"re-sampled scores missing: ",
    ),
    "of an older version": (
        lambda run, real: edit(run.scores, lambda s: [record.pop("selection") for record in s["records"]]),
        r"records\.0\.selection: .* required \(and \d+ more\); the scoring of .* delete the file and run",
    ),
    "not the best snapshot": (
        lambda run, real: edit(run.scores, lambda s: s["records"][-1].update(steps=100)),
        r"re-sampled scores missing: ",
    ),
    "best of no metric": (
        lambda run, real: edit(run.scores, lambda s: s["records"][0].update(value=1e9)),  # IS after 100 updates
        r"re-sampled scores missing: \(100, 'is600@classifier'\)",
    ),
    "fresh sample that is the first one": (
        lambda run, real: edit(run.scores, lambda s: s["records"][-1].update(sampling_seed=0)),
        r"seed of its images is 0, expected 1000000",
    ),
    "other latents": (
        lambda run, real: edit(run.scores, lambda s: s["records"][0].update(sampling_seed=7)),
        r"seed of its images is 7, expected 0",
    ),
    "other selection": (
        lambda run, real: edit(run.scores, lambda s: s["records"][0].update(selection="worst")),
        r"scores-\w+\.json: .*selection",
    ),
    "score twice": (
        lambda run, real: edit(run.scores, lambda s: s["records"].append(s["records"][0])),
        r"scores given twice: .*is600",
    ),
    "score unexpected": (
        lambda run, real: edit(run.scores, lambda s: s["records"][0].update(metric="is5k@inception")),
        r"scores missing|scores unexpected",
    ),
    "another run's": (
        lambda run, real: edit(run.scores, lambda s: s["records"][0].update(seed=9)),
        r"scores-\w+\.json: a record has the seed 9, expected 1",
    ),
    "other protocol": (
        lambda run, real: edit(run.scores, lambda s: s["records"][0]["protocol"].update(num_fake=50)),
        r"scored with num_fake = 50",
    ),
    "other weights": (
        lambda run, real: edit(run.scores, lambda s: s["records"][0]["protocol"].update(evaluator_digest="x")),
        r"evaluator_digest is .*cannot be compared",
    ),
    "other images": (
        lambda run, real: edit(real, lambda s: s["records"][0]["protocol"].update(dataset_sha256="x")),
        r"digits\.json: .*dataset_sha256 is 'x'",
    ),
    "not at the end": (
        lambda run, real: edit(run.status, lambda s: s["snapshots"].pop()),
        r"state is ok, but the last snapshot is at 300 of 400",
    ),
    "images seen": (
        lambda run, real: edit(run.scores, lambda s: s["records"][0].update(images_seen=1)),
        r"images_seen is 1",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_names_the_file(broken, fault):
    damage, message = FAULTS[fault]
    damage(broken.layout.run(RUN), broken.layout.real_scores("digits"))
    with pytest.raises(ConfigError, match=message):
        aggregate(broken.study, broken.layout)


def test_no_table_is_written_when_a_run_is_missing(tmp_path):
    study = synthetic.make_study(methods=["sngan"])
    case = make_case(tmp_path, study)
    case.layout.run(RUN).status.unlink()
    with pytest.raises(ConfigError):
        aggregate(study, case.layout)
    assert not case.layout.tables.exists()
