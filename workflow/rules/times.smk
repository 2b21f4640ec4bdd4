"""The time of an update of some methods, if the study has `benchmark`."""

if STUDY.benchmark:

    rule measure_times:
        output:
            LAYOUT.times,
        log:
            LAYOUT.logs / "times.log",
        conda:
            "../../environment.yml"
        # All cores of this machine, so that no other job runs beside it. A cluster gives the job a device of its own.
        threads: 1 if workflow.non_local_exec else workflow.cores
        resources:
            gpu=PLAN.gpu,
        params:
            timed=PLAN.timed,
            options=PLAN.study_options,
        message:
            "Measure the time of updates"
        shell:
            # One thread, as trainings have.
            "exec python -m sngan_repro measure-times {params.options} --threads 1 --out {output:q}"
            " --log {log:q} > {log:q} 2>&1"
