"""How the learning rate changes while a network is trained."""

from seqaudit.errors import SeqauditError

SCHEDULES = ("constant", "trapezoid")
WARM_UP, DECAY = 0.1, 0.2
"""Shares of a training in which the trapezoid's rate rises from 0 and falls to 0."""


def rate_factor(schedule: str, progress: float) -> float:
    """Factor on the learning rate.

    The trapezoid rises linearly over the first 10 % of a training, stays, and falls
    linearly to 0 over the last 20 %. A high rate needs the rise (without it some networks
    never leave their first plateau); the fall removes the noise of large steps.

    Parameters
    ----------
    schedule : {"constant", "trapezoid"}
    progress : float
        Share of the longest training that is over, between 0 and 1.
    """
    if schedule == "constant":
        return 1.0
    return min(1.0, progress / WARM_UP, (1 - progress) / DECAY)


def check_schedule(schedule: str) -> None:
    """Refuse an unknown schedule."""
    if schedule not in SCHEDULES:
        raise SeqauditError(f"schedule '{schedule}' is unknown, expected one of {', '.join(SCHEDULES)}.")
