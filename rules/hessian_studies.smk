# Hessian studies: their tables of points, the networks fitted to them, and where their files are.
HESSIAN = f"{RESULTS}/hessian"
ASKING = config["hessian"]
HESSIAN_STUDIES = ASKING["studies"]
HESSIAN_RECIPES = ASKING["recipes"]
# tables of single networks, and of whole studies
ANSWER_TABLES = (
    "groups",
    "group_counts",
    "dropout",
    "networks",
    "nulls",
    "methods",
    "readings",
)
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
    elif settings["kind"] == "digits":
        for replicate in range(1, settings["replicates"] + 1):
            yield f"{study}.round_{replicate}", {**plain, "replicate": replicate}
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


def digit_settings(wildcards):
    """Arguments of digit_pairs."""
    study, points = asked_study(wildcards), wildcards.points
    return {
        **{key: study[key] for key in ("digits", "positive")},
        "sizes": [study[key] for key in ("n_train", "n_validation", "n_test")],
        "seed": derived_seed(study["seed"], points),
    }


def digit_network_settings(wildcards):
    """Arguments of train_digit_network."""
    study, points = asked_study(wildcards), wildcards.points
    return {
        **{key: study[key] for key in ("nodes", "dropout", "epochs", "device")},
        "seed": derived_seed(study["seed"], f"{points}.network"),
    }


def digit_identity(wildcards):
    described = POINT_SETS[wildcards.points]
    return {"dataset": described["label"], "replicate": described["replicate"]}


def reading_identity(wildcards):
    own = {key: fit_identity(wildcards)[key] for key in ("fit", "dataset")}
    return {**own, "replicate": POINT_SETS[wildcards.points]["replicate"]}


def node_readings(study):
    """Tables of a study of digits; none of the others."""
    return (
        answers("readings", study) if HESSIAN_STUDIES[study]["kind"] == "digits" else []
    )


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


def observed_records(study):
    """Records of the networks that were fitted to the targets themselves."""
    return [
        f"{FITTED}.parquet".format(**fit, targets="observed", part=1)
        for fit in fits_of(study, injected=False)
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
        elif table == "readings":
            files += node_readings(study)
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
            "readings",
        )
    }


# --- interactions of trained networks in their dense heads, levels B and C
HEADS = f"{HESSIAN}/heads"
HEADED = [name for name in DATASETS if TRAINED] if ASKING["heads"] else []


def head_designs(wildcards):
    """What defines the networks of a dataset, in the order of their files."""
    dataset = DATASETS[wildcards.dataset]
    shared = {"control": dataset.get("control"), "padding": dataset["padding"]}
    return [
        {"model_id": MODEL_ID.format(**model), "dataset": model["dataset"], **shared}
        | TRAINED[model["network"]]
        for model in trained_models(wildcards.dataset)
    ]


def head_tables():
    """Tables of the chapter by their schemas; none where a run does without."""
    return {"hessian_head_designs": f"{HEADS}/designs.parquet"} if HEADED else {}
