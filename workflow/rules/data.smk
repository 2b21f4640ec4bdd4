"""Raw files and prepared images: one uint8 array per dataset and size, shared by all studies."""


rule data:
    input:
        PLAN.dataset_files,


rule fetch:
    output:
        LAYOUT.downloads / "{source}" / "source.json",
    log:
        LAYOUT.data_dir / "logs" / "fetch-{source}.log",
    conda:
        "../../environment.yml"
    params:
        downloads=LAYOUT.downloads,
    message:
        "Fetch {wildcards.source}, or check the files staged by hand"
    shell:
        "exec python -m sngan_repro fetch --source {wildcards.source} --downloads {params.downloads:q}"
        " --log {log:q} > {log:q} 2>&1"


rule prepare:
    input:
        per_job(PLAN.raw_files),
    output:
        LAYOUT.dataset_files("{dataset_id}"),
    log:
        LAYOUT.data_dir / "logs" / "prepare-{dataset_id}.log",
    conda:
        "../../environment.yml"
    threads: 4
    params:
        spec=lambda wildcards: PLAN.datasets[wildcards.dataset_id].to_json(),
        content=PLAN.source_code,
        downloads=LAYOUT.downloads,
        out=lambda wildcards: LAYOUT.data_dir / "prepared" / wildcards.dataset_id,
    message:
        "Prepare {wildcards.dataset_id}"
    shell:
        "exec python -m sngan_repro prepare --spec {params.spec:q} --downloads {params.downloads:q}"
        " --out {params.out:q} --log {log:q} > {log:q} 2>&1"


# New images are checked before hours of training, not after. The mark is shared by all studies, since a training has the
# same inputs in all of them. The protocols are passed by the environment: as a parameter they would be a reason to run
# this job again, and all trainings after it. Images that are prepared already are checked whenever a study is read.
rule check_data:
    input:
        rules.prepare.output,
    output:
        LAYOUT.checked_data("{dataset_id}"),
    log:
        LAYOUT.data_dir / "logs" / "check-data-{dataset_id}.log",
    conda:
        "../../environment.yml"
    params:
        dataset=lambda wildcards: LAYOUT.data_dir / "prepared" / wildcards.dataset_id,
    message:
        "Check that {wildcards.dataset_id} has enough images for the protocols"
    shell:
        "exec python -m sngan_repro check-data --dataset {params.dataset:q} --out {output:q}"
        " --log {log:q} > {log:q} 2>&1"
