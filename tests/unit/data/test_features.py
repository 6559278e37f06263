"""Own tables of features: read, checked, split, scaled, and the errors of bad ones."""

import numpy as np
import pandas as pd
import pytest

from seqaudit.data.features import (
    check_features,
    feature_table,
    from_points,
    min_max_scaled,
    read_features,
    to_points,
)
from seqaudit.data.tables import read_table, write_table
from seqaudit.errors import SeqauditError


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"age": rng.integers(1, 50, 60), "income": rng.normal(size=60), "price": rng.random(60)}
    )


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz", ".parquet"])
def test_every_format_gives_the_same_table(frame, tmp_path, suffix):
    path = tmp_path / f"own{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, sep="\t" if suffix == ".tsv" else ",", index=False)
    table = read_features(path, target="price")
    assert table.features == ("age", "income") and table.target == "price"
    np.testing.assert_array_equal(table.x, frame[["age", "income"]].to_numpy(float))
    np.testing.assert_array_equal(table.y, frame["price"])
    assert set(table.split) == {"train", "validation", "test"}


def test_chosen_features_keep_their_order(frame, tmp_path):
    frame.assign(note="text").to_csv(tmp_path / "own.csv", index=False)
    assert read_features(tmp_path / "own.csv", target="price", features=["income", "age"]).features == (
        "income",
        "age",
    )


def test_equal_points_share_a_split(frame):
    doubled = pd.concat([frame, frame.assign(price=1 - frame["price"])], ignore_index=True)
    table = feature_table(doubled, target="price", features=["age", "income"])
    assert (table.split[:60] == table.split[60:]).all()
    assert np.mean(table.split == "train") == pytest.approx(0.7, abs=0.03)


def test_scaling_is_that_of_the_training_points(frame):
    table = feature_table(frame, target="price", features=["age", "income"])
    scaled, train = min_max_scaled(table), table.split == "train"
    assert scaled.x[train].min(axis=0).tolist() == [0.5, 0.5]
    assert scaled.x[train].max(axis=0).tolist() == [1.5, 1.5]
    assert (scaled.y[train].min(), scaled.y[train].max()) == (0, 1)
    np.testing.assert_allclose(np.corrcoef(scaled.x[:, 0], table.x[:, 0]), 1)
    assert scaled.features == table.features and (scaled.split == table.split).all()


def test_points_go_to_long_form_and_back(frame, tmp_path):
    table = feature_table(frame, target="price", features=["income", "age"])
    write_table(to_points(table), tmp_path / "points.parquet", "hessian_points")
    back = from_points(read_table(tmp_path / "points.parquet", "hessian_points"))
    np.testing.assert_array_equal(back.x, table.x)
    np.testing.assert_array_equal(back.y, table.y)
    assert back.features == table.features and back.target == "price" and (back.split == table.split).all()
    with pytest.raises(SeqauditError, match="row 0 has no value of 'income'"):
        from_points(to_points(table).iloc[1:])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"age": "old"}, r"column 'age' holds text in row 0 \(60 such rows: 'old'\).*Recode categories"),
        ({"age": 3}, "feature 'age' is 3 in all 60 rows"),
        ({"price": 3}, "target 'price' is 3 in all 60 rows"),
        ({"income": [np.nan, *range(59)]}, "column 'income' is nan in row 0"),
        ({"income": [0.0, np.inf, *range(58)]}, "column 'income' is inf in row 1"),
    ],
)
def test_bad_columns_say_where_and_what_to_do(frame, tmp_path, change, said):
    frame.assign(**change).to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(SeqauditError, match=said):
        read_features(tmp_path / "own.csv", target="price")


def test_bad_requests(frame, tmp_path):
    path = tmp_path / "own.csv"
    frame.to_csv(path, index=False)
    with pytest.raises(SeqauditError, match=r"no column 'prize'.*Did you mean 'price'"):
        read_features(path, target="prize")
    with pytest.raises(SeqauditError, match=r"1 features \(age\)"):
        read_features(path, target="price", features=["age"])
    with pytest.raises(SeqauditError, match="target and a feature"):
        read_features(path, target="price", features=["age", "price"])
    with pytest.raises(SeqauditError, match="no such file"):
        read_features(tmp_path / "none.csv", target="price")
    with pytest.raises(SeqauditError, match="unknown kind of file"):
        (tmp_path / "own.xlsx").write_text("a")
        read_features(tmp_path / "own.xlsx", target="price")
    frame.head(2).to_csv(path, index=False)
    with pytest.raises(SeqauditError, match="no row in split"):
        read_features(path, target="price")


def test_damaged_files(tmp_path):
    (tmp_path / "cut.parquet").write_bytes(b"PAR1cut")
    with pytest.raises(SeqauditError, match="truncated or damaged"):
        read_features(tmp_path / "cut.parquet", target="y")
    (tmp_path / "long.csv").write_text("a,b,y\n1,2,3,4\n5,6,7,8\n")
    with pytest.raises(SeqauditError, match="cannot be read as a csv table"):
        read_features(tmp_path / "long.csv", target="y")
    for text, said in (
        ("", "the file is empty"),
        ("\n", "no rows"),
        ("a,b,y\n", "no rows, expected one per point"),
    ):
        (tmp_path / "empty.csv").write_text(text)
        with pytest.raises(SeqauditError, match=said):
            read_features(tmp_path / "empty.csv", target="y")


def test_arrays_of_text_or_another_shape():
    with pytest.raises(SeqauditError, match="Recode text"):
        check_features(np.array([["a", "b"]]))
    with pytest.raises(SeqauditError, match=r"shape \(points, features\)"):
        check_features(np.ones(4))
    with pytest.raises(SeqauditError, match="got 1 points and 2 features"):
        check_features(np.ones((1, 2)))
