"""What every Mendelian randomization method shares: checked inputs, one result, one builder.

A method is a kernel on :class:`Instruments` (all loci of a chunk, unusable entries made
neutral); :func:`map_loci` checks the user's arrays, runs the kernel chunk by chunk and joins
the answers, so that a kernel never sees a NaN and never raises for what is in one locus.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, ndtr, ndtri, stdtr, stdtrit

from seqaudit.errors import SeqauditError
from seqaudit.inference.mr.kernels import whiten

STATUS = {
    "ok": "estimated",
    "too_few_instruments": "fewer usable instruments than the method needs",
    "invalid_se": "a negative standard error, or one of 0 for an outcome effect",
    "no_exposure_effect": "every exposure effect is 0: the causal effect is not identified",
    "collinear_exposures": "the effects on one exposure are a combination of those on the others",
    "no_exposure_variation": "all exposure effects have the same size: slope and intercept are not separable",
    "singular_correlation": "the correlation matrix of the instruments is singular or not positive definite",
    "zero_scale": "most instruments lie exactly on one line: the estimate stands, its se does not exist",
    "zero_bandwidth": "the ratio estimates do not vary: no density can be drawn",
    "no_valid_instruments": "fewer than two instruments were left as valid",
    "no_finite_solution": "the objective has no optimum at a finite effect",
    "not_converged": "the scores of the effect and of the pleiotropic variance found no common root",
    "not_estimable": "the estimate or its p value is not a finite number",
}
"""Every value that the ``status`` column can take, and what it means."""

DISTRIBUTIONS = ("normal", "t")
"""Reference distributions of limits and p values."""

_CHUNK_ELEMENTS = 1 << 15
"""Loci x instruments per chunk: the dozen arrays of a kernel then stay in the processor's cache."""


class Effects(NamedTuple):
    """The user's arrays, checked for shape only; all ``(loci, instruments)``."""

    beta_exposure: np.ndarray
    se_exposure: np.ndarray
    beta_outcome: np.ndarray
    se_outcome: np.ndarray
    used: np.ndarray

    def rows(self, loci) -> "Effects":
        return Effects(*(values[loci] for values in self))


class Instruments(NamedTuple):
    """Summary effects of a chunk of loci, ready for arithmetic; arrays ``(loci, instruments)``.

    Entries that are not ``used`` hold x = y = 0, standard errors of 1 and weight 0: they drop
    out of every weighted sum, and methods that do more than weighted sums ask ``used``.
    """

    x: np.ndarray
    sx: np.ndarray
    y: np.ndarray
    sy: np.ndarray
    w: np.ndarray
    """``1 / sy**2``, and 0 where not used."""
    used: np.ndarray
    n: np.ndarray
    """Usable instruments per locus, ``(loci,)`` integers."""
    invalid_se: np.ndarray
    """Loci with an impossible standard error, ``(loci,)`` booleans."""
    flat: np.ndarray
    """Loci with instruments of which none has an exposure effect, ``(loci,)`` booleans."""


class MRResult(NamedTuple):
    """One causal estimate per locus; arrays of shape ``(loci,)``, NaN where there is no number."""

    b: np.ndarray
    """Causal effect: change of the outcome per unit of the exposure."""
    se: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    pval: np.ndarray
    """Two-sided p value of ``b = 0``."""
    n_instruments: np.ndarray
    """Usable instruments: asked for by ``used``, with four finite numbers."""
    q: np.ndarray
    """Heterogeneity statistic (Cochran's for IVW, Ruecker's for Egger)."""
    q_df: np.ndarray
    q_pval: np.ndarray
    status: np.ndarray
    """``"ok"`` or the reason why there is no number: a key of :data:`STATUS`."""
    intercept: np.ndarray
    """Egger's intercept, the mean direct effect of an instrument on the outcome."""
    intercept_se: np.ndarray
    intercept_ci_low: np.ndarray
    intercept_ci_high: np.ndarray
    intercept_pval: np.ndarray
    i2_gx: np.ndarray
    """Share of the spread of exposure effects that is not noise (Egger's dilution; 1 is good)."""
    residual_se: np.ndarray
    """Residual standard error of the fit, not truncated; 1 means no more spread than stated."""
    tau2: np.ndarray
    """Variance of direct (pleiotropic) effects on the outcome, in squared outcome units."""
    f_statistic: np.ndarray
    """Mean of ``(beta_exposure / se_exposure)**2``: instrument strength."""


def extend_result(module: str, name: str, doc: str, **fields: str) -> type:
    """Return a NamedTuple type with the fields of :class:`MRResult` and a method's own ones.

    Parameters
    ----------
    module, name, doc : str
        Where the type is defined (``__name__``), its name and docstring.
    **fields : str
        Own fields and their meaning.
    """
    result = NamedTuple(name, [(field, np.ndarray) for field in (*MRResult._fields, *fields)])
    own = "\n".join(f"    {field} : {meaning}" for field, meaning in fields.items())
    result.__module__ = module  # what pickle looks for
    result.__doc__ = f"{doc}\n\n    The fields of :class:`MRResult`, and\n\n{own}\n    "
    return result


def check_effects(
    beta_exposure: ArrayLike,
    se_exposure: ArrayLike,
    beta_outcome: ArrayLike,
    se_outcome: ArrayLike,
    used: ArrayLike | None = None,
) -> Effects:
    """Return the five arrays as ``(loci, instruments)``; 1-D input is one locus.

    Raises
    ------
    SeqauditError
        When an array is not numeric, not 1-D or 2-D, or its shape differs from the first one's.
    """
    named = {
        "beta_exposure": beta_exposure,
        "se_exposure": se_exposure,
        "beta_outcome": beta_outcome,
        "se_outcome": se_outcome,
    }
    arrays = [_as_table(name, values, np.float64) for name, values in named.items()]
    shape = arrays[0].shape
    arrays.append(np.broadcast_to(True, shape) if used is None else _as_table("used", used, np.bool_))
    for name, array in zip((*named, "used"), arrays, strict=True):
        if array.shape != shape:
            raise SeqauditError(
                f"mr: {name} has shape {array.shape}, but beta_exposure has {shape}. Give every array as "
                "(loci, instruments), or 1-D for one locus, and mark missing instruments in 'used'."
            )
    if not shape[1]:  # one unused instrument, so that no method has to think of tables without columns
        arrays = [np.zeros((shape[0], 1), dtype=array.dtype) for array in arrays]
    return Effects(*arrays)


def _as_table(name: str, values, dtype) -> np.ndarray:
    try:
        array = np.asarray(values, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise SeqauditError(
            f"mr: {name} cannot be read as {np.dtype(dtype).name} numbers: {error}."
        ) from None
    if array.ndim == 1:
        array = array[np.newaxis]
    if array.ndim != 2:
        raise SeqauditError(
            f"mr: {name} has {array.ndim} dimensions, expected (loci, instruments) or 1-D for one locus."
        )
    return array


def check_choice(method: str, option: str, got, expected: Sequence) -> None:
    """Raise a :class:`SeqauditError` unless ``got`` is one of the expected values."""
    if got not in expected:
        choices = ", ".join(repr(choice) for choice in expected)
        raise SeqauditError(f"mr: {method} got {option}={got!r}, expected one of {choices}.")


def check_range(
    method: str, option: str, got: float, low: float, high: float, *, closed: bool = False
) -> None:
    """Raise a :class:`SeqauditError` unless ``low < got < high``; ``closed`` allows ``low`` itself."""
    if not (low < got < high or (closed and got == low)):
        raise SeqauditError(
            f"mr: {method} got {option}={got!r}, expected a number between {low:g} and {high:g}."
        )


def check_count(method: str, option: str, got: int, least: int) -> None:
    """Raise a :class:`SeqauditError` unless ``got`` is an integer of at least ``least``."""
    if not isinstance(got, (int, np.integer)) or got < least:
        raise SeqauditError(f"mr: {method} got {option}={got!r}, expected an integer of at least {least}.")


def usable_instruments(effects: Effects) -> Instruments:
    """Return the instruments that can be used, the rest made neutral.

    A missing or infinite number makes its instrument unusable, as if it were not in the table
    (an infinite standard error carries no information). A standard error that cannot be right
    (negative, or 0 for the outcome) is no missing value but an error in the data: the whole
    locus is marked.
    """
    x, sx, y, sy, used = effects
    used = used & np.isfinite(x) & np.isfinite(sx) & np.isfinite(y) & np.isfinite(sy)
    invalid = used & ((sy <= 0) | (sx < 0))
    invalid_se = invalid.any(axis=1)
    n = used.sum(axis=1)
    used = used & ~invalid_se[:, np.newaxis]
    x, y = np.where(used, x, 0.0), np.where(used, y, 0.0)
    sx, sy = np.where(used, sx, 1.0), np.where(used, sy, 1.0)
    flat = (n > 0) & ~invalid_se & ~x.any(axis=1)
    return Instruments(x, sx, y, sy, used / sy**2, used, n, invalid_se, flat)


def oriented(data: Instruments) -> Instruments:
    """Return the instruments coded so that every exposure effect is at least 0.

    An exposure effect of exactly 0 keeps its outcome effect (TwoSampleMR's rule;
    MendelianRandomization multiplies it by ``sign(0) = 0``).
    """
    return data._replace(x=np.abs(data.x), y=np.where(data.x < 0, -data.y, data.y))


def canonical_order(data: Instruments) -> np.ndarray:
    """Return the order of instruments by exposure effect, unused ones last, ``(loci, instruments)``.

    Whatever depends on positions in it (random draws) is the same for every order and coding of
    the same instruments.
    """
    data = oriented(data)
    return np.lexsort((data.sx, data.sy, data.y, data.x, ~data.used), axis=1)


def reordered(data: Instruments, order: np.ndarray) -> Instruments:
    """Return the instruments in another order."""
    fields = ("x", "sx", "y", "sy", "w", "used")
    return data._replace(**{name: np.take_along_axis(getattr(data, name), order, axis=1) for name in fields})


def map_loci(
    kernel: Callable,
    effects: Effects,
    *,
    prepare: Callable = usable_instruments,
    values_per_instrument: int = 1,
    correlation=None,
    **options,
) -> NamedTuple:
    """Run a kernel over chunks of loci and join its results.

    Parameters
    ----------
    kernel : callable
        ``kernel(instruments, **options) -> NamedTuple`` of arrays whose first axis is loci.
    effects : Effects
        Checked user input.
    prepare : callable
        ``prepare(effects) -> instruments`` for a chunk of loci.
    values_per_instrument : int
        Size of the kernel's largest array, relative to the effects.
    correlation : array, (instruments, instruments) or (loci, instruments, instruments), optional
        Handed on, cut to the chunk.
    """
    loci, width = effects.used.shape
    if correlation is not None:
        values_per_instrument = width
    rows = max(1, _CHUNK_ELEMENTS // (width * values_per_instrument))
    parts = []
    with np.errstate(all="ignore"):
        for start in range(0, max(loci, 1), rows):
            chunk = slice(start, start + rows)
            if correlation is not None:
                options["correlation"] = correlation[chunk] if correlation.ndim == 3 else correlation
            parts.append(kernel(prepare(effects.rows(chunk)), **options))
    if len(parts) == 1:
        return parts[0]
    return type(parts[0])(*(np.concatenate(field) for field in zip(*parts, strict=True)))


def limits(b, se, *, alpha, distribution="normal", df=None, residual_se=None):
    """Return lower and upper confidence limit and the two-sided p value.

    With ``residual_se`` the t distribution follows MR-Egger's rule for underdispersed loci
    (residual se below 1): the wider of the normal interval with the truncated se and the t
    interval with the untruncated one, and the larger of the two p values. Without degrees of
    freedom (a single instrument) only the normal distribution is left.
    """
    z = b / se
    half, pval = ndtri(1 - alpha / 2) * se, 2 * ndtr(-np.abs(z))
    if distribution == "t":
        known, df = df > 0, np.where(df > 0, df, 1)
        t_half, t_pval = stdtrit(df, 1 - alpha / 2) * se, 2 * stdtr(df, -np.abs(z))
        if residual_se is not None:
            under = residual_se < 1
            t_half = np.where(under, np.maximum(half, t_half * residual_se), t_half)
            larger = np.maximum(pval, 2 * stdtr(df, -np.abs(z / residual_se)))
            t_pval = np.where(under, larger, t_pval)
        half, pval = np.where(known, t_half, half), np.where(known, t_pval, pval)
    return b - half, b + half, pval


def chi_square_tail(q, df):
    """Return the upper tail of the chi-square distribution; NaN without degrees of freedom."""
    return np.where(df > 0, chdtrc(df, q), np.nan)


def mean_f_statistic(data: Instruments, correlation=None) -> np.ndarray:
    """Return the mean of (exposure effect / its se) squared over usable instruments, ``(loci,)``.

    With a correlation of the instruments, the quadratic form ``x' inverse(covariance) x / n``.
    """
    z = data.x / data.sx if correlation is None else whiten((data.x,), data.sx, data.used, correlation)[0][0]
    return (z**2).sum(axis=1) / data.n


def judge(data: Instruments, minimum: int, problems: Sequence[tuple[str, np.ndarray]], finite: np.ndarray):
    """Return the status of every locus, and whether its numbers have to be blanked, ``(loci,)`` each."""
    status = np.full(len(data.n), "ok", dtype=f"U{max(map(len, STATUS))}")
    blank = np.zeros(len(data.n), dtype=bool)
    common = (
        ("invalid_se", data.invalid_se),
        ("no_exposure_effect", data.flat),
        ("too_few_instruments", data.n < minimum),
    )
    for name, mask in (*common, *problems):
        status[mask & (status == "ok")] = name
        if name != "zero_scale":
            blank |= mask
    lost = ~finite & (status == "ok")
    status[lost] = "not_estimable"
    return status, blank | lost


def build_result(
    data: Instruments,
    *,
    b,
    se=None,
    minimum: int,
    alpha: float,
    problems: Sequence[tuple[str, np.ndarray]] = (),
    distribution: str = "normal",
    df=None,
    residual_se=None,
    egger_rule: bool = False,
    q=None,
    q_df=None,
    **own,
) -> MRResult:
    """Return the result of a method, with limits, p values and status worked out.

    Parameters
    ----------
    data : Instruments
        What the estimate was made from.
    b, se : array, (loci,)
        Estimate and standard error. Without one, ``own`` has limits and p value.
    minimum : int
        Fewest instruments that the method needs.
    problems : sequence of (status, mask)
        Further reasons for having no answer, the first that applies is given. All but
        ``zero_scale`` blank the locus.
    distribution : {"normal", "t"}
        Reference distribution of ``b / se``, with ``df`` degrees of freedom.
    egger_rule : bool
        Whether t limits follow Egger's rule for a residual se below 1.
    **own
        Further fields of :class:`MRResult`.
    """
    rule = residual_se if egger_rule else None
    fields = dict.fromkeys(MRResult._fields)
    fields.update(own, b=b, se=se, residual_se=residual_se, q=q, q_df=q_df)
    if fields["f_statistic"] is None:
        fields["f_statistic"] = mean_f_statistic(data)
    reference = {"alpha": alpha, "distribution": distribution, "df": df, "residual_se": rule}
    if se is not None:
        fields["ci_low"], fields["ci_high"], fields["pval"] = limits(b, se, **reference)
    if fields["intercept"] is not None:
        low, high, pval = limits(fields["intercept"], fields["intercept_se"], **reference)
        fields.update(intercept_ci_low=low, intercept_ci_high=high, intercept_pval=pval)
    if q is not None:
        fields["q_pval"] = chi_square_tail(q, q_df)
    finite = np.isfinite(b) & np.isfinite(fields["pval"])
    status, blank = judge(data, minimum, problems, finite)
    missing = np.full(len(data.n), np.nan)
    for name, values in fields.items():
        fields[name] = missing if values is None else np.where(blank, np.nan, values)
    return MRResult(**{**fields, "n_instruments": data.n, "status": status})
