# Where in trained networks an interaction arises, in the dense head or below it: levels B and C of the
# Group Expected Hessian of sequences.


rule split_interactions:
    input:
        pairs=f"{RESULTS}/data/{{dataset}}/pairs.parquet",
        motifs=lambda w: find_file(DATASETS[w.dataset]["motif_file"]),
        weights=lambda w: [
            model_file(model, "weights.safetensors")
            for model in trained_models(w.dataset)
        ],
        models=lambda w: [
            model_file(model, "model.json") for model in trained_models(w.dataset)
        ],
    output:
        heads=f"{HEADS}/by_dataset/{{dataset}}.parquet",
    log:
        f"{LOGS}/split_interactions/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/split_interactions/{{dataset}}.tsv"
    wildcard_constraints:
        dataset="|".join(HEADED) or "none",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        designs=head_designs,
        motifs=lambda wildcards: names_of_motifs(wildcards.dataset),
        chosen=lambda wildcards: {
            key: ASKING["heads"][key] for key in ("max_pairs", "seed")
        },
        strata=lambda wildcards: {
            **{key: ASKING["heads"][key] for key in ("spacing_bins", "edge_bins")},
            **dataset_settings("padding", "pseudocount", "background")(wildcards),
        },
        transform=lambda wildcards: DATASETS[wildcards.dataset]["transform"],
        code=code_stamp("split_interactions"),
    script:
        "../workflow/scripts/split_interactions.py"


rule summarise_heads:
    input:
        heads=[f"{HEADS}/by_dataset/{dataset}.parquet" for dataset in HEADED],
    output:
        designs=f"{HEADS}/designs.parquet",
        pairs=f"{HEADS}/pairs.parquet",
        groups=f"{HEADS}/groups.parquet",
    log:
        f"{LOGS}/summarise_heads.log",
    benchmark:
        f"{BENCHMARKS}/summarise_heads.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        code=code_stamp("summarise_heads"),
    script:
        "../workflow/scripts/summarise_heads.py"


rule plot_heads:
    input:
        designs=f"{HEADS}/designs.parquet",
        groups=f"{HEADS}/groups.parquet",
    output:
        **figure_outputs(HEAD_FIGURES, f"{RESULTS}/figures/heads", "all datasets"),
        pictures=[
            f"{RESULTS}/figures/heads/{figure.name}.png" for figure in HEAD_FIGURES
        ],
        captions=f"{RESULTS}/figures/heads/captions.json",
    log:
        f"{LOGS}/plot_heads.log",
    benchmark:
        f"{BENCHMARKS}/plot_heads.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        code=code_stamp("plot_heads"),
    script:
        "../workflow/scripts/plot_heads.py"
