"""The sentences of the report, and the numbers in them."""

import pytest
import synthetic
from studies import say, text_of, with_tables

from sngan_repro.analysis.summary import read_comparisons, read_summary
from sngan_repro.report import description, findings
from sngan_repro.report.description import span


@pytest.mark.slow
def test_the_headline_is_computed(tmp_path):
    values = {"SNGAN": 10.0, "WGAN-GP": 20.0, "BEGAN": 30.0}

    def value(metric, spec, steps):
        score = values[spec.label] + spec.seed + (5 if spec.setting == "A" else 0)
        return score if metric.startswith("fid") else 100 - score

    text = text_of(with_tables(tmp_path, synthetic.make_study(), value=value))
    abstract = text.split("# What was run")[0].replace("\\", "")
    assert "the best FID is that of **SNGAN** at setting B (10.50 ± 0.71, n = 2; real images: 2.500)" in abstract
    assert "followed by WGAN-GP at B (20.50 ± 0.71, n = 2)" in abstract
    assert "differ by −10.00 (the first is better in 2 of 2 seeds: same sign, few seeds)." in abstract
    assert "95 % interval" not in abstract
    assert "IS and FID put the same method first." in abstract
    assert "With 2 seeds the tests separate it from none of the 2 other methods" in " ".join(abstract.split())
    assert "None of the 12 runs diverged." in abstract
    assert "By FID, SNGAN has the best mean in 2 of 2 settings." in text


@pytest.mark.parametrize(
    ("n", "agreeing", "opposing", "p_holm", "reading"),
    [
        (0, 0, 0, None, "no common seed"),
        (1, 1, 0, 1.0, "one seed: no test"),
        (2, 1, 1, 1.0, "not significantly different"),
        (5, 5, 0, 0.0625, "same sign, few seeds"),
        (6, 6, 0, 0.03125, "significantly different"),
        (6, 0, 6, 0.03125, "significantly different"),
        (6, 6, 0, 5 * 0.03125, "same sign, few seeds"),
        (12, 11, 1, 0.001, "significantly different"),
        (6, 5, 0, 0.0625, "not significantly different"),
    ],
)
def test_readings_of_a_comparison(n, agreeing, opposing, p_holm, reading):
    row = {"n": n, "agreeing": agreeing, "opposing": opposing, "p_holm": p_holm}
    assert findings.verdict(row) == reading


@pytest.mark.parametrize(("p", "text"), [(0.03125, "0.031"), (1.0, "1.000"), (0.0001, "< 0.001"), (float("nan"), "–")])
def test_p_values_in_print(p, text):
    assert findings.p_text(p) == text


@pytest.mark.slow
def test_comparison_table_shows_the_corrected_p(tmp_path):
    """Six seeds, SNGAN ahead of each by its label's distance in all of them: p = 2/64, times three pairs."""
    level = {"SNGAN": 1.0, "WGAN-GP": 2.0, "BEGAN": 3.0}
    study = synthetic.make_study(settings={"A": {"lr": 0.001}}, seeds=list(range(6)))
    case = with_tables(tmp_path, study, value=lambda m, spec, u: level[spec.label] + 0.1 * spec.seed)
    text = text_of(case).replace("\\", "")
    assert "| 6 of 6 | 0.094 | same sign, few seeds |" in text
    sentence = "differ by −1.00 (95 % interval [−1.00, −1.00]; the first is better in 6 of 6 seeds; corrected p 0.094"
    assert sentence in text.split("# What was run")[0]
    assert "| 6 | 6 of 6 | 0.031 |" not in text
    assert "the first method and all settings were chosen by these same scores." in text
    pair = synthetic.make_study(methods=["sngan", "wgan_gp"], settings={"A": {"lr": 0.001}}, seeds=list(range(6)))
    two = with_tables(tmp_path / "two", pair, value=lambda m, spec, u: level[spec.label] + 0.1 * spec.seed)
    assert "| 6 of 6 | 0.031 | significantly different |" in text_of(two).replace("\\", "")


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        (2, ["2 training seeds", "9.0 standard deviations", "probability 50 %", "7 seeds are the fewest"]),
        (5, ["5 training seeds", "1.2 standard deviations", "probability 6.2 %", "among 3 methods"]),
        (6, ["6 training seeds", "probability 3.1 %", "7 seeds are the fewest"]),
        (7, ["7 training seeds", "probability 1.6 %"]),
    ],
)
def test_caveat_follows_from_the_number_of_seeds(seeds, expected):
    text = say("seeds", findings.seeds(synthetic.make_study(seeds=list(range(seeds)))))
    assert all(part in text for part in expected)
    assert ("fewest" in text) == (seeds < 7)  # three pairs: 3 * 2/128 is the first below 5 %


def test_comparison_with_the_literature_depends_on_the_evaluator():
    scores = [
        {"evaluator": "classifier", "num_fake": 600, "kid_subset_size": 100},
        {"evaluator": "inception", "num_fake": 5000},
    ]
    own, inception = (say("comparable", words) for words in findings.comparable(synthetic.make_study(scores=scores)))
    assert "must not be compared with any published score" in own
    assert "only where" in inception
    assert "5\u202f000 generated images" in inception


def test_metrics_that_disagree_are_reported(tmp_path):
    def value(metric, spec, steps):
        return {"SNGAN": 1.0, "BN": 2.0}[spec.label]  # higher IS: BN; lower FID: SNGAN

    case = with_tables(tmp_path, synthetic.make_study(methods=["sngan", "bn"]), value=value)
    comparisons = read_comparisons(case.layout)
    sentence = say("agreement", findings.agreement(case.study, read_summary(case.layout), comparisons, "digits"))
    assert sentence == "The metrics disagree: IS puts BN first and FID puts SNGAN first."


@pytest.mark.slow
def test_the_metrics_agree_on_the_best_method_only_if_the_tests_do(tmp_path):
    def value(metric, spec, steps):
        return (1.0 if spec.label == "SNGAN" else 2.0) * (-1 if metric.startswith("is") else 1) + 0.1 * spec.seed

    for seeds, expected in ((6, "IS and FID agree on the best method."), (5, "IS and FID put the same method first.")):
        settings = {"A": {"lr": 0.001}}
        study = synthetic.make_study(methods=["sngan", "bn"], settings=settings, seeds=list(range(seeds)))
        case = with_tables(tmp_path / str(seeds), study, value=value)
        found = findings.agreement(study, read_summary(case.layout), read_comparisons(case.layout), "digits")
        assert expected in say("agreement", found)


@pytest.mark.parametrize(
    ("values", "text"), [([400, 400], "400"), ([100, 400.0], "100 to 400"), ([10.6912], "10.69"), ([], "–")]
)
def test_spans(values, text):
    assert span(values) == text


def test_a_single_split_has_no_spread_to_speak_of(tmp_path):
    one = {"evaluator": "classifier", "num_fake": 600, "metrics": ["is"], "is_splits": 1}
    text = text_of(with_tables(tmp_path, synthetic.make_study(methods=["sngan"], scores=[one])))
    assert "averaged over splits" not in text
    assert "All are computed as by torch-fidelity [@obukhov2020]." in text
    mixed = synthetic.make_study(scores=[one, one | {"is_splits": 10}])
    (text,) = description.score_texts(mixed)
    assert "averaged over splits of the samples where a protocol has more than one; the spread" in text
    fid_only = synthetic.make_study(scores=[one | {"metrics": ["fid"]}])
    assert say("computed_by", *description.computed_by(fid_only)).startswith("The FID is computed by this package")


def test_what_computes_the_scores():
    def words(*metrics):
        protocol = {"evaluator": "classifier", "num_fake": 600, "kid_subset_size": 100, "metrics": list(metrics)}
        return say("computed_by", *description.computed_by(synthetic.make_study(scores=[protocol]))).split(
            " [@obukhov2020]"
        )[0]

    assert words("is", "kid") == "All are computed as by torch-fidelity"
    assert words("is", "confidence", "duplicates", "fid").startswith(
        "All but the FID, the confidence and the share of near-duplicates are computed as by torch-fidelity"
    )
    assert words("confidence") == "The confidence is computed by this package."
    assert words("fid").startswith("The FID is computed by this package in double precision")


def test_the_optimizers_in_use_are_named():
    adam = synthetic.make_study(methods=["sngan"])
    assert description.optimizers_text(adam) == "Adam [@kingma2015]"
    settings = {"A": {"lr": 0.001}, "W": {"optimizer": "rmsprop", "lr": 0.00005}}
    both = synthetic.make_study(methods=["sngan"], settings=settings)
    assert description.optimizers_text(both) == "Adam [@kingma2015] or RMSProp [@tieleman2012]"
