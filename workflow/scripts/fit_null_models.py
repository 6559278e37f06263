"""Train one network again on targets without interaction, and probe it (rule fit_null_models)."""

from pathlib import Path

import pandas as pd

from seqaudit.data.tables import read_table, write_table
from seqaudit.job import start_job
from seqaudit.models.checkpoint import load_model
from seqaudit.probes.knockout import evaluate, probe_interactions
from seqaudit.simulate.twin_labels import draw_null_targets
from seqaudit.training.bootstrap import retrain_model

job = start_job(snakemake)
design, transform, draw = job.params.model, job.params.transform, job.params.draw
model, _ = load_model(Path(job.input.model).parent)
sequences = read_table(job.input.sequences, "sequences")
predictions = read_table(job.input.predictions, "twin_predictions").query("model_id == @draw['twin']")
knockouts = read_table(job.input.pairs, "knockouts").query("split == 'test'")
pairs, evaluations = [], []
for replicate in range(1, draw["replicates"] + 1):
    null = draw_null_targets(
        sequences, predictions, transform=transform, replicate=replicate, seed=draw["seed"]
    )
    trained = {"l1": design["l1"], "seed": design["seed"] + replicate, "threads": job.threads}
    result = retrain_model(model, null, transform=transform, **trained, **job.params.training)
    name = {"model_id": f"{design['model_id']}.null_{replicate}"}
    pairs.append(probe_interactions(result.model, knockouts, None, None, null, transform=transform, **name))
    training = {key: result.record[key] for key in ("epochs", "best_epoch", "seconds")}
    evaluation = evaluate(result.model, null, transform=transform)._asdict()
    evaluations.append({**design, **name, **training, **evaluation})
tables = {"pairs": pd.concat(pairs), "evaluations": pd.DataFrame(evaluations)}
write_table(tables["pairs"], job.output.pairs, "interaction_pairs", provenance=job.provenance)
write_table(tables["evaluations"], job.output.evaluations, "evaluations", provenance=job.provenance)
