"""Losses of networks that predict read profiles and read counts, and steps that minimise them."""

import torch

from seqaudit.models.bpnet import Bpnet
from seqaudit.training.steps import AutogradSteps


def multinomial_nll(logits: torch.Tensor, reads: torch.Tensor) -> torch.Tensor:
    """Negative log likelihood of read profiles, given their total numbers of reads.

    Reads are multinomial over positions with probabilities ``softmax(logits)``. Includes
    the multinomial coefficient, which has no gradient: losses are those of BPNet.

    Parameters
    ----------
    logits, reads : tensor, float, shape (..., positions)

    Returns
    -------
    tensor, shape (...)
        Nats; 0 where there is no read.
    """
    total = reads.sum(-1)
    coefficient = torch.lgamma(total + 1) - torch.lgamma(reads + 1).sum(-1)
    return total * torch.logsumexp(logits, -1) - (reads * logits).sum(-1) - coefficient


class BpnetSteps(AutogradSteps):
    """Adam on the weighted sum of a profile loss and a count loss.

    A sequence's profile loss is :func:`multinomial_nll`, summed over outputs and strands;
    its count loss is the squared error of ``log(1 + reads)``, summed over outputs and, where
    the network tells strands apart, averaged over them (Avsec et al. 2021, section *Loss*).

    Parameters
    ----------
    model : Bpnet
        On its device; trained in place.
    profile_weight, count_weight : float
        Without profile weight, the profile head is neither computed nor trained.
    learning_rate : float
    """

    def __init__(self, model: Bpnet, *, profile_weight: float, count_weight: float, learning_rate: float):
        super().__init__(model, l1=0.0, learning_rate=learning_rate)
        self.profile_weight, self.count_weight = profile_weight, count_weight

    def step(self, one_hot: torch.Tensor, counts: torch.Tensor, reads: torch.Tensor | None) -> torch.Tensor:
        """Take one step on a batch.

        Parameters
        ----------
        one_hot : tensor, int8, shape (n, 4, length)
        counts : tensor, float, as the network's ``log_counts``
        reads : tensor, float, shape (n, outputs, strands, length)
            Not asked for where the profile weight is 0.

        Returns
        -------
        tensor, shape (2,)
            Loss and squared error of counts before the step, summed over sequences. Squared
            errors are averaged over outputs and strands.
        """
        self._gradient.zero_()  # the backward pass adds to it, through the parameters' views
        loss, squared_error = self._losses(one_hot, counts, reads)
        (loss / len(one_hot)).backward()
        self._move()
        return torch.stack([loss, squared_error]).detach()

    @torch.no_grad()
    def losses(self, one_hot: torch.Tensor, counts: torch.Tensor, reads: torch.Tensor | None) -> torch.Tensor:
        """The same without a step."""
        return torch.stack(self._losses(one_hot, counts, reads))

    def _losses(self, one_hot, counts, reads) -> tuple[torch.Tensor, torch.Tensor]:
        if self.profile_weight:
            logits, predicted = self.model.profiles_and_counts(one_hot.float())
            profile_loss = self.profile_weight * multinomial_nll(logits, reads).sum()
        else:
            predicted, profile_loss = self.model.log_counts(one_hot.float()), 0.0
        squared_error = (predicted - counts).square().reshape(len(counts), -1)
        of_outputs = squared_error.sum() / (squared_error.shape[1] // self.model.outputs)
        loss = profile_loss + self.count_weight * of_outputs
        return loss, squared_error.mean(1).sum()
