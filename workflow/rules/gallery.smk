"""Look-alikes and interpolations of the final generator of each training, if the study has `gallery`."""

if STUDY.gallery:

    rule gallery:
        input:
            status=LAYOUT.stored(RUN_PATTERN).status,
            evaluators=evaluator_records,
        output:
            record=update(LAYOUT.stored(RUN_PATTERN).gallery),
            images=update(LAYOUT.stored(RUN_PATTERN).gallery_images),
        log:
            LAYOUT.logs / "gallery" / f"{RUN_PATTERN}.log",
        wildcard_constraints:
            run=RUNS.trained,
        conda:
            "../../environment.yml"
        threads: 1
        resources:
            gpu=PLAN.gpu,
        params:
            run=run_folder,
            digest=LAYOUT.gallery,
            gallery=STUDY.gallery.to_json(),
            protocol=STUDY.scores[0].to_json(),
            evaluators=evaluators_json,
            dataset=dataset_folder,
        message:
            f"Look-alikes of {TITLE}"
        shell:
            "exec python -m sngan_repro gallery --run {params.run:q} --digest {params.digest} --gallery {params.gallery:q}"
            " --protocol {params.protocol:q} --evaluators {params.evaluators:q} --dataset {params.dataset:q}"
            " --threads {threads} --log {log:q} > {log:q} 2>&1"
