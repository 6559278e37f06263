# DeepMR: simulate a world, train an ensemble, mutate held-out sequences, estimate causal effects.


rule simulate_tf_cascade:
    input:
        motifs=study_motif_file,
    output:
        sequences=f"{WORLD_FOLDER}/sequences.parquet",
        targets=f"{WORLD_FOLDER}/targets.parquet",
        parameters=f"{WORLD_FOLDER}/parameters.parquet",
    log:
        f"{LOGS}/simulate_tf_cascade/{{world}}.log",
    benchmark:
        f"{BENCHMARKS}/simulate_tf_cascade/{{world}}.tsv"
    wildcard_constraints:
        world=worlds_of("tf_cascade"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        motifs=study_motifs,
        world=lambda wildcards: WORLDS[wildcards.world],
        settings=study_settings(*TF_CASCADE_SETTINGS),
        code=code_stamp("simulate_tf_cascade"),
    script:
        "../workflow/scripts/simulate_tf_cascade.py"


rule simulate_factors:
    input:
        motifs=study_motif_file,
    output:
        sequences=f"{WORLD_FOLDER}/sequences.parquet",
        targets=f"{WORLD_FOLDER}/targets.parquet",
        profiles=f"{WORLD_FOLDER}/profiles.parquet",
    log:
        f"{LOGS}/simulate_factors/{{world}}.log",
    benchmark:
        f"{BENCHMARKS}/simulate_factors/{{world}}.tsv"
    wildcard_constraints:
        world=worlds_of("factor_grammar"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        motifs=study_motifs,
        grammar=study_settings(*GRAMMAR_SETTINGS),
        composites=lambda wildcards: study_of(wildcards)["composites"],
        settings=study_settings(*FACTOR_SETTINGS),
        seed=world_seed,
        code=code_stamp("simulate_factors"),
    script:
        "../workflow/scripts/simulate_factors.py"


rule import_regions:
    input:
        unpack(region_files),
    output:
        sequences=f"{WORLD_FOLDER}/sequences.parquet",
        targets=f"{WORLD_FOLDER}/targets.parquet",
        profiles=f"{WORLD_FOLDER}/profiles.parquet",
    log:
        f"{LOGS}/import_regions/{{world}}.log",
    benchmark:
        f"{BENCHMARKS}/import_regions/{{world}}.tsv"
    wildcard_constraints:
        world=worlds_of("regions"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 16000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        signals=signal_files,
        missing=lambda wildcards: study_of(wildcards)["missing"],
        windows=study_settings(
            "length",
            "centre",
            "outside",
            "unknown",
            "split_chromosomes",
            "split_fractions",
            "split_seed",
        ),
        code=code_stamp("import_regions"),
    script:
        "../workflow/scripts/import_regions.py"


rule compute_true_effects:
    input:
        sequences=f"{WORLD_FOLDER}/sequences.parquet",
        parameters=f"{WORLD_FOLDER}/parameters.parquet",
        motifs=study_motif_file,
    output:
        effects=f"{WORLD_FOLDER}/true_effects.parquet",
    log:
        f"{LOGS}/compute_true_effects/{{world}}.log",
    benchmark:
        f"{BENCHMARKS}/compute_true_effects/{{world}}.tsv"
    wildcard_constraints:
        world=worlds_of("tf_cascade"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        motifs=study_motifs,
        settings=study_settings("pseudocount", "background", "transform"),
        loci=locus_choice,
        code=code_stamp("compute_true_effects"),
    script:
        "../workflow/scripts/compute_true_effects.py"


rule compute_factor_effects:
    input:
        sequences=f"{WORLD_FOLDER}/sequences.parquet",
        motifs=study_motif_file,
    output:
        effects=f"{WORLD_FOLDER}/true_effects.parquet",
        direct=f"{WORLD_FOLDER}/direct_effects.parquet",
    log:
        f"{LOGS}/compute_factor_effects/{{world}}.log",
    benchmark:
        f"{BENCHMARKS}/compute_factor_effects/{{world}}.tsv"
    wildcard_constraints:
        world=worlds_of("factor_grammar"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        motifs=study_motifs,
        grammar=study_settings(*GRAMMAR_SETTINGS),
        loci=locus_choice,
        transform=study_transform,
        code=code_stamp("compute_factor_effects"),
    script:
        "../workflow/scripts/compute_factor_effects.py"


rule train_ensemble:
    input:
        sequences=f"{WORLD_FOLDER}/sequences.parquet",
        targets=f"{WORLD_FOLDER}/targets.parquet",
    output:
        folder=directory(ENSEMBLE_FOLDER),
    log:
        f"{LOGS}/train_ensemble/{ENSEMBLE}.log",
    benchmark:
        f"{BENCHMARKS}/train_ensemble/{ENSEMBLE}.tsv"
    wildcard_constraints:
        world=worlds_of("tf_cascade"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        ensemble=ENSEMBLE,
        outputs=study_outputs,
        architecture=recipe_architecture,
        transform=study_transform,
        seed=ensemble_seed,
        settings=recipe_settings("padding", "members", "n_mutants"),
        training=lambda wildcards: RECIPES[wildcards.recipe]["training"],
        checkpoint=f"scratch/{config['run']}/deepmr/{ENSEMBLE}",
        code=code_stamp("train_ensemble"),
    script:
        "../workflow/scripts/train_ensemble.py"


rule train_bpnet_ensemble:
    input:
        sequences=f"{WORLD_FOLDER}/sequences.parquet",
        targets=f"{WORLD_FOLDER}/targets.parquet",
        profiles=f"{WORLD_FOLDER}/profiles.parquet",
    output:
        folder=directory(ENSEMBLE_FOLDER),
    log:
        f"{LOGS}/train_bpnet_ensemble/{ENSEMBLE}.log",
    benchmark:
        f"{BENCHMARKS}/train_bpnet_ensemble/{ENSEMBLE}.tsv"
    wildcard_constraints:
        world=worlds_of("factor_grammar", "regions"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 16000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
    params:
        ensemble=ENSEMBLE,
        outputs=study_outputs,
        seed=ensemble_seed,
        settings=network_settings,
        checkpoint=f"scratch/{config['run']}/deepmr/{ENSEMBLE}",
        code=code_stamp("train_bpnet_ensemble"),
    script:
        "../workflow/scripts/train_bpnet_ensemble.py"


rule predict_sequences:
    input:
        sequences=f"{WORLD_FOLDER}/sequences.parquet",
        targets=f"{WORLD_FOLDER}/targets.parquet",
        ensemble=ENSEMBLE_FOLDER,
    output:
        predictions=f"{DEEPMR}/predictions/{ENSEMBLE}.parquet",
    log:
        f"{LOGS}/predict_sequences/{ENSEMBLE}.log",
    benchmark:
        f"{BENCHMARKS}/predict_sequences/{ENSEMBLE}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        transform=study_transform,
        code=code_stamp("predict_sequences"),
    script:
        "../workflow/scripts/predict_sequences.py"


rule mutate_sequences:
    input:
        sequences=f"{WORLD_FOLDER}/sequences.parquet",
        ensemble=ENSEMBLE_FOLDER,
    output:
        effects=f"{DEEPMR}/effects/{ENSEMBLE}.parquet",
    log:
        f"{LOGS}/mutate_sequences/{ENSEMBLE}.log",
    benchmark:
        f"{BENCHMARKS}/mutate_sequences/{ENSEMBLE}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        loci=locus_choice,
        batch_norm=lambda wildcards: RECIPES[wildcards.recipe]["batch_norm"],
        chunks=f"scratch/{config['run']}/deepmr/{ENSEMBLE}/effects",
        code=code_stamp("mutate_sequences"),
    script:
        "../workflow/scripts/mutate_sequences.py"


rule estimate_effects:
    input:
        effects=f"{DEEPMR}/effects/{ENSEMBLE}.parquet",
        predictions=f"{DEEPMR}/predictions/{ENSEMBLE}.parquet",
        sequences=f"{WORLD_FOLDER}/sequences.parquet",
        true_effects=known_effects,
    output:
        instruments=f"{DEEPMR}/instruments/{ENSEMBLE}.parquet",
        local=f"{DEEPMR}/local/{ENSEMBLE}.parquet",
        overall=f"{DEEPMR}/global/{ENSEMBLE}.parquet",
        spacing=f"{DEEPMR}/spacing/{ENSEMBLE}.parquet",
    log:
        f"{LOGS}/estimate_effects/{ENSEMBLE}.log",
    benchmark:
        f"{BENCHMARKS}/estimate_effects/{ENSEMBLE}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        design=ensemble_design,
        pairs=study_pairs,
        recalibration=lambda wildcards: RECIPES[wildcards.recipe]["recalibration"],
        settings=recipe_settings(
            "instruments", "se_mode", "moderated", "methods", "multivariable", "target"
        ),
        spacing_bins=config["deepmr"]["spacing_bins"],
        code=code_stamp("estimate_effects"),
    script:
        "../workflow/scripts/estimate_effects.py"


rule check_ensemble:
    input:
        sequences=f"{WORLD_FOLDER}/sequences.parquet",
        ensemble=ENSEMBLE_FOLDER,
        effects=f"{DEEPMR}/effects/{ENSEMBLE}.parquet",
        predictions=f"{DEEPMR}/predictions/{ENSEMBLE}.parquet",
        true_effects=known_effects,
        instruments=f"{DEEPMR}/instruments/{ENSEMBLE}.parquet",
    output:
        calibration=f"{DEEPMR}/calibration/{ENSEMBLE}.parquet",
        quality=f"{DEEPMR}/quality/{ENSEMBLE}.parquet",
    log:
        f"{LOGS}/check_ensemble/{ENSEMBLE}.log",
    benchmark:
        f"{BENCHMARKS}/check_ensemble/{ENSEMBLE}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        design=ensemble_design,
        transform=study_transform,
        code=code_stamp("check_ensemble"),
    script:
        "../workflow/scripts/check_ensemble.py"


rule collect_deepmr:
    input:
        rounds=[f"{WORLD_FOLDER}/parameters.parquet".format(world=w) for w in CASCADES],
        local=ensemble_files("local"),
        overall=ensemble_files("global"),
        spacing=ensemble_files("spacing"),
        calibration=ensemble_files("calibration"),
        quality=ensemble_files("quality"),
    output:
        rounds=f"{DEEPMR}/rounds.parquet",
        local=f"{DEEPMR}/local.parquet",
        overall=f"{DEEPMR}/global.parquet",
        spacing=f"{DEEPMR}/spacing.parquet",
        calibration=f"{DEEPMR}/calibration.parquet",
        quality=f"{DEEPMR}/quality.parquet",
        scores=f"{DEEPMR}/scores.parquet",
    log:
        f"{LOGS}/collect_deepmr.log",
    benchmark:
        f"{BENCHMARKS}/collect_deepmr.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        code=code_stamp("collect_deepmr"),
    script:
        "../workflow/scripts/collect_deepmr.py"
