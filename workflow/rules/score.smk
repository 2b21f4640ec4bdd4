"""Scores: one job per run for all its snapshots, since starting an evaluator takes longer than scoring a snapshot."""


rule score:
    input:
        status=LAYOUT.stored(RUN_PATTERN).status,
        evaluators=evaluator_records,
    output:
        update(LAYOUT.stored(RUN_PATTERN).scores),
    log:
        LAYOUT.logs / "score" / f"{RUN_PATTERN}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=PLAN.gpu,
    params:
        run=run_folder,
        digest=LAYOUT.scoring,
        protocols=PLAN.protocols,
        evaluators=evaluators_json,
        dataset=dataset_folder,
    message:
        f"Score {TITLE}"
    shell:
        "exec python -m sngan_repro score --run {params.run:q} --digest {params.digest} --protocols {params.protocols:q}"
        " --evaluators {params.evaluators:q} --dataset {params.dataset:q}"
        " --threads {threads} --log {log:q} > {log:q} 2>&1"


rule score_real:
    input:
        evaluators=evaluator_records,
    output:
        LAYOUT.real_scores("{dataset}"),
    log:
        LAYOUT.logs / "score-real-{dataset}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=PLAN.scoring_of_real_images_needs_gpu,
    params:
        protocols=PLAN.protocols,
        evaluators=evaluators_json,
        dataset=dataset_folder,
        study=STUDY.name,
        num_draws=PLAN.num_real_draws,
    message:
        "Score real images of {wildcards.dataset} under the same protocols"
    shell:
        "exec python -m sngan_repro score-real --protocols {params.protocols:q} --evaluators {params.evaluators:q}"
        " --dataset {params.dataset:q} --dataset-name {wildcards.dataset} --study-name {params.study}"
        " --num-draws {params.num_draws} --out {output:q} --threads {threads} --log {log:q} > {log:q} 2>&1"
