"""Groups of studies as arrays: checked input, blocks that fit the cache, intervals, joined results."""

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from seqaudit.errors import SeqauditError
from seqaudit.inference.meta.heterogeneity import METHODS

STATUS = {
    "ok": "estimated",
    "one_study": "one usable study: its own effect is given, tau2 and a further effect cannot be",
    "no_studies": "no usable study",
    "zero_se": "all effects are equal: the Hartung-Knapp standard error is 0",
    "negative_se": "a standard error is negative: an error in the data",
    "too_few_studies": "fewer than the three usable studies that a meta-regression needs",
    "constant_moderator": "the moderator is the same in all usable studies",
}
"""Every value of ``status``, and what it means."""

INTERVALS = ("normal", "hartung_knapp", "hartung_knapp_adhoc")

# Groups are worked on in blocks of about this many studies, so that the sums stay in the cache.
_BLOCK = 1 << 17


def rescale(se, residual_se, ci: str, several) -> np.ndarray:
    """Standard error under ``ci``: Hartung and Knapp multiply by the weighted residual se."""
    if ci == "normal":
        return se
    factor = np.maximum(residual_se, 1) if ci == "hartung_knapp_adhoc" else residual_se
    return np.where(several, se * factor, se)


def quantile(alpha: float, df, use_t) -> np.ndarray:
    """Upper alpha / 2 quantile of Student's t (NaN without degrees of freedom) or of the normal."""
    return np.where(use_t, stdtrit(np.where(df > 0, df, np.nan), 1 - alpha / 2), ndtri(1 - alpha / 2))


def two_sided(estimate, se, df, use_t) -> np.ndarray:
    """Two-sided p-value."""
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = -np.abs(estimate) / se
    return 2 * np.where(use_t, stdtr(np.where(df > 0, df, np.nan), statistic), ndtr(statistic))


def to_all_groups(kind, fields: dict, rows: np.ndarray, *, status: np.ndarray, k=0):
    """Put the fields of some rows into arrays for all groups.

    The others get their ``status`` and ``k``, no degrees of freedom, and NaN.
    """
    others = {"status": status, "k": k, "q_df": 0}

    def complete(name):
        values = np.broadcast_to(others.get(name, np.nan), len(status)).astype(
            f"U{max(map(len, STATUS))}" if name == "status" else fields[name].dtype
        )
        values[rows] = fields[name]
        return values

    return kind(*(complete(name) for name in kind._fields))


def in_blocks(function, *, groups: int, studies: int):
    """Apply ``function`` to blocks of group numbers and join the fields of its results."""
    size = max(1, _BLOCK // max(studies, 1))
    blocks = [
        function(np.arange(start, min(start + size, groups))) for start in range(0, max(groups, 1), size)
    ]
    return [np.concatenate(parts) for parts in zip(*blocks)]


def as_groups(b, se, used, *, tau2: str | float = "REML", alpha: float = 0.05):
    """Arrays of shape (groups, studies): effects, standard errors, which count; and the groups' shape."""
    if isinstance(tau2, str):
        check_choice("tau2", tau2, tuple(METHODS))
    elif not 0 <= tau2 < np.inf:
        raise SeqauditError(
            f"tau2: got {tau2}, expected the name of an estimator or a variance of at least 0."
        )
    if not 0 < alpha < 1:
        raise SeqauditError(f"alpha: got {alpha}, expected a probability between 0 and 1, such as 0.05.")
    arrays = [np.asarray(b, float), np.asarray(se, float), np.asarray(True if used is None else used, bool)]
    try:
        b, se, used = np.broadcast_arrays(*arrays)
    except ValueError:
        raise SeqauditError(
            "b, se and used have shapes "
            f"{', '.join(str(array.shape) for array in arrays)}, expected (..., studies) each."
        ) from None
    if b.ndim == 0:
        raise SeqauditError(
            f"b: got the single number {b}, expected an array with the studies on its last axis."
        )
    shape = b.shape[:-1]
    if b.shape[-1] == 0:  # a group without studies is one whose only study does not count
        b, se, used = (np.zeros((*shape, 1), array.dtype) for array in (b, se, used))
    b, se, used = (array.reshape(-1, b.shape[-1]) for array in (b, se, used))
    se = np.where(used, se, np.nan)
    usable = np.isfinite(b) & np.isfinite(se) & (se > 0) & ~(se < 0).any(axis=1, keepdims=True)
    return b, se, usable, shape


def check_choice(argument: str, value, choices: tuple[str, ...]) -> None:
    """Raise unless ``value`` is one of the choices."""
    if value not in choices:
        raise SeqauditError(f"{argument}: got {value!r}, expected one of {', '.join(choices)}.")
