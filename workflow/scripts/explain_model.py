"""Attribution maps of one network and their scores (rule explain_model)."""

from functools import partial
from pathlib import Path

from seqaudit.data.map_tables import maps_to_table
from seqaudit.data.tables import read_table, read_tables, write_table
from seqaudit.inference.explained_models import score_explanation, score_explanation_truth
from seqaudit.inference.model_selection import heldout_losses
from seqaudit.job import start_job
from seqaudit.models.checkpoint import load_model
from seqaudit.probes.explanation import explain_model

job = start_job(snakemake)
params, write = job.params, partial(write_table, provenance=job.provenance)
model_id = params.model_id.format(**job.wildcards)
chosen = read_table(job.input.chosen, "sequences")
maps, summary, *heldout = explain_model(
    load_model(Path(job.input.model).parent, external=params.external)[0],
    chosen,
    read_table(job.input.sequences, "sequences", columns=["split", "sequence", "target"]),
    model_id=model_id,
    transform=params.transform,
    methods=params.methods,
    **params.attribution,
)
losses = heldout_losses({model_id: heldout[0]}, heldout[1])
write(maps_to_table(maps, chosen["sequence_id"]), job.output.maps, "attribution_maps")
write(summary.merge(losses, on="model_id"), job.output.explanation, "explanations")
scoring = {"model_id": model_id, "settings": params.settings, "seed": params.attribution["seed"]}
write(score_explanation(maps, chosen, **scoring), job.output.scores, "consistency_scores")
truth = [
    read_tables(job.input.get(name, []), schema, optional=True)
    for name, schema in {"true_maps": "attribution_maps", "true_sites": "true_sites"}.items()
]
true_scores = score_explanation_truth(maps, chosen, *truth, model_id=model_id)
write(true_scores, job.output.truth, "attribution_scores")
