"""Effects of mutations over the members of an ensemble, as moments and as tidy tables."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.errors import SeqauditError

BASES = np.array(list("ACGT"))


class MemberMoments(NamedTuple):
    """Mean and covariance of effects over members.

    Attributes
    ----------
    mean : numpy.ndarray, shape (n, 4, L, outputs), float64
    covariance : numpy.ndarray, shape (n, 4, L, outputs, outputs), float64
        Divided by ``members - 1``. The diagonal is the variance.
    """

    mean: np.ndarray
    covariance: np.ndarray

    @property
    def variance(self) -> np.ndarray:
        """Shape (n, 4, L, outputs), float64; a view."""
        return np.diagonal(self.covariance, axis1=-2, axis2=-1)


class Mutations(NamedTuple):
    """All single-base mutations, ordered by sequence, position and alternative; int64 each."""

    sequence: np.ndarray
    position: np.ndarray
    ref: np.ndarray
    alt: np.ndarray

    def of(self, values: np.ndarray) -> np.ndarray:
        """Pick the rows' values out of an array ``(n, 4, L, ...)``."""
        return values[self.sequence, self.alt, self.position]


def member_moments(effects: np.ndarray) -> MemberMoments:
    """Mean, variance and covariances of effects over members, in float64.

    Effects are differences already, so errors that reference and mutant share are gone
    before anything is squared. (Two variances and a covariance of predictions in
    float32, as DeepMR published it, can sum to less than zero.)

    Parameters
    ----------
    effects : array, shape (members, n, 4, L, outputs)
        Of ``probes.mutagenesis``.

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
    return MemberMoments(mean, covariance / (members - 1))


def list_mutations(one_hot: np.ndarray) -> Mutations:
    """All mutations of sequences ``(n, 4, L)``: three per base, none at an N."""
    one_hot = np.asarray(one_hot)
    columns = one_hot.transpose(0, 2, 1)
    sequence, position, alt = np.nonzero((columns == 0) & columns.any(axis=2, keepdims=True))
    return Mutations(sequence, position, columns.argmax(axis=2)[sequence, position], alt)


def member_table(
    effects: np.ndarray, one_hot: np.ndarray, *, locus_ids: Sequence[str], outputs: Sequence[str]
) -> pd.DataFrame:
    """One row per member, locus and mutation: the effects of a chunk on every output.

    Parameters
    ----------
    effects : array, shape (members, n, 4, L, outputs)
    one_hot : array, shape (n, 4, L)
    locus_ids : sequence of str, length n
    outputs : sequence of str
        A name for each output.

    Returns
    -------
    pandas.DataFrame
        ``member`` (int64, from 0), ``locus_id``, ``position`` (int64, from 0), ``ref``,
        ``alt`` and ``effect_<output>`` (float32).
    """
    _check_names(effects.shape[1], effects.shape[-1], locus_ids, outputs)
    mutations = list_mutations(one_hot)
    described = _description(mutations, locus_ids)
    tables = []
    for member, values in enumerate(effects):
        picked = mutations.of(values)
        columns = {f"effect_{name}": picked[:, index] for index, name in enumerate(outputs)}
        tables.append(described.assign(**columns))
        tables[-1].insert(0, "member", member)
    return pd.concat(tables, ignore_index=True)


def pair_table(
    moments: MemberMoments,
    one_hot: np.ndarray,
    *,
    locus_ids: Sequence[str],
    outputs: Sequence[str],
    exposure: str,
    outcome: str,
) -> pd.DataFrame:
    """One row per locus and mutation: moments of its effects on an exposure and an outcome.

    Parameters
    ----------
    moments : MemberMoments
        Of ``n`` sequences, such as one chunk.
    one_hot, locus_ids, outputs
        As in :func:`member_table`.
    exposure, outcome : str
        Two of ``outputs``.

    Returns
    -------
    pandas.DataFrame
        ``locus_id``, ``exposure``, ``outcome``, ``position``, ``ref``, ``alt``, ``beta_exposure``,
        ``beta_outcome`` (means over members), ``variance_exposure``, ``variance_outcome`` and
        ``covariance``; float64, in the unit of the predictions or its square.
    """
    _check_names(len(moments.mean), moments.mean.shape[-1], locus_ids, outputs)
    for role, name in (("exposure", exposure), ("outcome", outcome)):
        if name not in outputs:
            raise SeqauditError(f"{role} '{name}' is not predicted, expected one of {', '.join(outputs)}.")
    x, y = list(outputs).index(exposure), list(outputs).index(outcome)
    mutations = list_mutations(one_hot)
    mean, covariance = mutations.of(moments.mean), mutations.of(moments.covariance)
    table = _description(mutations, locus_ids).assign(
        beta_exposure=mean[:, x],
        beta_outcome=mean[:, y],
        variance_exposure=covariance[:, x, x],
        variance_outcome=covariance[:, y, y],
        covariance=covariance[:, x, y],
    )
    table.insert(1, "exposure", exposure)
    table.insert(2, "outcome", outcome)
    return table


def _description(mutations: Mutations, locus_ids: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "locus_id": np.asarray(locus_ids)[mutations.sequence],
            "position": mutations.position,
            "ref": BASES[mutations.ref],
            "alt": BASES[mutations.alt],
        }
    )


def _check_names(n: int, predicted: int, locus_ids: Sequence[str], outputs: Sequence[str]) -> None:
    for what, names, expected in (("locus_ids", locus_ids, n), ("outputs", outputs, predicted)):
        if len(names) != expected:
            raise SeqauditError(f"{what}: got {len(names)} names, expected {expected}, one for each.")
        if len(set(names)) != expected:
            raise SeqauditError(f"{what}: names are repeated; every name must be its own.")
