"""How good and how well calibrated one ensemble is (rule check_ensemble)."""

from seqaudit.data.tables import read_table, write_table
from seqaudit.inference.calibration import OBSERVATION_NOISE, calibration_table
from seqaudit.inference.ensemble_quality import quality_table
from seqaudit.job import start_job
from seqaudit.models.ensembles import read_record

job = start_job(snakemake)
sequences = read_table(job.input.sequences, "causal_sequences", columns=["sequence_id", "mutated"])
predictions = read_table(job.input.predictions, "ensemble_predictions").merge(sequences, on="sequence_id")
predictions = predictions[~predictions["mutated"]]
noise = {"noise_variance": OBSERVATION_NOISE[job.params.transform]}
calibration = calibration_table(predictions, ensemble=job.params.design["ensemble"], **noise)
write_table(calibration, job.output.calibration, "calibration", provenance=job.provenance)
record = read_record(job.input.ensemble)
instruments = read_table(job.input.instruments, "instruments")
quality = quality_table(
    predictions,
    identity=job.params.design,
    epochs=record["epochs"],
    seconds=record["seconds"],
    calibration=calibration,
    effects=read_table(job.input.effects, "mutation_effects"),
    true_effects=read_table(job.input.true_effects, "true_effects") if job.input.true_effects else None,
    selected=instruments[instruments["selected"]],
    **noise,
)
write_table(quality, job.output.quality, "ensemble_quality", provenance=job.provenance)
