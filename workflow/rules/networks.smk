"""The layers of all networks, for an appendix of the report."""


rule describe_networks:
    input:
        PLAN.dataset_files,
        PLAN.evaluator_files,
    output:
        LAYOUT.networks,
    log:
        LAYOUT.logs / "networks.log",
    conda:
        "../../environment.yml"
    params:
        # Any change of the study file is a reason to build the networks again.
        study=lambda wildcards: PLAN.study_text,
        options=PLAN.study_options,
    message:
        "List the layers of the networks"
    shell:
        "exec python -m sngan_repro describe-networks {params.options} --log {log:q} > {log:q} 2>&1"
