"""Programs among the methods (programs/*.yaml): one job per run, which also checks what the program left."""

NUM_SAMPLES = max(protocol.num_fake for protocol in STUDY.scores)


# Rules of programs that need files made beforehand.
for rules_of_program in sorted({str(p.place(p.rules).resolve()) for p in STUDY.programs.values() if p.rules}):

    include: rules_of_program


rule program:
    input:
        dataset=lambda wildcards: str(dataset_folder(wildcards) / "dataset.json"),
        checked=LAYOUT.checked_data("{dataset}"),
        files=lambda wildcards: program_of(wildcards).inputs,  # an edited program runs again
    output:
        status=LAYOUT.run(RUN_PATTERN).status,
    log:
        LAYOUT.logs / "train" / f"{RUN_PATTERN}.log",
    wildcard_constraints:
        label=one_of(STUDY.programs),
    conda:
        "../../environment.yml"
    threads: lambda wildcards: program_of(wildcards).threads
    resources:
        gpu=lambda wildcards: GPU * program_of(wildcards).gpu,
        cpus_per_task=lambda wildcards: program_of(wildcards).threads,
        mem_mb=lambda wildcards, attempt: program_of(wildcards).mem_mb * attempt,
        runtime=lambda wildcards, attempt: cluster.program_minutes(program_of(wildcards), MACHINE, attempt),
    params:
        spec=lambda wildcards: run_of(wildcards).to_json(),
        run=lambda wildcards: LAYOUT.run(run_of(wildcards).id).root,
        dataset=lambda wildcards: dataset_folder(wildcards),
        command=lambda wildcards: program_of(wildcards).command,
        snapshots=lambda wildcards: program_of(wildcards).snapshots,
        num_samples=NUM_SAMPLES,
    message:
        "Run {wildcards.label}, setting {wildcards.setting}, seed {wildcards.seed} on {wildcards.dataset}"
    shell:
        "exec python -m sngan_repro run-program --spec {params.spec:q} --run {params.run:q}"
        " --dataset {params.dataset:q} --num-samples {params.num_samples} --threads {threads} > {log:q} 2>&1"
