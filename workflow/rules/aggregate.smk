"""From the results of all runs to tidy tables, printed tables, figures and verdicts. No torch in these jobs."""


rule aggregate:
    input:
        statuses=[LAYOUT.stored(run).status for run in RUNS.specs],
        scores=[LAYOUT.stored(run).scores for run in RUNS.specs],
        real=[LAYOUT.real_scores(dataset) for dataset in STUDY.datasets],
        datasets=PLAN.dataset_files,
        evaluators=PLAN.evaluator_files,
    output:
        **PLAN.aggregated,
    log:
        LAYOUT.logs / "aggregate.log",
    conda:
        "../../environment.yml"
    params:
        # Any change of the study file, or of the declaration of a program, is a reason to aggregate again.
        study=lambda wildcards: PLAN.study_text,
        options=PLAN.study_options,
    message:
        f"Collect the runs and scores of study {STUDY.name}"
    shell:
        "exec python -m sngan_repro aggregate {params.options} --log {log:q} > {log:q} 2>&1"


rule make_tables:
    input:
        **PLAN.aggregated,
        published=PLAN.published_files,
        measured=PLAN.measured_files,
    output:
        **{
            name: report(path, caption="../../report/captions/tables.rst", category="Tables")
            for name, path in PLAN.tables.items()
        },
    log:
        LAYOUT.logs / "tables.log",
    conda:
        "../../environment.yml"
    params:
        options=PLAN.study_options,
    message:
        "Make the tables"
    shell:
        "exec python -m sngan_repro tables {params.options} --log {log:q} > {log:q} 2>&1"


rule make_figures:
    input:
        **PLAN.aggregated,
        datasets=PLAN.dataset_files,
        published=PLAN.published_files,
        measured=PLAN.measured_files,
    output:
        report(PLAN.figures, caption="../../report/captions/figures.rst", category="Figures"),
    log:
        LAYOUT.logs / "figures.log",
    conda:
        "../../environment.yml"
    params:
        options=PLAN.study_options,
    message:
        "Draw the figures"
    shell:
        "exec python -m sngan_repro figures {params.options} --log {log:q} > {log:q} 2>&1"


if STUDY.claims:

    localrules:
        make_claims,

    rule make_claims:
        input:
            **PLAN.aggregated,
            measured=PLAN.measured_files,
        output:
            **{
                name: report(path, caption="../../report/captions/claims.rst", category="Claims")
                for name, path in PLAN.claims.items()
            },
        log:
            LAYOUT.logs / "claims.log",
        conda:
            "../../environment.yml"
        params:
            ledger=PLAN.ledger_version,
            options=PLAN.study_options,
        message:
            f"Judge the claims of {STUDY.claims}"
        shell:
            "exec python -m sngan_repro claims {params.options} --log {log:q} > {log:q} 2>&1"


# Snakemake does not make a missing file again if no job needs it: a complete study would stay without a status or a
# table that was deleted. So the targets name all results, and not only the last ones.
RESULTS = [*rules.aggregate.input, *rules.aggregate.output, *PLAN.measured_files]


rule tables:
    input:
        RESULTS,
        rules.make_tables.output,
        list(PLAN.claims.values()),


rule figures:
    input:
        RESULTS,
        rules.make_figures.output,
