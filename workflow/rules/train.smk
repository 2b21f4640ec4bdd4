"""One training per run, which all studies of the results folder share.

Outputs have the flag `update`, since Snakemake deletes other outputs before a job: another Snakemake, which works on
another study in another folder, may have trained the run since this one made its plan. The job then leaves it as it is.
The resume state is in the run's folder and is no output: Snakemake deletes the outputs of a killed job."""

# Trainings that share a GPU are one group. A group is one job on a cluster.
GROUPS = RUNS.groups(PLAN.machine.runs_per_gpu)
# Snakemake puts independent jobs into one group only if `group-components` is set. The profile sets it once for all
# these groups.
workflow.parent_groupids.update(dict.fromkeys(GROUPS.values(), "together"))


rule train:
    input:
        checked_data,
    output:
        status=update(LAYOUT.stored(RUN_PATTERN).status),
        log=update(LAYOUT.stored(RUN_PATTERN).log),
    log:
        LAYOUT.logs / "train" / f"{RUN_PATTERN}.log",
    wildcard_constraints:
        run=RUNS.trained,
    # The first scoring job of a group scores all runs of the group that are trained by then.
    priority: int(PLAN.machine.runs_per_gpu > 1)
    group:
        (lambda wildcards: GROUPS[wildcards.run]) if PLAN.machine.runs_per_gpu > 1 else None
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
        f"Train {TITLE}"
    shell:
        "exec python -m sngan_repro train --spec {params.spec:q} --run {params.run:q} --dataset {params.dataset:q}"
        " --threads {threads} --log {log:q} > {log:q} 2>&1"
