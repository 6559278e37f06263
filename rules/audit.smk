# All lines of evidence about every question in one table, and the figures that show them together.
AUDIT = f"{RESULTS}/audit.parquet"
LINES_OF_EVIDENCE = (
    "loss_verdicts",
    "loss_models",
    "twin_summary",
    "hessian_pairs",
    "consistency_models",
    "deepmr_global",
)


def lines_of_evidence():
    """Tables that the audit joins, of those that the run makes."""
    tables = report_tables()
    return {name: tables[name] for name in LINES_OF_EVIDENCE if name in tables}


rule audit_run:
    input:
        **lines_of_evidence(),
    output:
        audit=AUDIT,
    log:
        f"{LOGS}/audit_run.log",
    benchmark:
        f"{BENCHMARKS}/audit_run.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        headline={name: recipe["headline"] for name, recipe in RECIPES.items()},
        alpha=config["loss_tests"]["alpha"],
        code=code_stamp("audit_run"),
    script:
        "../workflow/scripts/audit_run.py"
