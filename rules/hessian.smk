# Group Expected Hessian: tables of features, Bayesian networks fitted to them and to null data of the
# same points, what their second derivatives say about pairs of features, and how far to believe it.
HESSIAN = f"{RESULTS}/hessian"
ASKING = config["hessian"]
HESSIAN_STUDIES = ASKING["studies"]
HESSIAN_RECIPES = ASKING["recipes"]
# tables of single networks, and of whole studies
ANSWER_TABLES = ("groups", "group_counts", "dropout", "networks", "nulls", "methods")
JUDGED_TABLES = (
    "pairs",
    "auc",
    "roc",
    "coverage",
    "false_positives",
    "injections",
    "surfaces",
)
PUBLIC_TABLES = {
    "california": "housing.csv",
    "bike": "hour.csv",
    "energy": "energy.csv",
}
# null data of the same points, and the setting that says how many
NULL_DRAWS = {
    "permutation": "permutations",
    "permutation_reference": "permutations",
    "additive": "additive_draws",
    "main_effects": "calibration_draws",
    "main_effects_reference": "calibration_draws",
}


def point_sets_of(study, settings):
    """Tables of points of a study by id: what they are called, and what is special about them."""
    plain = {"study": study, "label": study, "snr": None, "replicate": 1}
    plain |= {"dataset": None, "injection": None}
    if settings["kind"] == "motif_scores":
        for dataset in settings["datasets"]:
            scale = settings["scale"]
            label = dataset if scale == "identity" else f"{dataset}.{scale}"
            yield f"{study}.{dataset}", {**plain, "label": label, "dataset": dataset}
    elif settings["kind"] == "simulated":
        several = len(settings["snr"]) > 1
        for snr, replicate in product(
            settings["snr"], range(1, settings["replicates"] + 1)
        ):
            label = f"{study}.snr_{snr:g}" if several else study
            own = {"label": label, "snr": float(snr), "replicate": replicate}
            yield f"{study}.snr_{snr:g}.round_{replicate}", {**plain, **own}
    else:
        yield f"{study}.measured", plain
        injections = settings["injections"] or {"forms": [], "shares": []}
        for form, share in product(injections["forms"], injections["shares"]):
            injection = {"pair": injections["pair"], "form": form, "share": share}
            name = f"{study}.{form}_{share:g}"
            yield name, {**plain, "label": name, "injection": injection}


POINT_SETS = {
    name: described
    for study, settings in HESSIAN_STUDIES.items()
    for name, described in point_sets_of(study, settings)
}
HESSIAN_FITS = [
    {"points": points, "recipe": recipe}
    for points, described in POINT_SETS.items()
    for recipe in HESSIAN_STUDIES[described["study"]]["recipes"]
]

POINTS_FILE = f"{HESSIAN}/data/{{points}}.parquet"
FIT = "{points}.{recipe}"
FITTED = f"{HESSIAN}/networks/{FIT}/{{targets}}.part_{{part}}"


wildcard_constraints:
    points=r"[A-Za-z0-9_]+\.[A-Za-z0-9_.+-]+",
    targets="observed|" + "|".join(NULL_DRAWS),
    part="[0-9]+",


def points_of(*kinds):
    """Constraint on the wildcard 'points': tables of studies of these kinds."""
    chosen = [
        re.escape(name)
        for name, described in POINT_SETS.items()
        if HESSIAN_STUDIES[described["study"]]["kind"] in kinds
    ]
    return "|".join(chosen) or "none"


def asked_study(wildcards):
    return HESSIAN_STUDIES[POINT_SETS[wildcards.points]["study"]]


def asking_recipe(wildcards):
    return HESSIAN_RECIPES[wildcards.recipe]


def asking_settings(*keys):
    """Params function: these settings of a recipe."""
    return lambda wildcards: {key: asking_recipe(wildcards)[key] for key in keys}


def asked_label(points, recipe, label):
    """What tables call a data set; recipes after the first of a study go by their names."""
    first = HESSIAN_STUDIES[POINT_SETS[points]["study"]]["recipes"][0]
    return label if recipe == first else f"{label}.{recipe}"


def fit_identity(wildcards):
    points, recipe = wildcards.points, wildcards.recipe
    label = POINT_SETS[points]["label"]
    posterior = HESSIAN_RECIPES[recipe]["posterior"]
    return {
        "fit": FIT.format(points=points, recipe=recipe),
        "dataset": asked_label(points, recipe, label),
        "posterior": "concrete_dropout" if posterior == "concrete" else posterior,
    }


def comparison_identity(wildcards):
    """How methods are told apart: data sets of a sweep share a name, their S/N is a column."""
    described = POINT_SETS[wildcards.points]
    name = described["label"] if described["snr"] is None else described["study"]
    return {
        "dataset": asked_label(wildcards.points, wildcards.recipe, name),
        **{key: described[key] for key in ("replicate", "snr")},
    }


def law_of(study):
    """Arguments of tabular_law, None where features were measured or scored."""
    if HESSIAN_STUDIES[study]["kind"] != "simulated":
        return None
    keys = ("law", "profile", "main_effects_only", "seed")
    return {key: HESSIAN_STUDIES[study][key] for key in keys}


def study_law(wildcards):
    return law_of(POINT_SETS[wildcards.points]["study"])


def draw_settings(wildcards):
    described = POINT_SETS[wildcards.points]
    study = asked_study(wildcards)
    return {
        "snr": described["snr"],
        "sizes": [study[key] for key in ("n_train", "n_validation", "n_test")],
        # points do not depend on the S/N, so that a sweep compares noise alone
        "seed": derived_seed(
            study["seed"], f"{described['study']}.{described['replicate']}"
        ),
    }


def table_file(wildcards):
    study = asked_study(wildcards)
    if study["kind"] == "table":
        return find_file(study["file"])
    name = PUBLIC_TABLES[study["table"]]
    at_hand = find_file(f"{study['folder']}/{name}")
    return at_hand if Path(at_hand).exists() else f"{HESSIAN}/downloads/{name}"


def table_columns(wildcards):
    study = asked_study(wildcards)
    if study["kind"] == "uci":
        return None
    return {key: study[key] for key in ("target", "features")}


def scored_dataset(wildcards):
    return DATASETS[POINT_SETS[wildcards.points]["dataset"]]


def scored_motifs(wildcards):
    """Names of motifs and decoys by their ids."""
    decoys = {motif["id"]: motif["name"] for motif in asked_study(wildcards)["decoys"]}
    return names_of_motifs(POINT_SETS[wildcards.points]["dataset"]) | decoys


def scoring_settings(wildcards):
    study, dataset = asked_study(wildcards), scored_dataset(wildcards)
    return {
        **{key: dataset[key] for key in ("padding", "pseudocount", "background")},
        "scale": study["scale"],
        "max_points": [study[key] for key in ("n_train", "n_validation", "n_test")],
    }


def known_interactions(wildcards):
    """Arguments of pair_truth: a law, the pair of a positive control, or nothing."""
    name = POINT_SETS[wildcards.points]["dataset"]
    interacting = None
    if name is not None:
        pair = list(names_of_motifs(name).values())
        transformed = asked_study(wildcards)["scale"] != "identity"
        positive = DATASETS[name]["control"] == "positive" or transformed
        interacting = [pair] if positive else []
    return {
        "law": study_law(wildcards),
        "interacting": interacting,
        "derivatives": asking_recipe(wildcards)["interaction"] == "derivative",
    }


def refit_draws(points, recipe, targets):
    """Numbers of draws by part."""
    settings = HESSIAN_RECIPES[recipe]
    if targets == "observed":
        return {1: [0]}
    wanted = POINT_SETS[points]["injection"] is None
    draws = range(1, 1 + settings[NULL_DRAWS[targets]] * wanted)
    size = settings["draws_per_job"]
    starts = range(0, len(draws), size)
    return {
        part: list(draws[start : start + size]) for part, start in enumerate(starts, 1)
    }


def draws_of_part(wildcards):
    draws = refit_draws(wildcards.points, wildcards.recipe, wildcards.targets)
    return draws[int(wildcards.part)]


def target_settings(wildcards):
    """Arguments of null_targets."""
    study, recipe = asked_study(wildcards), asking_recipe(wildcards)
    counts = recipe["network"].get("family", "gaussian") != "gaussian"
    counts |= study["kind"] == "motif_scores" and study["scale"] == "identity"
    return {
        "targets": wildcards.targets,
        "family": "poisson" if counts else "gaussian",
        "noise": recipe["noise"],
        "seed": derived_seed(recipe["seed"], wildcards.points),
    }


def network_seed(wildcards):
    """Seed of networks; no two parts may share it."""
    name = ".".join([wildcards.points, wildcards.targets, wildcards.part])
    return derived_seed(asking_recipe(wildcards)["seed"], name)


def fits_of(study, *, injected):
    return [
        fit
        for fit in HESSIAN_FITS
        if POINT_SETS[fit["points"]]["study"] == study
        and (injected or POINT_SETS[fit["points"]]["injection"] is None)
    ]


def answers(table, study, *, injected=False):
    """This table of every network of a study."""
    return [
        f"{HESSIAN}/{table}/{FIT}.parquet".format(**fit)
        for fit in fits_of(study, injected=injected)
    ]


def null_scores(study):
    return [
        f"{HESSIAN}/nulls/{FIT}/{targets}.part_{part}.parquet".format(**fit)
        for fit in fits_of(study, injected=False)
        for targets in NULL_DRAWS
        for part in refit_draws(fit["points"], fit["recipe"], targets)
    ]


def injections_of(wildcards):
    """Arguments of injection_table by the name of the data set in the tables of methods."""
    return {
        asked_label(fit["points"], fit["recipe"], described["label"]): described[
            "injection"
        ]
        for fit in fits_of(wildcards.study, injected=True)
        if (described := POINT_SETS[fit["points"]])["injection"] is not None
    }


def training_records(study):
    return [
        f"{FITTED}.parquet".format(**fit, targets=targets, part=part)
        for fit in fits_of(study, injected=True)
        for targets in ("observed", *NULL_DRAWS)
        for part in refit_draws(fit["points"], fit["recipe"], targets)
    ]


def study_table(study, table):
    return f"{HESSIAN}/by_study/{study}.{table}.parquet"


def studies_files(table):
    """Files of all studies that collect_hessian puts into one table."""
    if table in JUDGED_TABLES:
        return [study_table(study, table) for study in HESSIAN_STUDIES]
    files = []
    for study in HESSIAN_STUDIES:
        if table == "nulls":
            files += null_scores(study)
        elif table == "networks":
            files += training_records(study)
        elif table == "methods":
            files += answers(table, study=study, injected=True)
        else:
            files += answers(table, study=study)
    return files


def hessian_tables():
    """Tables of the chapter by their schemas; none where a run does without."""
    if not HESSIAN_STUDIES:
        return {}
    return {
        f"hessian_{table}": f"{HESSIAN}/{table}.parquet"
        for table in (
            "pairs",
            "networks",
            "auc",
            "coverage",
            "false_positives",
            "nulls",
        )
    }


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
