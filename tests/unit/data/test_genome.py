"""Regions of a genome and their signal: made by hand, and a toy genome of BPNet."""

import gzip
import logging
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pyfaidx
import pytest

from seqaudit.data.causal import target_matrix
from seqaudit.data.genome import read_regions
from seqaudit.data.genome_signal import read_signal
from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError

TOY = Path(os.environ.get("SEQAUDIT_TOY_GENOME", "toy_genome"))
CONTIGS = {"chr1": 400, "chr2": 300, "chrM": 60}
FRACTIONS = {"split_fractions": (0.5, 0.25, 0.25)}


def letters(name):
    seed = list(CONTIGS).index(name)
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), CONTIGS[name]))


def write_fasta(folder, contigs=None, *, index=True):
    path = folder / "genome.fa"
    contigs = contigs or {name: letters(name) for name in CONTIGS}
    lines = []
    for name, text in contigs.items():
        lines += [f">{name} some description", *(text[at : at + 60] for at in range(0, len(text), 60))]
    path.write_text("\n".join(lines) + "\n")
    if index:
        pyfaidx.Faidx(str(path)).close()
    return path


def write_bed(folder, lines, name="regions.bed"):
    path = folder / name
    path.write_text("".join(line + "\n" for line in lines))
    return path


def write_bigwig(path, values, sizes=CONTIGS):
    """``values``: chromosome to an array; NaN is left out."""
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()))
        for chromosome, signal in values.items():
            at = np.flatnonzero(~np.isnan(signal))
            file.addEntries(chromosome, at.tolist(), values=signal[at].astype(float).tolist(), span=1)
    return path


@pytest.fixture
def genome(tmp_path):
    return write_fasta(tmp_path)


def read(tmp_path, lines, *, length=40, **options):
    bed = write_bed(tmp_path, lines)
    genome = tmp_path / "genome.fa"
    return read_regions(bed, genome, length=length, **{"split_chromosomes": {}, **options})


class TestRegions:
    def test_windows_lie_around_the_middle(self, genome, tmp_path):
        regions = read(
            tmp_path, ["track name=x", "# comment", "", "chr1\t100\t200", "chr2\t51\t56\tpeak\t7\t-"]
        )
        assert regions.places["start"].tolist() == [130, 33]
        assert regions.places["end"].tolist() == [170, 73]
        assert regions.sequences["sequence"].tolist() == [letters("chr1")[130:170], letters("chr2")[33:73]]
        assert regions.sequences["sequence_id"].tolist() == ["chr1:130-170", "chr2:33-73"]
        assert regions.places["chromosome_length"].tolist() == [400, 300]

    def test_they_are_a_table_of_causal_sequences(self, genome, tmp_path):
        sequences = read(tmp_path, ["chr1\t100\t200"]).sequences
        write_table(sequences, tmp_path / "s.parquet", "causal_sequences")
        row = read_table(tmp_path / "s.parquet", "causal_sequences").iloc[0]
        assert row["parent"] == row["sequence_id"] and not row["mutated"] and pd.isna(row["embeddings"])

    def test_windows_lie_around_the_summit(self, genome, tmp_path):
        line = "chr1\t100\t200\tp\t1\t.\t1\t1\t1\t17"
        assert read(tmp_path, [line], centre="summit").places["start"].tolist() == [97]

    def test_compressed_bed_and_soft_masked_genome(self, tmp_path):
        path = write_fasta(tmp_path, {"chr1": letters("chr1").lower()})
        bed = tmp_path / "r.bed.gz"
        with gzip.open(bed, "wt") as file:
            file.write("chr1 100 140\r\n")
        sequences = read_regions(bed, path, length=40, split_chromosomes={}).sequences
        assert sequences["sequence"].tolist() == [letters("chr1")[100:140]]

    def test_windows_over_an_end_are_refused_dropped_or_filled(self, genome, tmp_path, caplog):
        lines = ["chr1\t0\t10", "chr1\t100\t200", "chr2\t290\t300", "chrM\t10\t20"]
        with pytest.raises(SeqauditError, match=r"2 of 4 windows of 40 bp reach over an end .* chr1:-15-25"):
            read(tmp_path, [*lines[:3], "chrM\t25\t35"])
        with caplog.at_level(logging.WARNING):
            kept = read(tmp_path, lines, outside="drop")
        assert kept.sequences["sequence_id"].tolist() == ["chr1:130-170"]
        assert "3 of 4 windows of 40 bp reach over an end of their contig" in caplog.text
        filled = read(tmp_path, lines, outside="keep").sequences["sequence"].tolist()
        assert filled[0] == "N" * 15 + letters("chr1")[:25]
        assert filled[2] == letters("chr2")[275:] + "N" * 15
        assert filled[3] == "N" * 5 + letters("chrM")[:35]

    def test_a_contig_shorter_than_the_window_is_filled_on_both_sides(self, genome, tmp_path):
        text = read(tmp_path, ["chrM\t20\t40"], length=100, outside="keep").sequences["sequence"][0]
        assert text == "N" * 20 + letters("chrM") + "N" * 20

    def test_windows_with_unknown_bases(self, tmp_path, caplog):
        text = letters("chr1")
        write_fasta(tmp_path, {"chr1": text[:110] + "nR" + text[112:]})
        lines = ["chr1\t100\t120", "chr1\t200\t220", "chr1\t0\t10"]
        options = {"outside": "keep"}
        with pytest.raises(SeqauditError, match=r"1 of 3 windows have N in the genome, first chr1:90-130"):
            read(tmp_path, lines, **options)
        with caplog.at_level(logging.WARNING):
            assert len(read(tmp_path, lines, unknown="drop", **options).sequences) == 2
        assert "1 of 3 windows have N in the genome" in caplog.text
        assert read(tmp_path, lines, unknown="keep", **options).sequences["sequence"][0][20:22] == "NN"

    def test_a_window_counts_once(self, genome, tmp_path, caplog):
        with caplog.at_level(logging.WARNING):
            regions = read(tmp_path, ["chr1\t100\t200", "chr2\t100\t200", "chr1\t101\t200"])
        assert regions.sequences["sequence_id"].tolist() == ["chr1:130-170", "chr2:130-170"]
        assert "1 of 3 windows are there already" in caplog.text


class TestSplits:
    def test_by_chromosome(self, genome, tmp_path, caplog):
        lines = ["chr1\t100\t200", "chr2\t100\t200", "chrM\t25\t35"]
        splits = {"test": ["chr2"], "excluded": ["chrM"]}
        with caplog.at_level(logging.WARNING):
            sequences = read(tmp_path, lines, split_chromosomes=splits, length=30).sequences
        assert dict(zip(sequences["sequence_id"].str[:4], sequences["split"])) == {
            "chr1": "train",
            "chr2": "test",
        }
        assert "1 of 3 windows lie on excluded chromosomes" in caplog.text

    def test_drawn_splits_keep_overlapping_windows_together(self, genome, tmp_path):
        lines = [f"chr1\t{at}\t{at + 20}" for at in range(30, 100, 10)]
        lines += [f"chr2\t{at}\t{at + 20}" for at in range(20, 280, 25)]
        options = {"split_chromosomes": None, "length": 20, **FRACTIONS}
        first = read(tmp_path, lines, **options)
        again = read(tmp_path, list(reversed(lines)), **options)
        split = first.sequences.set_index("sequence_id")["split"]
        assert split.to_dict() == again.sequences.set_index("sequence_id")["split"].to_dict()
        assert set(split) == {"train", "calibration", "test"}
        assert split[split.index.str.startswith("chr1")].nunique() == 1

    @pytest.mark.parametrize(
        "splits, message",
        [
            ({"test": ["2"]}, "split_chromosomes: test: chromosome '2' is called 'chr2' in"),
            (
                {"valid": ["chr2"]},
                "got 'valid': ['chr2'], expected lists of chromosomes of calibration, test",
            ),
            ({"test": "chr2"}, "got 'test': 'chr2', expected lists"),
            ({"test": ["chr2"], "calibration": ["chr2"]}, "chr2 is in test and calibration, expected in one"),
            ({"test": ["chrM"]}, "no region is left for split 'test'"),
            ({"test": ["chr1", "chr2"]}, "no region is left for split 'train'"),
        ],
    )
    def test_bad_splits(self, genome, tmp_path, splits, message):
        with pytest.raises(SeqauditError, match=re.escape(message)):
            read(tmp_path, ["chr1\t100\t200", "chr2\t100\t200"], split_chromosomes=splits)


@pytest.mark.parametrize(
    "line, message",
    [
        ("chr1\t100", "regions.bed, line 2: got 'chr1\\t100', expected BED: chromosome, start, end"),
        ("chr1\t100\t2e2", "line 2: got 'chr1\\t100\\t2e2', expected BED"),
        ("chr1\t-5\t20", "line 2: got 'chr1\\t-5\\t20', expected BED"),
        ("chr1\t100\t100", "line 2: region chr1:100-100 has no length, expected end > start"),
        ("chr1\t300\t500", "line 2: region chr1:300-500 ends beyond its contig, which has 400 bp"),
        ("1\t100\t200", "line 2: chromosome '1' is called 'chr1' in"),
        ("MT\t10\t20", "line 2: chromosome 'MT' is called 'chrM' in"),
        ("chr9\t100\t200", "line 2: chromosome 'chr9' is not in"),
    ],
)
def test_lines_that_are_no_regions_of_the_genome(genome, tmp_path, line, message):
    with pytest.raises(SeqauditError, match=re.escape(message)):
        read(tmp_path, ["chr2\t100\t200", line])


def test_a_summit_must_lie_in_its_region(genome, tmp_path):
    for line, got in (("chr1\t100\t200", "nothing"), ("chr1\t100\t200\tp\t1\t.\t1\t1\t1\t-1", "-1")):
        with pytest.raises(SeqauditError, match=f"line 1: column 10 holds {got}, expected the offset"):
            read(tmp_path, [line], centre="summit")


def test_files_that_cannot_be_used(tmp_path):
    bed = write_bed(tmp_path, ["chr1\t100\t200"])
    fasta = write_fasta(tmp_path, index=False)

    def refused(message, bed=bed, fasta=fasta, **options):
        with pytest.raises(SeqauditError, match=re.escape(message)):
            read_regions(bed, fasta, **{"length": 40, "split_chromosomes": {}, **options})

    refused("genome.fa: its index genome.fa.fai is missing. Make one with 'samtools faidx genome.fa'")
    pyfaidx.Faidx(str(fasta)).close()
    refused("no.bed: no such file", bed=tmp_path / "no.bed")
    refused("no.fa: no such file", fasta=tmp_path / "no.fa")
    refused("empty.bed: no region in the file", bed=write_bed(tmp_path, ["#"], "empty.bed"))
    refused("length: got 0, expected at least 1 bp", length=0)
    refused("outside: got 'pad', expected one of error, drop, keep", outside="pad")
    refused("centre: got 'start', expected one of middle, summit", centre="start")
    (tmp_path / "broken.bed.gz").write_bytes(b"chr1\t100\t200\n")
    refused("broken.bed.gz: cannot be read as BED text", bed=tmp_path / "broken.bed.gz")
    (tmp_path / "genome.fa.gz").write_bytes(b"")
    refused("cannot be read in pieces. Decompress it", fasta=tmp_path / "genome.fa.gz")
    os.utime(fasta.with_name("genome.fa.fai"), (1, 1))
    refused("the index is older than the FASTA file")
    index = fasta.with_name("genome.fa.fai")
    index.write_text("chr1 not an index\n")
    refused("genome.fa.fai: cannot be read as an index of FASTA")


@pytest.fixture
def places(genome, tmp_path):
    lines = ["chr1\t100\t200", "chr2\t290\t300", "chrM\t25\t35"]
    return read(tmp_path, lines, outside="keep", unknown="keep").places


def signal(seed=0, contigs=CONTIGS):
    rng = np.random.default_rng(seed)
    values = {name: rng.poisson(0.7, size).astype(float) for name, size in contigs.items()}
    return {name: np.where(reads == 0, np.nan, reads) for name, reads in values.items()}


class TestSignal:
    def test_targets_are_the_reads_of_region_and_strands(self, places, tmp_path):
        plus, minus, one = signal(1), signal(2), signal(3)
        files = {
            "Sox2": {
                "+": write_bigwig(tmp_path / "p.bw", plus),
                "-": write_bigwig(tmp_path / "m.bw", minus),
            },
            "Oct4": write_bigwig(tmp_path / "o.bw", one),
        }
        targets, profiles = read_signal(files, places)
        write_table(targets, tmp_path / "t.parquet", "causal_targets")
        write_table(profiles, tmp_path / "p.parquet", "causal_profiles")
        spans = [("chr1", 130, 170), ("chr2", 275, 300), ("chrM", 10, 50)]
        sox = [np.nansum(plus[c][a:b]) + np.nansum(minus[c][a:b]) for c, a, b in spans]
        oct4 = [np.nansum(one[c][a:b]) for c, a, b in spans]
        found = target_matrix(places, targets, outputs=["Sox2", "Oct4"])
        assert found.tolist() == np.column_stack([sox, oct4]).tolist()

        dense = np.zeros((3, 2, 2, 40))
        ids = places["sequence_id"].tolist()
        for row in profiles.itertuples():
            where = ids.index(row.sequence_id), ["Sox2", "Oct4"].index(row.output), "+-".index(row.strand)
            dense[(*where, row.position)] += row.reads
        np.testing.assert_array_equal(dense[0, 0, 0], np.nan_to_num(plus["chr1"][130:170]))
        np.testing.assert_array_equal(dense[0, 0, 1], np.nan_to_num(minus["chr1"][130:170]))
        # the second window reaches 15 bp over the end of its contig
        np.testing.assert_array_equal(
            dense[1, 1, 0], np.r_[np.nan_to_num(one["chr2"][275:300]), np.zeros(15)]
        )
        assert dense[:, 1, 1].sum() == 0

    def test_without_profiles_values_may_be_any_positive_number(self, places, tmp_path):
        values = {name: np.full(size, 0.25) for name, size in CONTIGS.items()}
        file = {"Oct4": write_bigwig(tmp_path / "o.bw", values)}
        targets, profiles = read_signal(file, places, profiles=False)
        assert targets["target"].tolist() == [10, 6.25, 10] and len(profiles) == 0
        with pytest.raises(SeqauditError, match=r"o.bw: chr1:130 is not a whole number \(0.25; 40 bases of"):
            read_signal(file, places)

    def test_bases_without_a_value_count_zero_or_are_refused(self, places, tmp_path):
        full = {name: np.ones(size) for name, size in CONTIGS.items()}
        full["chr1"][150] = np.nan
        file = {"Oct4": write_bigwig(tmp_path / "o.bw", full)}
        assert read_signal(file, places).targets["target"].tolist() == [39, 25, 40]
        with pytest.raises(SeqauditError, match=r"o.bw: chr1:150 has no value \(nan; 1 bases"):
            read_signal(file, places, missing="error")

    @pytest.mark.parametrize("value, problem", [(-2.0, "is negative"), (np.inf, "is infinite")])
    def test_values_that_cannot_be_reads(self, places, tmp_path, value, problem):
        values = signal()
        values["chr1"][131] = value
        with pytest.raises(SeqauditError, match=f"o.bw: chr1:131 {problem}"):
            read_signal({"Oct4": write_bigwig(tmp_path / "o.bw", values)}, places)

    def test_other_chromosomes(self, places, tmp_path):
        bare = {name.removeprefix("chr"): size for name, size in CONTIGS.items()}
        file = write_bigwig(tmp_path / "o.bw", signal(contigs=bare), bare)
        with pytest.raises(SeqauditError, match=r"chr1:130-170: chromosome 'chr1' is called '1' in .*o.bw"):
            read_signal({"Oct4": file}, places)
        longer = {name: size + 1 for name, size in CONTIGS.items()}
        file = write_bigwig(tmp_path / "l.bw", signal(contigs=longer), longer)
        with pytest.raises(SeqauditError, match="chr1 has 401 bp, in the genome 400"):
            read_signal({"Oct4": file}, places)

    def test_files_and_options(self, places, tmp_path):
        (tmp_path / "text.bw").write_text("chr1 1 2 3\n" * 20)
        for files, message in (
            ({}, "bigwigs: got none, expected one file"),
            ({"Oct4": {}}, "bigwigs: Oct4 has no file"),
            ({"Oct4": {"plus": "x.bw"}}, "bigwigs: Oct4 has 'plus', expected a file, or one for each of"),
            ({"Oct4": tmp_path / "no.bw"}, "no.bw: no such file"),
            ({"Oct4": tmp_path / "text.bw"}, "text.bw: cannot be read as bigWig"),
        ):
            with pytest.raises(SeqauditError, match=re.escape(message)):
                read_signal(files, places)
        with pytest.raises(SeqauditError, match="missing: got 'nan', expected one of zero, error"):
            read_signal({"Oct4": tmp_path / "no.bw"}, places, missing="nan")


@pytest.mark.skipif(
    not (TOY / "dummy.fa").is_file(), reason="SEQAUDIT_TOY_GENOME does not name the folder of the toy genome"
)
def test_the_toy_genome_of_bpnet(tmp_path):
    fasta = tmp_path / "dummy.fa"
    fasta.write_bytes((TOY / "dummy.fa").read_bytes())
    pyfaidx.Faidx(str(fasta)).close()
    for bed in ("peaks.bed", "peaks.bed6"):
        regions = read_regions(TOY / bed, fasta, length=100, split_chromosomes={"test": ["chr2"]})
        assert regions.sequences["sequence_id"].tolist() == ["chr1:150-250", "chr2:150-250"]
        assert regions.sequences["split"].tolist() == ["train", "test"]
        assert set("".join(regions.sequences["sequence"])) <= set("ACGT")
        tracks = {"factor": {"+": TOY / "dummy.pos.bw", "-": TOY / "dummy.neg.bw"}}
        targets, profiles = read_signal(tracks, regions.places)
        with (
            pyBigWig.open(str(TOY / "dummy.pos.bw")) as plus,
            pyBigWig.open(str(TOY / "dummy.neg.bw")) as minus,
        ):
            for name, total in zip(("chr1", "chr2"), targets["target"]):
                reads = sum(np.nan_to_num(np.array(t.values(name, 150, 250))).sum() for t in (plus, minus))
                assert total == reads
        assert profiles["reads"].sum() == targets["target"].sum()
