"""Attribution maps: how much does every base at every position matter to one output?"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from seqaudit.errors import SeqauditError
from seqaudit.models.device import choose_device
from seqaudit.models.predict import predict
from seqaudit.probes.baselines import Baselines, choose_baselines
from seqaudit.probes.deeplift import hypothetical_contributions
from seqaudit.probes.gradients import Points, mean_gradients
from seqaudit.probes.mutagenesis import saturation_mutagenesis

METHODS = (
    "saliency",
    "gradient_x_input",
    "smoothgrad",
    "integrated_gradients",
    "expected_gradients",
    "deeplift_shap",
    "ism",
)
RULES = ("gauss_legendre", "trapezoid")
ANGLES = (30, 45, 60)
"""Angles from the plane of one-hot sequences beyond which gradients are counted, degrees."""


class Attribution(NamedTuple):
    """Maps of one output.

    Attributes
    ----------
    maps : numpy.ndarray, shape (n, 4, L), float32
        Of all four bases, in the unit of the output: per unit of one-hot input (gradients,
        averaged along paths where the method says so), or changes (``ism``). Zero except at
        the base that is there with ``gradient_x_input``.
    predictions : numpy.ndarray, shape (n,), float32
        The explained output.
    contributions : numpy.ndarray, shape (n, L), float32, or None
        What each position contributes to prediction minus mean prediction of the baselines;
        None for methods without baselines. Never centred.
    convergence_delta : numpy.ndarray, shape (n,), float64, or None
        Sum of ``contributions`` minus what they should add up to; 0 for an exact method.
    off_simplex : dict of int to float, or None
        Share of positions whose gradient, before centring, lies at more than 30, 45 and 60
        degrees from the plane of one-hot sequences; None for methods without gradients.
    """

    maps: np.ndarray
    predictions: np.ndarray
    contributions: np.ndarray | None
    convergence_delta: np.ndarray | None
    off_simplex: dict[int, float] | None


def attribute(
    model: nn.Module,
    one_hot: np.ndarray | torch.Tensor,
    *,
    method: str = "saliency",
    output: int | str | None = None,
    output_names: Sequence[str] = (),
    centre: bool = True,
    baseline: str | np.ndarray | torch.Tensor = "shuffled",
    n_baselines: int = 20,
    steps: int = 25,
    rule: str = "gauss_legendre",
    samples: int = 50,
    noise: float = 0.1,
    batch_size: int = 500,
    device: str = "auto",
    seed: int = 1,
) -> Attribution:
    """Attribution maps of one output of a network.

    Parameters
    ----------
    model : torch.nn.Module
        Maps float ``(n, 4, L)`` to ``(n, outputs)``; asked in evaluation mode and left as it
        was (weights, modes, device, gradients).
    one_hot : array or tensor, shape (n, 4, L)
        Channels A, C, G, T; N is all zero.
    method : str
        ``"saliency"``: gradient, with its sign. ``"gradient_x_input"``: that times the
        sequence. ``"smoothgrad"``: mean gradient at ``samples`` noisy copies (Smilkov et al.
        2017). ``"integrated_gradients"``: mean gradient along the straight path from each
        baseline (Sundararajan et al. 2017). ``"expected_gradients"``: the same by ``samples``
        random baselines and places on the path (Erion et al. 2021). ``"deeplift_shap"``:
        hypothetical contributions, through tangermeme. ``"ism"``: change of the prediction by
        every mutation, 0 for the base that is there and at N.
    output : int or str, optional
        Number of the output, or its name in ``output_names``. May be left out if there is one.
    output_names : sequence of str
        Names of the outputs in the order of the predictions.
    centre : bool
        Subtract the mean of the four channels at every position, which one-hot sequences
        cannot move (Majdandzic et al. 2023): of gradients before anything is multiplied, of
        other maps at the end.
    baseline : str or array
        Of path methods: ``"zeros"``, ``"uniform"`` (0.25 everywhere), ``"shuffled"``
        (``n_baselines`` shuffles of each sequence that keep dinucleotides), or an array
        ``(references, 4, L)`` for all sequences or ``(n, references, 4, L)``. Give the same
        array to models that are compared.
    n_baselines : int
        Shuffles per sequence.
    steps, rule
        Of integrated gradients: points per path, and ``"gauss_legendre"`` or ``"trapezoid"``
        (ends included).
    samples : int
        Random points per sequence of ``smoothgrad`` and ``expected_gradients``.
    noise : float
        Standard deviation of smoothgrad's noise, in units of the one-hot input.
    batch_size : int
        Inputs per pass; changes speed and memory, not the result beyond rounding.
    device : str
        ``"auto"`` (CUDA if present), ``"cpu"`` or ``"cuda"``.
    seed : int
        Of shuffles, noise and random points; each sequence has its own stream.

    Returns
    -------
    Attribution
        Gradients that are not finite are left in the maps; scores set such maps aside.

    Raises
    ------
    SeqauditError
        Unknown options, an output that does not exist or is not chosen, input of another
        shape, predictions that are not finite, or tangermeme missing.
    """
    _check_options(method, rule, steps, samples, noise, batch_size)
    one_hot = torch.as_tensor(one_hot).cpu()
    predicted = predict(model, one_hot, batch_size=batch_size, device=device)
    chosen = _choose_output(output, output_names, predicted.shape[1])
    engine = _Engine(model, one_hot, chosen, batch_size, choose_device(device))
    explained = predicted[:, chosen]
    if method == "ism":
        effects = saturation_mutagenesis(model, one_hot, batch_size=batch_size, device=device).effects
        maps = np.nan_to_num(effects[0, ..., chosen])
        return Attribution(_centred(maps) if centre else maps, explained, None, None, None)
    if method in ("saliency", "gradient_x_input", "smoothgrad"):
        gradients = engine.smooth(samples, noise, seed) if method == "smoothgrad" else engine.plain()
        maps = _centred(gradients) if centre else gradients
        if method == "gradient_x_input":
            maps = maps * one_hot.numpy()
        return Attribution(maps.astype(np.float32), explained, None, None, off_simplex_shares(gradients))

    baselines = choose_baselines(baseline, one_hot, count=n_baselines, seed=seed)
    if method == "deeplift_shap":
        maps, contributions, shares = *engine.deeplift(baselines), None
    else:
        if method == "integrated_gradients":
            maps, contributions = engine.integrated(baselines, steps, rule)
        else:
            maps, contributions = engine.expected(baselines, samples, seed)
        shares = off_simplex_shares(maps)
    from_baselines = predict(model, baselines.values.flatten(0, 1), batch_size=batch_size, device=device)
    mean_baseline = from_baselines[:, chosen].astype(np.float64).reshape(baselines.values.shape[:2]).mean(1)
    return Attribution(
        (_centred(maps) if centre else maps).astype(np.float32),
        explained,
        contributions.astype(np.float32),
        contributions.sum(axis=1) - (explained - mean_baseline),
        shares,
    )


def off_simplex_angles(maps: np.ndarray) -> np.ndarray:
    """Angle of the gradient at every position to the plane of one-hot sequences.

    Parameters
    ----------
    maps : array, shape (n, 4, L)
        Gradients that were not centred.

    Returns
    -------
    numpy.ndarray, shape (n, L), float64
        Degrees, -90 to 90; NaN where the gradient is zero or not finite.
    """
    maps = np.asarray(maps, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        sine = 0.5 * maps.sum(axis=1) / np.sqrt(np.square(maps).sum(axis=1))
        return np.degrees(np.arcsin(np.clip(sine, -1, 1)))


def off_simplex_shares(maps: np.ndarray) -> dict[int, float]:
    """Share of positions with a larger angle than 30, 45 and 60 degrees, among those with a gradient."""
    angles = np.abs(off_simplex_angles(maps))
    angles = angles[np.isfinite(angles)]
    return {limit: float((angles > limit).mean()) if angles.size else float("nan") for limit in ANGLES}


class _Engine:
    """One network, one output, some sequences: mean gradients at the points of each method."""

    def __init__(self, model, one_hot: torch.Tensor, output: int, batch_size: int, device: torch.device):
        self.one_hot = one_hot.float()
        self.options = {"output": output, "batch_size": batch_size, "device": device}
        self.model = model

    def plain(self) -> np.ndarray:
        gradients, _ = self._mean(lambda rows, _: Points(self.one_hot[rows], torch.ones(len(rows))), 1)
        return gradients

    def smooth(self, samples: int, noise: float, seed: int) -> np.ndarray:
        @lru_cache(maxsize=2)  # a batch may end inside a sequence
        def drawn(row: int) -> torch.Tensor:
            rng = np.random.default_rng([seed, row])
            return torch.from_numpy(rng.normal(0, noise, (samples, *self.one_hot.shape[1:])))

        def points(rows, which):
            shifts = torch.cat([drawn(row)[which[rows == row]] for row in rows.unique().tolist()])
            return Points(self.one_hot[rows] + shifts, torch.full((len(rows),), 1 / samples))

        return self._mean(points, samples)[0]

    def integrated(self, baselines: Baselines, steps: int, rule: str) -> tuple[np.ndarray, np.ndarray]:
        places, weights = map(torch.from_numpy, _quadrature(steps, rule))

        def points(rows, which):
            start, step = baselines.at(rows, which // steps), which % steps
            difference = self.one_hot[rows] - start
            return Points(
                start + places[step][:, None, None] * difference, weights[step] / baselines.count, difference
            )

        return self._mean(points, baselines.count * steps)

    def expected(self, baselines: Baselines, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        rngs = [np.random.default_rng([seed, row]) for row in range(len(self.one_hot))]
        chosen = torch.from_numpy(np.stack([rng.integers(0, baselines.count, samples) for rng in rngs]))
        places = torch.from_numpy(np.stack([rng.random(samples) for rng in rngs]))

        def points(rows, which):
            start = baselines.at(rows, chosen[rows, which])
            difference = self.one_hot[rows] - start
            inputs = start + places[rows, which][:, None, None] * difference
            return Points(inputs, torch.full((len(rows),), 1 / samples), difference)

        return self._mean(points, samples)

    def deeplift(self, baselines: Baselines) -> tuple[np.ndarray, np.ndarray]:
        hypothetical = hypothetical_contributions(self.model, self.one_hot, baselines, **self.options)
        return hypothetical.numpy(), (hypothetical * self.one_hot).sum(1).numpy()

    def _mean(self, points: Callable, points_per_sequence: int) -> tuple[np.ndarray, np.ndarray]:
        n, _, length = self.one_hot.shape
        found = mean_gradients(
            self.model, points, n=n, length=length, points_per_sequence=points_per_sequence, **self.options
        )
        return found.gradients.numpy(), found.contributions.numpy()


def _quadrature(steps: int, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """Places between 0 and 1 and their weights, which add up to 1."""
    if rule == "gauss_legendre":
        places, weights = np.polynomial.legendre.leggauss(steps)
        return (places + 1) / 2, weights / 2
    weights = np.ones(steps)
    weights[[0, -1]] /= 2
    return np.linspace(0, 1, steps), weights / weights.sum()


def _centred(maps: np.ndarray) -> np.ndarray:
    return maps - maps.mean(axis=1, keepdims=True)


def _choose_output(output: int | str | None, names: Sequence[str], outputs: int) -> int:
    listed = ", ".join(map(str, names)) or f"0 to {outputs - 1}"
    if len(names) not in (0, outputs):
        raise SeqauditError(
            f"output_names: got {len(names)} names, but the model predicts {outputs} outputs."
        )
    if output is None and outputs > 1:
        raise SeqauditError(f"output: the model predicts {outputs} outputs, choose one of {listed}.")
    if isinstance(output, str):
        if output not in names:
            raise SeqauditError(f"output '{output}' is unknown, expected one of {listed}.")
        return list(names).index(output)
    chosen = 0 if output is None else output
    if not 0 <= chosen < outputs:
        raise SeqauditError(f"output {chosen} does not exist, expected one of {listed}.")
    return chosen


def _check_options(method, rule, steps, samples, noise, batch_size) -> None:
    for name, value, choices in (("method", method, METHODS), ("rule", rule, RULES)):
        if value not in choices:
            raise SeqauditError(f"{name} '{value}' is unknown, expected one of {', '.join(choices)}.")
    least_steps = 2 if rule == "trapezoid" else 1
    for name, value, least in (
        ("steps", steps, least_steps),
        ("samples", samples, 1),
        ("batch_size", batch_size, 1),
    ):
        if value < least:
            raise SeqauditError(f"{name}: got {value}, expected at least {least}.")
    if not 0 < noise < np.inf:
        raise SeqauditError(f"noise: got {noise}, expected a positive standard deviation.")
