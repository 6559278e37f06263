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


def tables_of_models():
    """Tables behind the figures of the audit, by the argument that takes them."""
    made = lines_of_evidence()
    wanted = {"models": "loss_models", "consistency": "consistency_models"}
    return {argument: made[name] for argument, name in wanted.items() if name in made}


def true_maps(wildcards):
    """The file of true maps; none for measured data."""
    files = true_attributions(wildcards)["true_maps"]
    return files[0] if files else []


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


rule plot_audit:
    input:
        **tables_of_models(),
    output:
        **figure_outputs(AUDIT_FIGURES, f"{RESULTS}/figures/audit", "all models"),
        pictures=[
            f"{RESULTS}/figures/audit/{figure.name}.png" for figure in AUDIT_FIGURES
        ],
        captions=f"{RESULTS}/figures/audit/captions.json",
    log:
        f"{LOGS}/plot_audit.log",
    benchmark:
        f"{BENCHMARKS}/plot_audit.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        code=code_stamp("plot_audit"),
    script:
        "../workflow/scripts/plot_audit.py"


rule plot_explained:
    input:
        consistency=f"{CONSISTENCY}/by_dataset/{{dataset}}.models.parquet",
        sequences=f"{CONSISTENCY}/sequences/{{dataset}}.parquet",
        maps=explanation_files("maps"),
        true_maps=true_maps,
    output:
        **figure_outputs(
            EXPLAINED_FIGURES, f"{RESULTS}/figures/explained_{{dataset}}", "{dataset}"
        ),
        pictures=[
            f"{RESULTS}/figures/explained_{{dataset}}/{figure.name}.png"
            for figure in EXPLAINED_FIGURES
        ],
        captions=f"{RESULTS}/figures/explained_{{dataset}}/captions.json",
    log:
        f"{LOGS}/plot_explained/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/plot_explained/{{dataset}}.tsv"
    wildcard_constraints:
        dataset="|".join(EXPLAINED) or "none",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        motif_names=lambda wildcards: names_of_motifs(wildcards.dataset),
        code=code_stamp("plot_explained"),
    script:
        "../workflow/scripts/plot_explained.py"
