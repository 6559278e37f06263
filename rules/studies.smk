# DeepMR studies: their simulated worlds, the ensembles trained on them, and where their files are.
from hashlib import sha256

DEEPMR = f"{RESULTS}/deepmr"
STUDIES = config["deepmr"]["studies"]
RECIPES = config["deepmr"]["recipes"]


def scenario_name(scenario, strength):
    """Name of a scenario in file names and tables; other confounder strengths than 1 show in it."""
    return scenario if strength == 1 else f"{scenario}_x{strength:g}"


# settings that change the sequences and reads of a study
TF_CASCADE_SETTINGS = (
    "n_train",
    "n_calibration",
    "n_test",
    "n_mutants",
    "n_calibration_mutants",
    "length",
    "alpha_mean",
    "alpha_sd",
    "gamma",
    "eta",
    "nu",
    "tau_exposure",
    "tau_outcome",
    "confounder_probability",
    "sequence_confounder_probability",
    "pseudocount",
    "background",
    "seed",
)
GRAMMAR_SETTINGS = (
    "help",
    "recruitment",
    "base",
    "gain",
    "mu",
    "sharpness",
    "decay_length",
    "decay_floor",
    "pseudocount",
    "background",
)
FACTOR_SETTINGS = (
    "length",
    "planted_within",
    "n_train",
    "n_calibration",
    "n_test",
    "n_mutants",
    "n_calibration_mutants",
)


def studies_of(kind):
    return [study for study, settings in STUDIES.items() if settings["kind"] == kind]


def worlds_of(*kinds):
    """Constraint on the wildcard 'world': studies of these kinds."""
    studies = [study for kind in kinds for study in studies_of(kind)]
    return f"({'|'.join(studies) or 'none'})[.][^/]*"


def rounds_of(settings):
    """Numbers of a study's rounds."""
    first = settings.get("first_round", 1)
    return range(first, first + settings["rounds"])


# one simulated data set: what its tables call it
WORLDS = {
    f"{study}.{scenario_name(scenario, strength)}.round_{number}": {
        "study": study,
        "scenario": scenario,
        "strength": strength,
        "name": scenario_name(scenario, strength),
        "round": number,
    }
    for study, settings in STUDIES.items()
    for scenario, strength, number in product(
        settings.get("scenarios", ["none"]),
        settings.get("strengths", [1]),
        rounds_of(settings),
    )
}
ENSEMBLES = [
    {"world": world, "recipe": recipe}
    for world, described in WORLDS.items()
    for recipe in STUDIES[described["study"]]["recipes"]
]
CASCADES = [
    world
    for world, described in WORLDS.items()
    if described["study"] in studies_of("tf_cascade")
]

WORLD_FOLDER = f"{DEEPMR}/data/{{world}}"
ENSEMBLE = "{world}.{recipe}"
ENSEMBLE_FOLDER = f"{DEEPMR}/models/{ENSEMBLE}"


wildcard_constraints:
    world=r"[A-Za-z0-9_]+\.[A-Za-z0-9_.]+\.round_[0-9]+",
    recipe="[A-Za-z0-9_]+",


def study_of(wildcards):
    return STUDIES[WORLDS[wildcards.world]["study"]]


def study_settings(*keys):
    """Params function: these settings of a world's study, so that a rule reruns for no others."""
    return lambda wildcards: {key: study_of(wildcards)[key] for key in keys}


def study_motifs(wildcards):
    """Names of the motifs of a world by their ids in the motif file."""
    study = study_of(wildcards)
    if study["kind"] == "factor_grammar":
        return {motif: name for name, motif in study["factors"].items()}
    return {
        study[role]["id"]: study[role]["name"]
        for role in ("exposure", "outcome", "confounder")
    }


def study_motif_file(wildcards):
    return find_file(study_of(wildcards)["motif_file"])


def study_outputs(wildcards):
    """What the networks of a world predict: binding of every factor but the confounder."""
    study = study_of(wildcards)
    if study["kind"] == "tf_cascade":
        return [study["exposure"]["name"], study["outcome"]["name"]]
    return list(study["factors" if study["kind"] == "factor_grammar" else "signals"])


def study_pairs(wildcards):
    """Ordered pairs of outputs whose causal effect is asked for."""
    outputs = study_outputs(wildcards)
    if study_of(wildcards)["kind"] == "tf_cascade":
        return [tuple(outputs)]
    return [pair for pair in product(outputs, outputs) if pair[0] != pair[1]]


def study_transform(wildcards):
    """Space in which networks predict; read-profile networks predict log(1 + reads)."""
    return study_of(wildcards).get("transform", "log1p")


def locus_choice(wildcards):
    """Arguments of choose_loci: held-out sequences of a cascade need the exposure motif."""
    study = study_of(wildcards)
    motif = study["exposure"]["name"] if study["kind"] == "tf_cascade" else None
    return {"motif": motif, "max_loci": study["max_loci"]}


def region_files(wildcards):
    """Files of a study of regions, found beside the data or in the checkout."""
    study = study_of(wildcards)
    tracks = [
        track
        for signal in study["signals"].values()
        for track in ([signal] if isinstance(signal, str) else signal.values())
    ]
    return {
        "genome": find_file(study["genome"]),
        "bed": find_file(study["bed"]),
        "tracks": [find_file(track) for track in tracks],
    }


def signal_files(wildcards):
    """Path of every track, by output and, where tracks have strands, by strand."""
    return {
        name: (
            find_file(signal)
            if isinstance(signal, str)
            else {strand: find_file(track) for strand, track in signal.items()}
        )
        for name, signal in study_of(wildcards)["signals"].items()
    }


def known_effects(wildcards):
    """The true effects of a simulated world; nobody knows those of a genome."""
    measured = study_of(wildcards)["kind"] == "regions"
    return (
        [] if measured else f"{WORLD_FOLDER}/true_effects.parquet".format(**wildcards)
    )


def world_seed(wildcards):
    """Seed of a data set; rounds must not share sequences."""
    return derived_seed(study_of(wildcards)["seed"], wildcards.world)


def ensemble_design(wildcards):
    """What defines an ensemble, as the first columns of every table about ensembles."""
    world = WORLDS[wildcards.world]
    return {
        "ensemble": ENSEMBLE.format(**wildcards),
        "study": world["study"],
        "scenario": world["name"],
        "round": world["round"],
        "recipe": wildcards.recipe,
    }


def recipe_settings(*keys):
    """Params function: these settings of a recipe."""
    return lambda wildcards: {key: RECIPES[wildcards.recipe][key] for key in keys}


def recipe_architecture(wildcards):
    name = RECIPES[wildcards.recipe]["architecture"]
    return config["architectures"].get(name, name)


def ensemble_seed(wildcards):
    """Seed of an ensemble; rounds must not share initial weights, or they would not be independent."""
    return derived_seed(RECIPES[wildcards.recipe]["seed"], wildcards.world)


def derived_seed(seed, world):
    return int(sha256(f"{seed} {world}".encode()).hexdigest()[:7], 16)


def network_settings(wildcards):
    """Arguments of train_bpnet_ensemble from a recipe: the network, and how it is trained."""
    recipe = RECIPES[wildcards.recipe]
    layout = ("filters", "first_width", "layers", "profile_width")
    return {
        "network": {"strands": 2, **{key: recipe["bpnet"][key] for key in layout}},
        **{key: value for key, value in recipe["bpnet"].items() if key not in layout},
        **{key: recipe[key] for key in ("members", "n_mutants")},
        **{
            key: recipe["training"][key]
            for key in (
                "batch_size",
                "max_epochs",
                "patience",
                "learning_rate",
                "schedule",
                "validation_fraction",
                "restarts",
                "device",
            )
        },
    }


def ensemble_files(folder):
    return [f"{DEEPMR}/{folder}/{ENSEMBLE}.parquet".format(**e) for e in ENSEMBLES]


def shown_ensembles(study, folder):
    """Tables of the ensembles that figures show locus by locus: those of a study's first world."""
    first = next(world for world in WORLDS if WORLDS[world]["study"] == study)
    return [
        f"{DEEPMR}/{folder}/{ENSEMBLE}.parquet".format(**ensemble)
        for ensemble in ENSEMBLES
        if ensemble["world"] == first
    ]


def report_tables():
    """Tables behind the report by their schemas, of those questions that the run asks."""
    tables = {}
    if DATASETS:
        for table in ("models", "architectures", "verdicts"):
            tables[f"loss_{table}"] = f"{RESULTS}/loss/{table}.parquet"
    if TWINNED:
        for table in ("twin_summary", "twin_power"):
            tables[table] = f"{RESULTS}/loss/{table}.parquet"
    if STUDIES:
        for table in ("global", "scores"):
            tables[f"deepmr_{table}"] = f"{DEEPMR}/{table}.parquet"
    return {**tables, **consistency_tables(), **hessian_tables(), **head_tables()}


def figure_folders():
    """Folders of figures, in the order of the report."""
    datasets = ("audit", "run", *DATASETS) if DATASETS else ()
    twinned = ["twins"] if TWINNED else []
    explained = [f"explained_{dataset}" for dataset in EXPLAINED]
    explained += ["consistency"] if EXPLAINED else []
    asked = [f"hessian_{study}" for study in HESSIAN_STUDIES]
    asked += ["heads"] if HEADED else []
    return [
        *datasets,
        *twinned,
        *explained,
        *asked,
        *(f"study_{study}" for study in STUDIES),
    ]
