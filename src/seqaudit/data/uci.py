"""The three public tables of the Group Expected Hessian paper (section 5.2), read from local files.

California housing (Pace and Barry 1997, StatLib), bike sharing by the hour (Fanaee-T and Gama
2014, UCI) and energy efficiency (Tsanas and Xifara 2012, UCI). How the paper enters categories,
missing values and hours is not known; what is done here is said below.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from seqaudit.data.features import FeatureTable, feature_table
from seqaudit.data.foreign import read_foreign_table
from seqaudit.errors import SeqauditError


class Source(NamedTuple):
    """What a public table must look like.

    Attributes
    ----------
    file : str
        Its usual file name.
    rows : int
    target : str
        Column in the file.
    features : dict of str to str
        Columns in the file and what they are called here.
    origin : str
        Where to get it.
    groups : int
        Groups that the paper chose for this table, M.
    """

    file: str
    rows: int
    target: str
    features: dict[str, str]
    origin: str
    groups: int


OCEAN_PROXIMITY = {"INLAND": 0.0, "<1H OCEAN": 1.0, "NEAR BAY": 2.0, "NEAR OCEAN": 3.0, "ISLAND": 4.0}
"""From inland to island: the order in which the category becomes a number."""

SOURCES = {
    "california": Source(
        "housing.csv",
        20640,
        "median_house_value",
        {
            name: name
            for name in (
                "longitude",
                "latitude",
                "housing_median_age",
                "total_rooms",
                "total_bedrooms",
                "population",
                "households",
                "median_income",
                "ocean_proximity",
            )
        },
        "California housing of StatLib, with the column ocean_proximity",
        10,
    ),
    "bike": Source(
        "hour.csv",
        17379,
        "cnt",
        {
            "season": "season",
            "yr": "year",
            "mnth": "month",
            "hr": "hour",
            "holiday": "holiday",
            "weekday": "weekday",
            "workingday": "workingday",
            "weathersit": "weather",
            "temp": "temperature",
            "atemp": "felt_temperature",
            "hum": "humidity",
            "windspeed": "windspeed",
        },
        "'Bike Sharing' of the UCI repository, hour.csv",
        9,
    ),
    "energy": Source(
        "energy.csv",
        768,
        "Y2",
        # surface = wall + 2 roof holds in every row: X3 is wall and X4 roof, whatever Table 2 says
        {
            "X1": "compactness",
            "X2": "surface",
            "X3": "wall",
            "X4": "roof",
            "X5": "height",
            "X6": "orientation",
            "X7": "glazing_area",
            "X8": "glazing_distribution",
        },
        "'Energy efficiency' of the UCI repository, as CSV with the columns X1 to X8, Y1 and Y2",
        15,
    ),
}

_log = logging.getLogger(__name__)


def read_uci(
    name: str,
    folder: str | Path,
    *,
    split_fractions: Sequence[float] = (0.7, 0.2, 0.1),
    split_seed: int = 1234,
) -> FeatureTable:
    """Read one of the three tables.

    Rows with equal features share a split. ``ocean_proximity`` becomes 0 (inland) to 4
    (island), missing numbers of bedrooms become their median, and rows that are empty
    altogether are left out; both are logged. Of bike sharing, the counts of casual and
    registered users, which add up to the target, and the date are not features.

    Parameters
    ----------
    name : {"california", "bike", "energy"}
    folder : path
        Where the file is, under its usual name.
    split_fractions, split_seed
        As in :func:`seqaudit.data.features.read_features`.

    Raises
    ------
    SeqauditError
        An unknown name, a missing file (with where to get it), or one with other columns.
    """
    if name not in SOURCES:
        raise SeqauditError(f"table: got '{name}', expected one of {', '.join(SOURCES)}.")
    source = SOURCES[name]
    path = Path(folder) / source.file
    if not path.is_file():
        raise SeqauditError(
            f"{path}: no such file. Table '{name}' does not come along with seqaudit: get {source.origin}, "
            f"and put it there as {source.file}."
        )
    table = read_foreign_table(path).dropna(how="all")
    missing = [column for column in (*source.features, source.target) if column not in table.columns]
    if missing:
        raise SeqauditError(
            f"{path}: not the table '{name}': no column {', '.join(missing)}; present are "
            f"{', '.join(map(str, table.columns))}. Expected {source.origin}."
        )
    if len(table) != source.rows:
        _log.warning("%s: %d rows, the published table has %d.", path, len(table), source.rows)
    table = table[[*source.features, source.target]].rename(columns=source.features).reset_index(drop=True)
    if name == "california":
        table = _numeric_housing(table, str(path))
    return feature_table(
        table, target=source.target, features=list(source.features.values()),
        split_fractions=split_fractions, split_seed=split_seed, where=str(path),
    )  # fmt: skip


def _numeric_housing(table: pd.DataFrame, where: str) -> pd.DataFrame:
    proximity = table["ocean_proximity"].map(OCEAN_PROXIMITY)
    unknown = table.loc[proximity.isna(), "ocean_proximity"]
    if len(unknown):
        raise SeqauditError(
            f"{where}: ocean_proximity is {unknown.iloc[0]!r} in row {unknown.index[0]}, expected one of "
            f"{', '.join(OCEAN_PROXIMITY)}."
        )
    bedrooms = pd.to_numeric(table["total_bedrooms"], errors="coerce")
    if gaps := int(bedrooms.isna().sum()):
        _log.warning("%s: %d missing values of total_bedrooms became their median.", where, gaps)
    return table.assign(ocean_proximity=proximity, total_bedrooms=bedrooms.fillna(bedrooms.median()))
