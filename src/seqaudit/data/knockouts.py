"""Sequences whose motif sites are switched off, one, the other, or both.

The selection, the knock-outs and the two null sets of Finkelstein, Shrikumar and Kundaje
(2020), "Look at the Loss", for any motifs and any sequences. On the published simulation
with seed 1234 they are the published sequences, letter by letter.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from seqaudit.data.motifs import Motif, find_motif, log_odds
from seqaudit.data.sequences import decode_letters, letter_codes, shuffle_dinucleotides
from seqaudit.data.sites import embedded_sites, scanned_sites
from seqaudit.errors import SeqauditError

VERSIONS = ("orig", "a_off", "b_off", "both_off")
INSTANCES = ("embeddings", "scan")
SPLITS = ("train", "test")
"""Splits that get pairs. Validation sequences choose the weights, so they test nothing."""

_MAX_TRIES = 10_000


class KnockoutTables(NamedTuple):
    """Three ``knockouts`` tables; a null set carries the ``pair_id`` of the real pair it belongs to."""

    pairs: pd.DataFrame
    random_location: pd.DataFrame
    shuffled: pd.DataFrame


class _MotifPair(NamedTuple):
    """Two motifs under the names the user gave them, with log-odds by strand."""

    name: str
    names: tuple[str, str]
    motifs: tuple[Motif, Motif]
    matrices: tuple[dict[str, np.ndarray], dict[str, np.ndarray]]
    min_gap: int
    seed: int

    @property
    def widths(self) -> tuple[int, int]:
        return self.motifs[0].width, self.motifs[1].width


def knock_out_motifs(
    sequences: pd.DataFrame,
    motifs: Sequence[Motif],
    motif_pairs: Sequence[tuple[str, str]],
    *,
    background: Sequence[float],
    pseudocount: float = 0.001,
    instances: str = "embeddings",
    min_log_odds: float = 2.0,
    max_log_odds_off: float = -10.0,
    min_gap: int | None = None,
    max_pairs_per_sequence: int = 1,
    seed: int = 1234,
    expected: Callable[[list[str]], np.ndarray] | None = None,
) -> KnockoutTables:
    """Choose pairs of motif sites and switch them off, with two null sets.

    Parameters
    ----------
    sequences : pandas.DataFrame
        A ``sequences`` table. Training and test sequences are used, validation is not.
    motifs : sequence of Motif
        Where the names in ``motif_pairs`` are looked up, also as alternative names.
    motif_pairs : sequence of (str, str)
        Motifs A and B of each pair; the names become ``motif_a``, ``motif_b`` of the tables.
    background, pseudocount
        Of the log-odds, see :func:`seqaudit.data.motifs.log_odds`.
    instances : {"embeddings", "scan"}
        Sites as the simulator recorded them, or as found by scanning both strands; see
        :mod:`seqaudit.data.sites`.
    min_log_odds : float
        Both sites score more than this (natural logarithm).
    max_log_odds_off : float
        The letters that replace a site score less than this, read on the strand of the site.
    min_gap : int, optional
        Least number of bases between the sites; by default the longer motif minus one, so
        that no window as wide as a motif touches both.
    max_pairs_per_sequence : int
        Of one motif pair in one sequence: those with the largest summed log-odds.
    seed : int
        See Notes.
    expected : callable, optional
        Sequences to true expected counts, for the ``expected_*`` columns; null without it.

    Returns
    -------
    KnockoutTables
        ``pairs``: the real sites. ``random_location``: the same sequences with replacements
        at random places that keep the gap (they may hit a motif). ``shuffled``: dinucleotide
        shuffles of the test sequences, with plain random letters at the places of the sites.
        Rows: motif pairs in the order given; of each, training before test pairs, in the
        order of the sequences.

    Raises
    ------
    SeqauditError
        Unknown motifs, no embeddings, a motif pair without test pairs (how many sequences
        fell at which rule), or letters that cannot score below ``max_log_odds_off``.

    Notes
    -----
    Replacement letters are uniform, drawn anew until they score low enough; ``both_off`` has
    the same letters as ``a_off`` and ``b_off``, so a model that adds up separate windows has
    no interaction. Streams: for motif pair k, ``RandomState(seed + k)`` starts anew for the
    random places of each split, for the replacements of each set and split, and for the
    shuffles. For each pair B is replaced before A (Finkelstein et al. 2020, published code).
    """
    chosen = _resolve_pairs(motifs, motif_pairs, background, pseudocount, min_gap, seed)
    used = sequences.loc[sequences["split"].isin(SPLITS)].reset_index(drop=True)
    used_codes = letter_codes(used["sequence"], where="sequences table, column 'sequence'")
    if instances not in INSTANCES:
        raise SeqauditError(f"instances: got {instances!r}, expected one of {', '.join(INSTANCES)}.")
    if instances == "embeddings" and used["embeddings"].isna().any():
        raise SeqauditError(
            "instances 'embeddings': the sequences table has no embeddings "
            f"(row {int(used['embeddings'].isna().to_numpy().argmax())}), as for measured data. Use 'scan'."
        )

    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in KnockoutTables._fields}
    for pair in chosen:
        _check_feasible(pair, used_codes.shape[1], max_log_odds_off)
        sites = [
            embedded_sites(used_codes, used["embeddings"], motif, matrix["+"])
            if instances == "embeddings"
            else scanned_sites(used_codes, matrix["+"], min_log_odds=min_log_odds)
            for motif, matrix in zip(pair.motifs, pair.matrices)
        ]
        selected = _select_pairs(pair, sites, used["split"], min_log_odds, max_pairs_per_sequence)
        for split in SPLITS:
            in_split = selected.loc[used["split"].to_numpy()[selected["row"]] == split]
            rows = in_split["row"].to_numpy()
            pairs = _describe(pair, in_split, used.iloc[rows])
            codes = used_codes[rows]
            parts["pairs"].append(_switch_off(pairs, codes, pair, max_log_odds_off, expected))
            moved = pairs.assign(**_random_starts(len(pairs), codes.shape[1], pair))
            parts["random_location"].append(_switch_off(moved, codes, pair, max_log_odds_off, expected))
            if split == "test":
                parts["shuffled"].append(_shuffle_and_switch_off(pairs, codes, pair, expected))
    return KnockoutTables(**{name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()})


def _resolve_pairs(motifs, motif_pairs, background, pseudocount, min_gap, seed) -> list[_MotifPair]:
    if not len(motif_pairs):
        raise SeqauditError("motif_pairs: none given, expected at least one pair of motif names.")
    resolved: list[_MotifPair] = []
    for index, names in enumerate(motif_pairs):
        if len(names) != 2 or names[0] == names[1]:
            raise SeqauditError(f"motif_pairs: {list(names)}, expected two different motif names.")
        pair = tuple(find_motif(motifs, name) for name in names)
        matrices = [log_odds(motif, pseudocount=pseudocount, background=background) for motif in pair]
        by_strand = tuple({"+": matrix, "-": matrix[::-1, ::-1]} for matrix in matrices)
        gap = max(motif.width for motif in pair) - 1 if min_gap is None else min_gap
        resolved.append(_MotifPair("-".join(names), tuple(names), pair, by_strand, gap, seed + index))
    together = [frozenset(motif.name for motif in pair.motifs) for pair in resolved]
    for index, both in enumerate(together):
        if both in together[:index] or len(both) == 1:
            raise SeqauditError(
                f"motif_pairs: '{resolved[index].name}' repeats a motif or an earlier pair. Remove it."
            )
    return resolved


def _check_feasible(pair: _MotifPair, length: int, max_log_odds_off: float) -> None:
    for name, motif, matrix in zip(pair.names, pair.motifs, pair.matrices):
        if motif.width > length:
            raise SeqauditError(
                f"motif '{name}' is {motif.width} bp wide, the sequences have {length} bp. "
                "Use longer sequences or another motif."
            )
        lowest = matrix["+"].min(axis=1).sum()
        if lowest >= max_log_odds_off:
            raise SeqauditError(
                f"knockouts.max_log_odds_off={max_log_odds_off:g}: no letters score that low for motif "
                f"'{name}', its lowest log-odds are {lowest:.2f}. {_advise_threshold(matrix['+'])}"
            )


def _select_pairs(pair, sites, splits, min_log_odds, max_pairs_per_sequence) -> pd.DataFrame:
    """Pairs of sites by the separation and strength rules, ordered by sequence, then start."""
    both = sites[0].merge(sites[1], on="row", suffixes=("_a", "_b"))
    gap = _gap(both["start_a"], both["start_b"], *pair.widths)
    apart = both.loc[gap >= pair.min_gap]
    strong = apart.loc[apart[["log_odds_a", "log_odds_b"]].min(axis=1) > min_log_odds]
    if not (splits.to_numpy()[strong["row"]] == "test").any():
        counts = [
            int((splits.to_numpy()[table["row"].unique()] == "test").sum()) for table in (both, apart, strong)
        ]
        raise SeqauditError(
            f"motif pair '{pair.name}': no usable pair in {int((splits == 'test').sum())} test sequences. "
            f"{counts[0]} have sites of both motifs, {counts[1]} of these at least {pair.min_gap} bp apart, "
            f"{counts[2]} of these with log-odds above {min_log_odds:g}. Lower knockouts.min_gap or "
            "knockouts.min_log_odds, or take the pair out of motif_pairs."
        )
    strength = strong["log_odds_a"] + strong["log_odds_b"]
    strongest = strong.assign(strength=strength).sort_values("strength", ascending=False, kind="stable")
    kept = strongest.groupby("row").head(max_pairs_per_sequence)
    return kept.sort_values(["row", "start_a", "start_b"], ignore_index=True)


def _gap(start_a, start_b, width_a, width_b):
    """Bases between two sites; negative if they overlap."""
    return np.where(start_a < start_b, start_b - start_a - width_a, start_a - start_b - width_b)


def _describe(pair: _MotifPair, selected: pd.DataFrame, sequences: pd.DataFrame) -> pd.DataFrame:
    """The columns of a knockouts table before the sequences."""
    ids = sequences["sequence_id"].to_list()
    starts = selected[["start_a", "start_b"]].to_numpy().tolist()
    pair_id = [f"{pair.name}.{name}.{a}.{b}" for name, (a, b) in zip(ids, starts)]
    return pd.DataFrame(
        {
            "pair_id": pd.Series(pair_id, dtype="str"),
            "sequence_id": pd.Series(ids, dtype="str"),
            "split": pd.Series(sequences["split"].to_list(), dtype="str"),
            "motif_pair": pair.name,
            "motif_a": pair.names[0],
            "motif_b": pair.names[1],
            "start_a": selected["start_a"].to_numpy(),
            "start_b": selected["start_b"].to_numpy(),
            "strand_a": pd.Series(selected["strand_a"].to_list(), dtype="str"),
            "strand_b": pd.Series(selected["strand_b"].to_list(), dtype="str"),
        }
    )


def _random_starts(n_pairs: int, length: int, pair: _MotifPair) -> dict[str, np.ndarray]:
    rng = np.random.RandomState(pair.seed)
    last = [length - width + 1 for width in pair.widths]
    starts = np.empty((n_pairs, 2), dtype=np.int64)
    for row in range(n_pairs):
        gap = -1
        while gap < pair.min_gap:  # ends: a real pair shows that two places exist
            start_a, start_b = rng.randint(0, last[0]), rng.randint(0, last[1])
            gap = _gap(start_a, start_b, *pair.widths)
        starts[row] = start_a, start_b
    return {"start_a": starts[:, 0], "start_b": starts[:, 1]}


def _switch_off(pairs, codes, pair: _MotifPair, max_log_odds_off, expected) -> pd.DataFrame:
    rng = np.random.RandomState(pair.seed)
    off_a, off_b = (np.empty((len(pairs), width), dtype=np.uint8) for width in pair.widths)
    for row, (strand_a, strand_b) in enumerate(zip(pairs["strand_a"], pairs["strand_b"])):
        off_b[row] = _weak_letters(rng, pair, 1, strand_b, max_log_odds_off)
        off_a[row] = _weak_letters(rng, pair, 0, strand_a, max_log_odds_off)
    return _with_versions(pairs, codes, off_a, off_b, expected)


def _shuffle_and_switch_off(pairs, codes, pair: _MotifPair, expected) -> pd.DataFrame:
    rng = np.random.RandomState(pair.seed)
    off_a, off_b = (np.empty((len(pairs), width), dtype=np.uint8) for width in pair.widths)
    shuffled = []
    for row, sequence in enumerate(decode_letters(codes)):
        shuffled.append(shuffle_dinucleotides(sequence, rng))
        off_b[row] = rng.randint(0, 4, size=pair.widths[1])
        off_a[row] = rng.randint(0, 4, size=pair.widths[0])
    return _with_versions(pairs, letter_codes(shuffled), off_a, off_b, expected)


def _weak_letters(rng, pair: _MotifPair, which: int, strand: str, max_log_odds_off: float) -> np.ndarray:
    """Random letters, drawn until they score below the threshold."""
    matrix = pair.matrices[which][strand]
    positions = np.arange(len(matrix))
    for _ in range(_MAX_TRIES):
        drawn = rng.randint(0, 4, size=len(matrix))
        if matrix[positions, drawn].sum() < max_log_odds_off:
            return drawn
    raise SeqauditError(
        f"knockouts.max_log_odds_off={max_log_odds_off:g}: {_MAX_TRIES} random strings all score higher "
        f"for motif '{pair.names[which]}'. {_advise_threshold(matrix)}"
    )


def _advise_threshold(matrix: np.ndarray) -> str:
    drawn = np.random.default_rng(0).integers(0, 4, (1000, len(matrix)))
    median = np.median(matrix[np.arange(len(matrix)), drawn].sum(axis=1))
    return f"Half of all random strings score below {median:.2f}: raise it to about that."


def _with_versions(pairs, codes, off_a, off_b, expected) -> pd.DataFrame:
    """Add the four versions of every sequence, and their true expected counts if known."""
    rows = np.arange(len(pairs))[:, None]
    at_a = rows, pairs["start_a"].to_numpy()[:, None] + np.arange(off_a.shape[1])
    at_b = rows, pairs["start_b"].to_numpy()[:, None] + np.arange(off_b.shape[1])
    versions = {version: codes.copy() for version in VERSIONS}
    for version in ("a_off", "both_off"):
        versions[version][at_a] = off_a
    for version in ("b_off", "both_off"):
        versions[version][at_b] = off_b
    texts = {version: decode_letters(letters) for version, letters in versions.items()}
    columns = {version: pd.Series(text, dtype="str") for version, text in texts.items()}
    for version, text in texts.items():
        known = expected is not None and len(text) > 0
        columns[f"expected_{version}"] = expected(text) if known else np.full(len(text), np.nan)
    return pairs.assign(**columns)
