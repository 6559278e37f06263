"""What the figures of one DeepMR study are drawn from, and the colours they share."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.colors import to_rgb

from seqaudit.data.schemas import SCHEMAS
from seqaudit.data.tables import read_tables
from seqaudit.figures.deepmr_words import pairs_of
from seqaudit.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from seqaudit.inference.deepmr.headline import headline_methods, spoken_for

CLASS_COLOURS = {
    "both": BLUE,
    "exposure_only": ORANGE,
    "all": GREY,
    "outcome_only": PURPLE,
    "neither": SKY,
    "unknown": BLUE,
}
_RECIPE_COLOURS = (GREEN, VERMILLION, PURPLE, SKY, BLACK, ORANGE, BLUE, GREY)
Paths = str | Path | Sequence[str | Path]


class StudyResults(NamedTuple):
    """Tables of one study. Every table holds rows of this study only and may be empty.

    Attributes
    ----------
    study : str
        Its id in the config.
    effects, scores, rounds, quality, spacing : pandas.DataFrame
        Tables ``deepmr_global``, ``deepmr_scores``, ``cascade_rounds``, ``ensemble_quality`` and
        ``deepmr_spacing``.
    calibration : pandas.DataFrame
        Table ``calibration``, ensembles described by ``quality``.
    local, instruments : pandas.DataFrame
        Tables ``deepmr_local`` and ``instruments`` of the ensembles that are shown locus by locus;
        one round of one scenario is enough.
    headline : mapping of str to str
        Method of the global table that speaks for a recipe, such as
        ``{"published": "egger_published/reml"}``; see ``headline_methods`` for others.
    """

    study: str
    effects: pd.DataFrame
    scores: pd.DataFrame
    local: pd.DataFrame
    instruments: pd.DataFrame
    calibration: pd.DataFrame
    quality: pd.DataFrame
    rounds: pd.DataFrame
    spacing: pd.DataFrame
    headline: Mapping[str, str] = {}

    def method_of(self, recipe: str) -> str:
        """The method of the global table that speaks for a recipe."""
        return headline_methods(self.effects, self.headline)[self.study, recipe]

    @property
    def recipes(self) -> list[str]:
        """Recipes in the order of the global table."""
        return list(dict.fromkeys(self.effects["recipe"]))

    @property
    def scenarios(self) -> list[str]:
        """Scenarios in the order of the global table."""
        return list(dict.fromkeys(self.effects["scenario"]))

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Exposures and outcomes in the order of the global table."""
        return pairs_of(self.effects)

    def headline_effects(self) -> pd.DataFrame:
        """Rows of the global table that speak for their recipe."""
        return self._headline(self.effects)

    def headline_scores(self) -> pd.DataFrame:
        """Rows of the table of scores that speak for their recipe."""
        return self._headline(self.scores)

    def example_local(self) -> pd.DataFrame:
        """Local estimates of the first round of the first scenario that is shown locus by locus."""
        if self.local.empty:
            return self.local
        first = self.local.iloc[0]
        return self.local[
            (self.local["scenario"] == first["scenario"]) & (self.local["round"] == first["round"])
        ]

    def _headline(self, table: pd.DataFrame) -> pd.DataFrame:
        return spoken_for(table, headline_methods(self.effects, self.headline))


def read_study_results(
    study: str,
    *,
    effects: Paths,
    local: Paths = (),
    instruments: Paths = (),
    scores: Paths = (),
    calibration: Paths = (),
    quality: Paths = (),
    rounds: Paths = (),
    spacing: Paths = (),
    headline: Mapping[str, str] | None = None,
) -> StudyResults:
    """Read what the figures of ``study`` need from its files.

    Every argument is a file or several of one table, which may hold other studies as well.
    A table that a study does not have is left out. ``instruments`` grows fast: give the
    files of the ensembles that are to be shown locus by locus, and the same of ``local``.
    """
    known = {
        name: _read(paths, schema, study)
        for name, paths, schema in (
            ("effects", effects, "deepmr_global"),
            ("scores", scores, "deepmr_scores"),
            ("local", local, "deepmr_local"),
            ("quality", quality, "ensemble_quality"),
            ("rounds", rounds, "cascade_rounds"),
            ("spacing", spacing, "deepmr_spacing"),
            ("instruments", instruments, "instruments"),
            ("calibration", calibration, "calibration"),
        )
    }
    mine = set(known["effects"]["ensemble"])
    for name in ("instruments", "calibration"):
        table = known[name]
        known[name] = table[table["ensemble"].isin(mine)].reset_index(drop=True)
    return StudyResults(study, **known, headline=dict(headline or {}))


def empty_table(schema: str) -> pd.DataFrame:
    """A table without rows."""
    return pd.DataFrame(columns=[column.name for column in SCHEMAS[schema].columns])


def recipe_colours(recipes: Sequence[str]) -> dict[str, str]:
    """Colour of every recipe; more than eight share them again from the start."""
    return {recipe: _RECIPE_COLOURS[i % len(_RECIPE_COLOURS)] for i, recipe in enumerate(recipes)}


def pale(colour: str) -> tuple[float, ...]:
    """A light, opaque tint: overlapping bars do not add up to a dark one."""
    return tuple(1 - 0.25 * (1 - value) for value in to_rgb(colour))


def _read(paths: Paths, schema: str, study: str) -> pd.DataFrame:
    if isinstance(paths, str | Path):
        paths = [paths]
    if not paths:
        return empty_table(schema)
    table = read_tables(paths, schema)
    return table[table["study"] == study].reset_index(drop=True) if "study" in table else table
