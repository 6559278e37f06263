# Sequences with targets, and the knock-outs of their motif pairs.


rule simulate_motif_pairs:
    input:
        motifs=lambda w: find_file(DATASETS[w.dataset]["motif_file"]),
    output:
        sequences=f"{RESULTS}/data/{{dataset}}/sequences.parquet",
    log:
        f"{LOGS}/simulate_motif_pairs/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/simulate_motif_pairs/{{dataset}}.tsv"
    wildcard_constraints:
        dataset="|".join(SIMULATED) or "none",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        motifs=lambda wildcards: names_of_motifs(wildcards.dataset),
        settings=dataset_settings(
            "effect",
            "padding",
            "length",
            "n_train",
            "n_validation",
            "n_test",
            "embedding_probability",
            "pseudocount",
            "background",
            "seed",
            "draw_order",
        ),
        code=code_stamp("simulate_motif_pairs"),
    script:
        "../workflow/scripts/simulate_motif_pairs.py"


rule import_sequences:
    input:
        unpack(measured_files),
    output:
        sequences=f"{RESULTS}/data/{{dataset}}/sequences.parquet",
    log:
        f"{LOGS}/import_sequences/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/import_sequences/{{dataset}}.tsv"
    wildcard_constraints:
        dataset="|".join(MEASURED) or "none",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        settings=dataset_settings(
            "columns",
            "split_fractions",
            "split_seed",
            "min_target",
            "low_targets",
            "transform",
        ),
        code=code_stamp("import_sequences"),
    script:
        "../workflow/scripts/import_sequences.py"


rule knock_out_motifs:
    input:
        sequences=f"{RESULTS}/data/{{dataset}}/sequences.parquet",
        motifs=lambda w: find_file(DATASETS[w.dataset]["motif_file"]),
    output:
        pairs=f"{RESULTS}/data/{{dataset}}/pairs.parquet",
        random_location=f"{RESULTS}/data/{{dataset}}/random_location.parquet",
        shuffled=f"{RESULTS}/data/{{dataset}}/shuffled.parquet",
    log:
        f"{LOGS}/knock_out_motifs/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/knock_out_motifs/{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        motifs=lambda wildcards: names_of_motifs(wildcards.dataset),
        motif_pairs=questioned_pairs,
        truth=known_truth,
        settings=knockout_settings,
        code=code_stamp("knock_out_motifs"),
    script:
        "../workflow/scripts/knock_out_motifs.py"
