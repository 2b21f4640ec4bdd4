"""Raw files and prepared images: one uint8 array per dataset and size, shared by all studies."""


rule data:
    input:
        [LAYOUT.dataset(spec) / "dataset.json" for spec in STUDY.datasets.values()],


def raw_files(wildcards):
    """What a dataset is prepared from: the record of fetched files, the user's own folder or zip, or nothing."""
    spec = DATASETS[wildcards.dataset_id]
    if source_info(spec).needs_fetch:
        return str(LAYOUT.downloads / spec.source / "source.json")
    return spec.path or []


rule fetch:
    output:
        LAYOUT.downloads / "{source}" / "source.json",
    log:
        LAYOUT.data_dir / "logs" / "fetch-{source}.log",
    params:
        downloads=LAYOUT.downloads,
        download=DOWNLOAD,
    conda:
        "../../environment.yml"
    message:
        "Fetch {wildcards.source}, or check the files staged by hand"
    shell:
        "exec python -m sngan_repro fetch --source {wildcards.source} --downloads {params.downloads:q}"
        " {params.download} > {log:q} 2>&1"


rule prepare:
    input:
        raw_files,
    output:
        record=LAYOUT.data_dir / "prepared" / "{dataset_id}" / "dataset.json",
        images=LAYOUT.data_dir / "prepared" / "{dataset_id}" / "images.npy",
        labels=LAYOUT.data_dir / "prepared" / "{dataset_id}" / "labels.npy",
    log:
        LAYOUT.data_dir / "logs" / "prepare-{dataset_id}.log",
    params:
        spec=lambda wildcards: DATASETS[wildcards.dataset_id].to_json(),
        downloads=LAYOUT.downloads,
        out=lambda wildcards: LAYOUT.data_dir / "prepared" / wildcards.dataset_id,
    threads: 4
    conda:
        "../../environment.yml"
    message:
        "Prepare {wildcards.dataset_id}"
    shell:
        "exec python -m sngan_repro prepare --spec {params.spec:q} --downloads {params.downloads:q}"
        " --out {params.out:q} > {log:q} 2>&1"
