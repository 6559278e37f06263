# Figures and the report page.


rule plot_dataset:
    input:
        unpack(lambda w: figure_inputs(w.dataset)),
    output:
        **figure_outputs(DATASET_FIGURES, f"{RESULTS}/figures/{{dataset}}", "{dataset}"),
        pictures=[
            f"{RESULTS}/figures/{{dataset}}/{figure.name}.png"
            for figure in DATASET_FIGURES
        ],
        captions=f"{RESULTS}/figures/{{dataset}}/captions.json",
    log:
        f"{LOGS}/plot_dataset/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/plot_dataset/{{dataset}}.tsv"
    wildcard_constraints:
        dataset="|".join(DATASETS) or "none",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        settings=lambda wildcards: figure_settings(wildcards.dataset),
        code=code_stamp("plot_dataset"),
    script:
        "../workflow/scripts/plot_dataset.py"


rule plot_run:
    input:
        **{
            f"{dataset}.{argument}": files
            for dataset in DATASETS
            for argument, files in figure_inputs(dataset).items()
        },
    output:
        **figure_outputs(RUN_FIGURES, f"{RESULTS}/figures/run", "all datasets"),
        pictures=[f"{RESULTS}/figures/run/{figure.name}.png" for figure in RUN_FIGURES],
        captions=f"{RESULTS}/figures/run/captions.json",
    log:
        f"{LOGS}/plot_run.log",
    benchmark:
        f"{BENCHMARKS}/plot_run.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 16000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        settings={dataset: figure_settings(dataset) for dataset in DATASETS},
        code=code_stamp("plot_run"),
    script:
        "../workflow/scripts/plot_run.py"


rule plot_consistency:
    input:
        **{
            table: f"{CONSISTENCY}/{table}.parquet"
            for table in ("models", "choices", "answers", "words", "directions")
        },
        loss_models=f"{RESULTS}/loss/models.parquet",
    output:
        **figure_outputs(
            CONSISTENCY_FIGURES, f"{RESULTS}/figures/consistency", "all datasets"
        ),
        pictures=[
            f"{RESULTS}/figures/consistency/{figure.name}.png"
            for figure in CONSISTENCY_FIGURES
        ],
        captions=f"{RESULTS}/figures/consistency/captions.json",
    log:
        f"{LOGS}/plot_consistency.log",
    benchmark:
        f"{BENCHMARKS}/plot_consistency.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        settings={
            "criterion": EXPLAINING["criterion"],
            "deciding_test": config["loss_tests"]["deciding_test"],
            "alpha": config["loss_tests"]["alpha"],
        },
        code=code_stamp("plot_consistency"),
    script:
        "../workflow/scripts/plot_consistency.py"


rule plot_study:
    input:
        effects=f"{DEEPMR}/global.parquet",
        scores=f"{DEEPMR}/scores.parquet",
        quality=f"{DEEPMR}/quality.parquet",
        calibration=f"{DEEPMR}/calibration.parquet",
        rounds=f"{DEEPMR}/rounds.parquet",
        spacing=f"{DEEPMR}/spacing.parquet",
        local=lambda w: shown_ensembles(w.study, "local"),
        instruments=lambda w: shown_ensembles(w.study, "instruments"),
    output:
        **figure_outputs(STUDY_FIGURES, f"{RESULTS}/figures/study_{{study}}", "{study}"),
        pictures=[
            f"{RESULTS}/figures/study_{{study}}/{figure.name}.png"
            for figure in STUDY_FIGURES
        ],
        captions=f"{RESULTS}/figures/study_{{study}}/captions.json",
    log:
        f"{LOGS}/plot_study/{{study}}.log",
    benchmark:
        f"{BENCHMARKS}/plot_study/{{study}}.tsv"
    wildcard_constraints:
        study="|".join(STUDIES) or "none",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        headline={name: recipe["headline"] for name, recipe in RECIPES.items()},
        code=code_stamp("plot_study"),
    script:
        "../workflow/scripts/plot_study.py"


rule build_report:
    input:
        **report_tables(),
        audit=AUDIT,
        figures=[f"{RESULTS}/figures/{part}/captions.json" for part in figure_folders()],
    output:
        page=report(
            f"{RESULTS}/report.html",
            caption="../workflow/report/page.rst",
            category="Overview",
            labels={
                "figure": "The whole page",
                "about": "Verdicts, models, figures, settings",
            },
        ),
    log:
        f"{LOGS}/build_report.log",
    benchmark:
        f"{BENCHMARKS}/build_report.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        title=config["report"]["title"],
        run=config["run"],
        units={name: dataset["unit"] for name, dataset in DATASETS.items()},
        headline={name: recipe["headline"] for name, recipe in RECIPES.items()},
        settings=config,
        code=code_stamp("build_report"),
    script:
        "../workflow/scripts/build_report.py"
