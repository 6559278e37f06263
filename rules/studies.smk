# DeepMR studies: their simulated worlds, the ensembles trained on them, and where their files are.
from hashlib import sha256

DEEPMR = f"{RESULTS}/deepmr"
STUDIES = config["deepmr"]["studies"]
RECIPES = config["deepmr"]["recipes"]


def scenario_name(scenario, strength):
    """Name of a scenario in file names and tables; other confounder strengths than 1 show in it."""
    return scenario if strength == 1 else f"{scenario}_x{strength:g}"


# settings that change the sequences and counts of a study
TF_CASCADE_SETTINGS = (
    "n_train",
    "n_calibration",
    "n_test",
    "n_mutants",
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
        settings["scenarios"],
        settings["strengths"],
        range(1, settings["rounds"] + 1),
    )
}
ENSEMBLES = [
    {"world": world, "recipe": recipe}
    for world, described in WORLDS.items()
    for recipe in STUDIES[described["study"]]["recipes"]
]

WORLD_FOLDER = f"{DEEPMR}/data/{{world}}"
ENSEMBLE = "{world}.{recipe}"
ENSEMBLE_FOLDER = f"{DEEPMR}/models/{ENSEMBLE}"


wildcard_constraints:
    world=r"[A-Za-z0-9_]+\.[A-Za-z0-9_.]+\.round_[0-9]+",
    recipe="[A-Za-z0-9_]+",


def study_settings(*keys):
    """Params function: these settings of a world's study, so that a rule reruns for no others."""
    return lambda wildcards: {
        key: STUDIES[WORLDS[wildcards.world]["study"]][key] for key in keys
    }


def study_motifs(wildcards):
    """Names of the motifs of a world by their ids in the motif file: exposure, outcome, confounder."""
    study = STUDIES[WORLDS[wildcards.world]["study"]]
    return {
        study[role]["id"]: study[role]["name"]
        for role in ("exposure", "outcome", "confounder")
    }


def study_motif_file(wildcards):
    return find_file(STUDIES[WORLDS[wildcards.world]["study"]]["motif_file"])


def study_outputs(wildcards):
    """What the networks of a world predict: binding of the exposure and of the outcome."""
    study = STUDIES[WORLDS[wildcards.world]["study"]]
    return [study["exposure"]["name"], study["outcome"]["name"]]


def study_pairs(wildcards):
    """Ordered pairs of outputs whose causal effect is asked for."""
    return [study_outputs(wildcards)]


def study_transform(wildcards):
    return STUDIES[WORLDS[wildcards.world]["study"]]["transform"]


def locus_choice(wildcards):
    """Arguments of choose_loci: held-out sequences with the exposure motif are mutated."""
    study = STUDIES[WORLDS[wildcards.world]["study"]]
    return {"motif": study["exposure"]["name"], "max_loci": study["max_loci"]}


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
    text = f"{RECIPES[wildcards.recipe]['seed']} {wildcards.world}"
    return int(sha256(text.encode()).hexdigest()[:7], 16)


def ensemble_files(folder):
    return [f"{DEEPMR}/{folder}/{ENSEMBLE}.parquet".format(**e) for e in ENSEMBLES]
