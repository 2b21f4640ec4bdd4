"""One training per run. The resume state is in the run folder and is no output: Snakemake deletes the outputs of a
killed job, and the state must stay."""

# Trainings that share a GPU are one group. A group is one job on a cluster.
GROUPS = PLAN.groups()
# Snakemake puts independent jobs into one group only if `group-components` is set. The profile sets it once for all
# these groups.
workflow.parent_groupids.update(dict.fromkeys(GROUPS.values(), "together"))


rule train:
    input:
        LAYOUT.checked_data("{dataset}"),  # checked before hours of training, not after
    output:
        status=LAYOUT.run(RUN_PATTERN).status,
        log=LAYOUT.run(RUN_PATTERN).log,
    log:
        LAYOUT.logs / "train" / f"{RUN_PATTERN}.log",
    wildcard_constraints:
        label=PLAN.one_of(STUDY.trained_labels),
    group:
        (lambda wildcards: GROUPS[run_of(wildcards).id]) if PLAN.machine.runs_per_gpu > 1 else None
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=PLAN.gpu,
        cpus_per_task=2 * PLAN.machine.runs_per_gpu,
        mem_mb=lambda wildcards, attempt: 8000 * PLAN.machine.runs_per_gpu * attempt,
        runtime=lambda wildcards, attempt: PLAN.train_minutes(wildcards, attempt),
    params:
        spec=run_json,
        run=run_folder,
        dataset=dataset_folder,
    message:
        "Train {wildcards.label}, setting {wildcards.setting}, seed {wildcards.seed} on {wildcards.dataset}"
    shell:
        "exec python -m sngan_repro train --spec {params.spec:q} --run {params.run:q} --dataset {params.dataset:q}"
        " --threads {threads} --log {log:q} > {log:q} 2>&1"
