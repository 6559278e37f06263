"""DNA sequences, motifs, knock-outs, and the Parquet tables that every step reads and writes."""
