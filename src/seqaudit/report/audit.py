"""The first page: every question with its verdict and all lines of evidence, then the models."""

from collections.abc import Mapping

import pandas as pd

from seqaudit.figures.captions import counted, number, p_text, typeset
from seqaudit.figures.deepmr_words import interval_words
from seqaudit.inference.audit import stance
from seqaudit.report.cells import verdict_cell
from seqaudit.report.page import Cell, Column, Row, Section, Table
from seqaudit.report.strips import Axis, Mark, StripRow, axis_over, votes

_SAYS = {"yes": "yes", "no": "no", "weak no": "unsure", "mixed": "mixed", "silent": "cannot tell"}
_KINDS = {"yes": "yes", "no": "no", "weak no": "maybe", "mixed": "maybe", "silent": "none"}
_CAUSAL = {"causal effect": ("yes", "yes"), "none": ("no", "no"), "cannot tell": ("none", "cannot tell")}

_KIND_WORDS = {
    "motif_pair": (
        "motif pair",
        {word: word for word in ("real", "inconsistent", "not supported", "cannot tell")},
    ),
    "causal_pair": (
        "causal question",
        {"causal effect": "with an effect", "none": "without", "cannot tell": "open"},
    ),
}
_HELP = {
    "interaction": "What the models claim, whether true or not: mean over models of the mean interaction "
    "over held-out motif pairs; line: middle 90 % of models.",
    "loss": "Held-out loss without the interaction minus loss with it, median over models; "
    "line: middle 90 % of models. Above zero the interaction helps to predict data.",
    "votes": "Models whose own test supports the interaction, only the paired test does, or none does.",
    "twin": "Share of the claimed interaction that held-out data confirm against an additive network: "
    "0 nothing, 1 all of it; line: 90 % interval.",
    "hessian": "Group Expected Hessian of the two motifs; line: 95 % interval. It is judged against "
    "networks of the same kind on additive data.",
    "consistency": "Attribution consistency of the model recommended for explanation, with its 95 % "
    "interval; grey: middle 90 % of models. ★: whether that model supports the interaction.",
    "deepmr": "Change of the outcome per unit of the exposure; line: 95 % interval of the mean over loci, "
    "pale: interval of a single locus.",
    "recipes": "Recipes of the study (ways to train and estimate) with the same verdict.",
    "rounds": "Rounds of the simulation, each with its own data and truth, with the same verdict.",
}


def audit_summary(audit: pd.DataFrame, *, units: Mapping[str, str]) -> Section:
    """First screen: the verdict about every question, and the evidence for it.

    Parameters
    ----------
    audit : pandas.DataFrame
        Table ``audit``.
    units : mapping of str to str
        Unit of the target by dataset.
    """
    strips = _Strips(audit, units)
    columns = [
        Column("Question"),
        Column("Verdict", choices=True),
        Column("Evidence", plain=True),
    ]
    rows = [
        Row(
            [
                Cell(row["pair"], detail=_place(row)),
                verdict_cell(row["verdict"]),
                Cell("", strip=strips.of(row)),
            ],
            note=typeset(row["reason"]),
        )
        for row in audit.to_dict("records")
    ]
    return Section(
        "verdicts",
        "Verdicts",
        paragraphs=[_headline(audit)],
        tables=[
            Table(
                "audit-table",
                "Verdict and evidence for every question",
                columns,
                rows,
                "question",
                searchable=len(rows) > _FEW,
                style="audit",
            )
        ],
        points=_notes(audit),
    )


_FEW = 6
"""Questions up to which nobody needs to search."""


class _Strips:
    """Makes the evidence strips of a table of questions, on shared axes."""

    def __init__(self, audit: pd.DataFrame, units: Mapping[str, str]):
        self.units = units
        motifs = audit[audit["kind"] == "motif_pair"]
        # interactions of measured data may have another unit, and another scale, per dataset
        self.interactions = {
            unit: _axis(rows, "interaction", "interaction_low", "interaction_high", "truth")
            for unit, rows in motifs.groupby(motifs["dataset"].map(lambda name: units.get(name, "")))
        }
        self.losses = _axis(motifs, "loss_effect", "loss_low", "loss_high")
        self.twins = axis_over(
            motifs[["twin_effect", "twin_low", "twin_high"]].to_numpy().ravel(), always=(-0.1, 1.1)
        )
        self.hessians = _axis(motifs, "hessian_effect", "hessian_low", "hessian_high")
        self.consistencies = _axis(motifs, "consistency", "consistency_low", "consistency_high")
        causal = audit[audit["kind"] == "causal_pair"]
        shown = ("deepmr_effect", "deepmr_low", "deepmr_high", "deepmr_pi_low", "deepmr_pi_high", "truth")
        self.effects = {study: _axis(rows, *shown) for study, rows in causal.groupby("dataset")}

    def of(self, row: Mapping) -> list[StripRow]:
        if row["kind"] == "causal_pair":
            return [self._effect(row), *_agreement(row)]
        lines = [self._interaction(row), self._loss(row), _models(row)]
        for line, made in (("twin", self._twin), ("hessian", self._hessian)):
            if _given(row[f"{line}_verdict"]):
                lines.append(made(row))
        if _given(row["consistency"]):
            lines.append(self._consistency(row))
        return lines

    def _interaction(self, row: Mapping) -> StripRow:
        unit = self.units.get(row["dataset"], "")
        value = _span_words(row["interaction"], row["interaction_low"], row["interaction_high"])
        truth = f"true {number(row['truth'])}" if _given(row["truth"]) else ""
        if _given(row["truth"]) and abs(row["truth"]) < _ZERO:
            truth = "true 0"
        mark = _mark(
            self.interactions[unit], row, "interaction", "interaction_low", "interaction_high", truth="truth"
        )
        return StripRow(
            "Claimed interaction",
            f"{value} {unit}".strip(),
            "plain",
            truth,
            mark=mark,
            spoken=_spoken(value, truth),
            help=_HELP["interaction"],
        )

    def _loss(self, row: Mapping) -> StripRow:
        value = _span_words(row["loss_effect"], row["loss_low"], row["loss_high"])
        return _judged(row, "loss", "Held-out loss", value, row["loss_unpaired_p"], self.losses)

    def _twin(self, row: Mapping) -> StripRow:
        value = _interval_words(row, "twin")
        return _judged(row, "twin", "Additive twin", value, row["twin_p"], self.twins, one=1.0)

    def _hessian(self, row: Mapping) -> StripRow:
        value = _interval_words(row, "hessian")
        return _judged(row, "hessian", "Group Hessian", value, row["hessian_p"], self.hessians)

    def _consistency(self, row: Mapping) -> StripRow:
        chosen, error = row["selected_consistency"], 1.96 * row["selected_consistency_se"]
        value, says, about = "no model recommended", "", ""
        dot = dict.fromkeys(("dot", "low", "high"))
        if _given(chosen):
            value = _span_words(chosen, chosen - error, chosen + error)
            dot = {"dot": chosen, "low": chosen - error, "high": chosen + error}
            supports = row["selected_verdict"] == "supported"
            says = "★ yes" if supports else "★ no"
            about = f"{row['selected_model']} {'supports' if supports else 'does not support'} it"
        place = self.consistencies.place
        mark = Mark(
            **{name: place(at) for name, at in dot.items()},
            far_low=place(row["consistency_low"]),
            far_high=place(row["consistency_high"]),
            zero=place(0.0),
        )
        return StripRow(
            "Consistency",
            value,
            "plain",
            says,
            mark=mark,
            spoken=_spoken(value, about),
            help=_HELP["consistency"],
        )

    def _effect(self, row: Mapping) -> StripRow:
        kind, says = _CAUSAL[row["deepmr_verdict"]]
        value = _interval_words(row, "deepmr") if _given(row["deepmr_effect"]) else "no estimate"
        mark = _mark(
            self.effects[row["dataset"]],
            row,
            "deepmr_effect",
            "deepmr_low",
            "deepmr_high",
            far=("deepmr_pi_low", "deepmr_pi_high"),
            truth="truth",
        )
        truth = f"true {number(row['truth'])}" if _given(row["truth"]) else ""
        return StripRow(
            "Effect",
            value,
            kind,
            says,
            p_text(row["deepmr_q"], "q") if _given(row["deepmr_q"]) else "",
            mark=mark,
            spoken=_spoken(value, says, truth),
            help=_HELP["deepmr"],
        )


_ZERO = 1e-6
"""Smaller true interactions are rounding errors of 0."""


def _judged(
    row: Mapping, line: str, label: str, value: str, p: float, axis: Axis, *, one: float | None = None
) -> StripRow:
    """A line of evidence that takes a side: its effect with interval, what it says, its p-value."""
    said = stance(line, row)
    return StripRow(
        label,
        value,
        _KINDS[said],
        _SAYS[said],
        p_text(p),
        mark=_mark(axis, row, *(f"{line}_{part}" for part in ("effect", "low", "high")), one=one),
        spoken=_spoken(value, _SAYS[said]),
        help=_HELP[line],
    )


def _models(row: Mapping) -> StripRow:
    supported, suggestive = row["loss_n_supported"], row["loss_n_suggestive"]
    rest = row["loss_n_models"] - supported - suggestive
    value = f"{supported:.0f} of {row['loss_n_models']:.0f}"
    also = f"{suggestive:.0f} by the paired test only" if suggestive else ""
    short = f"+ {suggestive:.0f} paired" if suggestive else ""
    return StripRow(
        "Votes of models",
        value,
        "plain",
        "",
        short,
        shares=votes([(supported, "yes"), (suggestive, "maybe"), (rest, "no")]),
        spoken=_spoken(value, also),
        help=_HELP["votes"],
    )


def _agreement(row: Mapping) -> list[StripRow]:
    lines = []
    for name, label in (("recipes", "Recipes that agree"), ("rounds", "Rounds that agree")):
        whole, part = row[f"deepmr_n_{name}"], row[f"deepmr_n_{name}_agree"]
        if whole > 1:
            value = f"{part:.0f} of {whole:.0f}"
            lines.append(
                StripRow(
                    label,
                    value,
                    "plain",
                    "",
                    shares=votes([(part, _CAUSAL[row["deepmr_verdict"]][0]), (whole - part, "rest")]),
                    spoken=value,
                    help=_HELP[name],
                )
            )
    return lines


def _axis(rows: pd.DataFrame, *columns: str) -> Axis:
    return axis_over(rows[list(columns)].to_numpy(dtype=float).ravel())


def _mark(
    axis: Axis,
    row: Mapping,
    dot: str,
    low: str,
    high: str,
    *,
    far: tuple[str, str] | None = None,
    truth: str | None = None,
    one: float | None = None,
) -> Mark:
    return Mark(
        axis.place(row[dot]),
        axis.place(row[low]),
        axis.place(row[high]),
        *([axis.place(row[name]) for name in far] if far else [None, None]),
        zero=axis.place(0.0),
        one=axis.place(one),
        truth=axis.place(row[truth]) if truth else None,
    )


def _headline(audit: pd.DataFrame) -> str:
    told = []
    for kind, (name, words) in _KIND_WORDS.items():
        counts = audit.loc[audit["kind"] == kind, "verdict"].value_counts()
        found = [f"{counts[verdict]} {word}" for verdict, word in words.items() if verdict in counts]
        if found:
            told.append(f"{counted(counts.sum(), name)}: {', '.join(found)}.")
    return " ".join(told)


def _place(row: Mapping) -> str:
    parts = [row["dataset"]]
    if _given(row["scenario"]):
        parts.append(f"scenario {row['scenario']}")
    if _given(row["control"]):
        parts.append(f"{row['control']} control")
    return " · ".join(parts)


def _notes(audit: pd.DataFrame) -> list[str]:
    kinds = set(audit["kind"])
    return [
        text
        for text in (
            "Dot: estimate. Line: 95 % interval (90 % for the additive twin), or the middle 90 % of models. "
            "Dashed: no effect. Black tick: the truth, where a simulation knows it; it decides nothing. "
            "Rows of one name share a scale. Point at a name to read what it is.",
            "Lines of evidence share data and mostly networks. That they agree is no independent "
            "confirmation, and no p-value here is a product of others."
            if "motif_pair" in kinds
            else "",
            "'Not supported' does not prove absence, and 'cannot tell' means what it says."
            if "motif_pair" in kinds
            else "",
        )
        if text
    ]


def _interval_words(row: Mapping, line: str) -> str:
    return _span_words(row[f"{line}_effect"], row[f"{line}_low"], row[f"{line}_high"])


def _span_words(value: float, low: float, high: float) -> str:
    return interval_words(value, low, high) if _given(value) else "not available"


def _spoken(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _given(value) -> bool:
    return value is not None and not pd.isna(value)
