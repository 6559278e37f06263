"""Public tables are downloaded only if they hold the right numbers."""

import numpy as np
import pytest

from seqaudit.data import download
from seqaudit.data.uci import SOURCES, read_uci
from seqaudit.errors import SeqauditError


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A made table of energy efficiency, served from disk."""
    rng = np.random.default_rng(0)
    rows = [",".join(f"{value:.3f}" for value in row) for row in rng.uniform(1, 2, (60, 10))]
    file = tmp_path / "served" / "energy.csv"
    file.parent.mkdir()
    file.write_text("\n".join(["X1,X2,X3,X4,X5,X6,X7,X8,Y1,Y2", *rows]))
    monkeypatch.setitem(download.URLS, "energy", file.as_uri())
    monkeypatch.setitem(download.DIGESTS, "energy", download.table_digest(read_uci("energy", file.parent)))
    return file


def test_a_table_with_the_right_numbers_arrives_as_it_was(copy, tmp_path):
    download.download_uci("energy", tmp_path / "got" / "energy.csv")
    assert (tmp_path / "got" / "energy.csv").read_bytes() == copy.read_bytes()


def test_line_ends_and_other_columns_do_not_matter(copy, tmp_path):
    lines = copy.read_text().split("\n")
    copy.write_text("\r\n".join(f"{line},{'note' if i == 0 else 'x'}" for i, line in enumerate(lines)))
    download.download_uci("energy", tmp_path / "energy.csv")
    assert (tmp_path / "energy.csv").exists()


def test_other_numbers_are_refused(copy, tmp_path):
    first, rest = copy.read_text().split("\n", 2)[1:]
    copy.write_text("\n".join([copy.read_text().split("\n", 1)[0], first.replace("1.", "2.", 1), rest]))
    with pytest.raises(SeqauditError, match=r"table 'energy': .* holds other numbers"):
        download.download_uci("energy", tmp_path / "energy.csv")
    assert not (tmp_path / "energy.csv").exists()


def test_without_a_connection_the_message_says_what_to_do(copy, tmp_path):
    copy.unlink()
    with pytest.raises(
        SeqauditError, match=r"cannot be reached .* Without a connection: get 'Energy eff"
    ) as e:
        download.download_uci("energy", tmp_path / "energy.csv")
    assert "put it into the study's folder as energy.csv" in str(e.value)


def test_every_public_table_has_an_address_and_a_digest():
    assert set(download.URLS) == set(download.DIGESTS) == set(SOURCES)
    assert all(len(digest) == 64 for digest in download.DIGESTS.values())
