"""The report: a template and result files, typeset as HTML and PDF."""


rule make_report:
    input:
        rules.aggregate.output,
        rules.make_tables.output,
        rules.make_figures.output,
        list(PLAN.claims.values()),
        rules.describe_networks.output,
        PLAN.dataset_files,
        PLAN.evaluator_files,
        PLAN.report_sources,
        template=PLAN.templates / "report.md.j2",
        summary=PLAN.templates / "summary.md.j2",
        appendix=PLAN.templates / "appendix.md.j2",
        discriminator=PLAN.templates / "discriminator.md.j2",
        sensitivity=PLAN.templates / "sensitivity.md.j2",
        artefacts=PLAN.templates / "artefacts.md.j2",
        published=PLAN.templates / "published.md.j2",
        claims=PLAN.templates / "claims.md.j2",
        references=PLAN.templates / "references.bib",
        style=PLAN.templates / "style.css",
        typst=PLAN.templates / "template.typ",
    output:
        html=report(
            LAYOUT.report_html,
            caption="../../report/captions/report.rst",
            category="Report",
        ),
        pdf=report(
            LAYOUT.report_pdf,
            caption="../../report/captions/report.rst",
            category="Report",
        ),
        latex=LAYOUT.report_latex,
    log:
        LAYOUT.logs / "report.log",
    conda:
        "../../environment.yml"
    params:
        options=PLAN.study_options,
    message:
        "Typeset the report"
    shell:
        "exec python -m sngan_repro report {params.options} --log {log:q} > {log:q} 2>&1"


rule report:
    input:
        rules.tables.input,
        rules.figures.input,
        rules.describe_networks.output,
        rules.make_report.output,
