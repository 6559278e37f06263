"""Where motifs sit in sequences: from a simulator's record, or by scanning."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from seqaudit.data.motifs import Motif, scan, score_sites
from seqaudit.data.sequences import letter_codes
from seqaudit.errors import SeqauditError

_EMBEDDING = re.compile(r"pos-(\d+)_(.+)-([ACGTN]+)")
_ROWS_PER_BLOCK = 8192


def embedded_sites(
    sequences: Sequence[str] | np.ndarray, embeddings: Sequence[str], motif: Motif, matrix: np.ndarray
) -> pd.DataFrame:
    """Sites of a motif that a simulator placed.

    Parameters
    ----------
    sequences : sequence of str, or letter codes of shape (n, length)
    embeddings : sequence of str, length n
        ``embeddings`` column of a ``sequences`` table: items
        ``pos-<start>_<motif>-<letters>``, separated by commas.
    motif : Motif
        Its name and alternative name are looked for.
    matrix : numpy.ndarray, shape (width, 4)
        Log-odds that score the sites.

    Returns
    -------
    pandas.DataFrame
        One row per site: ``row`` of the sequence, ``start``, ``strand``, ``log_odds``; in the
        order of the sequences. A site whose reverse complement was placed has strand -.

    Raises
    ------
    SeqauditError
        An item that cannot be read, or whose letters are not in the sequence.
    """
    codes = letter_codes(sequences)
    names = (motif.name, motif.alternative_name or motif.name)
    found: list[tuple[int, int]] = []
    letters: list[str] = []
    for row, text in enumerate(embeddings):
        if not (names[0] in text or names[1] in text):
            continue
        for start, name, site in _items(row, text):
            if name in names:
                found.append((row, start))
                letters.append(site)
    if not found:
        return _site_table([], [], [], [])
    rows, starts = np.array(found).T
    too_far = np.flatnonzero(starts + motif.width > codes.shape[1])
    placed = letter_codes(letters, where=f"embeddings of {motif.name}")
    if too_far.size or placed.shape[1] != motif.width:
        raise SeqauditError(
            f"embeddings: sites of '{motif.name}' are {placed.shape[1]} letters long and the last ends at "
            f"{int(starts.max()) + placed.shape[1]}; expected {motif.width} letters inside sequences of "
            f"length {codes.shape[1]}. Give the motif file that the simulation used."
        )
    present = codes[rows[:, None], starts[:, None] + np.arange(motif.width)]
    forward = (present == placed).all(axis=1)
    backward = (3 - present[:, ::-1] == placed).all(axis=1)
    if (wrong := np.flatnonzero(~forward & ~backward)).size:
        raise SeqauditError(
            f"embeddings: row {rows[wrong[0]]} places {letters[wrong[0]]} ({motif.name}) at position "
            f"{starts[wrong[0]]}, but the sequence has other letters there. Table and positions must match."
        )
    return _site_table(rows, starts, np.where(forward, "+", "-"), score_sites(placed, matrix))


def listed_sites(embeddings: Sequence[str | None]) -> pd.DataFrame:
    """Every site that a column of embeddings lists, whatever its motif.

    Parameters
    ----------
    embeddings : sequence of str, length n
        As in :func:`embedded_sites`; empty and null texts list none.

    Returns
    -------
    pandas.DataFrame
        One row per site: ``row`` of the sequence, ``motif``, ``start`` and ``end`` (0-based,
        half-open), in the order of the texts.

    Raises
    ------
    SeqauditError
        An item that cannot be read.
    """
    found = [
        (row, name, start, start + len(site))
        for row, text in enumerate(embeddings)
        if isinstance(text, str) and text
        for start, name, site in _items(row, text)
    ]
    table = pd.DataFrame(found, columns=["row", "motif", "start", "end"])
    return table.astype({"row": np.int64, "motif": "str", "start": np.int64, "end": np.int64})


def scanned_sites(
    sequences: Sequence[str] | np.ndarray, matrix: np.ndarray, *, min_log_odds: float
) -> pd.DataFrame:
    """Sites of a motif found by scanning both strands.

    Hits that overlap, on either strand, are one site: the strongest is kept, then the
    strongest of those that do not overlap it, and so on. Of equal hits the forward strand
    wins, then the leftmost.

    Parameters
    ----------
    sequences : sequence of str, or letter codes of shape (n, length)
    matrix : numpy.ndarray, shape (width, 4)
        Log-odds.
    min_log_odds : float
        A hit scores more than this.

    Returns
    -------
    pandas.DataFrame
        As :func:`embedded_sites`, ordered by sequence and start.
    """
    codes = letter_codes(sequences)
    width = len(matrix)
    found = []
    for first in range(0, len(codes), _ROWS_PER_BLOCK):
        forward, backward = scan(codes[first : first + _ROWS_PER_BLOCK], matrix, strand="+-")
        best = np.maximum(forward, backward)
        rows = np.flatnonzero(best.max(axis=1) > min_log_odds)
        best = best[rows]
        while rows.size:
            starts = best.argmax(axis=1)
            scores = best[np.arange(rows.size), starts]
            strands = np.where(forward[rows, starts] == scores, "+", "-")
            found.append(_site_table(first + rows, starts, strands, scores))
            overlapped = np.abs(np.arange(best.shape[1]) - starts[:, None]) < width
            best[overlapped] = -np.inf
            left = best.max(axis=1) > min_log_odds
            rows, best = rows[left], best[left]
    if not found:
        return _site_table([], [], [], [])
    return pd.concat(found).sort_values(["row", "start"], ignore_index=True)


def _items(row: int, text: str) -> Iterator[tuple[int, str, str]]:
    """Start, motif and letters of every site in one text of embeddings."""
    for item in text.split(","):
        match = _EMBEDDING.fullmatch(item)
        if not match:
            raise SeqauditError(
                f"embeddings: row {row} holds {item!r}, expected 'pos-<start>_<motif>-<letters>'."
            )
        yield int(match[1]), match[2], match[3]


def _site_table(rows, starts, strands, scores) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "row": np.asarray(rows, dtype=np.int64),
            "start": np.asarray(starts, dtype=np.int64),
            "strand": pd.Series(strands, dtype="str"),
            "log_odds": np.asarray(scores, dtype=np.float64),
        }
    )
