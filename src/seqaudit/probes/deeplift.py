"""DeepLIFT/SHAP through tangermeme, which has rules for every layer; an optional dependency."""

import warnings

import torch
from torch import nn

from seqaudit.errors import SeqauditError
from seqaudit.models.cnn import Exponential
from seqaudit.models.device import borrowed, full_precision
from seqaudit.probes.baselines import Baselines

PIN = "tangermeme==1.6.0"


def hypothetical_contributions(
    model: nn.Module,
    one_hot: torch.Tensor,
    baselines: Baselines,
    *,
    output: int,
    batch_size: int,
    device: torch.device,
) -> torch.Tensor:
    """What every base would contribute at every position, averaged over references.

    Those of the bases that are there add up to the prediction minus the mean prediction of
    the references, as far as every non-linear layer is a module with a rule.

    Returns
    -------
    tensor, shape (n, 4, L), float64

    Raises
    ------
    SeqauditError
        tangermeme is not installed.
    """
    try:
        from tangermeme.deep_lift_shap import _nonlinear, deep_lift_shap
    except ImportError as error:
        raise SeqauditError(
            f"method 'deeplift_shap' needs tangermeme, which cannot be imported ({error}). Install it with "
            f"'pip install {PIN}', or use 'expected_gradients'."
        ) from error
    with borrowed(model, device) as lent, full_precision(), warnings.catch_warnings():
        # it warns of large convergence deltas, which the caller returns
        warnings.simplefilter("ignore")
        found = deep_lift_shap(
            lent,
            one_hot.float(),
            target=output,
            batch_size=batch_size,
            references=baselines.expanded(),
            hypothetical=True,
            additional_nonlinear_ops={Exponential: _nonlinear},
            only_warn=True,
            device=str(device),
        )
    return found.double().cpu()
