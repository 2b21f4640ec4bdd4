"""Criteria: small functions from evidence to a verdict, registered by name so that ledgers can bind claims to them.

    @CRITERIA.register("name")
    def name(evidence: Evidence, *, option: str) -> Verdict

Keyword-only parameters are the options that a ledger may set. A criterion states components (see
:mod:`sngan_repro.analysis.claims.verdict`) and lets :func:`decide` judge; it never decides by itself.
"""

from collections.abc import Callable

from sngan_repro.core.registry import Registry

CRITERIA: Registry[Callable] = Registry("test", "sngan_repro.analysis.claims.criteria")
