# seqaudit: what did these networks really learn, and which of it can be believed?
# Settings: config/README.md. Usage: README.md.
from snakemake.utils import min_version

min_version("9.0")


report: "workflow/report/workflow.rst"


include: "rules/common.smk"
include: "rules/driver.smk"
include: "rules/studies.smk"
include: "rules/evidence.smk"
include: "rules/data.smk"
include: "rules/train.smk"
include: "rules/twin.smk"
include: "rules/interactions.smk"
include: "rules/deepmr.smk"
include: "rules/consistency.smk"
include: "rules/hessian_studies.smk"
include: "rules/hessian.smk"
include: "rules/hessian_heads.smk"
include: "rules/audit.smk"
include: "rules/report.smk"


localrules:
    all,
    data,
    models,
    loss_tests,
    consistency,
    deepmr,
    hessian,


rule all:
    default_target: True
    input:
        f"{RESULTS}/report.html",


rule data:
    input:
        dataset_tables(),


rule models:
    input:
        [model_file(model, "weights.safetensors") for model in MODELS],


rule loss_tests:
    input:
        f"{RESULTS}/loss/models.parquet",
        f"{RESULTS}/loss/verdicts.parquet",


rule consistency:
    input:
        consistency_tables().values(),


rule deepmr:
    input:
        f"{DEEPMR}/global.parquet" if STUDIES else [],


rule hessian:
    input:
        hessian_tables().values(),
        head_tables().values(),
