"""Programs among the methods (programs/*.yaml): one job per run, which also checks the output of the program."""

# The rules of programs that make files for them.
for rules_of_program in PLAN.program_rules:

    include: rules_of_program


rule program:
    input:
        checked=checked_data,
        files=lambda wildcards: PLAN.program_of(wildcards).inputs,  # an edited program runs again
    output:
        status=update(LAYOUT.stored(RUN_PATTERN).status),
    log:
        LAYOUT.logs / "train" / f"{RUN_PATTERN}.log",
    wildcard_constraints:
        run=RUNS.of_programs,
    conda:
        "../../environment.yml"
    threads: lambda wildcards: PLAN.program_of(wildcards).threads
    resources:
        gpu=lambda wildcards: PLAN.gpu * PLAN.program_of(wildcards).gpu,
        cpus_per_task=lambda wildcards: PLAN.program_of(wildcards).threads,
        mem_mb=lambda wildcards, attempt: PLAN.program_of(wildcards).mem_mb * attempt,
        runtime=lambda wildcards, attempt: PLAN.program_minutes(wildcards, attempt),
    params:
        spec=run_json,
        run=run_folder,
        dataset=dataset_folder,
        command=lambda wildcards: PLAN.program_of(wildcards).command,
        snapshots=lambda wildcards: PLAN.program_of(wildcards).snapshots,
    message:
        f"Run {TITLE}"
    shell:
        "exec python -m sngan_repro run-program --spec {params.spec:q} --run {params.run:q}"
        " --dataset {params.dataset:q} --threads {threads}"
        " --log {log:q} > {log:q} 2>&1"
