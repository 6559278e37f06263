"""A user's table: read whatever its form, or say exactly what is wrong with it."""

import gzip

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.tables import write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference.mr_effects import check_effects, read_effects


def table(**changes) -> pd.DataFrame:
    columns = {
        "instrument": ["a", "b", "c"],
        "beta_exposure": [0.1, -0.2, 0.3],
        "se_exposure": [0.01, 0.02, 0.03],
        "beta_outcome": [0.05, -0.11, 0.14],
        "se_outcome": [0.02, 0.02, 0.03],
    }
    return pd.DataFrame({**columns, **changes})


@pytest.mark.parametrize("separator", ["\t", ",", ";", " "])
def test_text_with_any_separator(tmp_path, separator):
    table().to_csv(tmp_path / "effects.txt", sep=separator, index=False)
    effects = read_effects(tmp_path / "effects.txt")
    pd.testing.assert_frame_equal(effects[table().columns], table(), check_dtype=False)
    assert (effects["locus"].unique(), effects["exposure"].unique()) == (["all"], ["exposure"])


def test_compressed_text_and_parquet(tmp_path):
    with gzip.open(tmp_path / "effects.tsv.gz", "wt") as file:
        table().to_csv(file, sep="\t", index=False)
    table().to_parquet(tmp_path / "effects.parquet")
    for name in ("effects.tsv.gz", "effects.parquet"):
        assert list(read_effects(tmp_path / name)["beta_exposure"]) == [0.1, -0.2, 0.3]


def test_what_r_writes_with_row_names_and_quotes(tmp_path):
    (tmp_path / "r.txt").write_text(
        '"SNP" "beta.exposure" "se.exposure" "beta.outcome" "se.outcome"\n'
        '"1" "rs1" 0.1 0.01 0.05 0.02\n"2" "rs2" 0.2 0.01 0.1 0.02\n'
    )
    effects = read_effects(tmp_path / "r.txt")
    assert list(effects["instrument"]) == ["rs1", "rs2"]
    assert list(effects["beta_outcome"]) == [0.05, 0.1]
    (tmp_path / "r.txt").write_text((tmp_path / "r.txt").read_text().replace(" 0.1 0.02", " NA 0.02"))
    with pytest.raises(SeqauditError, match="column 'beta_outcome', row 2: got nothing"):
        read_effects(tmp_path / "r.txt")


def test_our_own_table_comes_back(tmp_path):
    effects = check_effects(table(locus="l1", exposure="SOX2", outcome="OCT4"))
    write_table(effects, tmp_path / "effects.parquet", "mr_effects")
    pd.testing.assert_frame_equal(read_effects(tmp_path / "effects.parquet"), effects, check_dtype=False)


def test_dotted_names_and_ids_are_understood():
    dotted = table().rename(columns=lambda name: name.replace("_", ".")).rename(columns={"instrument": "SNP"})
    effects = check_effects(dotted.assign(**{"id.exposure": "ieu-a-2", "mr_keep": [True, True, False]}))
    assert list(effects["instrument"]) == ["a", "b"]
    assert set(effects["exposure"]) == {"ieu-a-2"}


def test_instruments_without_names_are_numbered():
    effects = check_effects(table().drop(columns="instrument"))
    assert list(effects["instrument"]) == ["1", "2", "3"]


def test_a_missing_column_is_named_with_the_nearest_one():
    with pytest.raises(
        SeqauditError,
        match=r"effects: no column 'beta_exposure'. Did you mean 'beta_exposur'\? Found instrument, ",
    ):
        check_effects(table().rename(columns={"beta_exposure": "beta_exposur"}))
    with pytest.raises(SeqauditError, match=r"no column 'se_outcome'. Did you mean 'SE.Outcome'\?"):
        check_effects(table().rename(columns={"se_outcome": "SE.Outcome"}))
    with pytest.raises(SeqauditError, match=r"no column 'beta_exposure'. Found x; expected beta_exposure"):
        check_effects(pd.DataFrame({"x": [1]}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"se_outcome": [0.02, -0.02, 0.03]},
            "column 'se_outcome', row 2: got '-0.02', expected a standard error",
        ),
        (
            {"se_outcome": [0.02, 0.0, 0.0]},
            r"column 'se_outcome', row 2: got '0.0', .* above 0 \(2 such rows\)",
        ),
        ({"se_exposure": [-1.0, 0.1, 0.1]}, "column 'se_exposure', row 1: got '-1.0', .* of at least 0"),
        (
            {"beta_outcome": [0.1, 0.2, np.nan]},
            "column 'beta_outcome', row 3: got nothing, expected a finite number",
        ),
        (
            {"beta_outcome": [0.1, np.inf, 0.2]},
            "column 'beta_outcome', row 2: got 'inf', expected a finite number",
        ),
        ({"beta_exposure": [0.1, "x1", 0.2]}, "column 'beta_exposure', row 2: got 'x1', expected a number"),
        (
            {"instrument": ["a", "b", "a"]},
            "column 'instrument', row 3: got 'a', expected every instrument once",
        ),
        ({"locus": ["l1", None, "l1"]}, "column 'locus', row 2: got nothing, expected a name in every row"),
        ({"SNP": ["a", "b", "c"]}, "has the columns 'instrument' and 'SNP', expected one of them"),
        ({"mr_keep": [False] * 3}, "effects: no row, expected one per instrument"),
    ],
)
def test_wrong_values_are_named_by_row(changes, message):
    with pytest.raises(SeqauditError, match=message):
        check_effects(table(**changes))


def test_the_same_instrument_may_serve_two_outcomes():
    both = pd.concat([table(outcome="OCT4"), table(outcome="NANOG")])
    assert len(check_effects(both)) == 6


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(SeqauditError, match=r"nowhere.tsv: no such file, expected a table of effects"):
        read_effects(tmp_path / "nowhere.tsv")
    (tmp_path / "broken.parquet").write_bytes(b"not parquet")
    with pytest.raises(SeqauditError, match=r"broken.parquet: cannot be read as a table \("):
        read_effects(tmp_path / "broken.parquet")
    (tmp_path / "empty.tsv").write_text("")
    with pytest.raises(SeqauditError, match=r"empty.tsv: cannot be read as a table"):
        read_effects(tmp_path / "empty.tsv")
    (tmp_path / "binary.tsv").write_bytes(bytes(range(128, 256)) * 9)
    with pytest.raises(SeqauditError, match=r"binary.tsv: cannot be read as a table"):
        read_effects(tmp_path / "binary.tsv")
