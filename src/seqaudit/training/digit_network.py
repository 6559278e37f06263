"""Train the network below the nodes, as a usual classifier of pairs of digits."""

import copy
import logging

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from seqaudit.data.digit_pairs import DigitPairs
from seqaudit.models.device import choose_device
from seqaudit.models.digit_network import DigitNetwork
from seqaudit.training.epochs import reproducible

logger = logging.getLogger(__name__)

BATCH_SIZE, LEARNING_RATE, WEIGHT_DECAY = 64, 3e-3, 1e-2


def train_digit_network(
    pairs: DigitPairs,
    *,
    nodes: int,
    seed: int,
    dropout: float = 0.3,
    epochs: int = 15,
    device: str = "auto",
    threads: int = 1,
) -> DigitNetwork:
    """Minimise the cross-entropy of the label; the epoch with the smallest validation loss is kept.

    Parameters
    ----------
    pairs : DigitPairs
    nodes : int
        Units of the layer that is asked about.
    seed : int
        Of weights, order and dropout.
    dropout : float
    epochs : int
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    threads : int

    Returns
    -------
    DigitNetwork
        On the CPU, in evaluation mode.
    """
    chosen = choose_device(device)
    images, label = (
        torch.as_tensor(part, dtype=torch.float32, device=chosen) for part in (pairs.images, pairs.label)
    )
    train, validation = (torch.from_numpy(pairs.split == split) for split in ("train", "validation"))
    best, least = None, float("inf")
    devices = [chosen] if chosen.type == "cuda" else []
    with reproducible(chosen, threads), torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        network = DigitNetwork(nodes, dropout=dropout).to(chosen)
        optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        rows = train.nonzero()[:, 0]
        for _ in range(epochs):
            network.train()
            for some in rows[torch.randperm(len(rows))].split(BATCH_SIZE):
                loss = binary_cross_entropy_with_logits(network(images[some]), label[some])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
            network.eval()
            with torch.no_grad():
                found = float(
                    binary_cross_entropy_with_logits(network(images[validation]), label[validation])
                )
            if found < least:
                best, least = copy.deepcopy(network.state_dict()), found
    network.load_state_dict(best)
    logger.info("trained on %d pairs of digits; validation loss %.4g", int(train.sum()), least)
    return network.cpu()
