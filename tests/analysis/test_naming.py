import pytest
import synthetic

from sngan_repro.analysis import naming
from sngan_repro.core import text

PROTOCOLS = [
    {"evaluator": "classifier", "num_fake": 600, "kid_subset_size": 100, "is_splits": 1},
    {"evaluator": "inception", "num_fake": 5000, "reference": "test", "num_real": 500, "metrics": ["fid"]},
    {"evaluator": "inception", "num_fake": 1000, "metrics": ["fid"], "batch_norm": "batch", "seed": 3},
]


@pytest.fixture(scope="module")
def study():
    return synthetic.make_study(scores=PROTOCOLS)


def test_full_labels_tell_every_part_of_the_protocol(study):
    labels = [naming.metric_label(study, name) for name in study.metric_names]
    assert labels[0] == "IS (600 generated, 1 split, classifier)"
    assert labels[1] == "FID (600 generated, train reference, classifier)"
    assert labels[2] == "KID (600 generated, train reference, 100 subsets of 100, classifier)"
    assert labels[5] == "FID (5000 generated, 500 test reference, inception)"
    assert labels[6] == "FID (1000 generated, train reference, batch statistics, sampling seed 3, inception)"
    assert len(set(labels)) == len(labels)


def test_faults_are_never_left_unsaid():
    base = {"evaluator": "classifier", "num_fake": 600, "metrics": ["fid"]}
    both = {"fault_distinct": 50, "fault_contrast_stretch": True}
    study = synthetic.make_study(scores=[base, base | both, base | {"fault_detour": 12, "evaluator": "inception"}])
    clean, faulty, other = study.metric_names
    assert naming.metric_short(study, clean) == "FID (classifier)"
    assert naming.metric_short(study, faulty) == "FID (classifier, 50 distinct, stretched)"
    assert naming.metric_short(study, other) == "FID (inception, via 12 px)"
    assert naming.metric_label(study, faulty) == (
        "FID (600 generated, train reference, only 50 distinct images 12 times each, the contrast of each image "
        "stretched, classifier)"
    )
    assert naming.metric_label(study, other).endswith("a detour over 12 px, inception)")
    pair = synthetic.make_study(scores=[base, base | both])
    assert [naming.metric_short(pair, n) for n in pair.metric_names] == ["FID", "FID (50 distinct, stretched)"]
    assert naming.primary_metric(pair) == clean


def test_short_names_are_short_where_unique_and_distinct_where_not(study):
    short = [naming.metric_short(study, name) for name in study.metric_names]
    assert short[0] == "IS"
    assert short[2] == "KID"
    assert [short[1], *short[5:]] == ["FID (classifier, 600)", "FID (inception, 5000)", "FID (inception, 1000)"]


def test_protocols_that_differ_only_in_a_detail_never_share_a_short_name():
    base = {"evaluator": "classifier", "num_fake": 600, "metrics": ["kid"], "kid_subset_size": 50}
    study = synthetic.make_study(scores=[base, base | {"kid_subsets": 7}])
    first, second = (naming.metric_short(study, name) for name in study.metric_names)
    assert first != second


def test_directions_and_primary_metric(study):
    assert naming.metric_header(study, study.metric_names[0]) == "IS ↑"
    assert naming.arrow(study, "fid600_train@classifier") == "↓"
    assert naming.primary_metric(study) == "fid600_train@classifier"


def test_primary_metric_without_fid():
    study = synthetic.make_study(scores=[PROTOCOLS[0]], headline=["recall600_train@classifier"])
    assert naming.primary_metric(study) == "recall600_train@classifier"


@pytest.mark.parametrize(
    ("values", "decimals"),
    [([312.5, 20], 1), ([31.2], 2), ([9.5, -2], 3), ([0.42], 4), ([0.0001], 5), ([], 3), ([0], 3)],
)
def test_decimals_show_about_four_digits(values, decimals):
    assert text.decimals_for(values) == decimals


@pytest.mark.parametrize(
    ("spread", "decimals"),
    [(0.84, 2), (4.71, 1), (12.3, 0), (1234.0, 0), (0.0098, 4), (0.0997, 2), (9.96, 0), (9.94, 1), (1.0, 1)],
)
def test_decimals_show_two_digits_of_the_spread(spread, decimals):
    assert text.decimals_by(spread, 7) == decimals


@pytest.mark.parametrize("spread", [None, 0.0, float("nan")])
def test_decimals_without_a_spread_are_those_given(spread):
    assert text.decimals_by(spread, 3) == 3


def test_a_mean_has_the_decimals_of_its_uncertainty():
    assert text.mean_sd(9.9234, 0.8417, 3) == "9.92 ± 0.84"
    assert text.mean_sd(47.932, 5.68, 3) == "47.9 ± 5.7"
    assert text.mean_sd(1234.5678, 123.4, 3) == "1235 ± 123"  # integers stay
    assert text.mean_sd(3.0, 0.0, 2) == "3.00 ± 0.00"
    assert text.interval(-1.24, 22.27, 3) == "[−1, 22]"  # half its width is 11.755
    assert text.interval(3.414, 3.617, 3) == "[3.41, 3.62]"
    assert text.half_width(2.0, None) is None


def test_numbers():
    assert text.number(-1.25, 1) == "−1.2"
    assert text.number(None, 2) == text.number(float("nan"), 2) == "–"
    assert text.mean_sd(2.0, None, 1) == "2.0"
    assert text.mean_sd(2.0, 0.25, 2) == "2.00 ± 0.25"
    assert text.interval(1.0, 2.0, 1) == "[1.00, 2.00]"
    assert text.interval(None, None, 1) == "–"
    assert text.amount(12345.6) == "12\u202f346"
    assert text.amount(0.04217) == "0.0422"
    assert [text.count(1, "run"), text.count(1500, "run")] == ["1 run", "1\u202f500 runs"]
    assert [naming.duration(s) for s in (4.21, 42, 90, 7200)] == ["4.2 s", "42 s", "1.5 min", "2.0 h"]
    assert [text.enumeration(w) for w in ([], "A", "AB", "ABC")] == ["", "A", "A and B", "A, B and C"]
