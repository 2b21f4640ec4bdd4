"""The columns of the tables that the analysis reads."""

_TEXT = """
study dataset label setting metric class spread_over state stage reference evaluator evaluator_digest batch_norm
fault_contrast_stretch dataset_sha256 torch_fidelity spec_digest reason device device_name versions git_revision
started finished folder last_snapshot_sha256 first first_setting second second_setting selection resampled_best_steps
ledger id source where statement quantity criterion reported verdict evidence remark shown claimed unit test run_ids
"""
TEXT_COLUMNS = frozenset(_TEXT.split())
"""The columns of tables/*.csv that hold text. All others hold numbers, or True and False."""

NEEDED_COLUMNS = {
    "scores": "dataset label setting seed steps metric value state last selection num_fake",
    "runs": "dataset label setting seed state steps_done steps_total epochs images_seen seconds finished folder",
    "cost": "dataset stage label runs seconds steps images_per_second seconds_per_1000_steps max_rss_mb",
    "classes": "dataset label setting seed steps metric class value state last",
    "summary": "dataset metric label setting mean sd n ci_low ci_high steps num_runs num_diverged",
    "comparisons": "dataset metric first first_setting second second_setting mean_difference n p_value p_holm",
    "claims": "dataset id statement reported verdict reason evidence",
}
"""Table -> the columns, separated by spaces, that the analysis and the report cannot do without."""
