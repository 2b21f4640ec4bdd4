"""Ledgers: what is checked before any job, and the ledgers that ship."""

import pytest
import yaml

from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.ledger import LEDGERS_DIR, load_ledger, options_of
from sngan_repro.core.schema import ConfigError

CLAIM = {
    "id": "1",
    "where": "Table 1",
    "statement": "SNGAN leads.",
    "quantity": "IS",
    "criterion": "above all others",
    "test": "leads",
    "options": {"method": "SNGAN", "metric": "is"},
}


def write(tmp_path, *claims, **changes):
    path = tmp_path / "mine.yaml"
    values = {"title": "My claims", "citation": "feng2019", "claims": list(claims)} | changes
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return str(path)


def without(*keys, **changes):
    return {key: value for key, value in (CLAIM | changes).items() if key not in keys}


def test_a_users_own_ledger_by_path(tmp_path):
    ledger = load_ledger(write(tmp_path, CLAIM))
    assert (ledger.name, ledger.claims[0].options["method"]) == ("mine", "SNGAN")


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (CLAIM | {"test": "leeds"}, r"claim 1: test 'leeds': unknown test 'leeds'; did you mean 'leads'\?"),
        (CLAIM | {"options": {"method": "SNGAN", "metrik": "is"}}, r"unknown option 'metrik'; did you mean 'metric'\?"),
        (CLAIM | {"options": {"method": "SNGAN"}}, "option 'metric' is missing"),
        (CLAIM | {"not_run": "no data"}, "give exactly one of `test` and `not_run`"),
        (without("test"), "give exactly one of `test` and `not_run`"),
        (without("test", not_run="no data"), "`options` belong to a `test`"),
        (CLAIM | {"statment": "x"}, r"did you mean 'statement'\?"),
        (without("criterion"), "criterion"),
        (CLAIM | {"source": "cifar11"}, r"mine\.yaml: claim 1: unknown data source 'cifar11'; did you mean 'cifar10'"),
    ],
)
def test_faulty_claims_are_named(tmp_path, claim, message):
    with pytest.raises(ConfigError, match=message):
        load_ledger(write(tmp_path, claim))


def test_ids_are_distinct(tmp_path):
    with pytest.raises(ConfigError, match="the id '1' is given twice"):
        load_ledger(write(tmp_path, CLAIM, CLAIM))


def test_unknown_ledgers(tmp_path):
    with pytest.raises(ConfigError, match=r"unknown claims ledger 'southamton'; did you mean 'southampton'\?"):
        load_ledger("southamton")
    with pytest.raises(ConfigError, match="no such file"):
        load_ledger(str(tmp_path / "nothing.yaml"))


@pytest.mark.parametrize("path", sorted(LEDGERS_DIR.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_ledgers_load(path):
    assert load_ledger(path.stem).name == path.stem


def test_the_southampton_ledger_has_every_claim():
    numbers = {int(claim.id.rstrip("abc")) for claim in load_ledger("southampton").claims}
    assert numbers == set(range(1, 42))


def test_every_criterion_says_what_it_tests():
    for name in CRITERIA.names():
        assert CRITERIA.get(name).__doc__, name
        assert all(option.annotation is not option.empty for option in options_of(CRITERIA.get(name)).values()), name
