"""Motif files: MEME and JASPAR text, read into motifs and formatted from them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from seqaudit.data.motifs import ROW_SUM_TOLERANCE, Motif, check_background, find_motif
from seqaudit.errors import SeqauditError

_AFTER_MATRIX = ("MOTIF", "URL", "letter-probability matrix", "log-odds matrix", "--", "**")
_MATRIX_SETTING = re.compile(r"(\w+)=\s*(\S+)")


def read_motifs(path: str | Path, names: Sequence[str] | Mapping[str, str] | None = None) -> list[Motif]:
    """Read motifs from a MEME (version 4 or later, text) or JASPAR file.

    Parameters
    ----------
    path : path
        The format is recognised from the first line.
    names : sequence of str, or mapping of str to str, optional
        Names, or alternative names, of the motifs wanted, in the order wanted; by default
        all, in the order of the file. A mapping gives each a new name, the one in the file
        becomes its alternative name.

    Returns
    -------
    list of Motif
        MEME matrices hold the probabilities of the file, digit by digit. JASPAR matrices of
        counts become probabilities, count / sum of the column.

    Raises
    ------
    SeqauditError
        Naming file, motif and row: a missing, empty or unknown file, an alphabet that is not
        DNA, a malformed matrix, repeated or missing motifs.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SeqauditError(
            f"{path}: cannot be read as text ({error}). Expected a MEME or JASPAR file; "
            "check the path in the config."
        ) from error
    lines = [line.strip() for line in text.splitlines()]
    first = next((line for line in lines if line), None)
    if first is None:
        raise SeqauditError(f"{path}: the file is empty, expected a MEME or JASPAR file.")
    try:
        if first.startswith("MEME version"):
            motifs = _parse_meme(lines)
        elif first.startswith(">"):
            motifs = _parse_jaspar(lines)
        else:
            raise SeqauditError(
                f"first line is {first[:60]!r}, expected 'MEME version ...' (MEME) or '>name' (JASPAR)."
            )
        if not motifs:
            raise SeqauditError("no motif in the file, expected at least one.")
        seen = set()
        for motif in motifs:
            if motif.name in seen:
                raise SeqauditError(f"motif '{motif.name}' occurs twice. Rename or remove one.")
            seen.add(motif.name)
    except SeqauditError as error:
        raise SeqauditError(f"{path}: {error}") from None
    if names is None:
        return motifs
    wanted = [find_motif(motifs, name, where=str(path)) for name in names]
    if isinstance(names, Mapping):
        return [
            replace(motif, name=new, alternative_name=motif.name) if new != motif.name else motif
            for motif, new in zip(wanted, names.values())
        ]
    return wanted


def format_meme(motifs: Sequence[Motif], *, background: Sequence[float]) -> str:
    """Text of a MEME file; every number is written with all its digits."""
    frequencies = " ".join(
        f"{letter} {float(value)!r}" for letter, value in zip("ACGT", check_background(background))
    )
    parts = [
        "MEME version 4",
        "ALPHABET= ACGT",
        "strands: + -",
        f"Background letter frequencies\n{frequencies}",
    ]
    for motif in motifs:
        header = f"letter-probability matrix: alength= 4 w= {motif.width}"
        if motif.n_sites is not None:
            header += f" nsites= {motif.n_sites:g}"
        rows = [" ".join(repr(float(value)) for value in row) for row in motif.ppm]
        title = f"MOTIF {motif.name} {motif.alternative_name}".rstrip()
        parts.append("\n".join([title, header, *rows]))
    return "\n\n".join(parts) + "\n"


def format_jaspar(motifs: Sequence[Motif]) -> str:
    """Text of a JASPAR file that holds probabilities, every number with all its digits."""
    parts = []
    for motif in motifs:
        rows = [
            f"{letter} [ {' '.join(repr(float(value)) for value in values)} ]"
            for letter, values in zip("ACGT", motif.ppm.T)
        ]
        parts.append("\n".join([f">{motif.name}\t{motif.alternative_name}".rstrip(), *rows]))
    return "\n".join(parts) + "\n"


def _parse_meme(lines: list[str]) -> list[Motif]:
    motifs: list[Motif] = []
    name, alternative, complete = None, "", True
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.upper().startswith("ALPHABET"):
            at = _check_meme_alphabet(lines, at - 1)
        elif line.startswith("MOTIF"):
            if not complete:
                raise SeqauditError(f"motif '{name}' has no 'letter-probability matrix'. Add it.")
            name, alternative, *_ = [*line.split()[1:], "", ""]
            complete = False
        elif line.startswith("letter-probability matrix"):
            if name is None or complete:
                raise SeqauditError(f"line {at}: a matrix without a 'MOTIF <name>' line above it.")
            settings = dict(_MATRIX_SETTING.findall(line))
            rows, at = _meme_rows(lines, at, name, settings)
            n_sites = _number(settings["nsites"], name, "nsites") if "nsites" in settings else None
            motifs.append(Motif(name, rows, alternative, n_sites))
            complete = True
    if not complete:
        raise SeqauditError(f"motif '{name}' has no 'letter-probability matrix'. Add it.")
    return motifs


def _check_meme_alphabet(lines: list[str], at: int) -> int:
    """Accept DNA only; return the line after the alphabet, which may be a block of definitions."""
    line = lines[at]
    if "=" in line:
        letters = line.split("=", 1)[1].replace(" ", "")
        end = at + 1
    else:
        ends = [i for i in range(at, len(lines)) if lines[i].startswith("END ALPHABET")]
        if not ends:
            raise SeqauditError(f"line {at + 1}: the ALPHABET block has no 'END ALPHABET'.")
        end = ends[0] + 1
        # core symbols stand alone on the left of their complement: 'A "Adenine" CC0000 ~ T ...'
        pairs = [definition.split("~") for definition in lines[at + 1 : end - 1] if "~" in definition]
        letters = "".join(sorted(side.strip()[0] for pair in pairs for side in pair if side.strip()))
    if letters.upper() != "ACGT":
        raise SeqauditError(f"line {at + 1}: alphabet '{letters}', expected DNA: ACGT.")
    return end


def _meme_rows(lines: list[str], at: int, name: str, settings: dict) -> tuple[list[list[float]], int]:
    if settings.get("alength", "4") != "4":
        raise SeqauditError(f"motif '{name}': alength= {settings['alength']}, expected 4 (DNA).")
    width = _number(settings.get("w", "1"), name, "w")  # without it the first blank line ends the matrix
    rows: list[list[float]] = []
    while at < len(lines) and not lines[at].startswith(_AFTER_MATRIX):
        if not lines[at] and len(rows) >= width:
            break
        if lines[at]:
            values = lines[at].split()
            if len(values) != 4:
                raise SeqauditError(
                    f"motif '{name}': row {len(rows)} has {len(values)} columns, expected 4 (A, C, G, T)."
                )
            rows.append([_number(value, name, f"row {len(rows)}") for value in values])
        at += 1
    if "w" in settings and width != len(rows):
        raise SeqauditError(
            f"motif '{name}': its header says w= {settings['w']}, but {len(rows)} rows follow. "
            "The file may be cut off."
        )
    return rows, at


def _parse_jaspar(lines: list[str]) -> list[Motif]:
    records: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith(">"):
            records.append((line[1:].strip(), []))
        elif line:
            records[-1][1].append(line)
    motifs = []
    for title, rows in records:
        name, _, alternative = title.replace("\t", " ").partition(" ")
        if len(rows) != 4:
            raise SeqauditError(
                f"motif '{name}': {len(rows)} rows, expected 4 (A, C, G, T), as in 'A [ 3 0 12 ]'."
            )
        values = []
        for letter, row in zip("ACGT", rows):
            numbers = row.replace("[", " ").replace("]", " ").split()
            if numbers and numbers[0].isalpha() and len(numbers[0]) == 1:
                if numbers[0].upper() != letter:
                    raise SeqauditError(
                        f"motif '{name}': row {numbers[0]} where row {letter} was expected; "
                        "the order is A, C, G, T."
                    )
                numbers = numbers[1:]
            values.append([_number(number, name, f"row {letter}") for number in numbers])
            if len(values[-1]) != len(values[0]) or not values[0]:
                raise SeqauditError(
                    f"motif '{name}': row {letter} has {len(values[-1])} columns, row A has "
                    f"{len(values[0])}; expected the same number, at least one."
                )
        motifs.append(_motif_of_counts(name, "_".join(alternative.split()), np.array(values).T))
    return motifs


def _motif_of_counts(name: str, alternative: str, matrix: np.ndarray) -> Motif:
    sums = matrix.sum(axis=1)
    if (np.abs(sums - 1) <= ROW_SUM_TOLERANCE).all():
        return Motif(name, matrix, alternative)
    wrong = np.flatnonzero((matrix < 0).any(axis=1) | ~(sums > 0) | ~np.isfinite(sums))
    if wrong.size:
        raise SeqauditError(
            f"motif '{name}': position {wrong[0]} has counts {' '.join(f'{v:g}' for v in matrix[wrong[0]])}; "
            "expected counts of A, C, G, T from 0 up, with a sum above 0."
        )
    return Motif(name, matrix / sums[:, None], alternative, float(sums.max()))


def _number(text: str, name: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SeqauditError(f"motif '{name}': {where} holds {text!r}, expected a number.") from None
