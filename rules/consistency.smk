# Attribution maps of every network, how consistent they are, and which network they recommend.


rule choose_sequences:
    input:
        sequences=f"{RESULTS}/data/{{dataset}}/sequences.parquet",
        pairs=pairs_to_explain,
    output:
        sequences=f"{CONSISTENCY}/sequences/{{dataset}}.parquet",
    log:
        f"{LOGS}/choose_sequences/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/choose_sequences/{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        settings={key: EXPLAINING[key] for key in ("n_sequences", "seed")},
        code=code_stamp("choose_sequences"),
    script:
        "../workflow/scripts/choose_sequences.py"


rule compute_true_maps:
    input:
        chosen=f"{CONSISTENCY}/sequences/{{dataset}}.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/sequences.parquet",
        motifs=lambda w: find_file(DATASETS[w.dataset]["motif_file"]),
    output:
        maps=f"{CONSISTENCY}/truth/{{dataset}}.maps.parquet",
        sites=f"{CONSISTENCY}/truth/{{dataset}}.sites.parquet",
    log:
        f"{LOGS}/compute_true_maps/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/compute_true_maps/{{dataset}}.tsv"
    wildcard_constraints:
        dataset="|".join(SIMULATED) or "none",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        motifs=lambda wildcards: names_of_motifs(wildcards.dataset),
        truth=known_truth,
        transform=lambda wildcards: DATASETS[wildcards.dataset]["transform"],
        code=code_stamp("compute_true_maps"),
    script:
        "../workflow/scripts/compute_true_maps.py"


rule explain_model:
    input:
        unpack(true_attributions),
        chosen=f"{CONSISTENCY}/sequences/{{dataset}}.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/sequences.parquet",
        weights=f"{MODEL_FOLDER}/weights.safetensors",
        model=f"{MODEL_FOLDER}/model.json",
    output:
        maps=f"{CONSISTENCY}/maps/{MODEL_ID}.parquet",
        explanation=f"{CONSISTENCY}/explanations/{MODEL_ID}.parquet",
        scores=f"{CONSISTENCY}/scores/{MODEL_ID}.parquet",
        truth=f"{CONSISTENCY}/truth_scores/{MODEL_ID}.parquet",
    log:
        f"{LOGS}/explain_model/{MODEL_ID}.log",
    benchmark:
        f"{BENCHMARKS}/explain_model/{MODEL_ID}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        model_id=MODEL_ID,
        external=external_model,
        transform=lambda wildcards: DATASETS[wildcards.dataset]["transform"],
        methods=EXPLAINING["methods"],
        attribution={
            key: EXPLAINING[key]
            for key in ("samples", "noise", "n_baselines", "steps", "seed")
        },
        settings=EXPLAINING["settings"],
        code=code_stamp("explain_model"),
    script:
        "../workflow/scripts/explain_model.py"


rule compare_explanations:
    input:
        unpack(true_attributions),
        sequences=f"{CONSISTENCY}/sequences/{{dataset}}.parquet",
        maps=explanation_files("maps"),
        explanations=explanation_files("explanations"),
        scores=explanation_files("scores"),
        truth=explanation_files("truth_scores"),
        evaluations=lambda w: [
            interaction_file(m, "evaluations") for m in models_of(w.dataset)
        ],
        loss_models=f"{RESULTS}/loss/by_dataset/{{dataset}}.models.parquet",
    output:
        models=f"{CONSISTENCY}/by_dataset/{{dataset}}.models.parquet",
        choices=f"{CONSISTENCY}/by_dataset/{{dataset}}.choices.parquet",
        words=f"{CONSISTENCY}/by_dataset/{{dataset}}.words.parquet",
        directions=f"{CONSISTENCY}/by_dataset/{{dataset}}.directions.parquet",
    log:
        f"{LOGS}/compare_explanations/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/compare_explanations/{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        settings=EXPLAINING["settings"],
        rule_of_choice={
            key: EXPLAINING[key] for key in ("criterion", "margin", "min_usable")
        },
        code=code_stamp("compare_explanations"),
    script:
        "../workflow/scripts/compare_explanations.py"


rule collect_consistency:
    input:
        models=by_dataset("models"),
        choices=by_dataset("choices"),
        words=by_dataset("words"),
        directions=by_dataset("directions"),
    output:
        models=f"{CONSISTENCY}/models.parquet",
        choices=f"{CONSISTENCY}/choices.parquet",
        words=f"{CONSISTENCY}/words.parquet",
        directions=f"{CONSISTENCY}/directions.parquet",
        answers=f"{CONSISTENCY}/answers.parquet",
    log:
        f"{LOGS}/collect_consistency.log",
    benchmark:
        f"{BENCHMARKS}/collect_consistency.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        settings={
            "alpha": config["loss_tests"]["alpha"],
            "seed": EXPLAINING["seed"],
        },
        code=code_stamp("collect_consistency"),
    script:
        "../workflow/scripts/collect_consistency.py"
