"""Fit the twin again to every set of targets that was drawn from it, and probe it (rule fit_null_twins)."""

import pandas as pd

from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job
from seqaudit.models.twin_sets import CHOSEN, load_twins
from seqaudit.probes.twins import probe_twins
from seqaudit.simulate.twin_labels import draw_null_targets
from seqaudit.training.additive import refit_twin

job = start_job(snakemake)
draw, dataset = job.params.draw, job.wildcards.dataset
twin = load_twins(job.input.twins)[CHOSEN]
sequences = read_table(job.input.sequences, "sequences")
predictions = read_table(job.input.predictions, "twin_predictions").query("model_id == @draw['twin']")
knockouts = read_table(job.input.pairs, "knockouts").query("split == 'test'")
pairs = []
for replicate in range(1, draw["replicates"] + 1):
    null = draw_null_targets(
        sequences, predictions, transform=job.params.transform, replicate=replicate, seed=draw["seed"]
    )
    refitted = {f"null_{replicate}": refit_twin(twin, null, threads=job.threads)}
    pairs.append(probe_twins(refitted, knockouts, None, None, null, dataset=dataset))
write_table(pd.concat(pairs), job.output.pairs, "interaction_pairs", provenance=job.provenance)
