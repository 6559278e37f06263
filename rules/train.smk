# One job per network: dataset x architecture x L1 weight x seed. The slurm profile gives it a GPU.
# Networks trained elsewhere are brought in beside them.


rule train_model:
    input:
        sequences=f"{RESULTS}/data/{{dataset}}/sequences.parquet",
    output:
        weights=f"{MODEL_FOLDER}/weights.safetensors",
        model=f"{MODEL_FOLDER}/model.json",
        history=f"{MODEL_FOLDER}/history.parquet",
    log:
        f"{LOGS}/train_model/{MODEL_ID}.log",
    benchmark:
        f"{BENCHMARKS}/train_model/{MODEL_ID}.tsv"
    wildcard_constraints:
        network="|".join(map(re.escape, TRAINED)) or "none",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        model=model_design,
        architecture=network_architecture,
        transform=lambda wildcards: DATASETS[wildcards.dataset]["transform"],
        training=config["training"],
        checkpoint=f"scratch/{config['run']}/{MODEL_ID}",
        code=code_stamp("train_model"),
    script:
        "../workflow/scripts/train_model.py"


rule import_model:
    input:
        unpack(external_files),
        sequences=f"{RESULTS}/data/{{dataset}}/sequences.parquet",
    output:
        weights=f"{MODEL_FOLDER}/weights.safetensors",
        model=f"{MODEL_FOLDER}/model.json",
        history=f"{MODEL_FOLDER}/history.parquet",
    log:
        f"{LOGS}/import_model/{MODEL_ID}.log",
    benchmark:
        f"{BENCHMARKS}/import_model/{MODEL_ID}.tsv"
    wildcard_constraints:
        network="|".join(EXTERNAL) or "none",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        model=model_design,
        transform=lambda wildcards: DATASETS[wildcards.dataset]["transform"],
        external=external_model,
        interface=lambda wildcards: {
            key: EXTERNAL[wildcards.network][key]
            for key in ("layout", "output", "predicts")
        },
        code=code_stamp("import_model"),
    script:
        "../workflow/scripts/import_model.py"
