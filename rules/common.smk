# Configuration, paths, and the list of models. Never imports torch or numpy: every cluster
# job parses this file again.
import re
import sys
from itertools import product
from pathlib import Path

CHECKOUT = Path(workflow.basedir)
sys.path.insert(0, str(CHECKOUT / "src"))

from seqaudit.codestamp import code_stamp as stamp_of_script
from seqaudit.config import complete_config, load_schema
from seqaudit.errors import SeqauditError
from seqaudit.figures.catalogue import (
    AUDIT_FIGURES,
    CONSISTENCY_FIGURES,
    DATASET_FIGURES,
    EXPLAINED_FIGURES,
    HEAD_FIGURES,
    HESSIAN_FIGURES,
    RUN_FIGURES,
    STUDY_FIGURES,
    TWIN_FIGURES,
)

# '--configfile other.yaml' replaces the default run instead of being merged into it
if "run" not in config:

    configfile: "config/config.yaml"


try:
    config = complete_config(
        config, load_schema(CHECKOUT / "workflow/schemas/config.schema.yaml")
    )
except SeqauditError as error:
    raise WorkflowError(str(error)) from None

RESULTS = f"results/{config['run']}"
LOGS = f"logs/{config['run']}"
BENCHMARKS = f"{RESULTS}/benchmarks"
ENVIRONMENT = "../envs/seqaudit.yaml"

DATASETS = config["datasets"]
SIMULATED = [
    name for name, dataset in DATASETS.items() if dataset["kind"] == "motif_pairs"
]
MEASURED = [name for name, dataset in DATASETS.items() if dataset["kind"] == "measured"]
# networks by name, trained here or elsewhere; every dataset asks each of its own
TRAINED = {
    f"{arch}.l1_{l1:g}.seed_{seed}": {"arch": arch, "l1": float(l1), "seed": seed}
    for arch, l1, seed in product(
        config["population"]["architectures"],
        config["population"]["l1"],
        config["population"]["seeds"],
    )
}
EXTERNAL = config["models"]
# one network: the wildcards that name it
MODELS = [
    {"dataset": dataset, "network": network}
    for dataset in DATASETS
    for network in [
        *TRAINED,
        *(name for name, model in EXTERNAL.items() if dataset in model["datasets"]),
    ]
]

MODEL_ID = "{dataset}.{network}"
MODEL_FOLDER = f"{RESULTS}/models/{MODEL_ID}"


wildcard_constraints:
    dataset="[A-Za-z0-9_]+",
    network="[A-Za-z0-9_.-]+",


def code_stamp(rule_name):
    """Hash of a rule's script and of the package modules behind it."""
    return stamp_of_script(CHECKOUT / f"workflow/scripts/{rule_name}.py")


def dataset_settings(*keys):
    """Params function: these settings of a dataset, so that a rule reruns for no others."""
    return lambda wildcards: {key: DATASETS[wildcards.dataset][key] for key in keys}


def models_of(dataset):
    return [model for model in MODELS if model["dataset"] == dataset]


def trained_models(dataset):
    """Networks of a dataset that were trained here."""
    return [model for model in models_of(dataset) if model["network"] in TRAINED]


def model_file(model, name):
    return f"{MODEL_FOLDER}/{name}".format(**model)


def interaction_file(model, folder):
    return f"{RESULTS}/loss/{folder}/{MODEL_ID}.parquet".format(**model)


def network_design(network):
    """Architecture, penalty and seed; how an external network was trained is not known."""
    return TRAINED.get(network, {"arch": network, "l1": 0.0, "seed": 0})


def model_design(wildcards):
    """What defines a network, as the first columns of every table about models."""
    dataset = DATASETS[wildcards.dataset]
    return {
        "model_id": MODEL_ID.format(**wildcards),
        "dataset": wildcards.dataset,
        "control": dataset.get("control"),
        "padding": dataset["padding"],
        **network_design(wildcards.network),
    }


def network_architecture(wildcards):
    """An architecture defined in the config, or the id of a published one."""
    arch = TRAINED[wildcards.network]["arch"]
    return config["architectures"].get(arch, arch)


def external_model(wildcards):
    """How to build a network of the user's own; None for one trained here."""
    model = EXTERNAL.get(wildcards.network)
    if model is None:
        return None
    source = model["source"]
    return {
        "factory": model["factory"],
        "arguments": model["arguments"],
        "source": None if source is None else find_file(source),
    }


def external_files(wildcards):
    """Weights of the user's own network and, where its code is not installed, that code."""
    files = {"weights": find_file(EXTERNAL[wildcards.network]["weights"])}
    how = external_model(wildcards)
    module_path = how["factory"].partition(":")[0].replace(".", "/")
    if how["source"] is not None:
        files["code"] = [
            str(path)
            for path in (
                Path(how["source"]) / f"{module_path}.py",
                Path(how["source"]) / module_path / "__init__.py",
            )
            if path.exists()
        ]
    return files


def names_of_motifs(dataset):
    """Names in tables and figures, by the motif's id in its file."""
    return {motif["id"]: motif["name"] for motif in DATASETS[dataset]["motifs"]}


def questioned_pairs(wildcards):
    """Pairs of motif names whose interaction is in question."""
    names = list(names_of_motifs(wildcards.dataset).values())
    return DATASETS[wildcards.dataset].get("motif_pairs", [names])


def known_truth(wildcards):
    """Settings of the simulated effect; None for measured data, whose truth nobody knows."""
    if wildcards.dataset in MEASURED:
        return None
    return dataset_settings("effect", "padding", "pseudocount", "background")(wildcards)


def knockout_settings(wildcards):
    """Arguments of knock_out_motifs; sites are known where they were planted or are in a column."""
    dataset = DATASETS[wildcards.dataset]
    recorded = wildcards.dataset in SIMULATED or dataset["columns"]["embeddings"]
    return {
        **dataset["knockouts"],
        "pseudocount": dataset["pseudocount"],
        "background": dataset["background"],
        "instances": "embeddings" if recorded else "scan",
    }


def measured_files(wildcards):
    dataset = DATASETS[wildcards.dataset]
    return {
        key: find_file(dataset[key])
        for key in ("sequences", "targets")
        if key in dataset
    }


def find_file(name):
    """A file named in the config: in data_folder first, then in the checkout."""
    beside_data = Path(config["data_folder"]) / name
    return str(
        beside_data
        if beside_data.exists() or not (CHECKOUT / name).exists()
        else CHECKOUT / name
    )


def figure_inputs(dataset):
    """Files behind the figures of a dataset, by the argument of read_results that takes them."""
    return {
        "sequences": f"{RESULTS}/data/{dataset}/sequences.parquet",
        "knockouts": f"{RESULTS}/data/{dataset}/pairs.parquet",
        "pairs": [interaction_file(model, "pairs") for model in models_of(dataset)],
        "history": [
            model_file(model, "history.parquet") for model in models_of(dataset)
        ],
        "models": f"{RESULTS}/loss/models.parquet",
        "verdicts": f"{RESULTS}/loss/verdicts.parquet",
        "motif_file": find_file(DATASETS[dataset]["motif_file"]),
    }


def figure_settings(dataset):
    return {
        "motif_names": names_of_motifs(dataset),
        "alpha": config["loss_tests"]["alpha"],
        "unit": DATASETS[dataset]["unit"],
        "transform": DATASETS[dataset]["transform"],
    }


def figure_outputs(figures, folder, subcategory):
    """SVG of every figure, in the place of Snakemake's report that its question has."""
    return {
        figure.name: report(
            f"{folder}/{figure.name}.svg",
            caption=f"../workflow/report/figures/{figure.name}.rst",
            category=figure.category,
            subcategory=subcategory,
            labels={"figure": figure.title, "about": figure.section},
        )
        for figure in figures
    }


def dataset_tables():
    tables = ["sequences", "pairs", "random_location", "shuffled"]
    return [
        f"{RESULTS}/data/{dataset}/{table}.parquet"
        for dataset in DATASETS
        for table in tables
    ]
