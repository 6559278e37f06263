"""Maps survive the way into a table and back, in whatever order they are asked for."""

import numpy as np
import pytest

from seqaudit.data.map_tables import (
    maps_from_table,
    maps_to_table,
    masks_from_table,
    position_rows,
    read_maps,
)
from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError

IDS = ["b", "a", "c"]
MAPS = {
    # few binary digits, so that nothing is rounded
    name: np.random.default_rng(seed).integers(-500, 500, (3, 4, 5)).astype(np.float32) / 64
    for seed, name in enumerate(("saliency", "ism"))
}


def test_a_row_is_one_position_with_its_four_bases():
    table = maps_to_table(MAPS, IDS)
    assert len(table) == 2 * 3 * 5
    row = table.query("method == 'ism' and sequence_id == 'a' and position == 3").iloc[0]
    assert row[["a", "c", "g", "t"]].tolist() == MAPS["ism"][1, :, 3].tolist()


def test_maps_come_back_from_a_file_in_the_order_asked_for(tmp_path):
    maps = {**MAPS, "ism": MAPS["ism"].copy()}
    maps["ism"][2, 1, 4] = np.nan
    path = tmp_path / "m.parquet"
    write_table(maps_to_table(maps, IDS), path, "attribution_maps")
    table = read_table(path, "attribution_maps")
    for method in maps:
        np.testing.assert_array_equal(maps_from_table(table, IDS, method=method), maps[method])
        np.testing.assert_array_equal(
            read_maps({"model": path}, ["c", "b"], "model", method), maps[method][[2, 0]]
        )


def test_values_are_rounded_by_less_than_a_thousandth():
    maps = np.random.default_rng(5).normal(size=(3, 4, 50)) * 10.0 ** np.arange(-4, 5, 4)[:, None, None]
    stored = maps_from_table(maps_to_table({"ism": maps}, IDS), IDS, method="ism")
    error = np.abs(stored / maps - 1)
    assert 1e-5 < error.max() <= 2**-11


def test_masks_come_back_by_sequence():
    signal = np.arange(15).reshape(3, 5) % 4 == 0
    table = position_rows(IDS, 5).assign(signal=signal.ravel(), background=~signal.ravel())
    found = masks_from_table(table, ["c", "b"])
    np.testing.assert_array_equal(found["signal"], signal[[2, 0]])
    np.testing.assert_array_equal(found["background"], ~signal[[2, 0]])


def test_what_is_missing_is_named():
    table = maps_to_table(MAPS, IDS)
    with pytest.raises(
        SeqauditError, match="method 'smoothgrad' is not in the table, which has saliency, ism"
    ):
        maps_from_table(table, IDS, method="smoothgrad")
    with pytest.raises(SeqauditError, match=r"sequence 'z' has no map in the table \(1 such"):
        maps_from_table(table, ["a", "z"], method="ism")
    with pytest.raises(SeqauditError, match=r"'ism' has shape \(3, 4, 5\), expected \(2, 4, L\)"):
        maps_to_table({"ism": MAPS["ism"]}, IDS[:2])
    with pytest.raises(SeqauditError, match="no method given"):
        maps_to_table({}, IDS)
