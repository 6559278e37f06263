# Which tables and figures the rules of additive twins, attribution consistency and the audit make and need.

# --- additive twins
TWIN_FOLDER = f"{RESULTS}/twins/{{dataset}}"
# trained here: a network from elsewhere cannot be trained again
NULL_MODELS = config["additive_twin"]["null_models"]
TWIN_INPUTS = {
    "sequences": f"{RESULTS}/data/{{dataset}}/sequences.parquet",
    "pairs": f"{RESULTS}/data/{{dataset}}/pairs.parquet",
    "random_location": f"{RESULTS}/data/{{dataset}}/random_location.parquet",
    "shuffled": f"{RESULTS}/data/{{dataset}}/shuffled.parquet",
}


# datasets whose networks are held against twins, and against networks of data without interactions
TWINNED = list(DATASETS) if config["additive_twin"]["enabled"] else []
NULLED = TWINNED if NULL_MODELS["replicates"] and TRAINED else []
# labels can be drawn again where their expectation is known
REDRAWN = [
    dataset
    for dataset in TWINNED
    if dataset in SIMULATED and config["additive_twin"]["redraws"]
]


def twin_test_files():
    """Tables of the twin's tests by dataset; none where a run does without."""
    folder = f"{RESULTS}/loss/by_dataset"
    return {
        "twin_models": [f"{folder}/{dataset}.twin.parquet" for dataset in TWINNED],
        "twin_summary": [
            f"{folder}/{dataset}.twin_summary.parquet" for dataset in TWINNED
        ],
        "null_tests": [f"{folder}/{dataset}.null_tests.parquet" for dataset in NULLED],
        "twin_redraws": [
            f"{folder}/{dataset}.twin_redraws.parquet" for dataset in REDRAWN
        ],
    }


def twin_settings(*keys):
    return {key: config["additive_twin"][key] for key in keys}


def null_draw(wildcards):
    """Which targets are drawn: the same for all networks of a dataset."""
    return {
        "twin": f"{wildcards.dataset}.twin",
        "replicates": NULL_MODELS["replicates"],
        "seed": NULL_MODELS["seed"],
    }


def null_training():
    """A short schedule, run to its end."""
    return {
        "warm_start": NULL_MODELS["warm_start"],
        "max_epochs": NULL_MODELS["max_epochs"],
        "patience": NULL_MODELS["max_epochs"],
        "learning_rate": NULL_MODELS["learning_rate"],
        "schedule": "trapezoid",
        **{
            key: config["training"][key]
            for key in ("batch_size", "reverse_complement", "device")
        },
    }


def exponent_of(dataset):
    """Exponent of the simulated effect; published effects have names."""
    effect = DATASETS[dataset]["effect"]
    return {"additive": 1.0, "super_additive": 1.5}.get(effect, effect)


def noise_of(dataset):
    """Noise of the targets, as the tests assume it: of read counts, or the same for all."""
    measured = DATASETS[dataset]["transform"] == "identity"
    return "constant" if measured else "poisson"


# --- attribution consistency
CONSISTENCY = f"{RESULTS}/consistency"
EXPLAINING = config["consistency"]
# data sets whose networks are explained
EXPLAINED = list(DATASETS) if EXPLAINING["enabled"] else []


def explanation_file(model, folder):
    return f"{CONSISTENCY}/{folder}/{MODEL_ID}.parquet".format(**model)


def explanation_files(folder):
    """Input function: this table of every network of a data set."""
    return lambda w: [explanation_file(m, folder) for m in models_of(w.dataset)]


def pairs_to_explain(wildcards):
    """Simulated sequences are explained where they hold both motifs, measured ones at random."""
    if wildcards.dataset in MEASURED:
        return []
    return f"{RESULTS}/data/{wildcards.dataset}/pairs.parquet"


def true_attributions(wildcards):
    """True maps and sites of simulated sequences; nobody knows those of measured ones."""
    if wildcards.dataset in MEASURED:
        return {"true_maps": [], "true_sites": []}
    folder = f"{CONSISTENCY}/truth/{wildcards.dataset}"
    return {
        "true_maps": [f"{folder}.maps.parquet"],
        "true_sites": [f"{folder}.sites.parquet"],
    }


def by_dataset(table):
    return [
        f"{CONSISTENCY}/by_dataset/{dataset}.{table}.parquet" for dataset in EXPLAINED
    ]


def consistency_tables():
    """Tables of the chapter by their schemas; none where a run does without."""
    if not EXPLAINED:
        return {}
    return {
        f"consistency_{table}": f"{CONSISTENCY}/{table}.parquet"
        for table in ("models", "choices", "answers")
    }


# --- audit
AUDIT = f"{RESULTS}/audit.parquet"
LINES_OF_EVIDENCE = (
    "loss_verdicts",
    "loss_models",
    "twin_summary",
    "hessian_pairs",
    "consistency_models",
    "deepmr_global",
)


def lines_of_evidence():
    """Tables that the audit joins, of those that the run makes."""
    tables = report_tables()
    return {name: tables[name] for name in LINES_OF_EVIDENCE if name in tables}


def tables_of_models():
    """Tables behind the figures of the audit, by the argument that takes them."""
    made = lines_of_evidence()
    wanted = {"models": "loss_models", "consistency": "consistency_models"}
    return {argument: made[name] for argument, name in wanted.items() if name in made}


def true_maps(wildcards):
    """The file of true maps; none for measured data."""
    files = true_attributions(wildcards)["true_maps"]
    return files[0] if files else []
