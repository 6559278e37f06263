"""The read-profile network against bpnet-lite (J. Schreiber), with the same weights.

bpnet-lite is no dependency: ``pip install bpnet-lite==1.1.0`` to run this. Its network has
fixed widths of 21 and 75 bp and leaves ``trimming`` positions at either end out of the
profile, and ``trimming - 37`` out of the average for the counts. With ``trimming=37`` the
average is over all positions, as here; the profiles are compared where bpnet-lite has them.
"""

import numpy as np
import pytest
import torch

from seqaudit.models.bpnet import build_bpnet
from seqaudit.training.bpnet_steps import multinomial_nll

peer = pytest.importorskip("bpnetlite.bpnet", reason="bpnet-lite is not installed")
TRIMMING = 37
LENGTH = 500


def pair(*, strands, layers=6, filters=12):
    """bpnet-lite's network with its own initial weights, and ours with the same."""
    torch.manual_seed(7)
    theirs = peer.BPNet(
        n_filters=filters,
        n_layers=layers,
        n_outputs=strands,
        n_control_tracks=0,
        trimming=TRIMMING,
        verbose=False,
    ).eval()
    ours = build_bpnet(
        outputs=1,
        length=LENGTH,
        seed=0,
        filters=filters,
        first_width=21,
        layers=layers,
        profile_width=75,
        strands=strands,
    ).eval()
    names = {"iconv": "first", "rconvs": "residual", "fconv": "profile", "linear": "count"}
    renamed = {}
    for name, tensor in theirs.state_dict().items():
        module, _, rest = name.partition(".")
        renamed[f"{names[module]}.{rest}"] = tensor
    ours.load_state_dict(renamed)
    return theirs, ours


def sequences(n):
    letters = np.random.default_rng(1).integers(4, size=(n, LENGTH))
    one_hot = torch.from_numpy(np.eye(4, dtype=np.float32)[letters].transpose(0, 2, 1).copy())
    one_hot[0, :, :10] = 0
    return one_hot


@pytest.mark.parametrize("strands", [1, 2])
def test_same_weights_give_the_same_logits_and_counts(strands):
    theirs, ours = pair(strands=strands)
    one_hot = sequences(6)
    with torch.no_grad():
        their_logits, their_counts = theirs(one_hot)
        logits, counts = ours.profiles_and_counts(one_hot)
    assert their_logits.shape == (6, strands, LENGTH - 2 * TRIMMING)
    assert their_logits.std() > 0.01
    inside = logits[:, 0, :, TRIMMING:-TRIMMING]
    torch.testing.assert_close(inside, their_logits, rtol=0, atol=1e-5)
    torch.testing.assert_close(counts, their_counts, rtol=0, atol=1e-5)


def test_same_gradients_of_the_same_loss():
    theirs, ours = (model.double() for model in pair(strands=2))
    one_hot = sequences(4).double()
    reads = torch.poisson(torch.full((4, 2, LENGTH - 2 * TRIMMING), 0.3, dtype=torch.float64))

    def gradients(model, logits, counts):
        (multinomial_nll(logits, reads).mean() + (counts - 3).square().mean()).backward()
        return [parameter.grad for parameter in model.parameters()]

    logits, counts = ours.profiles_and_counts(one_hot)
    mine = gradients(ours, logits[:, 0, :, TRIMMING:-TRIMMING], counts)
    for own, peers in zip(mine, gradients(theirs, *theirs(one_hot)), strict=True):
        torch.testing.assert_close(own, peers, rtol=1e-9, atol=1e-12)


def test_the_profile_loss_is_that_of_bpnet_lite():
    losses = pytest.importorskip("bpnetlite.losses", reason="bpnet-lite is not installed")
    logits = torch.randn(5, 40, generator=torch.Generator().manual_seed(1))
    reads = torch.poisson(torch.full((5, 40), 2.0), generator=torch.Generator().manual_seed(2))
    theirs = losses.MNLLLoss(logits.log_softmax(1), reads)
    torch.testing.assert_close(multinomial_nll(logits, reads), theirs.reshape(5))
