"""Claims and verdicts: a published claim is an entry of a ledger, bound to a criterion that a study's data decide."""
