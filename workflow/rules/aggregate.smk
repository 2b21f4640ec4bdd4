"""From all runs to tidy tables, printed tables and figures. No torch from here on."""

STUDY_OPTIONS = shlex.join(
    ["--study", MACHINE.study, "--results-dir", MACHINE.results_dir, "--data-dir", MACHINE.data_dir]
)
TABLES = outputs.table_files(LAYOUT, STUDY)
# A file of published values of one's own is an input; those of the package are part of the code.
PUBLISHED = [STUDY.reference] if STUDY.reference and Path(STUDY.reference).suffix else []
FIGURES = outputs.figure_files(STUDY, LAYOUT)
CLAIMS = outputs.claim_files(STUDY, LAYOUT)
CLAIMS_LEDGER = load_ledger(STUDY.claims).version() if STUDY.claims else ""


rule aggregate:
    input:
        scores=[LAYOUT.run(run_id).scores for run_id in RUNS],
        real=[LAYOUT.real_scores(dataset) for dataset in STUDY.datasets],
    output:
        **outputs.aggregate_files(LAYOUT),
    log:
        LAYOUT.logs / "aggregate.log",
    conda:
        "../../environment.yml"
    params:
        # Whatever changes in the study file, or in what a program says of itself, is a reason to aggregate again.
        study=lambda wildcards: STUDY.to_json() + "".join(program.to_json() for program in STUDY.programs.values()),
        options=STUDY_OPTIONS,
    message:
        "Collect the runs and scores of study {STUDY.name}"
    shell:
        "exec python -m sngan_repro aggregate {params.options} > {log:q} 2>&1"


rule make_tables:
    input:
        **outputs.aggregate_files(LAYOUT),
        published=PUBLISHED,
    output:
        **{
            name: report(path, caption="../../report/captions/tables.rst", category="Tables")
            for name, path in TABLES.items()
        },
    log:
        LAYOUT.logs / "tables.log",
    conda:
        "../../environment.yml"
    params:
        options=STUDY_OPTIONS,
    message:
        "Make the tables"
    shell:
        "exec python -m sngan_repro tables {params.options} > {log:q} 2>&1"


rule make_figures:
    input:
        **outputs.aggregate_files(LAYOUT),
        published=PUBLISHED,
    output:
        report(FIGURES, caption="../../report/captions/figures.rst", category="Figures"),
    log:
        LAYOUT.logs / "figures.log",
    conda:
        "../../environment.yml"
    params:
        options=STUDY_OPTIONS,
    message:
        "Draw the figures"
    shell:
        "exec python -m sngan_repro figures {params.options} > {log:q} 2>&1"


if STUDY.claims:

    localrules:
        make_claims,

    rule make_claims:
        input:
            **outputs.aggregate_files(LAYOUT),
        output:
            **{
                name: report(path, caption="../../report/captions/claims.rst", category="Claims")
                for name, path in CLAIMS.items()
            },
        log:
            LAYOUT.logs / "claims.log",
        conda:
            "../../environment.yml"
        params:
            ledger=CLAIMS_LEDGER,
            options=STUDY_OPTIONS,
        message:
            "Judge the claims of {STUDY.claims}"
        shell:
            "exec python -m sngan_repro claims {params.options} > {log:q} 2>&1"


rule tables:
    input:
        rules.make_tables.output,
        list(CLAIMS.values()),


rule figures:
    input:
        rules.make_figures.output,
