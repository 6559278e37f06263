"""Features and targets as Bayesian networks want them: checked, scaled, in memory."""

from typing import NamedTuple

import numpy as np
import torch

from seqaudit.errors import SeqauditError
from seqaudit.models.mlp import Scaling, check_points
from seqaudit.training.bayesian_settings import NetworkSettings


class Data(NamedTuple):
    """Scaled features and, network first, scaled targets, on the device."""

    features: torch.Tensor
    validation_features: torch.Tensor
    targets: torch.Tensor
    validation_targets: torch.Tensor
    target_scales: torch.Tensor

    def repeated(self, times: int) -> "Data":
        """Every target so many times in a row."""
        return self._replace(
            targets=self.targets.repeat_interleave(times, 0),
            validation_targets=self.validation_targets.repeat_interleave(times, 0),
            target_scales=self.target_scales.repeat_interleave(times, 0),
        )

    def part(self, networks: slice) -> "Data":
        """Some of the targets."""
        return self._replace(
            targets=self.targets[networks],
            validation_targets=self.validation_targets[networks],
            target_scales=self.target_scales[networks],
        )


def prepare(
    features: np.ndarray,
    targets: np.ndarray,
    validation_features: np.ndarray,
    validation_targets: np.ndarray,
    *,
    settings: NetworkSettings,
    device: torch.device,
) -> tuple[Data, list[Scaling]]:
    """Check and scale; returns the scaling of each target as well.

    Raises
    ------
    SeqauditError
        See ``bayesian.fit_posteriors``.
    """
    columns = np.shape(features)[1] if np.ndim(features) == 2 else 0
    features = check_points(features, features=columns, name="features")
    validation_features = check_points(validation_features, features=columns, name="validation_features")
    if columns < 2 or len(features) < 2:
        raise SeqauditError(
            f"features: got shape {features.shape}, expected two or more rows and features: an interaction "
            "needs a pair."
        )
    constant = np.flatnonzero(np.ptp(features, axis=0) == 0)
    if len(constant):
        raise SeqauditError(
            f"features: column {constant[0]} is constant ({len(constant)} such columns), expected features "
            "that vary. Leave out columns that say nothing."
        )
    targets = _checked_targets(targets, len(features), settings, "targets")
    validation_targets = _checked_targets(
        validation_targets, len(validation_features), settings, "validation_targets"
    )
    if len(targets) != len(validation_targets):
        raise SeqauditError(
            f"validation_targets: got {len(validation_targets)} rows, expected {len(targets)}, one per row "
            "of targets."
        )
    if settings.scaling == "standardise":
        shift, scale = features.mean(0), features.std(0)
    else:
        scale = np.ptp(features, axis=0)
        shift = features.min(0) - scale / 2  # to 0.5..1.5
    scalings = [
        Scaling(shift, scale, *_target_scaling(target, settings, row)) for row, target in enumerate(targets)
    ]

    def to_tensor(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(device, torch.float32)

    shifts, scales = (np.array([scaling[part] for scaling in scalings])[:, None] for part in (2, 3))
    data = Data(
        to_tensor((features - shift) / scale),
        to_tensor((validation_features - shift) / scale),
        to_tensor((targets - shifts) / scales),
        to_tensor((validation_targets - shifts) / scales),
        to_tensor(scales[:, 0]),
    )
    return data, scalings


def _checked_targets(targets: np.ndarray, n: int, settings: NetworkSettings, name: str) -> np.ndarray:
    targets = check_points(targets, features=n, name=name)
    if settings.family != "gaussian":
        if targets.min() < 0:
            row, column = np.argwhere(targets < 0)[0]
            raise SeqauditError(
                f"{name}: got {targets[row, column]:g} in row {row}, expected counts of 0 or more with "
                f"family '{settings.family}'. Use family 'gaussian' for other targets."
            )
        if settings.family == "anscombe":
            targets = 2 * np.sqrt(targets + 0.375)
    return targets


def _target_scaling(target: np.ndarray, settings: NetworkSettings, row: int) -> tuple[float, float]:
    if np.ptp(target) == 0:
        raise SeqauditError(f"targets: row {row} is {target[0]:g} throughout, expected a target that varies.")
    if settings.counts:
        return 0.0, float(target.mean())
    if settings.scaling == "standardise":
        return float(target.mean()), float(target.std())
    return float(target.min()), float(np.ptp(target))
