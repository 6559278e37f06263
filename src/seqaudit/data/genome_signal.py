"""Users' own genomic data: the signal (bigWig) of windows of a genome."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyBigWig

from seqaudit.data.genome import no_chromosome
from seqaudit.errors import SeqauditError

MISSING_SIGNAL = ("zero", "error")


class Signal(NamedTuple):
    """Tables ``causal_targets`` and ``causal_profiles``."""

    targets: pd.DataFrame
    profiles: pd.DataFrame


def read_signal(
    bigwigs: Mapping[str, str | Path | Mapping[str, str | Path]],
    places: pd.DataFrame,
    *,
    profiles: bool = True,
    missing: str = "zero",
) -> Signal:
    """Read the signal of every output in every region.

    Parameters
    ----------
    bigwigs : mapping of str to path, or to mapping of strand to path
        ``{"Oct4": "oct4.bw"}``, or ``{"Oct4": {"+": "oct4.plus.bw", "-": "oct4.minus.bw"}}``.
        Values are reads per base.
    places : pandas.DataFrame
        Of :class:`seqaudit.data.genome.Regions`.
    profiles : bool
        Whether to keep reads by position, which needs whole numbers.
    missing : {"zero", "error"}
        Bases that a bigWig has no value for: tracks of reads leave out zeros, so they count as
        0; ``"error"`` refuses them. Bases outside the contig always count as 0.

    Returns
    -------
    Signal
        ``target`` is the sum over region and strands. Without strands, all reads of a profile
        are on +. The table of profiles is empty without them.

    Raises
    ------
    SeqauditError
        Naming file and region: a missing or damaged file; a chromosome that the file does not
        have, with its own name for it, or has with another length; negative or infinite
        values; values that are not whole, with ``profiles``; missing values, where refused.
    """
    if missing not in MISSING_SIGNAL:
        raise SeqauditError(f"missing: got {missing!r}, expected one of {', '.join(MISSING_SIGNAL)}.")
    if not bigwigs:
        raise SeqauditError("bigwigs: got none, expected one file (or one per strand) for every output.")
    totals, parts = {}, []
    for output, files in bigwigs.items():
        by_strand = dict(files) if isinstance(files, Mapping) else {"+": files}
        if not set(by_strand) <= {"+", "-"} or not by_strand:
            raise SeqauditError(
                f"bigwigs: {output} has {', '.join(map(repr, by_strand)) or 'no file'}, expected a file, or "
                "one for each of '+' and '-'."
            )
        totals[output] = np.zeros(len(places))
        for strand, path in by_strand.items():
            for row, values in enumerate(_read_track(Path(path), places, missing, whole=profiles)):
                totals[output][row] += values.sum()
                if profiles and (at := np.flatnonzero(values)).size:
                    parts.append((row, output, strand, at, values[at].astype(np.int64)))
    targets = pd.DataFrame(
        {
            "sequence_id": np.repeat(places["sequence_id"].to_numpy(), len(totals)),
            "output": np.tile(np.array(list(totals)), len(places)),
            "target": np.column_stack(list(totals.values())).ravel(),
            "expected": np.nan,
            "occupancy": np.nan,
        }
    )
    return Signal(targets, _profile_table(parts, places["sequence_id"]))


def _read_track(path: Path, places: pd.DataFrame, missing: str, *, whole: bool) -> Iterator[np.ndarray]:
    """Values of one bigWig in every region, float64."""
    if not path.is_file():
        raise SeqauditError(f"{path}: no such file. Check the paths of bigWig files in the config.")
    try:
        track = pyBigWig.open(str(path))
    except RuntimeError as error:
        raise SeqauditError(
            f"{path}: cannot be read as bigWig; it may be damaged or of another kind."
        ) from error
    with track:
        if not track.isBigWig():
            raise SeqauditError(f"{path}: is a bigBed file, expected bigWig.")
        lengths = track.chroms()
        for row in places.itertuples():
            if row.chromosome not in lengths:
                raise SeqauditError(f"{row.sequence_id}: {no_chromosome(row.chromosome, lengths, path)}")
            if lengths[row.chromosome] != row.chromosome_length:
                raise SeqauditError(
                    f"{path}: {row.chromosome} has {lengths[row.chromosome]} bp, in the genome "
                    f"{row.chromosome_length}. Was it made for another assembly?"
                )
            first, last = max(row.start, 0), min(row.end, row.chromosome_length)
            values = np.zeros(row.end - row.start)
            if first < last:
                read = np.asarray(track.values(row.chromosome, first, last), dtype=np.float64)
                values[first - row.start : last - row.start] = read
            yield _checked(values, row, path, missing, whole)


def _checked(values: np.ndarray, row, path: Path, missing: str, whole: bool) -> np.ndarray:
    absent = np.isnan(values)
    for wrong, problem, advice in (
        (absent & (missing == "error"), "has no value", "Set missing to 'zero' for tracks without zeros."),
        (np.isinf(values), "is infinite", "Write the file anew."),
        (
            values < 0,
            "is negative",
            "Values are reads; write tracks of the minus strand as positive numbers.",
        ),
        (
            whole & ~absent & (values != np.rint(values)),
            "is not a whole number",
            "Profiles hold reads; give a track of counts or set profiles to false.",
        ),
    ):
        if wrong.any():
            at = int(np.argmax(wrong))
            raise SeqauditError(
                f"{path}: {row.chromosome}:{row.start + at} {problem} ({values[at]:g}; {wrong.sum()} bases "
                f"of region {row.sequence_id}). {advice}"
            )
    return np.where(absent, 0.0, values)


def _profile_table(parts: list[tuple], sequence_ids: pd.Series) -> pd.DataFrame:
    sizes = [len(at) for *_, at, _ in parts]
    rows, outputs, strands, positions, reads = zip(*parts) if parts else ((), (), (), (), ())
    ids = pd.Series(sequence_ids, dtype="str").reset_index(drop=True)
    return pd.DataFrame(
        {
            "sequence_id": ids.take(np.repeat(np.array(rows, dtype=np.int64), sizes)).to_numpy(),
            "output": pd.Series(np.repeat(np.array(outputs, dtype=str), sizes), dtype="str"),
            "strand": pd.Series(np.repeat(np.array(strands, dtype=str), sizes), dtype="str"),
            "position": np.concatenate([*positions, np.empty(0, dtype=np.int64)]),
            "reads": np.concatenate([*reads, np.empty(0, dtype=np.int64)]),
        }
    ).sort_values(["sequence_id", "output", "strand", "position"], ignore_index=True)
