"""Pairs of handwritten digits as the nodes of a network see them (rule activate_digits)."""

from seqaudit.data.digit_pairs import digit_pairs
from seqaudit.data.features import to_points
from seqaudit.data.tables import write_table
from seqaudit.job import start_job
from seqaudit.probes.digit_nodes import node_meanings, node_points
from seqaudit.training.digit_network import train_digit_network

job = start_job(snakemake)
pairs = digit_pairs(**job.params.pairs)
network = train_digit_network(pairs, **job.params.network, threads=job.threads)
points = to_points(node_points(network, pairs))
write_table(points, job.output.points, "hessian_points", provenance=job.provenance)
nodes = node_meanings(network, pairs, identity=job.params.identity)
write_table(nodes, job.output.nodes, "hessian_nodes", provenance=job.provenance)
