"""Users' own genomic data: windows around regions (BED) of a genome (FASTA)."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyfaidx

from seqaudit.data.foreign import read_foreign_text
from seqaudit.data.readers import split_by_group
from seqaudit.errors import SeqauditError

CENTRES = ("middle", "summit")
UNUSABLE = ("error", "drop", "keep")

_SPLIT_KEYS = ("calibration", "test", "excluded")
_SUMMIT_COLUMN = 9  # of narrowPeak, an offset from the start
_log = logging.getLogger(__name__)


class Regions(NamedTuple):
    """Regions of a genome.

    ``sequences``: table ``causal_sequences``. ``places``: one row per sequence in the same order,
    ``sequence_id``, ``chromosome``, ``start`` and ``end`` (0-based, half-open, as in BED), and
    ``chromosome_length``.
    """

    sequences: pd.DataFrame
    places: pd.DataFrame


def read_regions(
    bed: str | Path,
    genome: str | Path,
    *,
    length: int,
    centre: str = "middle",
    outside: str = "error",
    unknown: str = "error",
    split_chromosomes: Mapping[str, Sequence[str]] | None = None,
    split_fractions: Sequence[float] = (0.7, 0.1, 0.2),
    split_seed: int = 1234,
) -> Regions:
    """Cut windows of equal length out of a genome, one around every region of a BED file.

    Parameters
    ----------
    bed : path
        BED with three or more columns, also .gz; header lines (``track``, ``browser``, ``#``)
        are skipped. Strands are not looked at: sequences are those of the forward strand.
    genome : path
        FASTA with an index beside it (``.fai``). Lower-case letters, as in soft-masked
        genomes, count as upper; letters other than A, C, G, T count as N.
    length : int
        Of every window, in bp; regions may be shorter or longer.
    centre : {"middle", "summit"}
        What is at position ``length // 2``: the middle of the region, or its summit
        (narrowPeak, column 10).
    outside : {"error", "drop", "keep"}
        Windows that reach over an end of their contig: refuse, leave out, or fill with N.
    unknown : {"error", "drop", "keep"}
        Windows with N in the genome: refuse, leave out, or keep.
    split_chromosomes : mapping, optional
        Chromosomes of splits ``calibration`` and ``test``, and those to leave out, ``excluded``;
        all others train. Without it, splits are drawn.
    split_fractions : three floats
        Shares of train, calibration and test where splits are drawn. Windows that overlap go
        into the same one.
    split_seed : int

    Returns
    -------
    Regions
        In the order of the file; ids are ``<chromosome>:<start>-<end>``, 0-based, half-open.
        Windows that occur again are left out. What was left out is logged as a warning.

    Raises
    ------
    SeqauditError
        Naming file and line: missing, empty or damaged files; a FASTA without an index, or
        with one that is older; lines that are not BED, regions of length 0 or beyond the end
        of their contig; chromosomes that the genome does not have, with its own name for
        them; windows as above; an empty split.
    """
    for name, value, choices in (
        ("centre", centre, CENTRES),
        ("outside", outside, UNUSABLE),
        ("unknown", unknown, UNUSABLE),
    ):
        if value not in choices:
            raise SeqauditError(f"{name}: got {value!r}, expected one of {', '.join(choices)}.")
    if length < 1:
        raise SeqauditError(f"length: got {length}, expected at least 1 bp.")
    with _open_fasta(Path(genome)) as fasta:
        lengths = {name: record.rlen for name, record in fasta.faidx.index.items()}
        windows = _read_windows(Path(bed), length, centre, lengths, genome)
        over = (windows["start"] < 0) | (windows["end"] > windows["chromosome_length"])
        windows = _without(
            windows, over, outside, bed, f"of {length} bp reach over an end of their contig", "outside"
        )
        windows["sequence"] = [
            _cut(fasta, row.chromosome, row.start, row.end, row.chromosome_length)
            for row in windows.itertuples()
        ]
    inside = windows["end"].clip(upper=windows["chromosome_length"]) - windows["start"].clip(lower=0)
    in_genome = windows["sequence"].str.count("N") > length - inside
    windows = _without(windows, in_genome, unknown, bed, "have N in the genome", "unknown")
    windows["sequence_id"] = [f"{row.chromosome}:{row.start}-{row.end}" for row in windows.itertuples()]
    repeated = windows["sequence_id"].duplicated()
    windows = _without(windows, repeated, "drop", bed, "are there already", "")
    if split_chromosomes is None:
        fractions = split_by_group(_clusters(windows), split_fractions, seed=split_seed)
        windows["split"] = np.where(fractions == "validation", "calibration", fractions)
        wanted = ["train", "calibration", "test"]
    else:
        windows["split"] = _split_by_chromosome(windows["chromosome"], split_chromosomes, lengths, genome)
        wanted = ["train", *(key for key in _SPLIT_KEYS[:2] if split_chromosomes.get(key))]
        windows = windows.loc[windows["split"] != "excluded"].reset_index(drop=True)
    for split in wanted:
        if not (windows["split"] == split).any():
            raise SeqauditError(
                f"{bed}: no region is left for split '{split}', expected some. Give more regions, or "
                "change split_chromosomes or split_fractions."
            )
    sequences = pd.DataFrame(
        {
            "sequence_id": windows["sequence_id"],
            "split": windows["split"],
            "sequence": windows["sequence"],
            "parent": windows["sequence_id"],
            "mutated": False,
            "embeddings": pd.Series(None, index=windows.index, dtype="str"),
        }
    )
    return Regions(sequences, windows[["sequence_id", "chromosome", "start", "end", "chromosome_length"]])


@contextmanager
def _open_fasta(path: Path) -> Iterator[pyfaidx.Fasta]:
    index = path.with_name(path.name + ".fai")
    make = f"Make one with 'samtools faidx {path.name}' (or 'faidx {path.name}' of pyfaidx)."
    if not path.is_file():
        raise SeqauditError(f"{path}: no such file. Check the path of the genome in the config.")
    if path.suffix == ".gz":
        raise SeqauditError(f"{path}: a compressed genome cannot be read in pieces. Decompress it (gunzip).")
    if not index.is_file():
        raise SeqauditError(f"{path}: its index {index.name} is missing. {make}")
    if index.stat().st_mtime < path.stat().st_mtime:
        raise SeqauditError(f"{index}: the index is older than the FASTA file and may not fit it. {make}")
    try:
        fasta = pyfaidx.Fasta(
            str(path), build_index=False, rebuild=False, sequence_always_upper=True, as_raw=True
        )
    except (pyfaidx.FastaIndexingError, pyfaidx.IndexNotFoundError, ValueError, OSError) as error:
        raise SeqauditError(f"{index}: cannot be read as an index of FASTA ({error}). {make}") from error
    try:
        yield fasta
    finally:
        fasta.close()


def _read_windows(path: Path, length: int, centre: str, lengths: Mapping[str, int], genome) -> pd.DataFrame:
    """Windows around the regions of a BED file; they may reach over the ends of a contig."""
    windows = []
    for line, where in _bed_lines(path):
        fields = line.split("\t") if "\t" in line else line.split()
        if len(fields) < 3 or not all(re.fullmatch(r"\d+", field) for field in fields[1:3]):
            raise SeqauditError(f"{where}: got {line[:60]!r}, expected BED: chromosome, start, end.")
        chromosome, start, end = fields[0], int(fields[1]), int(fields[2])
        if end <= start:
            raise SeqauditError(
                f"{where}: region {chromosome}:{start}-{end} has no length, expected end > start."
            )
        if chromosome not in lengths:
            raise SeqauditError(f"{where}: {no_chromosome(chromosome, lengths, genome)}")
        if end > lengths[chromosome]:
            raise SeqauditError(
                f"{where}: region {chromosome}:{start}-{end} ends beyond its contig, which has "
                f"{lengths[chromosome]} bp in {genome}. Was it made for another assembly?"
            )
        middle = _summit(fields, start, end, where) if centre == "summit" else (start + end) // 2
        first = middle - length // 2
        windows.append((chromosome, first, first + length, lengths[chromosome]))
    if not windows:
        raise SeqauditError(f"{path}: no region in the file, expected BED: chromosome, start, end.")
    return pd.DataFrame(windows, columns=["chromosome", "start", "end", "chromosome_length"])


def _bed_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Lines with a region, and where they are."""
    text = read_foreign_text(path, "BED text", encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.startswith(("#", "track", "browser")):
            yield line, f"{path}, line {number}"


def _summit(fields: list[str], start: int, end: int, where: str) -> int:
    offset = fields[_SUMMIT_COLUMN] if len(fields) > _SUMMIT_COLUMN else "nothing"
    if not re.fullmatch(r"\d+", offset) or start + int(offset) >= end:
        raise SeqauditError(
            f"{where}: column {_SUMMIT_COLUMN + 1} holds {offset}, expected the offset of the summit, 0 to "
            f"{end - start - 1} (narrowPeak). Set centre to 'middle' for regions without summits."
        )
    return start + int(offset)


def _cut(fasta: pyfaidx.Fasta, chromosome: str, start: int, end: int, length: int) -> str:
    """Letters of a window; N outside the contig and for letters other than A, C, G, T."""
    letters = fasta[chromosome][max(start, 0) : min(end, length)]
    padded = "N" * min(-start, end - start) + letters if start < 0 else letters
    return re.sub("[^ACGT]", "N", padded.ljust(end - start, "N"))


def _without(windows: pd.DataFrame, unusable, action: str, bed, problem: str, option: str) -> pd.DataFrame:
    if action == "keep" or not unusable.any():
        return windows
    first = windows.loc[unusable].iloc[0]
    place = f"{first['chromosome']}:{first['start']}-{first['end']}"
    if action == "error":
        raise SeqauditError(
            f"{bed}: {unusable.sum()} of {len(windows)} windows {problem}, first {place} "
            f"(contig of {first['chromosome_length']} bp). Set '{option}' to 'drop' to leave them out, or to "
            "'keep' to keep them with N."
        )
    _log.warning(
        "%s: %d of %d windows %s, first %s; left out.", bed, unusable.sum(), len(windows), problem, place
    )
    if unusable.all():
        raise SeqauditError(f"{bed}: all {len(windows)} windows {problem}; none is left.")
    return windows.loc[~unusable].reset_index(drop=True)


def _clusters(windows: pd.DataFrame) -> np.ndarray:
    """Number windows so that those that overlap, directly or through others, share one."""
    ordered = windows.sort_values(["chromosome", "start"])
    # windows are equally long, so only the one before can reach furthest
    apart = ordered["chromosome"].ne(ordered["chromosome"].shift()) | ordered["start"].ge(
        ordered["end"].shift()
    )
    return apart.cumsum().reindex(windows.index).to_numpy()


def _split_by_chromosome(
    chromosomes: pd.Series, split_chromosomes: Mapping[str, Sequence[str]], lengths, genome
) -> np.ndarray:
    split_of: dict[str, str] = {}
    for split, names in split_chromosomes.items():
        if split not in _SPLIT_KEYS or isinstance(names, str):
            raise SeqauditError(
                f"split_chromosomes: got {split!r}: {names!r}, expected lists of chromosomes of "
                f"{', '.join(_SPLIT_KEYS)}; all others train."
            )
        for name in names:
            if name not in lengths:
                raise SeqauditError(f"split_chromosomes: {split}: {no_chromosome(name, lengths, genome)}")
            if split_of.setdefault(name, split) != split:
                raise SeqauditError(
                    f"split_chromosomes: {name} is in {split_of[name]} and {split}, expected in one."
                )
    split = np.array([split_of.get(name, "train") for name in chromosomes])
    if excluded := int((split == "excluded").sum()):
        _log.warning("%d of %d windows lie on excluded chromosomes; left out.", excluded, len(split))
    return split


def no_chromosome(name: str, known, where) -> str:
    """What to say of a chromosome that a file does not have, such as '1' where it has 'chr1'."""
    bare = name.removeprefix("chr")
    other = {"M": "MT", "MT": "M"}.get(bare, bare)
    for same in (f"chr{bare}", bare, f"chr{other}", other):
        if same in known:
            return (
                f"chromosome '{name}' is called '{same}' in {where}. Rename it in one of the files: "
                "all must use the same names."
            )
    few = ", ".join(list(known)[:5])
    return f"chromosome '{name}' is not in {where}, which has {few}{', ...' if len(known) > 5 else ''}."
