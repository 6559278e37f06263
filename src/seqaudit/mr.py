"""Mendelian randomization from a table of effects: ``python -m seqaudit.mr effects.tsv``.

For people without the workflow. Bad input ends with one line on stderr and exit code 2.
"""

import argparse
import difflib
import os
import sys
from pathlib import Path

import pandas as pd

from seqaudit.data.tables import write_table
from seqaudit.errors import SeqauditError
from seqaudit.inference import mr
from seqaudit.inference.mr_effects import read_effects
from seqaudit.inference.mr_tables import GROUP, estimate_table, leave_one_out_table, single_instrument_table

_SHOWN_ROWS = 40
_PLOTTED_GROUPS = 20


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.list_methods:
        print(_list_of_methods())
        return 0
    try:
        if options.effects is None:
            raise SeqauditError(
                "no table of effects given. Name a TSV, CSV or Parquet file, or --list-methods."
            )
        methods = _known_methods(options.method)
        effects = read_effects(options.effects)
        estimates = estimate_table(effects, methods)
        _refuse_if_nothing(estimates, options.effects)
        if options.output:
            write_table(estimates, options.output, "mr_estimates", provenance={"effects": options.effects})
        if options.plot:
            _plot(effects, estimates, Path(options.plot))
        print(_readable(estimates), flush=True)
    except SeqauditError as error:
        print(f"seqaudit.mr: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # 'head' has seen enough; Python would complain again when it closes stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m seqaudit.mr",
        description="Mendelian randomization from summary effects. One estimate per method and per group "
        "of rows with the same locus, exposure and outcome (where the table has these columns).",
    )
    parser.add_argument(
        "effects",
        nargs="?",
        help="TSV, CSV or Parquet with beta_exposure, se_exposure, beta_outcome, se_outcome (or with "
        "dots, as TwoSampleMR), and optionally locus, exposure, outcome, instrument",
    )
    parser.add_argument(
        "--method", default="ivw", metavar="NAMES", help="names separated by commas, or 'all' (default: ivw)"
    )
    parser.add_argument(
        "--output", metavar="FILE", help="write the estimates as Parquet (table mr_estimates)"
    )
    parser.add_argument(
        "--plot", metavar="FOLDER", help="draw scatter, forest, funnel and leave-one-out plots"
    )
    parser.add_argument("--list-methods", action="store_true", help="list the methods and what they assume")
    return parser


def _known_methods(names: str) -> list[str]:
    known = mr.methods()["method"].tolist()
    if names == "all":
        return known
    chosen = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    for name in chosen:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise SeqauditError(f"--method: no method '{name}'.{hint} Known: {', '.join(known)}.")
    if not chosen:
        raise SeqauditError(f"--method: no name given. Known: {', '.join(known)}.")
    return chosen


def _list_of_methods() -> str:
    listed = mr.methods().rename(columns={"min_instruments": "needs"})
    return _aligned(listed[["method", "needs", "label", "assumptions"]])


def _refuse_if_nothing(estimates: pd.DataFrame, path: str) -> None:
    """A table without a single estimate is a mistake to report, not a result."""
    if estimates["b"].notna().any():
        return
    method, status = estimates[["method", "status"]].iloc[0]
    if (estimates["status"] == "too_few_instruments").all():
        needed = mr.methods().set_index("method").loc[method, "min_instruments"]
        raise SeqauditError(
            f"{path}: method '{method}' needs at least {needed} instruments, the largest group has "
            f"{estimates['n_instruments'].max()}. Give more rows or choose another of --list-methods."
        )
    raise SeqauditError(f"{path}: method '{method}' has no answer: {mr.STATUS[status]} ({status}).")


def _readable(estimates: pd.DataFrame) -> str:
    """The estimates as text: groups that differ, rounded numbers, reasons instead of empty cells."""
    rows = estimates.head(_SHOWN_ROWS)
    shown = pd.DataFrame(
        {
            **{name: rows[name] for name in GROUP if estimates[name].nunique() > 1},
            "method": rows["method"],
            "n": rows["n_instruments"],
            "b": rows["b"].map(_number),
            "se": rows["se"].map(_number),
            "95% CI": rows["ci_low"].map(_number) + " to " + rows["ci_high"].map(_number),
            "p": rows["pval"].map(_p_value),
            "Q p": rows["q_pval"].map(_p_value),
            "intercept p": rows["egger_intercept_pval"].map(_p_value),
        }
    )
    shown = shown.mask(shown.isin(["nan", "nan to nan"]), "-")
    shown["status"] = rows["status"].map(lambda status: "" if status == "ok" else status)
    text = _aligned(shown.loc[:, (shown != "-").any() & (shown.astype(str) != "").any()])
    for status in rows.loc[rows["status"] != "ok", "status"].unique():
        text += f"\n{status}: {mr.STATUS[status]}"
    if len(estimates) > len(rows):
        text += f"\n... {len(estimates) - len(rows)} more rows: see --output"
    return text


def _number(value: float) -> str:
    return f"{value:.4g}"


def _p_value(value: float) -> str:
    return "<1e-300" if value < 1e-300 else f"{value:.2g}"


def _aligned(table: pd.DataFrame) -> str:
    """Columns side by side, words to the left and numbers to the right."""
    columns = []
    for name in table:
        cells = [str(name), *table[name].astype(str)]
        width = max(map(len, cells))
        words = name in (*GROUP, "method", "label", "assumptions", "status")
        columns.append([cell.ljust(width) if words else cell.rjust(width) for cell in cells])
    return "\n".join("  ".join(row).rstrip() for row in zip(*columns))


def _plot(effects: pd.DataFrame, estimates: pd.DataFrame, folder: Path) -> None:
    # only here: importing matplotlib takes longer than most estimates
    from seqaudit.figures.mr import draw_all
    from seqaudit.figures.style import save_figure

    groups = list(effects.groupby(GROUP, sort=False))
    several = len(groups) > 1
    for place, (key, rows) in enumerate(groups[:_PLOTTED_GROUPS], start=1):
        belongs = (estimates[GROUP] == list(key)).all(axis=1)
        drawn = draw_all(
            rows,
            estimates[belongs],
            single=single_instrument_table(rows),
            left_out=leave_one_out_table(rows, "ivw"),
            everything=estimate_table(rows, ["ivw"]),
        )
        for name, figure in drawn.items():
            save_figure(figure.figure, folder / (f"{place:02d}_{name}.png" if several else f"{name}.png"))
    if len(groups) > _PLOTTED_GROUPS:
        print(f"plots: the first {_PLOTTED_GROUPS} of {len(groups)} groups", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
