# All lines of evidence about every question in one table, and the figures that show them together.


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
