"""The configuration of a run: defaults filled in, every key checked, clear refusals.

Imported by the workflow's driver, so it needs nothing beyond jsonschema and PyYAML.
"""

import copy
import difflib
from collections.abc import Iterator
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, ValidationError

from seqaudit.errors import SeqauditError

PUBLISHED = ("arch1", "arch2", "arch3", "deepmr", "deepmr_bn")
"""Architectures that need no definition (Finkelstein et al. 2020, Malina et al. 2022)."""


def load_schema(path: str | Path) -> dict:
    """Read a JSON schema written as YAML."""
    return yaml.safe_load(Path(path).read_text())


def complete_config(config: dict, schema: dict) -> dict:
    """Fill in defaults, then check every key.

    Parameters
    ----------
    config : dict
        As read from the user's file; not changed.
    schema : dict
        JSON schema in which every object is closed.

    Returns
    -------
    dict
        A new configuration in which every optional key has its value.

    Raises
    ------
    SeqauditError
        For the first key that is unknown, missing, of a wrong type or out of bounds, or
        that contradicts another; the message names its path.
    """
    config = copy.deepcopy(config)
    _fill_defaults(config, schema, schema)
    errors = sorted(Draft202012Validator(schema).iter_errors(config), key=lambda e: list(map(str, e.path)))
    if errors:
        raise SeqauditError(_explain(errors[0]))
    _check_names(config)
    return config


def documented_keys(schema: dict) -> Iterator[tuple[str, dict]]:
    """Every key with its path, in the schema's order: ``("training.patience", {...})``."""
    yield from _walk(schema, schema, "")


def _walk(node: dict, schema: dict, path: str) -> Iterator[tuple[str, dict]]:
    node = _resolve(node, schema)
    for kind in _kinds(node):
        yield from _walk({"$ref": f"#/$defs/{kind}"}, schema, path.replace("<id>", f"<{kind}>"))
    for name, child in node.get("properties", {}).items():
        child = {**_resolve(child, schema), **child}
        here = f"{path}.{name}" if path else name
        if not _kinds(node):
            yield here, child
        yield from _walk(child, schema, here)
    if isinstance(node.get("additionalProperties"), dict):
        yield from _walk(node["additionalProperties"], schema, f"{path}.<id>")
    if isinstance(node.get("items"), dict):
        yield from _walk(node["items"], schema, f"{path}[]")


def _kinds(node: dict) -> list[str]:
    """Values of 'kind' for which a node has a schema of its own."""
    return [branch["if"]["properties"]["kind"]["const"] for branch in node.get("allOf", [])]


def _resolve(node: dict, schema: dict) -> dict:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node


def _fill_defaults(value, node: dict, schema: dict) -> None:
    node = _resolve(node, schema)
    if isinstance(value, list) and isinstance(node.get("items"), dict):
        for item in value:
            _fill_defaults(item, node["items"], schema)
    if not isinstance(value, dict):
        return
    if value.get("kind") in _kinds(node):
        node = schema["$defs"][value["kind"]]
    for name, child in node.get("properties", {}).items():
        resolved = {**_resolve(child, schema), **child}
        if name not in value and "default" in resolved:
            value[name] = copy.deepcopy(resolved["default"])
        elif value.get(name, 0) is None and resolved.get("type") == "object":
            value[name] = {}  # 'training:' with every line below it commented out
        if name in value:
            _fill_defaults(value[name], child, schema)
    if isinstance(node.get("additionalProperties"), dict):
        for name in value.keys() - node.get("properties", {}).keys():
            _fill_defaults(value[name], node["additionalProperties"], schema)


def _explain(error: ValidationError) -> str:
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path).lstrip(".")
    here = f"config key '{path}'" if path else "config"
    rule = error.validator
    if rule == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))[0]
        full = f"{path}.{unknown}" if path else unknown
        near = difflib.get_close_matches(unknown, known, n=1, cutoff=0.5)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        return f"config key '{full}' is unknown.{hint} Known keys here: {', '.join(known)}."
    if rule == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        full = f"{path}.{missing}" if path else missing
        meaning = error.schema.get("properties", {}).get(missing, {}).get("description", "")
        return f"config key '{full}' is missing. {meaning}".rstrip()
    got = error.instance if not isinstance(error.instance, dict | list) else type(error.instance).__name__
    wanted = {
        "enum": lambda v: f"one of {', '.join(map(str, v))}",
        "type": lambda v: f"type {v if isinstance(v, str) else ' or '.join(v)}",
        "minimum": lambda v: f"at least {v}",
        "maximum": lambda v: f"at most {v}",
        "exclusiveMinimum": lambda v: f"more than {v}",
        "exclusiveMaximum": lambda v: f"less than {v}",
        "minItems": lambda v: f"at least {v} entries, got {len(error.instance)}",
        "maxItems": lambda v: f"at most {v} entries, got {len(error.instance)}",
        "minProperties": lambda v: f"at least {v} entry",
        "uniqueItems": lambda v: f"entries that do not repeat, got {error.instance}",
        "pattern": lambda v: f"text that matches {v}",
        "propertyNames": lambda v: "names of letters, digits and underscores",
    }.get(rule, lambda v: None)(error.validator_value)
    meaning = error.schema.get("description", "")
    if rule == "anyOf":
        return f"{here}: got {got!r}, expected: {meaning}"
    if wanted is None:
        return f"{here}: {error.message}. {meaning}".rstrip()
    if rule == "type" and isinstance(got, str) and _is_number(got):
        meaning += " YAML reads exponents as text unless they hold a dot: write 0.0001 or 1.0e-4."
    return f"{here}: got {got!r}, expected {wanted}. {meaning}".rstrip()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_names(config: dict) -> None:
    """Refuse keys that are fine by themselves but contradict each other."""
    if not (config["datasets"] or config["deepmr"]["studies"] or config["hessian"]["studies"]):
        raise SeqauditError(
            "config: 'datasets', 'deepmr.studies' and 'hessian.studies' are all empty, so there is nothing "
            "to do. Describe at least one dataset or study."
        )
    architectures = [*PUBLISHED, *config["architectures"]]
    for name in config["population"]["architectures"]:
        _check_known("population.architectures", "architecture", name, architectures, "architectures")
    redefined = sorted(set(PUBLISHED) & set(config["architectures"]))
    if redefined:
        raise SeqauditError(
            f"config key 'architectures.{redefined[0]}': this name is the published architecture. "
            "Choose another name for your own."
        )
    _check_models(config, architectures)
    for dataset, settings in config["datasets"].items():
        _check_dataset(f"datasets.{dataset}", settings)
    recipes = config["deepmr"]["recipes"]
    for recipe, settings in recipes.items():
        key = f"deepmr.recipes.{recipe}.architecture"
        _check_known(key, "architecture", settings["architecture"], architectures, "architectures")
    for study, settings in config["deepmr"]["studies"].items():
        for recipe in settings["recipes"]:
            key = f"deepmr.studies.{study}.recipes"
            _check_known(key, "recipe", recipe, list(recipes), "deepmr.recipes")
        _check_study(f"deepmr.studies.{study}", settings, recipes)
    _check_hessian(config)


def _check_models(config: dict, architectures: list[str]) -> None:
    asked = set()
    for name, model in config["models"].items():
        if name in architectures:
            raise SeqauditError(
                f"config key 'models.{name}': this name is an architecture. Choose another one for the model."
            )
        for dataset in model["datasets"]:
            _check_known(f"models.{name}.datasets", "dataset", dataset, list(config["datasets"]), "datasets")
        asked.update(model["datasets"])
    idle = [name for name in config["datasets"] if name not in asked]
    if idle and not config["population"]["architectures"]:
        raise SeqauditError(
            f"config key 'population.architectures' is empty and no model under 'models' asks for dataset "
            f"'{idle[0]}', so nothing would be done with it. Name an architecture or a model."
        )


def _check_known(path: str, what: str, name: str, known: list[str], place: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise SeqauditError(
            f"config key '{path}': {what} '{name}' is unknown.{hint} "
            f"Known: {', '.join(known) or 'none'}; define others under '{place}'."
        )


def _check_study(path: str, settings: dict, recipes: dict) -> None:
    reads_profiles = settings["kind"] != "tf_cascade"
    for recipe in settings["recipes"]:
        if reads_profiles != (recipes[recipe]["bpnet"] is not None):
            raise SeqauditError(
                f"config key '{path}.recipes': a study of kind '{settings['kind']}' needs recipes "
                f"{'with' if reads_profiles else 'without'} 'bpnet', and '{recipe}' is not one."
            )
    if settings["kind"] == "regions":
        _check_sums_to_one(f"{path}.split_fractions", settings["split_fractions"])
        _check_instruments(path, settings, recipes)
        return
    _check_sums_to_one(f"{path}.background", settings["background"])
    if settings["kind"] == "factor_grammar":
        _check_factors(path, settings)
        return
    motifs = {role: settings[role] for role in ("exposure", "outcome", "confounder")}
    names = [motif.setdefault("name", motif["id"]) for motif in motifs.values()]
    for role, name in zip(motifs, names):
        if names.count(name) > 1:
            raise SeqauditError(
                f"config key '{path}.{role}': the name '{name}' is used by another motif of the study; "
                "exposure, outcome and confounder need their own."
            )


def _check_instruments(path: str, settings: dict, recipes: dict) -> None:
    for recipe in settings["recipes"]:
        if recipes[recipe]["instruments"]["region"] == "motif":
            raise SeqauditError(
                f"config key 'deepmr.recipes.{recipe}.instruments.region': 'motif' needs known sites, which "
                f"'{path}' does not have. Write 'peak' or 'anywhere'."
            )


def _check_hessian(config: dict) -> None:
    recipes, studies = config["hessian"]["recipes"], config["hessian"]["studies"]
    if config["hessian"]["heads"] and not (config["datasets"] and studies):
        raise SeqauditError(
            "config key 'hessian.heads' asks the networks of 'datasets', beside the studies of "
            "'hessian.studies', and one of these is empty. Add it, or write 'heads: null'."
        )
    asked: dict[str, str] = {}
    for study, settings in studies.items():
        path = f"hessian.studies.{study}"
        for recipe in settings["recipes"]:
            _check_known(f"{path}.recipes", "recipe", recipe, list(recipes), "hessian.recipes")
            if recipes[recipe]["groups"] == "strata" and not settings["strata"]:
                raise SeqauditError(
                    f"config key '{path}.strata' is empty, but recipe '{recipe}' groups points by strata. "
                    "Name features with edges, or give the recipe another 'groups'."
                )
        if "split_fractions" in settings:
            _check_sums_to_one(f"{path}.split_fractions", settings["split_fractions"])
        if not set(settings.get("positive", ())) <= set(settings.get("digits", ())):
            raise SeqauditError(
                f"config key '{path}.positive': got {settings['positive']}, expected two of "
                f"'{path}.digits', {settings['digits']}."
            )
        # tables tell data sets apart by these names
        scale = settings.get("scale", "identity")
        suffix = "" if scale == "identity" else f".{scale}"
        for name in (f"{name}{suffix}" for name in settings.get("datasets", [study])):
            if name in asked or (name == study and name in config["datasets"]):
                raise SeqauditError(
                    f"config key '{path}': '{name}' is already the name of {asked.get(name, 'a dataset')}. "
                    "Rename the study, or ask a dataset in one study only, with several recipes."
                )
            asked[name] = f"a data set of study '{study}'"
        for dataset in settings.get("datasets", []):
            _check_scored_dataset(path, settings, dataset, config["datasets"])


def _check_scored_dataset(path: str, settings: dict, dataset: str, datasets: dict) -> None:
    simulated = [name for name, about in datasets.items() if about["kind"] == "motif_pairs"]
    _check_known(f"{path}.datasets", "simulated dataset", dataset, simulated, "datasets")
    motifs = [*datasets[dataset]["motifs"], *settings["decoys"]]
    names = [motif.setdefault("name", motif["id"]) for motif in motifs]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SeqauditError(
            f"config key '{path}.decoys': the name '{repeated[0]}' is used twice, or by a motif of dataset "
            f"'{dataset}'. Decoys need names of their own."
        )


def _check_factors(path: str, settings: dict) -> None:
    factors = list(settings["factors"])
    named = [
        (f"{path}.{key}", name)
        for key in ("help", "recruitment")
        for giver, takers in settings[key].items()
        for name in (giver, *takers)
    ]
    named += [
        (f"{path}.{key}", name)
        for key in ("base", "gain", "mu")
        if isinstance(settings[key], dict)
        for name in settings[key]
    ]
    named += [
        (f"{path}.composites", part[key]) for part in settings["composites"] for key in ("first", "second")
    ]
    for key, name in named:
        _check_known(key, "factor", name, factors, f"{path}.factors")


def _check_dataset(path: str, settings: dict) -> None:
    _check_sums_to_one(f"{path}.background", settings["background"])
    names = [motif.setdefault("name", motif["id"]) for motif in settings["motifs"]]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SeqauditError(f"config key '{path}.motifs': the name '{repeated[0]}' is used twice.")
    if settings["kind"] == "motif_pairs":
        additive = settings["effect"] in ("additive", 1)
        settings.setdefault("control", "negative" if additive else "positive")
        return
    _check_sums_to_one(f"{path}.split_fractions", settings["split_fractions"])
    for pair in settings["motif_pairs"]:
        for name in pair:
            if name not in names:
                raise SeqauditError(
                    f"config key '{path}.motif_pairs': motif '{name}' is not among the names in "
                    f"'{path}.motifs': {', '.join(names)}."
                )
    is_fasta = Path(settings["sequences"]).name.removesuffix(".gz").endswith((".fa", ".fasta"))
    if is_fasta and "targets" not in settings:
        raise SeqauditError(
            f"config key '{path}.targets' is missing: a FASTA file holds no targets. "
            "Name a table with the columns id and target."
        )


def _check_sums_to_one(path: str, values: list[float]) -> None:
    if abs(sum(values) - 1) > 1e-6:
        raise SeqauditError(f"config key '{path}': {values} sums to {sum(values):g}, expected 1.")
