"""Does an interaction that a model learned help it predict? Tests on held-out motif pairs."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference.combine import cauchy_combination
from seqaudit.inference.loss_reasons import TEST_NAMES, explain_model
from seqaudit.inference.rank_tests import rank_sum, signed_rank

ADDITIVE = 1e-5
"""Models with mean |interaction| below this share of mean |prediction| are additive: float32 rounding."""

P_COLUMNS = [column.name for column in SCHEMAS["loss_models"].columns if column.name.endswith("_p")]
_MODEL_COLUMNS = [column.name for column in SCHEMAS["loss_models"].columns]
_SETS = {
    ("real", "test"): "held-out pairs",
    ("real", "train"): "training pairs",
    ("random_location", "test"): "held-out random locations",
    ("random_location", "train"): "training random locations",
    ("shuffled", "test"): "shuffled sequences",
}
HELD_OUT, _TRAINING, _RANDOM, _RANDOM_TRAINING, _SHUFFLED = _SETS.values()
_ADDITIVE_REASON = "the model is additive on these pairs: its interactions are float32 rounding"
_VALUES = ["f_orig", "main_a", "main_b", "interaction", "loss_with", "loss_without", "clipped"]


class PairSet(NamedTuple):
    """One model's motif pairs of one set, averaged over the pairs of each independent group.

    Arrays have shape (n_groups,), float64; losses are NaN where no pair has a label.
    """

    n_pairs: int
    scale: float
    fraction_clipped: float
    interaction: np.ndarray
    magnitude: np.ndarray
    main: np.ndarray
    loss_with: np.ndarray
    loss_without: np.ndarray

    @property
    def n_groups(self) -> int:
        """Independent groups of pairs."""
        return len(self.interaction)

    @property
    def improvement(self) -> np.ndarray:
        """``loss_without - loss_with`` of groups with a label; positive: the interaction helps."""
        difference = self.loss_without - self.loss_with
        return difference[~np.isnan(difference)]

    @property
    def is_additive(self) -> bool:
        """Whether interactions are no larger than rounding of the predictions."""
        return bool(self.n_pairs and self.magnitude.mean() <= ADDITIVE * self.scale)


class _Test(NamedTuple):
    """One test: signed rank of the first sample, or rank sum of the first against the second."""

    column: str
    first: tuple[str, str]
    second: tuple[str, str] | None = None
    alternative: str = "greater"
    effect: str | None = None


_TESTS = (
    _Test("paired_p", (HELD_OUT, "improvement"), effect="paired_effect"),
    _Test("unpaired_p", (HELD_OUT, "loss_without"), (HELD_OUT, "loss_with"), effect="unpaired_effect"),
    _Test("shuffled_p", (HELD_OUT, "magnitude"), (_SHUFFLED, "magnitude")),
    _Test("shuffled_loss_p", (HELD_OUT, "improvement"), (_SHUFFLED, "improvement")),
    _Test("random_location_p", (HELD_OUT, "improvement"), (_RANDOM, "improvement")),
    _Test("random_location_magnitude_p", (HELD_OUT, "magnitude"), (_RANDOM, "magnitude")),
    _Test("interaction_p", (HELD_OUT, "interaction"), alternative="two-sided"),
    _Test("train_paired_p", (_TRAINING, "improvement")),
    _Test("train_unpaired_p", (_TRAINING, "loss_without"), (_TRAINING, "loss_with")),
    _Test("train_random_location_p", (_TRAINING, "improvement"), (_RANDOM_TRAINING, "improvement")),
)


def run_loss_tests(
    pairs: pd.DataFrame,
    evaluations: pd.DataFrame,
    *,
    alpha: float = 0.05,
    deciding_test: str = "unpaired",
    min_pairs: int = 30,
) -> pd.DataFrame:
    """Test every model's interaction at every motif pair, and judge it.

    Tests, alternatives and conventions are those of Finkelstein et al. 2020, section 2.5
    and App. G: normal approximation, signed rank without and rank sum with continuity
    correction. Pairs of one group (one genomic element, one sequence) are averaged first,
    because the tests count independent observations; with one pair per sequence this
    changes nothing. No correction for the number of models or motif pairs is made here.

    Parameters
    ----------
    pairs : pandas.DataFrame
        Table ``interaction_pairs`` of any number of models and motif pairs.
    evaluations : pandas.DataFrame
        Table ``evaluations``, one row for each of these models.
    alpha : float
        Level of each single test.
    deciding_test : {"unpaired", "paired", "random_location"}
        The test that can call an interaction supported. Only the unpaired one kept its
        level in the published negative controls (0, 19 and 14 false positives of 45).
    min_pairs : int
        With fewer independent groups the normal approximation is not used: p is null.

    Returns
    -------
    pandas.DataFrame
        Table ``loss_models``. P-values that cannot be computed are null and named in
        ``status``; p-values below 2.2e-308 are stored as that.

    Raises
    ------
    SeqauditError
        No pairs, a model without an evaluation, or options out of range.
    """
    check_options(alpha=alpha, deciding_test=deciding_test, min_pairs=min_pairs)
    design = evaluations.set_index("model_id").to_dict("index")
    rows = []
    for model_id, motif_pair, sets in split_sets(pairs):
        if model_id not in design:
            raise SeqauditError(
                f"evaluations: model '{model_id}' has motif pairs but no row here. Evaluate every "
                "model that was probed."
            )
        p_values, missing = _tests(sets, min_pairs=min_pairs)
        row = {
            **design[model_id],
            "model_id": model_id,
            "motif_pair": motif_pair,
            **_summaries(sets),
            **p_values,
            **dict.fromkeys(("twin_p", "twin_beta", "twin_ci_low", "twin_ci_high"), np.nan),
            "twin_verdict": None,
            "status": _status(sets, missing),
        }
        row["verdict"] = _verdict(row, missing, alpha=alpha, deciding_test=deciding_test)
        row["reason"] = explain_model(row, deciding_test=deciding_test, alpha=alpha)
        rows.append(row)
    return pd.DataFrame(rows)[_MODEL_COLUMNS]


def summarise_architectures(models: pd.DataFrame, *, alpha: float = 0.05) -> pd.DataFrame:
    """Count significant models, and combine their p-values, for every architecture and test.

    Parameters
    ----------
    models : pandas.DataFrame
        Table ``loss_models``.
    alpha : float
        Level of each single test.

    Returns
    -------
    pandas.DataFrame
        Table ``loss_architectures``. ``combined_p`` is a Cauchy combination: models share
        their held-out pairs, so their p-values are not independent.
    """
    rows = []
    for (dataset, motif_pair, arch), group in models.groupby(["dataset", "motif_pair", "arch"], sort=False):
        for test in P_COLUMNS:
            p = group[test].to_numpy(np.float64)
            rows.append(
                {
                    "dataset": dataset,
                    "motif_pair": motif_pair,
                    "arch": arch,
                    "test": test,
                    "n_models": int((~np.isnan(p)).sum()),
                    "n_significant": int((p < alpha).sum()),
                    "combined_p": cauchy_combination(p),
                }
            )
    return pd.DataFrame(rows, columns=[column.name for column in SCHEMAS["loss_architectures"].columns])


def split_sets(pairs: pd.DataFrame) -> Iterator[tuple[str, str, dict[str, PairSet]]]:
    """Yield model id, motif pair and its ``PairSet`` by set name, in order of first appearance.

    Parameters
    ----------
    pairs : pandas.DataFrame
        Table ``interaction_pairs``; the order of its rows does not matter otherwise.

    Raises
    ------
    SeqauditError
        The table is empty, or names an unknown set.
    """
    if len(pairs) == 0:
        raise SeqauditError(
            "interaction_pairs: the table is empty, so there is nothing to test. Probe at least one model at "
            "at least one motif pair."
        )
    models, model_ids = pd.factorize(pairs["model_id"])
    motifs, motif_pairs = pd.factorize(pairs["motif_pair"])
    sets, set_keys = pd.factorize(pairs["pair_set"] + "/" + pairs["split"])
    known = {"/".join(key): name for key, name in _SETS.items()} | {"shuffled/train": None}
    unknown = [key for key in set_keys if key not in known]
    if unknown:
        raise SeqauditError(
            f"interaction_pairs: pair_set/split '{unknown[0]}' is unknown, expected one of "
            f"{', '.join(known)}."
        )
    groups = pd.factorize(pairs["group"])[0]
    order = np.lexsort((sets, motifs, models))
    values = {name: pairs[name].to_numpy(np.float64)[order] for name in _VALUES}
    groups = groups[order]
    keys = np.column_stack([models, motifs, sets])[order]
    starts = np.flatnonzero(np.r_[True, (keys[1:] != keys[:-1]).any(axis=1)])
    ends = np.r_[starts[1:], len(order)]

    collected: dict[tuple[int, int], dict[str, PairSet]] = {}
    for start, end in zip(starts, ends):
        model, motif, which = keys[start]
        name = known[set_keys[which]]
        part = collected.setdefault((model, motif), {})
        if name is not None:
            rows = slice(start, end)
            part[name] = _average_groups({k: v[rows] for k, v in values.items()}, groups[rows])
    for (model, motif), part in collected.items():
        nothing = _average_groups({name: np.empty(0) for name in _VALUES}, np.empty(0, dtype=np.int64))
        yield model_ids[model], motif_pairs[motif], {name: part.get(name, nothing) for name in _SETS.values()}


def check_options(*, alpha: float, deciding_test: str, min_pairs: int = 2) -> None:
    """Refuse options out of range."""
    if not 0 < alpha < 1:
        raise SeqauditError(f"alpha: got {alpha}, expected a level between 0 and 1, such as 0.05.")
    if deciding_test not in TEST_NAMES:
        raise SeqauditError(f"deciding_test: got '{deciding_test}', expected one of {', '.join(TEST_NAMES)}.")
    if min_pairs < 2:
        raise SeqauditError(f"min_pairs: got {min_pairs}, expected at least 2.")


def _average_groups(values: dict[str, np.ndarray], groups: np.ndarray) -> PairSet:
    n_pairs = len(groups)
    per_pair = {
        "interaction": values["interaction"],
        "magnitude": np.abs(values["interaction"]),
        "main": values["main_a"] + values["main_b"],
        "loss_with": values["loss_with"],
        "loss_without": values["loss_without"],
    }
    distinct, codes = np.unique(groups, return_inverse=True)
    if distinct.size < n_pairs:
        per_pair = {name: _group_means(column, codes, distinct.size) for name, column in per_pair.items()}
    return PairSet(
        n_pairs=n_pairs,
        scale=float(np.abs(values["f_orig"]).mean()) if n_pairs else np.nan,
        fraction_clipped=float(values["clipped"].mean()) if n_pairs else np.nan,
        **per_pair,
    )


def _group_means(column: np.ndarray, codes: np.ndarray, n_groups: int) -> np.ndarray:
    present = ~np.isnan(column)
    counts = np.bincount(codes[present], minlength=n_groups)
    sums = np.bincount(codes[present], weights=column[present], minlength=n_groups)
    return np.divide(sums, counts, out=np.full(n_groups, np.nan), where=counts > 0)


def _tests(sets: dict[str, PairSet], *, min_pairs: int) -> tuple[dict[str, float], dict[str, str]]:
    """P-values and effect sizes of one model at one motif pair, and why p-values are missing."""
    found, missing = {}, {}
    for test in _TESTS:
        reason, samples = None, []
        for name, quantity in filter(None, (test.first, test.second)):
            sample = getattr(sets[name], quantity)
            sample = sample[~np.isnan(sample)]
            samples.append(sample)
            reason = reason or _too_few(sets[name], name, sample, min_pairs)
        if reason is None and sets[test.first[0]].is_additive:
            reason = _ADDITIVE_REASON
        outcome = None
        if reason is None and test.second:
            outcome = rank_sum(*samples)
        elif reason is None:
            changed = int(np.count_nonzero(samples[0]))
            if changed < min_pairs:
                reason = f"only {changed} differences are not zero, expected at least {min_pairs}"
            else:
                outcome = signed_rank(samples[0], alternative=test.alternative)
        if outcome is not None and np.isnan(outcome.p):
            reason, outcome = "all values are equal", None
        found[test.column] = np.nan if outcome is None else outcome.p
        if test.effect:
            found[test.effect] = np.nan if outcome is None else outcome.effect
        if reason is not None:
            missing[test.column] = reason
    return found, missing


def _too_few(part: PairSet, name: str, sample: np.ndarray, min_pairs: int) -> str | None:
    if part.n_pairs == 0:
        return f"no {name}"
    if sample.size == 0:
        return f"{name} have no labels"
    if sample.size < min_pairs:
        return f"{sample.size} independent {name}, fewer than {min_pairs}"
    return None


def _status(sets: dict[str, PairSet], missing: dict[str, str]) -> str:
    notes = []
    for reason in dict.fromkeys(missing.values()):
        columns = [column for column, given in missing.items() if given == reason]
        which = "no test" if len(columns) == len(_TESTS) else ", ".join(columns) + " not"
        notes.append(f"{reason} ({which} computed)")
    for name in (HELD_OUT, _TRAINING):
        unlabelled = int(np.isnan(sets[name].loss_with).sum())
        if 0 < unlabelled < sets[name].n_groups:
            notes.append(f"{unlabelled} of {sets[name].n_groups} independent {name} have no label")
    return "; ".join(notes) or "ok"


def _summaries(sets: dict[str, PairSet]) -> dict[str, float]:
    held_out, shuffled, random = sets[HELD_OUT], sets[_SHUFFLED], sets[_RANDOM]
    additive = held_out.is_additive
    return {
        "n_pairs": held_out.n_pairs,
        "n_pairs_train": sets[_TRAINING].n_pairs,
        "n_groups": held_out.n_groups,
        "mean_abs_interaction": _mean(held_out.magnitude),
        "sem_abs_interaction": _sem(held_out.magnitude),
        "mean_interaction": _mean(held_out.interaction),
        "median_interaction": _median(held_out.interaction),
        "mean_abs_interaction_shuffled": _mean(shuffled.magnitude),
        "sem_abs_interaction_shuffled": _sem(shuffled.magnitude),
        "mean_abs_interaction_random_location": _mean(random.magnitude),
        "sem_abs_interaction_random_location": _sem(random.magnitude),
        "mean_loss_improvement": _mean(held_out.improvement),
        "sem_loss_improvement": _sem(held_out.improvement),
        "median_loss_improvement": _median(held_out.improvement),
        "mean_loss_improvement_random_location": _mean(random.improvement),
        "sem_loss_improvement_random_location": _sem(random.improvement),
        "median_loss_improvement_train": _median(sets[_TRAINING].improvement),
        "r_abs_interaction_main": np.nan if additive else _pearson(held_out.magnitude, held_out.main),
        "r_interaction_main": np.nan if additive else _pearson(held_out.interaction, held_out.main),
        "fraction_clipped": held_out.fraction_clipped,
    }


def _verdict(statistics: dict, missing: dict[str, str], *, alpha: float, deciding_test: str) -> str:
    column = f"{deciding_test}_p"
    if column in missing:
        return "not supported" if missing[column] == _ADDITIVE_REASON else "not tested"
    if statistics[column] < alpha and statistics["median_loss_improvement"] > 0:
        return "supported"
    if deciding_test != "paired" and statistics["paired_p"] < alpha:
        return "suggestive"
    return "not supported"


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else np.nan


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if values.size else np.nan


def _sem(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else np.nan


def _pearson(first: np.ndarray, second: np.ndarray) -> float:
    if first.size < 3:
        return np.nan
    first, second = first - first.mean(), second - second.mean()
    spread = np.sqrt((first @ first) * (second @ second))
    return float(first @ second / spread) if spread > 0 else np.nan
