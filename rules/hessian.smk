# Group Expected Hessian: tables of features, Bayesian networks fitted to them and to null data of the
# same points, what their second derivatives say about pairs of features, and how far to believe it.


rule simulate_table:
    output:
        points=POINTS_FILE,
    log:
        f"{LOGS}/simulate_table/{{points}}.log",
    benchmark:
        f"{BENCHMARKS}/simulate_table/{{points}}.tsv"
    wildcard_constraints:
        points=points_of("simulated"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        law=study_law,
        draw=draw_settings,
        code=code_stamp("simulate_table"),
    script:
        "../workflow/scripts/simulate_table.py"


rule download_table:
    output:
        file=f"{HESSIAN}/downloads/{{file}}",
    log:
        f"{LOGS}/download_table/{{file}}.log",
    benchmark:
        f"{BENCHMARKS}/download_table/{{file}}.tsv"
    wildcard_constraints:
        file="|".join(PUBLIC_TABLES.values()),
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        table=lambda wildcards: next(
            name for name, file in PUBLIC_TABLES.items() if file == wildcards.file
        ),
        code=code_stamp("download_table"),
    script:
        "../workflow/scripts/download_table.py"


rule import_table:
    input:
        file=table_file,
    output:
        points=POINTS_FILE,
    log:
        f"{LOGS}/import_table/{{points}}.log",
    benchmark:
        f"{BENCHMARKS}/import_table/{{points}}.tsv"
    wildcard_constraints:
        points=points_of("table", "uci"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        public=lambda w: asked_study(w)["table"] if table_columns(w) is None else None,
        columns=table_columns,
        split=lambda w: {
            key: asked_study(w)[key] for key in ("split_fractions", "split_seed")
        },
        injection=lambda w: POINT_SETS[w.points]["injection"],
        code=code_stamp("import_table"),
    script:
        "../workflow/scripts/import_table.py"


rule score_motifs:
    input:
        sequences=lambda w: (
            f"{RESULTS}/data/{POINT_SETS[w.points]['dataset']}/sequences.parquet"
        ),
        motifs=lambda w: find_file(scored_dataset(w)["motif_file"]),
    output:
        points=POINTS_FILE,
    log:
        f"{LOGS}/score_motifs/{{points}}.log",
    benchmark:
        f"{BENCHMARKS}/score_motifs/{{points}}.tsv"
    wildcard_constraints:
        points=points_of("motif_scores"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        motifs=scored_motifs,
        settings=scoring_settings,
        code=code_stamp("score_motifs"),
    script:
        "../workflow/scripts/score_motifs.py"


rule activate_digits:
    output:
        points=POINTS_FILE,
        nodes=f"{HESSIAN}/nodes/{{points}}.parquet",
    log:
        f"{LOGS}/activate_digits/{{points}}.log",
    benchmark:
        f"{BENCHMARKS}/activate_digits/{{points}}.tsv"
    wildcard_constraints:
        points=points_of("digits"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        pairs=digit_settings,
        network=digit_network_settings,
        identity=digit_identity,
        code=code_stamp("activate_digits"),
    script:
        "../workflow/scripts/activate_digits.py"


rule fit_hessian:
    input:
        points=POINTS_FILE,
    output:
        networks=f"{FITTED}.safetensors",
        records=f"{FITTED}.parquet",
    log:
        f"{LOGS}/fit_hessian/{FIT}.{{targets}}.part_{{part}}.log",
    benchmark:
        f"{BENCHMARKS}/fit_hessian/{FIT}.{{targets}}.part_{{part}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        identity=fit_identity,
        preset=lambda wildcards: asking_recipe(wildcards)["preset"],
        network=lambda wildcards: {
            **asking_settings("posterior", "members")(wildcards),
            **asking_recipe(wildcards)["network"],
        },
        targets=target_settings,
        draws=draws_of_part,
        seed=network_seed,
        device=lambda wildcards: asking_recipe(wildcards)["device"],
        code=code_stamp("fit_hessian"),
    script:
        "../workflow/scripts/fit_hessian.py"


rule ask_hessian:
    input:
        points=POINTS_FILE,
        networks=FITTED.format(
            points="{points}", recipe="{recipe}", targets="observed", part=1
        )
        + ".safetensors",
    output:
        **{
            table: f"{HESSIAN}/{table}/{FIT}.parquet"
            for table in ("pairs", "groups", "group_counts", "groupings", "dropout")
        },
    log:
        f"{LOGS}/ask_hessian/{FIT}.log",
    benchmark:
        f"{BENCHMARKS}/ask_hessian/{FIT}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        identity=fit_identity,
        points=asking_settings("max_points", "seed"),
        groups=lambda wildcards: {
            **asking_settings("groups", "max_groups")(wildcards),
            "strata": asked_study(wildcards)["strata"],
        },
        samples=asking_settings("samples", "seed"),
        interaction=asking_settings("interaction", "seed", "device"),
        truth=known_interactions,
        code=code_stamp("ask_hessian"),
    script:
        "../workflow/scripts/ask_hessian.py"


rule score_nulls:
    input:
        points=POINTS_FILE,
        networks=f"{FITTED}.safetensors",
        groupings=f"{HESSIAN}/groupings/{FIT}.parquet",
    output:
        nulls=f"{HESSIAN}/nulls/{FIT}/{{targets}}.part_{{part}}.parquet",
    log:
        f"{LOGS}/score_nulls/{FIT}.{{targets}}.part_{{part}}.log",
    benchmark:
        f"{BENCHMARKS}/score_nulls/{FIT}.{{targets}}.part_{{part}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        identity=fit_identity,
        null=lambda wildcards: wildcards.targets,
        draws=draws_of_part,
        samples=asking_settings("samples", "seed"),
        interaction=asking_settings("interaction", "seed", "device"),
        code=code_stamp("score_nulls"),
    script:
        "../workflow/scripts/score_nulls.py"


rule read_digits:
    input:
        pairs=f"{HESSIAN}/pairs/{FIT}.parquet",
        nodes=f"{HESSIAN}/nodes/{{points}}.parquet",
        networks=FITTED.format(
            points="{points}", recipe="{recipe}", targets="observed", part=1
        )
        + ".parquet",
    output:
        readings=f"{HESSIAN}/readings/{FIT}.parquet",
    log:
        f"{LOGS}/read_digits/{FIT}.log",
    benchmark:
        f"{BENCHMARKS}/read_digits/{FIT}.tsv"
    wildcard_constraints:
        points=points_of("digits"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        positive=lambda wildcards: asked_study(wildcards)["positive"],
        identity=reading_identity,
        code=code_stamp("read_digits"),
    script:
        "../workflow/scripts/read_digits.py"


rule rank_pairs:
    input:
        points=POINTS_FILE,
        networks=FITTED.format(
            points="{points}", recipe="{recipe}", targets="observed", part=1
        )
        + ".safetensors",
        pairs=f"{HESSIAN}/pairs/{FIT}.parquet",
    output:
        methods=f"{HESSIAN}/methods/{FIT}.parquet",
    log:
        f"{LOGS}/rank_pairs/{FIT}.log",
    benchmark:
        f"{BENCHMARKS}/rank_pairs/{FIT}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        identity=comparison_identity,
        methods=lambda wildcards: asking_recipe(wildcards)["baselines"],
        points=asking_settings("max_points", "seed"),
        reading=lambda wildcards: {
            "methods": asking_recipe(wildcards)["baselines"],
            **asking_settings("seed", "device")(wildcards),
        },
        law=study_law,
        seed=lambda wildcards: asking_recipe(wildcards)["seed"],
        code=code_stamp("rank_pairs"),
    script:
        "../workflow/scripts/rank_pairs.py"


rule describe_table:
    input:
        points=lambda w: POINTS_FILE.format(**fits_of(w.study, injected=False)[0]),
        pairs=lambda w: answers("pairs", w.study)[0],
    output:
        surfaces=study_table("{study}", "surfaces"),
    log:
        f"{LOGS}/describe_table/{{study}}.log",
    benchmark:
        f"{BENCHMARKS}/describe_table/{{study}}.tsv"
    wildcard_constraints:
        study="|".join(HESSIAN_STUDIES) or "none",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        law=lambda wildcards: law_of(wildcards.study),
        code=code_stamp("describe_table"),
    script:
        "../workflow/scripts/describe_table.py"


rule judge_study:
    input:
        pairs=lambda w: answers("pairs", w.study),
        groups=lambda w: answers("groups", w.study),
        nulls=lambda w: null_scores(w.study),
        methods=lambda w: answers("methods", w.study, injected=True),
        networks=lambda w: observed_records(w.study),
    output:
        **{
            table: study_table("{study}", table)
            for table in JUDGED_TABLES
            if table != "surfaces"
        },
    log:
        f"{LOGS}/judge_study/{{study}}.log",
    benchmark:
        f"{BENCHMARKS}/judge_study/{{study}}.tsv"
    wildcard_constraints:
        study="|".join(HESSIAN_STUDIES) or "none",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        settings=lambda wildcards: {
            "injections": injections_of(wildcards),
            "alpha": ASKING["alpha"],
        },
        code=code_stamp("judge_study"),
    script:
        "../workflow/scripts/judge_study.py"


rule collect_hessian:
    input:
        **{table: studies_files(table) for table in (*JUDGED_TABLES, *ANSWER_TABLES)},
    output:
        **{
            table: f"{HESSIAN}/{table}.parquet"
            for table in (*JUDGED_TABLES, *ANSWER_TABLES)
        },
    log:
        f"{LOGS}/collect_hessian.log",
    benchmark:
        f"{BENCHMARKS}/collect_hessian.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        code=code_stamp("collect_hessian"),
    script:
        "../workflow/scripts/collect_hessian.py"


rule plot_hessian:
    input:
        **{
            table: (lambda w, table=table: answers(table, w.study))
            for table in ("groups", "group_counts", "dropout")
        },
        **{table: study_table("{study}", table) for table in JUDGED_TABLES},
        nulls=lambda w: null_scores(w.study),
        readings=lambda w: node_readings(w.study),
    output:
        **figure_outputs(
            HESSIAN_FIGURES, f"{RESULTS}/figures/hessian_{{study}}", "{study}"
        ),
        pictures=[
            f"{RESULTS}/figures/hessian_{{study}}/{figure.name}.png"
            for figure in HESSIAN_FIGURES
        ],
        captions=f"{RESULTS}/figures/hessian_{{study}}/captions.json",
    log:
        f"{LOGS}/plot_hessian/{{study}}.log",
    benchmark:
        f"{BENCHMARKS}/plot_hessian/{{study}}.tsv"
    wildcard_constraints:
        study="|".join(HESSIAN_STUDIES) or "none",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 20 * attempt,
    params:
        alpha=ASKING["alpha"],
        code=code_stamp("plot_hessian"),
    script:
        "../workflow/scripts/plot_hessian.py"
