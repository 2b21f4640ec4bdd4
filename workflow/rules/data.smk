"""Raw files and prepared images: one uint8 array per dataset and size, shared by all studies."""


rule data:
    input:
        [LAYOUT.dataset(spec) / "dataset.json" for spec in STUDY.datasets.values()],


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
        record=LAYOUT.data_dir / "prepared" / "{dataset_id}" / "dataset.json",
        images=LAYOUT.data_dir / "prepared" / "{dataset_id}" / "images.npy",
        labels=LAYOUT.data_dir / "prepared" / "{dataset_id}" / "labels.npy",
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


# The protocols are passed by the environment. As a parameter they would be a reason to run this job again, and all
# trainings after it. Data that are prepared already are checked whenever the study is read. (`ancient` does not help:
# Snakemake then plans this job only.)
rule check_data:
    input:
        lambda wildcards: str(dataset_folder(wildcards) / "dataset.json"),
    output:
        LAYOUT.checked_data("{dataset}"),
    log:
        LAYOUT.logs / "check-data-{dataset}.log",
    conda:
        "../../environment.yml"
    params:
        dataset=dataset_folder,
    message:
        "Check that {wildcards.dataset} has enough images for the protocols"
    shell:
        "exec python -m sngan_repro check-data --dataset {params.dataset:q} --dataset-name {wildcards.dataset}"
        " --out {output:q} --log {log:q} > {log:q} 2>&1"
