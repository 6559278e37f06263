"""Split interactions of the networks of a dataset into head and rest (rule split_interactions)."""

from pathlib import Path

import pandas as pd

from seqaudit.data.motif_files import read_motifs
from seqaudit.data.pair_strata import choose_pairs, pair_strata
from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job
from seqaudit.models.checkpoint import load_model
from seqaudit.probes.head_interactions import split_interactions

job = start_job(snakemake)
pairs = choose_pairs(read_table(job.input.pairs, "knockouts"), **job.params.chosen)
strata = pair_strata(pairs, read_motifs(job.input.motifs, job.params.motifs), **job.params.strata)
networks = (load_model(Path(path).parent)[0] for path in job.input.models)
heads = [
    split_interactions(network, pairs, design=design, transform=job.params.transform).assign(**strata)
    for network, design in zip(networks, job.params.designs, strict=True)
]
heads = pd.concat(heads, ignore_index=True)
write_table(heads, job.output.heads, "hessian_heads", provenance=job.provenance)
