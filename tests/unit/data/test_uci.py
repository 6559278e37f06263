"""The three public tables, from made rows with their columns, and from the real ones where present."""

import logging
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.uci import SOURCES, read_uci
from seqaudit.errors import SeqauditError

REAL = Path(os.environ.get("SEQAUDIT_DATA", Path(__file__).resolve().parents[4] / "shared/data")) / "uci"


def made(name: str, n: int = 40) -> pd.DataFrame:
    """Rows with the columns of a public table."""
    rng = np.random.default_rng(len(name))
    source = SOURCES[name]
    table = pd.DataFrame({c: rng.normal(size=n).round(3) for c in (*source.features, source.target)})
    if name == "california":
        table["ocean_proximity"] = rng.choice(["INLAND", "<1H OCEAN", "ISLAND"], n)
    return table


@pytest.mark.parametrize("name", SOURCES)
def test_made_tables_are_read_with_their_names(name, tmp_path, caplog):
    table, source = made(name), SOURCES[name]
    table.to_csv(tmp_path / source.file, index=False)
    read = read_uci(name, tmp_path)
    assert read.features == tuple(source.features.values()) and read.target == source.target
    first = next(iter(source.features))
    np.testing.assert_array_equal(read.x[:, 0], table[first])
    assert f"40 rows, the published table has {source.rows}" in caplog.text


def test_housing_categories_are_ordered_and_gaps_filled(tmp_path, caplog):
    table = made("california")
    table.loc[[3, 5], "total_bedrooms"] = np.nan
    table.to_csv(tmp_path / "housing.csv", index=False)
    with caplog.at_level(logging.WARNING):
        read = read_uci("california", tmp_path)
    bedrooms = read.x[:, read.features.index("total_bedrooms")]
    assert bedrooms[3] == bedrooms[5] == table["total_bedrooms"].median()
    assert "2 missing values of total_bedrooms" in caplog.text
    codes = dict(zip(table["ocean_proximity"], read.x[:, -1]))
    assert codes["INLAND"] == 0 < codes["<1H OCEAN"] < codes["ISLAND"] == 4
    table.loc[7, "ocean_proximity"] = "MOON"
    table.to_csv(tmp_path / "housing.csv", index=False)
    with pytest.raises(SeqauditError, match="ocean_proximity is 'MOON' in row 7"):
        read_uci("california", tmp_path)


def test_empty_rows_and_columns_of_energy_are_left_out(tmp_path):
    text = made("energy").assign(Y1=1.0).to_csv(index=False).replace("\n", ",,\n") + ",,,,,,,,,,,\n" * 5
    (tmp_path / "energy.csv").write_text(text)
    assert read_uci("energy", tmp_path).x.shape == (40, 8)


def test_missing_and_wrong_files(tmp_path):
    with pytest.raises(
        SeqauditError, match=r"does not come along with seqaudit: get 'Bike Sharing'.*hour\.csv"
    ):
        read_uci("bike", tmp_path)
    made("energy").to_csv(tmp_path / "hour.csv", index=False)
    with pytest.raises(SeqauditError, match="not the table 'bike': no column season"):
        read_uci("bike", tmp_path)
    with pytest.raises(SeqauditError, match="one of california, bike, energy"):
        read_uci("mnist", tmp_path)


@pytest.mark.parametrize(
    ("name", "mean"), [("california", 206855.817), ("bike", 189.463), ("energy", 24.588)]
)
def test_the_real_tables(name, mean):
    if not (REAL / SOURCES[name].file).is_file():
        pytest.skip(f"the public table {SOURCES[name].file} is not on this machine")
    table = read_uci(name, REAL)
    assert len(table.y) == SOURCES[name].rows and table.y.mean() == pytest.approx(mean, abs=1e-3)
    if name == "energy":
        column = dict(zip(table.features, table.x.T))
        # walls, roof and floor: what settles which column is which
        np.testing.assert_allclose(column["surface"], column["wall"] + 2 * column["roof"])
