"""Hessians of softplus networks in closed form, from one forward and one backward pass.

With a_l the inputs of layer l's units, J_l their derivatives by the features, phi the softplus
and g_l the derivative of the output by the units,

    H = sum over layers l and units u  g_lu phi''(a_lu) J_lu J_lu',

because everything else is linear in the features (for two layers: Cui et al. 2020 with
the masks multiplied into the weights). J travels forward with the values: one matrix
product per layer, points and features together.
"""

import torch
from torch.nn import functional

from seqaudit.models.mlp import EXACT_SOFTPLUS, LINKS, Mlps


def mlp_hessians(networks: Mlps, scaled: torch.Tensor) -> torch.Tensor:
    """Hessians of the mean of every network at every point, all at once.

    Parameters
    ----------
    networks : Mlps
        K networks.
    scaled : tensor, shape (n, D)
        Points from ``networks.scaled_points``.

    Returns
    -------
    tensor, shape (K, n, D, D)
        In the user's units: of the target per unit of both features.
    """
    scale = torch.as_tensor(networks.scaling.scale).to(scaled)
    output, gradient, curvature = _derivatives(networks, scaled)
    target_shift, target_scale = networks.scaling[2:]
    units = target_scale / (scale[:, None] * scale)
    if networks.link == "identity":
        return curvature * units
    # the chain rule: the mean is differentiated, not what the link is applied to
    link = LINKS[networks.link]
    u = target_shift + target_scale * output
    first, second = (part(u, target_scale)[..., None, None] for part in (link.first, link.second))
    outer = gradient[..., :, None] * gradient[..., None, :]
    return (first * curvature + second * target_scale * outer) * units


def _derivatives(networks: Mlps, scaled: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Output (K, n), gradient (K, n, D) and Hessian (K, n, D, D), all in scaled units."""
    weights, biases, beta = networks.weights, networks.biases, networks.beta
    samples, (n, features) = len(networks), scaled.shape
    points = scaled.expand(samples, n, features)
    inputs = torch.baddbmm(biases[0][:, None], points, weights[0].mT)
    jacobian = weights[0].mT.contiguous()[:, None]  # (K, points or 1, D, units)
    slopes, jacobians = [], []
    for weight, bias in zip(weights[1:], biases[1:]):
        slope = torch.sigmoid(inputs * beta)
        slopes.append(slope)
        jacobians.append(jacobian)
        if len(slopes) < len(weights) - 1:
            moved = (jacobian * slope[:, :, None]).view(samples, n * features, -1)
            jacobian = torch.bmm(moved, weight.mT).view(samples, n, features, -1)
        hidden = functional.softplus(inputs, beta=beta, threshold=EXACT_SOFTPLUS)
        inputs = torch.baddbmm(bias[:, None], hidden, weight.mT)
    output = inputs[..., 0] + torch.bmm(points, networks.linear[..., None])[..., 0]
    output = output + networks.intercept[:, None]

    hessian = scaled.new_zeros(samples, n, features, features)
    at_units = weights[-1].expand(samples, n, -1)
    for layer in range(len(slopes) - 1, -1, -1):
        slope, jacobian = slopes[layer], jacobians[layer]
        at_inputs = at_units * slope
        curvature = at_inputs * (1 - slope) * beta
        if layer:
            hessian += torch.matmul(jacobian * curvature[:, :, None], jacobian.mT)
        else:  # its jacobian is the same at all points: one product for all of them
            outer = (jacobian[:, 0, :, None] * jacobian[:, 0, None]).flatten(1, 2)
            hessian += torch.bmm(curvature, outer.mT).view_as(hessian)
        at_units = torch.bmm(at_inputs, weights[layer])
    return output, at_units + networks.linear[:, None], hessian
