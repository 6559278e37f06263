"""Effects of mutations over an ensemble: the tidy table as one array, its moments, the truth by id."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.errors import SeqauditError

BASES = np.array(list("ACGT"))
_MUTATION = ["locus_id", "position", "alt"]


class EnsembleEffects(NamedTuple):
    """What every member of an ensemble says of every mutation.

    Rows do not depend on the order of the table they come from: loci are ordered by id, their
    mutations by position and base.

    Attributes
    ----------
    mutations : pandas.DataFrame
        ``locus_id``, ``position``, ``ref`` and ``alt`` of every mutation.
    locus : numpy.ndarray, shape (mutations,), int64
        Its locus as an index into ``loci``.
    loci : numpy.ndarray, shape (loci,), object
        Ids.
    outputs : tuple of str
        In alphabetical order.
    values : numpy.ndarray, shape (members, mutations, outputs), float32
    """

    mutations: pd.DataFrame
    locus: np.ndarray
    loci: np.ndarray
    outputs: tuple[str, ...]
    values: np.ndarray

    def index_of(self, output: str, role: str = "output") -> int:
        """Where an output lies on the last axis; an error that lists the outputs if it does not."""
        if output not in self.outputs:
            raise SeqauditError(
                f"{role} '{output}' is not predicted, expected one of {', '.join(self.outputs)}."
            )
        return self.outputs.index(output)

    def per_locus(self, values: np.ndarray) -> np.ndarray:
        """Sum values ``(mutations,)`` over every locus, shape (loci,), float64."""
        return np.bincount(self.locus, weights=values, minlength=len(self.loci))


class Moments(NamedTuple):
    """Mean and covariance of effects over members.

    Attributes
    ----------
    mean : numpy.ndarray, shape (..., outputs), float64
    covariance : numpy.ndarray, shape (..., outputs, outputs), float64
        Divided by ``members - 1``. The diagonal is the variance.
    """

    mean: np.ndarray
    covariance: np.ndarray

    @property
    def variance(self) -> np.ndarray:
        """Shape (..., outputs), float64; a view."""
        return np.diagonal(self.covariance, axis1=-2, axis2=-1)


def member_moments(effects: np.ndarray) -> Moments:
    """Mean, variance and covariances of effects over members, in float64.

    Effects are differences already, so errors that reference and mutant share are gone
    before anything is squared. (Two variances and a covariance of predictions in
    float32, as DeepMR published it, can sum to less than zero.)

    Parameters
    ----------
    effects : array, shape (members, ..., outputs)

    Raises
    ------
    SeqauditError
        Fewer than two members.
    """
    members = len(effects)
    if members < 2:
        raise SeqauditError(
            f"effects: {members} member has no variance between members, expected an ensemble of at least 2. "
            "Train more members."
        )
    mean = effects.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((*mean.shape, mean.shape[-1]))
    for member in effects:
        deviation = member - mean
        covariance += deviation[..., :, None] * deviation[..., None, :]
    return Moments(mean, covariance / (members - 1))


def pivot_effects(table: pd.DataFrame) -> EnsembleEffects:
    """Bring the tidy table of effects into one array, joined by id.

    Parameters
    ----------
    table : pandas.DataFrame
        Table ``mutation_effects``, rows in any order; ``reference`` is not needed.

    Raises
    ------
    SeqauditError
        A missing column or no row; a base that is not A, C, G or T, or a mutation to the same
        base; an effect that is not finite; a row that is there twice or missing for some member
        and output; two different reference bases at one position.
    """
    wanted = ["member", "locus_id", "output", "position", "ref", "alt", "effect"]
    _check_table(table, wanted, "mutation_effects")
    effect = table["effect"].to_numpy(np.float32, na_value=np.nan)
    if not (finite := np.isfinite(effect)).all():
        _complain(table, ~finite, "mutation_effects", "an effect that is not a finite number")
    member, members = pd.factorize(table["member"], sort=True)
    output, outputs = pd.factorize(table["output"], sort=True)
    locus, position, ref, alt, loci = _coordinates(table, "mutation_effects")
    span = int(position.max()) + 1
    mutation, keys = pd.factorize((locus * span + position) * 4 + alt, sort=True)

    shape = len(members), len(keys), len(outputs)
    slot = (member * shape[1] + mutation) * shape[2] + output
    count = np.bincount(slot, minlength=shape[0] * shape[1] * shape[2])
    if (count > 1).any():
        _complain(table, count[slot] > 1, "mutation_effects", "the effect of one member more than once")
    if (count == 0).any():
        _complain_of_gaps(np.argwhere(count.reshape(shape) == 0), keys, span, members, outputs, loci)
    place, site = np.unique(keys // 4, return_inverse=True)
    site_ref = np.empty(len(place), dtype=np.int64)
    site_ref[site[mutation]] = ref
    ref_of = site_ref[site]
    if (other := ref_of[mutation] != ref).any():
        _complain(table, other, "mutation_effects", "another reference base than others at their position")
    values = np.empty(count.size, dtype=np.float32)
    values[slot] = effect

    locus, cell = np.divmod(keys, span * 4)
    position, alt = np.divmod(cell, 4)
    loci = np.asarray(loci, dtype=object)
    mutations = pd.DataFrame(
        {"locus_id": loci[locus], "position": position, "ref": BASES[ref_of], "alt": BASES[alt]}
    )
    names = tuple(str(name) for name in outputs)
    return EnsembleEffects(mutations, locus, loci, names, values.reshape(shape))


def join_true_effects(true_effects: pd.DataFrame | None, effects: EnsembleEffects) -> np.ndarray:
    """True effects of the ensemble's mutations, by id.

    Parameters
    ----------
    true_effects : pandas.DataFrame, optional
        Table ``true_effects``; rows of other loci, outputs and mutations are ignored.

    Returns
    -------
    numpy.ndarray, shape (mutations, outputs), float64
        NaN where the truth is unknown.

    Raises
    ------
    SeqauditError
        A missing column, a repeated row, or another reference base than in the effects: the
        truth is then of other sequences.
    """
    truth = np.full(effects.values.shape[1:], np.nan)
    if true_effects is None or true_effects.empty:
        return truth
    where = "true_effects"
    _check_table(true_effects, ["locus_id", "output", "position", "ref", "alt", "effect"], where)
    rows = pd.MultiIndex.from_frame(effects.mutations[_MUTATION])
    for index, output in enumerate(effects.outputs):
        known = true_effects[true_effects["output"] == output]
        keys = pd.MultiIndex.from_frame(known[_MUTATION])
        if keys.has_duplicates:
            _complain(known, keys.duplicated(keep=False), where, "the effect of one mutation more than once")
        place = keys.get_indexer(rows)
        found = place >= 0
        refs = known["ref"].to_numpy(object)[place[found]]
        if (other := refs != effects.mutations["ref"].to_numpy(object)[found]).any():
            wrong = np.isin(np.arange(len(known)), place[found][other])
            _complain(known, wrong, where, "another reference base than mutation_effects")
        truth[found, index] = known["effect"].to_numpy(np.float64)[place[found]]
    return truth


def _coordinates(table: pd.DataFrame, where: str):
    """Locus, position, reference and alternative base as integers, and the sorted locus ids."""
    locus, loci = pd.factorize(table["locus_id"], sort=True)
    codes = []
    for column in ("ref", "alt"):
        code, letters = pd.factorize(table[column])
        base = np.array(["ACGT".find(letter) if len(str(letter)) == 1 else -1 for letter in letters])
        codes.append(base[code])
        if (codes[-1] < 0).any():
            _complain(table, codes[-1] < 0, where, f"a '{column}' that is not one of A, C, G, T")
    if (codes[0] == codes[1]).any():
        _complain(table, codes[0] == codes[1], where, "a mutation to the same base")
    position = table["position"].to_numpy(np.int64)
    if (position < 0).any():
        _complain(table, position < 0, where, "a negative position")
    return locus, position, *codes, loci


def _check_table(table: pd.DataFrame, columns: list[str], where: str) -> None:
    missing = [name for name in columns if name not in table]
    if missing:
        raise SeqauditError(f"{where}: no column {', '.join(missing)}; expected {', '.join(columns)}.")
    if table.empty:
        raise SeqauditError(f"{where}: no row. Were any sequences mutated?")
    for name in columns[:-1]:
        if table[name].isna().any():
            raise SeqauditError(f"{where}: column '{name}' is empty in {int(table[name].isna().sum())} rows.")


def _complain(table: pd.DataFrame, wrong: np.ndarray, where: str, what: str) -> None:
    row = table.loc[np.asarray(wrong)].iloc[0]
    named = ("member", "locus_id", "output", "position", "ref", "alt", "effect")
    shown = ", ".join(f"{name} {row[name]}" for name in named if name in row)
    raise SeqauditError(f"{where}: {int(np.sum(wrong))} rows have {what}, first {shown}.")


def _complain_of_gaps(gaps: np.ndarray, keys, span: int, members, outputs, loci) -> None:
    member, mutation, output = gaps[0]
    locus, cell = divmod(int(keys[mutation]), span * 4)
    position, alt = divmod(cell, 4)
    raise SeqauditError(
        f"mutation_effects: {len(gaps)} effects are missing, first that of member {members[member]} on "
        f"{outputs[output]} at locus {loci[locus]}, position {position}, base {BASES[alt]}. Every member "
        "needs every mutation and output: mutate again, with all members."
    )
