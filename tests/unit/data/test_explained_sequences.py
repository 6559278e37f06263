"""The sequences to explain are test sequences, the same for every model."""

import pandas as pd
import pytest

from seqaudit.data.explained_sequences import choose_sequences
from seqaudit.errors import SeqauditError

SEQUENCES = pd.DataFrame(
    {"sequence_id": [f"s{i}" for i in range(100)], "split": ["train"] * 40 + ["test"] * 60}
)
PAIRS = pd.DataFrame({"sequence_id": ["s3", "s50", "s50", "s70", "s90"]})


def test_a_sample_of_the_test_split_in_its_order():
    chosen = choose_sequences(SEQUENCES, n_sequences=20, seed=1)
    assert len(chosen) == 20 and set(chosen["split"]) == {"test"}
    assert chosen["sequence_id"].is_unique
    order = chosen["sequence_id"].str[1:].astype(int)
    assert order.is_monotonic_increasing
    again = choose_sequences(SEQUENCES, n_sequences=20, seed=1)
    assert chosen.equals(again) and not chosen.equals(choose_sequences(SEQUENCES, n_sequences=20, seed=2))


def test_with_pairs_only_sequences_that_have_one():
    chosen = choose_sequences(SEQUENCES, n_sequences=20, seed=1, pairs=PAIRS)
    assert list(chosen["sequence_id"]) == ["s50", "s70", "s90"]


def test_nothing_to_draw_from_is_an_error():
    with pytest.raises(SeqauditError, match="none of split test with a motif pair"):
        choose_sequences(SEQUENCES, n_sequences=5, seed=1, pairs=PAIRS.head(1))
