"""One training per run. The resume state lies in the run folder and is no output: Snakemake deletes outputs of a
killed job, and the state must survive it."""


rule train:
    input:
        dataset=lambda wildcards: str(dataset_folder(wildcards) / "dataset.json"),
        checked=LAYOUT.checked_data("{dataset}"),  # before hours of training, not after
    output:
        status=LAYOUT.run(RUN_PATTERN).status,
        log=LAYOUT.run(RUN_PATTERN).log,
    log:
        LAYOUT.logs / "train" / f"{RUN_PATTERN}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=GPU,
    params:
        spec=lambda wildcards: run_of(wildcards).to_json(),
        run=lambda wildcards: LAYOUT.run(run_of(wildcards).id).root,
        dataset=lambda wildcards: dataset_folder(wildcards),
    message:
        "Train {wildcards.label}, setting {wildcards.setting}, seed {wildcards.seed} on {wildcards.dataset}"
    shell:
        "exec python -m sngan_repro train --spec {params.spec:q} --run {params.run:q} --dataset {params.dataset:q}"
        " --threads {threads} > {log:q} 2>&1"
