# Ask every network about the motif pairs, then decide which interactions are real.


rule probe_interactions:
    input:
        sequences=f"{RESULTS}/data/{{dataset}}/sequences.parquet",
        pairs=f"{RESULTS}/data/{{dataset}}/pairs.parquet",
        random_location=f"{RESULTS}/data/{{dataset}}/random_location.parquet",
        shuffled=f"{RESULTS}/data/{{dataset}}/shuffled.parquet",
        weights=f"{MODEL_FOLDER}/weights.safetensors",
        model=f"{MODEL_FOLDER}/model.json",
    output:
        pairs=f"{RESULTS}/loss/pairs/{MODEL_ID}.parquet",
        evaluation=f"{RESULTS}/loss/evaluations/{MODEL_ID}.parquet",
    log:
        f"{LOGS}/probe_interactions/{MODEL_ID}.log",
    benchmark:
        f"{BENCHMARKS}/probe_interactions/{MODEL_ID}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        model=model_design,
        external=external_model,
        transform=lambda wildcards: DATASETS[wildcards.dataset]["transform"],
        code=code_stamp("probe_interactions"),
    script:
        "../workflow/scripts/probe_interactions.py"


rule test_interactions:
    input:
        pairs=lambda w: [interaction_file(m, "pairs") for m in models_of(w.dataset)],
        evaluations=lambda w: [
            interaction_file(m, "evaluations") for m in models_of(w.dataset)
        ],
        knockouts=f"{RESULTS}/data/{{dataset}}/pairs.parquet",
        sequences=f"{RESULTS}/data/{{dataset}}/sequences.parquet",
    output:
        models=f"{RESULTS}/loss/by_dataset/{{dataset}}.models.parquet",
        architectures=f"{RESULTS}/loss/by_dataset/{{dataset}}.architectures.parquet",
        verdicts=f"{RESULTS}/loss/by_dataset/{{dataset}}.verdicts.parquet",
    log:
        f"{LOGS}/test_interactions/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/test_interactions/{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        transform=lambda wildcards: DATASETS[wildcards.dataset]["transform"],
        settings=config["loss_tests"],
        code=code_stamp("test_interactions"),
    script:
        "../workflow/scripts/test_interactions.py"


rule collect_loss_tests:
    input:
        **{
            table: [
                f"{RESULTS}/loss/by_dataset/{dataset}.{table}.parquet"
                for dataset in DATASETS
            ]
            for table in ("models", "architectures", "verdicts")
        },
        **twin_test_files(),
    output:
        models=f"{RESULTS}/loss/models.parquet",
        architectures=f"{RESULTS}/loss/architectures.parquet",
        verdicts=f"{RESULTS}/loss/verdicts.parquet",
        twin_models=f"{RESULTS}/loss/twin_models.parquet",
        twin_summary=f"{RESULTS}/loss/twin_summary.parquet",
        null_tests=f"{RESULTS}/loss/null_tests.parquet",
        twin_redraws=f"{RESULTS}/loss/twin_redraws.parquet",
    log:
        f"{LOGS}/collect_loss_tests.log",
    benchmark:
        f"{BENCHMARKS}/collect_loss_tests.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        code=code_stamp("collect_loss_tests"),
    script:
        "../workflow/scripts/collect_loss_tests.py"
