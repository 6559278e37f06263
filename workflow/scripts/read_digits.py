"""Read pairs of nodes as pairs of digits (rule read_digits)."""

from seqaudit.data.tables import read_table, write_table
from seqaudit.inference.digit_readings import read_node_pairs
from seqaudit.job import start_job

job = start_job(snakemake)
schemas = {"pairs": "hessian_pairs", "nodes": "hessian_nodes", "networks": "hessian_networks"}
readings = read_node_pairs(
    *(read_table(job.input[name], schema) for name, schema in schemas.items()),
    positive=job.params.positive,
    identity=job.params.identity,
)
write_table(readings, job.output.readings, "hessian_readings", provenance=job.provenance)
