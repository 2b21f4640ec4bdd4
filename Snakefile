"""sngan-repro: fetch data, train, score, aggregate, report. The science is in config/studies/<study>.yaml.

snakemake --cores all                                  the quick study, on this machine
snakemake --cores all --config study=NAME              another study, or the path of a study file
snakemake --cores all --profile slurm                  on a Slurm cluster (docs/cluster.md)
snakemake --cores all tables                           one of the targets: data, tables, figures, report
"""

import gc
import sys

sys.path.insert(0, str(workflow.current_basedir))  # so that the package is found when it is not installed

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.10")

# A plan of thousands of jobs has millions of objects that are all kept. Without these two lines, the garbage collector
# would take a third of the planning time.
gc.freeze()
gc.set_threshold(100_000, 20, 100)


include: "workflow/rules/common.smk"
include: "workflow/rules/start.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/evaluator.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/program.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/times.smk"
include: "workflow/rules/networks.smk"
include: "workflow/rules/gallery.smk"
include: "workflow/rules/aggregate.smk"
include: "workflow/rules/report.smk"


report: "report/workflow.rst"


localrules:
    all,
    data,
    tables,
    figures,
    report,
    fetch,
    fetch_weights,
    check_data,
    describe_networks,
    aggregate,
    make_tables,
    make_figures,
    make_report,


rule all:
    default_target: True
    input:
        rules.report.input,


onstart:
    before_the_first_job()


onsuccess:
    print(f"\n{PLAN.closing_message()}")


onerror:
    print(
        f"\nStudy '{STUDY.name}' is not complete. The logs of failed jobs are named above; the same command goes on."
    )
