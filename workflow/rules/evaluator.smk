"""Evaluators and the features of the real images: once per dataset and evaluator, shared by all runs and studies."""


rule fetch_weights:
    output:
        LAYOUT.weights_record("{evaluator}"),
    log:
        LAYOUT.data_dir / "logs" / "fetch-weights-{evaluator}.log",
    conda:
        "../../environment.yml"
    params:
        folder=LAYOUT.weights,
    message:
        "Fetch the weights of {wildcards.evaluator}, or check the file staged by hand"
    shell:
        "exec python -m sngan_repro fetch-weights --evaluator {wildcards.evaluator} --weights-dir {params.folder:q}"
        " --log {log:q} > {log:q} 2>&1"


rule evaluator:
    input:
        dataset=LAYOUT.dataset_files("{dataset_id}")[0],
        weights=PLAN.weights_of,
    output:
        LAYOUT.evaluator_files("{dataset_id}", "{evaluator}"),
    log:
        LAYOUT.data_dir / "logs" / "evaluator-{dataset_id}-{evaluator}.log",
    conda:
        "../../environment.yml"
    threads: lambda wildcards: PLAN.evaluator_of(wildcards).threads
    resources:
        gpu=PLAN.gpu,
    params:
        name=lambda wildcards: wildcards.evaluator.split("-")[0],
        options=PLAN.evaluator_options,
        weights=lambda wildcards, input: (f"--weights {shlex.quote(str(input.weights))}" if input.weights else ""),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
        dataset=lambda wildcards, input: str(Path(input.dataset).parent),
    message:
        "Prepare evaluator {wildcards.evaluator} for {wildcards.dataset_id}"
    shell:
        "exec python -m sngan_repro evaluator --name {params.name} --dataset {params.dataset:q}"
        " --options {params.options:q} {params.weights} --out {params.folder:q}"
        " --threads {threads} --log {log:q} > {log:q} 2>&1"
