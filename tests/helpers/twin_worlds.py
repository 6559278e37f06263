"""Small worlds for tests of the additive twin: a truth, models and twins that err smoothly, all in numpy."""

from typing import NamedTuple

import numpy as np
import pandas as pd

VERSIONS = {"f_orig": (1, 1), "f_a_off": (0, 1), "f_b_off": (1, 0), "f_both_off": (0, 0)}
_NODES = 16


class World(NamedTuple):
    """Expected counts of the truth (4, n_pairs), of models and of twins (.., 4, n_pairs), as ``VERSIONS``."""

    truth: np.ndarray
    label: np.ndarray
    predicted: np.ndarray
    twin_predicted: np.ndarray

    @property
    def models(self) -> pd.DataFrame:
        """Table ``interaction_pairs`` of all models."""
        return pd.concat(
            [pair_table(f"cnn.{i}", p, self.label) for i, p in enumerate(self.predicted)], ignore_index=True
        )

    @property
    def twins(self) -> list[pd.DataFrame]:
        """One table of every twin."""
        return [pair_table(f"twin.{i}", p, self.label) for i, p in enumerate(self.twin_predicted)]


def parts_of(predicted: np.ndarray) -> np.ndarray:
    """Background, main effects and interaction (.., 4, n_pairs) from the four versions."""
    orig, a_off, b_off, both_off = np.moveaxis(predicted, -2, 0)
    return np.stack([both_off, b_off - both_off, a_off - both_off, orig - a_off - b_off + both_off], axis=-2)


def smooth(rng, n_columns, *, length=0.4):
    """A random smooth function of ``n_columns`` variables, mean square about 1."""
    frequency = rng.normal(0, 1 / length, (n_columns, _NODES))
    phase, height = rng.uniform(0, 2 * np.pi, _NODES), rng.normal(0, np.sqrt(2 / _NODES), _NODES)
    return lambda at: np.cos(at @ frequency + phase) @ height


def additive_error(rng, occupied, base, *, rough=0.3):
    """Error of an additive function in every version: of the background and of each motif by itself."""
    n = len(base)
    of_base, of_a, of_b = (smooth(rng, 1) for _ in range(3))
    single = rng.normal(0, rough, (3, n))
    parts = np.stack(
        [
            of_base(base[:, None]) + single[0],
            of_a(occupied[0][:, None]) + single[1],
            of_b(occupied[1][:, None]) + single[2],
        ]
    ) / np.sqrt(3 * (1 + rough**2))
    return np.stack([parts[0] + a * parts[1] + b * parts[2] for a, b in VERSIONS.values()])


def absorb(truth, occupied, base):
    """The additive function closest to the truth, over sequences with none, one or both motifs."""

    def columns(a, b):
        powers = [base**k for k in range(4)] + [a * occupied[0] ** k for k in range(1, 4)]
        return np.stack(powers + [b * occupied[1] ** k for k in range(1, 4)], axis=1)

    design = np.concatenate([columns(a, b) for a, b in VERSIONS.values()])
    target = truth.ravel()
    root = 1 / np.sqrt(target)
    fitted = design @ np.linalg.lstsq(design * root[:, None], target * root, rcond=None)[0]
    return fitted.reshape(truth.shape)


def make_world(
    seed,
    *,
    exponent=1.0,
    n_pairs=2000,
    model_error=5.0,
    twin_errors=(2.0, 2.0, 3.0, 3.0),
    common_error=0.0,
    n_models=1,
    common_model_error=0.0,
):
    """One data set: ``exponent`` 1 is additive; errors are root mean squares in reads at about 240 reads."""
    rng = np.random.default_rng(seed)
    base = rng.gamma(4, 0.1, n_pairs)
    occupied = np.clip(rng.normal(1, 0.25, (2, n_pairs)), 0.05, None)
    total = np.stack([base + a * occupied[0] + b * occupied[1] for a, b in VERSIONS.values()])
    truth = 100 * total**exponent / (2.4 ** (exponent - 1))
    label = rng.poisson(truth[0]).astype(float)
    sites = np.stack(
        [np.column_stack([base, a * occupied[0], b * occupied[1]]) for a, b in VERSIONS.values()]
    )
    predicted = []

    def error_of_model():
        return additive_error(rng, occupied, base) + 0.3 * smooth(rng, 3, length=0.2)(sites)

    shared = error_of_model()
    for _ in range(n_models):
        noisy = np.sqrt(common_model_error) * shared + np.sqrt(1 - common_model_error) * error_of_model()
        predicted.append(truth + model_error * noisy / np.sqrt((noisy[0] ** 2).mean()))
    additive = absorb(truth, occupied, base)
    shared = additive_error(rng, occupied, base)
    twins = []
    for size in twin_errors:
        own = additive_error(rng, occupied, base)
        error = np.sqrt(common_error) * shared + np.sqrt(1 - common_error) * own
        twins.append(additive + error * size / np.sqrt((error[0] ** 2).mean()))
    return World(truth, label, np.stack(predicted), np.stack(twins))


def pair_table(model_id, predicted, label, *, motif_pair="A-B", groups=None):
    """Table ``interaction_pairs`` of held-out pairs from predictions (4, n)."""
    orig = predicted[0]
    _, main_a, main_b, interaction = parts_of(predicted)
    n = len(label)

    def loss(values):
        at, measured = (2 * np.sqrt(np.maximum(x, -3 / 8) + 3 / 8) for x in (values, label))
        return (at - measured) ** 2

    return pd.DataFrame(
        {
            "model_id": model_id,
            "pair_id": [f"{motif_pair}.{i:05d}" for i in range(n)],
            "motif_pair": motif_pair,
            "pair_set": "real",
            "split": "test",
            "group": [f"sequence_{i:05d}" for i in range(n)] if groups is None else groups,
            "label": label,
            **dict(zip(VERSIONS, predicted)),
            "main_a": main_a,
            "main_b": main_b,
            "interaction": interaction,
            "loss_with": loss(orig),
            "loss_without": loss(orig - interaction),
            "clipped": orig - interaction < -3 / 8,
        }
    )
