# Networks that cannot represent an interaction between distant motifs, fitted to the same data.


rule fit_twins:
    input:
        **TWIN_INPUTS,
    output:
        twins=directory(f"{TWIN_FOLDER}/models"),
        candidates=f"{TWIN_FOLDER}/candidates.parquet",
    log:
        f"{LOGS}/fit_twins/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/fit_twins/{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        settings=twin_settings(
            "families",
            "seeds",
            "screening_steps",
            "batch_size",
            "learning_rate",
            "polished_per_family",
            "search_sequences",
            "polish_steps",
            "witness_ratio",
            "halves",
        ),
        max_width=config["additive_twin"]["max_width"],
        transform=lambda wildcards: DATASETS[wildcards.dataset]["transform"],
        code=code_stamp("fit_twins"),
    script:
        "../workflow/scripts/fit_twins.py"


rule probe_twins:
    input:
        **TWIN_INPUTS,
        twins=f"{TWIN_FOLDER}/models",
    output:
        pairs=f"{TWIN_FOLDER}/pairs.parquet",
        predictions=f"{TWIN_FOLDER}/predictions.parquet",
    log:
        f"{LOGS}/probe_twins/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/probe_twins/{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        code=code_stamp("probe_twins"),
    script:
        "../workflow/scripts/probe_twins.py"


rule fit_null_models:
    input:
        sequences=TWIN_INPUTS["sequences"],
        pairs=TWIN_INPUTS["pairs"],
        predictions=f"{TWIN_FOLDER}/predictions.parquet",
        weights=f"{MODEL_FOLDER}/weights.safetensors",
        model=f"{MODEL_FOLDER}/model.json",
    output:
        pairs=f"{TWIN_FOLDER}/null/{{network}}.pairs.parquet",
        evaluations=f"{TWIN_FOLDER}/null/{{network}}.evaluations.parquet",
    log:
        f"{LOGS}/fit_null_models/{MODEL_ID}.log",
    benchmark:
        f"{BENCHMARKS}/fit_null_models/{MODEL_ID}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        model=model_design,
        draw=null_draw,
        training=null_training(),
        transform=lambda wildcards: DATASETS[wildcards.dataset]["transform"],
        code=code_stamp("fit_null_models"),
    script:
        "../workflow/scripts/fit_null_models.py"


rule fit_null_twins:
    input:
        sequences=TWIN_INPUTS["sequences"],
        pairs=TWIN_INPUTS["pairs"],
        predictions=f"{TWIN_FOLDER}/predictions.parquet",
        twins=f"{TWIN_FOLDER}/models",
    output:
        pairs=f"{TWIN_FOLDER}/null_twins.parquet",
    log:
        f"{LOGS}/fit_null_twins/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/fit_null_twins/{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        draw=null_draw,
        transform=lambda wildcards: DATASETS[wildcards.dataset]["transform"],
        code=code_stamp("fit_null_twins"),
    script:
        "../workflow/scripts/fit_null_twins.py"


rule test_additive_twin:
    input:
        pairs=lambda w: [interaction_file(m, "pairs") for m in models_of(w.dataset)],
        twins=f"{TWIN_FOLDER}/pairs.parquet",
    output:
        models=f"{RESULTS}/loss/by_dataset/{{dataset}}.twin.parquet",
        summary=f"{RESULTS}/loss/by_dataset/{{dataset}}.twin_summary.parquet",
    log:
        f"{LOGS}/test_additive_twin/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/test_additive_twin/{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        settings=lambda wildcards: {
            "noise": noise_of(wildcards.dataset),
            "margin": config["additive_twin"]["margin"],
            "alpha": config["loss_tests"]["alpha"],
            "min_pairs": max(10, config["loss_tests"]["min_pairs"]),
        },
        architectures=lambda wildcards: {
            MODEL_ID.format(**model): network_design(model["network"])["arch"]
            for model in models_of(wildcards.dataset)
        },
        code=code_stamp("test_additive_twin"),
    script:
        "../workflow/scripts/test_additive_twin.py"


rule test_null_models:
    input:
        pairs=lambda w: [
            interaction_file(m, "pairs") for m in trained_models(w.dataset)
        ],
        twins=f"{TWIN_FOLDER}/pairs.parquet",
        null_pairs=lambda w: [
            f"{TWIN_FOLDER}/null/{{network}}.pairs.parquet".format(**model)
            for model in trained_models(w.dataset)
        ],
        null_twins=f"{TWIN_FOLDER}/null_twins.parquet",
    output:
        tests=f"{RESULTS}/loss/by_dataset/{{dataset}}.null_tests.parquet",
        statistics=f"{TWIN_FOLDER}/null_statistics.parquet",
    log:
        f"{LOGS}/test_null_models/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/test_null_models/{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        noise=lambda wildcards: noise_of(wildcards.dataset),
        code=code_stamp("test_null_models"),
    script:
        "../workflow/scripts/test_null_models.py"


rule redraw_labels:
    input:
        pairs=lambda w: [interaction_file(m, "pairs") for m in models_of(w.dataset)],
        twins=f"{TWIN_FOLDER}/pairs.parquet",
        knockouts=f"{RESULTS}/data/{{dataset}}/pairs.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/sequences.parquet",
    output:
        redraws=f"{RESULTS}/loss/by_dataset/{{dataset}}.twin_redraws.parquet",
    log:
        f"{LOGS}/redraw_labels/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/redraw_labels/{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        transform=lambda wildcards: DATASETS[wildcards.dataset]["transform"],
        settings=lambda wildcards: {
            "n_redraws": config["additive_twin"]["redraws"],
            "margin": config["additive_twin"]["margin"],
            "alpha": config["loss_tests"]["alpha"],
        },
        code=code_stamp("redraw_labels"),
    script:
        "../workflow/scripts/redraw_labels.py"


rule compare_fits:
    input:
        sequences=TWIN_INPUTS["sequences"],
        candidates=f"{TWIN_FOLDER}/candidates.parquet",
        predictions=f"{TWIN_FOLDER}/predictions.parquet",
        history=lambda w: [
            model_file(model, "history.parquet") for model in trained_models(w.dataset)
        ],
    output:
        fits=f"{TWIN_FOLDER}/fits.parquet",
    log:
        f"{LOGS}/compare_fits/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/compare_fits/{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        transform=lambda wildcards: DATASETS[wildcards.dataset]["transform"],
        code=code_stamp("compare_fits"),
    script:
        "../workflow/scripts/compare_fits.py"


rule measure_power:
    input:
        models=f"{RESULTS}/loss/models.parquet",
        summary=f"{RESULTS}/loss/twin_summary.parquet",
        redraws=f"{RESULTS}/loss/twin_redraws.parquet",
    output:
        power=f"{RESULTS}/loss/twin_power.parquet",
    log:
        f"{LOGS}/measure_power.log",
    benchmark:
        f"{BENCHMARKS}/measure_power.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        exponents={name: exponent_of(name) for name in TWINNED if name in SIMULATED},
        alpha=config["loss_tests"]["alpha"],
        code=code_stamp("measure_power"),
    script:
        "../workflow/scripts/measure_power.py"


rule plot_twins:
    input:
        models=f"{RESULTS}/loss/models.parquet",
        summary=f"{RESULTS}/loss/twin_summary.parquet",
        redraws=f"{RESULTS}/loss/twin_redraws.parquet",
        null_tests=f"{RESULTS}/loss/null_tests.parquet",
        power=f"{RESULTS}/loss/twin_power.parquet",
        fits=[f"{RESULTS}/twins/{dataset}/fits.parquet" for dataset in TWINNED],
        null_statistics=[
            f"{RESULTS}/twins/{dataset}/null_statistics.parquet" for dataset in NULLED
        ],
    output:
        **figure_outputs(TWIN_FIGURES, f"{RESULTS}/figures/twins", "all datasets"),
        pictures=[
            f"{RESULTS}/figures/twins/{figure.name}.png" for figure in TWIN_FIGURES
        ],
        captions=f"{RESULTS}/figures/twins/captions.json",
    log:
        f"{LOGS}/plot_twins.log",
    benchmark:
        f"{BENCHMARKS}/plot_twins.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        settings={
            "margin": config["additive_twin"]["margin"],
            "alpha": config["loss_tests"]["alpha"],
        },
        code=code_stamp("plot_twins"),
    script:
        "../workflow/scripts/plot_twins.py"
