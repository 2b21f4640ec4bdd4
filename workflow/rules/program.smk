"""Programs among the methods (programs/*.yaml): one job per run, which also checks the output of the program."""

# The rules of programs that make files for them.
for rules_of_program in PLAN.program_rules:

    include: rules_of_program


rule program:
    input:
        dataset=lambda wildcards: str(dataset_folder(wildcards) / "dataset.json"),
        checked=LAYOUT.checked_data("{dataset}"),
        files=lambda wildcards: PLAN.program_of(wildcards).inputs,  # an edited program runs again
    output:
        status=LAYOUT.run(RUN_PATTERN).status,
    log:
        LAYOUT.logs / "train" / f"{RUN_PATTERN}.log",
    wildcard_constraints:
        label=PLAN.one_of(STUDY.programs),
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
        num_samples=PLAN.num_samples,
    message:
        "Run {wildcards.label}, setting {wildcards.setting}, seed {wildcards.seed} on {wildcards.dataset}"
    shell:
        "exec python -m sngan_repro run-program --spec {params.spec:q} --run {params.run:q}"
        " --dataset {params.dataset:q} --num-samples {params.num_samples} --threads {threads}"
        " --log {log:q} > {log:q} 2>&1"
