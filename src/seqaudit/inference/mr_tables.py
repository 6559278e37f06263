"""Tables around the MR estimators: effects in, estimates out, and TwoSampleMR's names.

Rows of one locus, exposure and outcome belong together; each such group is estimated on its
own. Groups of similar size are estimated in one batch.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from seqaudit.data.schemas import SCHEMAS
from seqaudit.errors import SeqauditError
from seqaudit.inference import mr

GROUP = ["locus", "exposure", "outcome"]
EFFECTS = ["beta_exposure", "se_exposure", "beta_outcome", "se_outcome"]

# ours : TwoSampleMR's, of harmonised data and of the results of mr(), mr_heterogeneity() and
# mr_pleiotropy_test()
DOTTED_EFFECTS = {"instrument": "SNP", **{name: name.replace("_", ".") for name in EFFECTS}}
_DOTTED_ESTIMATES = {"n_instruments": "nsnp", "q": "Q", "q_df": "Q_df", "q_pval": "Q_pval"}


def estimate_table(effects: pd.DataFrame, methods: Iterable[str] = ("ivw",), **options) -> pd.DataFrame:
    """Estimate every group of instruments by every method.

    Parameters
    ----------
    effects : pandas.DataFrame
        Columns of the ``mr_effects`` table; other columns are ignored.
    methods : iterable of str
        Names from ``seqaudit.inference.mr.methods()``.
    **options
        Handed to ``seqaudit.inference.mr.estimate``.

    Returns
    -------
    pandas.DataFrame
        An ``mr_estimates`` table, groups in the order of their first row, methods as given.

    Raises
    ------
    SeqauditError
        Unknown method.
    """
    groups, member = _groups(effects)
    tables = []
    for order, method in enumerate(methods):
        for rows, arrays, used in _batches(effects, member):
            result = mr.estimate(*arrays, used, method=method, **options)
            tables.append(_as_table(groups.iloc[rows], method, result).assign(_group=rows, _method=order))
    table = pd.concat(tables).sort_values(["_group", "_method"], kind="stable", ignore_index=True)
    return table.drop(columns=["_group", "_method"])


def single_instrument_table(effects: pd.DataFrame) -> pd.DataFrame:
    """The ratio estimate of every instrument on its own, as TwoSampleMR's ``mr_singlesnp``.

    Returns
    -------
    pandas.DataFrame
        One row per row of ``effects``: its group, ``instrument``, ``b``, ``se``, ``ci_low``,
        ``ci_high``, ``pval`` and ``status``.
    """
    columns = [effects[name].to_numpy(dtype=float)[:, np.newaxis] for name in EFFECTS]
    result = mr.estimate(*columns, method="ivw")
    return _per_instrument(effects, result)


def leave_one_out_table(effects: pd.DataFrame, method: str, **options) -> pd.DataFrame:
    """The estimate of a group without each of its instruments, as TwoSampleMR's ``mr_leaveoneout``.

    Returns
    -------
    pandas.DataFrame
        One row per row of ``effects``, with the columns of ``single_instrument_table``;
        ``instrument`` is the one left out.
    """
    effects = effects.reset_index(drop=True)
    _, member = _groups(effects)
    parts = []
    for group in range(member.max(initial=-1) + 1):
        rows = effects[member == group]
        shape = (len(rows), len(rows))
        arrays = [np.broadcast_to(rows[name].to_numpy(dtype=float), shape) for name in EFFECTS]
        others = ~np.eye(len(rows), dtype=bool)
        parts.append(_per_instrument(rows, mr.estimate(*arrays, others, method=method, **options)))
    return pd.concat(parts).loc[effects.index]


def to_twosamplemr(table: pd.DataFrame) -> pd.DataFrame:
    """Give a table of effects or estimates the column names of the R package TwoSampleMR.

    Parameters
    ----------
    table : pandas.DataFrame
        An ``mr_effects`` or ``mr_estimates`` table.

    Returns
    -------
    pandas.DataFrame
        Effects: ``SNP``, ``beta.exposure``, ... and ``mr_keep``. Estimates: ``nsnp``, ``Q``, ... and
        the label of the method. Both with ``id.exposure`` and ``id.outcome``, which differ
        between loci, so that TwoSampleMR keeps them apart.

    Raises
    ------
    SeqauditError
        Neither kind of table.
    """
    kind = _kind(table, list(DOTTED_EFFECTS), ["b", *_DOTTED_ESTIMATES], "to_twosamplemr")
    several = table["locus"].nunique() > 1
    exported = table.rename(columns=DOTTED_EFFECTS if kind == "mr_effects" else _DOTTED_ESTIMATES)
    for place, side in enumerate(("exposure", "outcome")):
        unique = table[side] + ":" + table["locus"] if several else table[side]
        exported.insert(place, f"id.{side}", unique)
    if kind == "mr_effects":
        return exported.assign(mr_keep=True)
    labels = mr.methods().set_index("method")["label"]
    return exported.assign(method=exported["method"].map(labels))


def from_twosamplemr(table: pd.DataFrame) -> pd.DataFrame:
    """Read a table with TwoSampleMR's column names: harmonised data, or results of ``mr()``.

    Columns under names of ours are kept, so that ``to_twosamplemr`` is undone exactly. Where
    there is no ``locus``, all rows are of locus ``all``; rows with ``mr_keep`` false are dropped,
    as TwoSampleMR's ``mr()`` does.

    Raises
    ------
    SeqauditError
        Neither kind of table, or a method label that is not ours.
    """
    kind = _kind(
        table,
        list(DOTTED_EFFECTS.values()),
        ["b", *_DOTTED_ESTIMATES.values()],
        "from_twosamplemr",
    )
    dotted = DOTTED_EFFECTS if kind == "mr_effects" else _DOTTED_ESTIMATES
    ours = table.rename(columns={theirs: own for own, theirs in dotted.items()})
    if "mr_keep" in ours:
        ours = ours[ours["mr_keep"].astype(bool)]
    ours = ours.drop(columns=["id.exposure", "id.outcome", "mr_keep"], errors="ignore")
    if "locus" not in ours:
        ours.insert(0, "locus", "all")
    if kind == "mr_estimates":
        listed = mr.methods()
        names = dict(zip(listed["label"], listed["method"]))
        unknown = sorted(set(ours["method"]) - set(names))
        if unknown:
            raise SeqauditError(
                f"from_twosamplemr: method '{unknown[0]}' is not one of {', '.join(sorted(names))}."
            )
        ours = ours.assign(method=ours["method"].map(names))
    declared = [column.name for column in SCHEMAS[kind].columns]
    return ours[[name for name in declared if name in ours]].reset_index(drop=True)


def _kind(table: pd.DataFrame, effects: Sequence[str], estimates: Sequence[str], function: str) -> str:
    if set(effects) <= set(table.columns):
        return "mr_effects"
    if set(estimates[:2]) <= set(table.columns):
        return "mr_estimates"
    raise SeqauditError(
        f"{function}: got the columns {', '.join(map(str, table.columns))}; expected effects "
        f"({', '.join(effects)}) or estimates ({', '.join(estimates)})."
    )


def _groups(effects: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """The groups in the order of their first row, and the group number of every row."""
    member = effects.groupby(GROUP, sort=False).ngroup().to_numpy()
    first = np.unique(member, return_index=True)[1]
    return effects[GROUP].iloc[first].reset_index(drop=True), member


def _batches(effects: pd.DataFrame, member: np.ndarray) -> Iterator[tuple[np.ndarray, list, np.ndarray]]:
    """Groups of similar size as padded arrays: group numbers, the four effects, which exist.

    Sizes within a batch differ by less than a factor of 2, so at most half of it is padding.
    """
    sizes = np.bincount(member)
    order = np.argsort(member, kind="stable")
    position = np.empty_like(order)
    position[order] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    bucket = np.frexp(sizes)[1]
    for wanted in np.unique(bucket):
        groups = np.flatnonzero(bucket == wanted)
        row_of = np.full(len(sizes), -1)
        row_of[groups] = np.arange(len(groups))
        rows = np.flatnonzero(row_of[member] >= 0)
        place = row_of[member[rows]], position[rows]
        used = np.zeros((len(groups), sizes[groups].max()), dtype=bool)
        used[place] = True
        arrays = []
        for name in EFFECTS:
            padded = np.ones(used.shape)
            padded[place] = effects[name].to_numpy(dtype=float)[rows]
            arrays.append(padded)
        yield groups, arrays, used


def _as_table(groups: pd.DataFrame, method: str, result: mr.MRResult) -> pd.DataFrame:
    """Columns of ``mr_estimates`` from the shared fields of a result."""
    fields = {name: getattr(result, name) for name in mr.MRResult._fields}
    for name in ("intercept", "intercept_se", "intercept_pval"):
        fields[f"egger_{name}"] = fields.pop(name)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = 1 - fields["q_df"] / fields["q"]
    fields["i2"] = np.where(fields["q"] > 0, np.maximum(excess, 0), np.where(fields["q"] == 0, 0.0, np.nan))
    names = [column.name for column in SCHEMAS["mr_estimates"].columns]
    return groups.assign(method=method, **fields)[names]


def _per_instrument(effects: pd.DataFrame, result: mr.MRResult) -> pd.DataFrame:
    shown = ("b", "se", "ci_low", "ci_high", "pval", "status")
    return effects[[*GROUP, "instrument"]].assign(**{name: getattr(result, name) for name in shown})
