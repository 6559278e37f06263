# One job per network: dataset x architecture x L1 weight x seed. The slurm profile gives it a GPU.


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
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        model=lambda wildcards: model_design(wildcards),
        architecture=lambda wildcards: config["architectures"].get(
            wildcards.arch, wildcards.arch
        ),
        transform=lambda wildcards: DATASETS[wildcards.dataset]["transform"],
        training=config["training"],
        checkpoint=f"scratch/{config['run']}/{MODEL_ID}",
        code=code_stamp("train_model"),
    script:
        "../workflow/scripts/train_model.py"
