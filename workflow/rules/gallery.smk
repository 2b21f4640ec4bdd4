"""Look-alikes and interpolations of the final generator of each training, if the study has `gallery`."""

if STUDY.gallery:

    rule gallery:
        input:
            status=LAYOUT.run(RUN_PATTERN).status,
            evaluators=evaluator_records,
        output:
            record=LAYOUT.run(RUN_PATTERN).gallery,
            images=LAYOUT.run(RUN_PATTERN).gallery_images,
        log:
            LAYOUT.logs / "gallery" / f"{RUN_PATTERN}.log",
        wildcard_constraints:
            label=PLAN.one_of(STUDY.trained_labels),
        conda:
            "../../environment.yml"
        threads: 1
        resources:
            gpu=PLAN.gpu,
        params:
            run=run_folder,
            gallery=STUDY.gallery.to_json(),
            protocol=STUDY.scores[0].to_json(),
            evaluators=evaluators_json,
            dataset=dataset_folder,
        message:
            "Look-alikes of {wildcards.label}, setting {wildcards.setting}, seed {wildcards.seed} on {wildcards.dataset}"
        shell:
            "exec python -m sngan_repro gallery --run {params.run:q} --gallery {params.gallery:q}"
            " --protocol {params.protocol:q} --evaluators {params.evaluators:q} --dataset {params.dataset:q}"
            " --threads {threads} --log {log:q} > {log:q} 2>&1"
