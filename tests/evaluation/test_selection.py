from sngan_repro.config.protocol import ProtocolSpec
from sngan_repro.evaluation.selection import best_snapshots, narrowed

PROTOCOL = ProtocolSpec(evaluator="classifier", num_fake=60, metrics=("is", "fid"), is_splits=2)
OTHER = PROTOCOL.model_copy(update={"num_fake": 90})
IS, FID = "is60s2@classifier", "fid60_train@classifier"
IS90, FID90 = "is90s2@classifier", "fid90_train@classifier"


def scores(name, *values):
    """Scores after 10, 20, ... updates."""
    return [(name, 10 * (k + 1), value) for k, value in enumerate(values)]


def test_highest_is_and_lowest_fid():
    found = best_snapshots([PROTOCOL], scores(IS, 1.0, 3.0, 2.0) + scores(FID, 9.0, 8.0, 7.0))
    assert found == {IS: 20, FID: 30}


def test_protocols_choose_apart():
    found = best_snapshots([PROTOCOL, OTHER], scores(FID, 1.0, 2.0) + scores(FID90, 2.0, 1.0))
    assert found == {FID: 10, FID90: 20}


def test_the_earliest_of_equals_whatever_the_order():
    tied = scores(IS, 1.0, 3.0, 3.0) + scores(FID, 2.0, 2.0, 5.0)
    assert best_snapshots([PROTOCOL], tied) == {IS: 20, FID: 10}
    assert best_snapshots([PROTOCOL], reversed(tied)) == {IS: 20, FID: 10}


def test_missing_scores_are_no_candidates():
    found = best_snapshots([PROTOCOL], scores(IS, None, -1.0, None) + scores(FID, None, None))
    assert found == {IS: 20}


def test_narrowed_keeps_only_the_metrics_named():
    assert narrowed([PROTOCOL, OTHER], {FID, IS90}) == [
        PROTOCOL.model_copy(update={"metrics": ("fid",)}),
        OTHER.model_copy(update={"metrics": ("is",)}),
    ]
    assert narrowed([PROTOCOL, OTHER], {FID90}) == [OTHER.model_copy(update={"metrics": ("fid",)})]
