"""Effects of all mutations of many loci as one table, surviving interruptions."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from seqaudit.data.sequences import one_hot
from seqaudit.data.tables import read_metadata, read_table, write_table
from seqaudit.errors import SeqauditError
from seqaudit.probes.mutagenesis import Chunk, mutagenesis_chunks
from seqaudit.probes.mutation_effects import member_table

logger = logging.getLogger(__name__)

CHUNK = 100
"""Loci that are mutated, and stored, at a time."""


def mutate_loci(
    models: Sequence[nn.Module],
    loci: pd.DataFrame,
    *,
    outputs: Sequence[str],
    store: str | Path | None = None,
    **options,
) -> pd.DataFrame:
    """Effects of every single-base mutation of every locus on every output of every member.

    Parameters
    ----------
    models : sequence of torch.nn.Module
        Members of an ensemble; float ``(n, 4, L)`` to ``(n, outputs)``.
    loci : pandas.DataFrame
        ``sequence_id`` and ``sequence``; see :func:`seqaudit.data.causal.choose_loci`.
    outputs : sequence of str
        Names of the outputs in the order of the networks' predictions.
    store : path, optional
        Folder for finished chunks. The same call continues with those it finds there, to
        the same bits; chunks of other networks, loci or options are computed anew. Delete
        it with :func:`remove_chunks` once the table is saved.
    **options
        Passed to :func:`seqaudit.probes.mutagenesis.mutagenesis_chunks`.

    Returns
    -------
    pandas.DataFrame
        Table ``mutation_effects``, by locus in the order given within chunks.

    Raises
    ------
    SeqauditError
        No locus, a repeated name, or what mutagenesis refuses.
    """
    if loci.empty:
        raise SeqauditError("loci: there is no sequence to mutate, expected at least one.")
    names, letters = loci["sequence_id"].tolist(), one_hot(loci["sequence"])
    fingerprint = _fingerprint(models, names, letters, outputs, options)
    found = {} if store is None else _stored(Path(store), fingerprint)
    if found:
        logger.info("continuing with %d chunks of %d loci from %s", len(found), CHUNK, store)
    tables = dict(found)
    for chunk in mutagenesis_chunks(models, letters, chunk_size=CHUNK, done=found, **options):
        tables[chunk.index] = _table(chunk, letters, names, outputs)
        if store is not None:
            path = Path(store) / f"chunk_{chunk.index}.parquet"
            write_table(
                tables[chunk.index], path, "mutation_effects", provenance={"fingerprint": fingerprint}
            )
    return pd.concat([tables[index] for index in sorted(tables)], ignore_index=True)


def remove_chunks(store: str | Path) -> None:
    """Delete stored chunks, once the whole table is safe."""
    store = Path(store)
    for path in store.glob("chunk_*.parquet"):
        path.unlink()
    if store.is_dir() and not any(store.iterdir()):
        store.rmdir()


def _table(chunk: Chunk, letters: np.ndarray, names: list[str], outputs: Sequence[str]) -> pd.DataFrame:
    rows = slice(chunk.first, chunk.last)
    return member_table(
        chunk.result.effects,
        chunk.result.reference,
        letters[rows],
        locus_ids=names[rows],
        outputs=outputs,
    )


def _stored(store: Path, fingerprint: str) -> dict[int, pd.DataFrame]:
    """Finished chunks of the same work; what cannot be read is computed anew."""
    found = {}
    for path in store.glob("chunk_*.parquet"):
        try:
            table = read_table(path, "mutation_effects")
            same = read_metadata(path).get("fingerprint") == fingerprint
        except SeqauditError as error:
            logger.warning("%s", error)
            continue
        if same:
            found[int(path.stem.removeprefix("chunk_"))] = table
    return found


def _fingerprint(models, names: list[str], letters: np.ndarray, outputs: Sequence[str], options: dict) -> str:
    digest = hashlib.sha256(repr((CHUNK, names, list(outputs), sorted(options.items()))).encode())
    digest.update(np.ascontiguousarray(letters).tobytes())
    for model in models:
        digest.update(type(model).__name__.encode())
        for name, tensor in model.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
