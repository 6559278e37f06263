"""The command line: what it prints and writes, and one line for every mistake."""

import subprocess
import sys

import pandas as pd
import pytest

from seqaudit.data.tables import read_metadata, read_table
from seqaudit.inference import mr
from seqaudit.mr import main

HEADER = "locus\tinstrument\tbeta_exposure\tse_exposure\tbeta_outcome\tse_outcome\n"
ROWS = [
    "near\ta\t0.1\t0.01\t0.06\t0.02",
    "near\tb\t0.2\t0.01\t0.09\t0.02",
    "near\tc\t0.3\t0.01\t0.16\t0.02",
    "near\td\t0.4\t0.01\t0.21\t0.02",
    "far\ta\t0.1\t0.01\t0.02\t0.02",
    "far\tb\t0.3\t0.01\t0.06\t0.02",
]


@pytest.fixture
def effects(tmp_path):
    path = tmp_path / "effects.tsv"
    path.write_text(HEADER + "\n".join(ROWS) + "\n")
    return path


def test_estimates_are_printed_and_written(effects, tmp_path, capsys):
    output = tmp_path / "new" / "results.parquet"
    assert main([str(effects), "--method", "ivw,egger", "--output", str(output)]) == 0
    printed = capsys.readouterr()
    table = read_table(output, "mr_estimates")
    assert list(table["locus"]) == ["near", "near", "far", "far"]
    assert list(table["status"]) == ["ok", "ok", "ok", "too_few_instruments"]
    # slopes by hand: equal weights, sum xy / sum xx = 0.156 / 0.3 and 0.02 / 0.1
    assert table["b"][0] == pytest.approx(0.156 / 0.3)
    assert table["b"][2] == pytest.approx(0.2)
    lines = printed.out.splitlines()
    assert lines[0].split() == [
        "locus",
        "method",
        "n",
        "b",
        "se",
        "95%",
        "CI",
        "p",
        "Q",
        "p",
        "intercept",
        "p",
        "status",
    ]
    assert lines[1].split()[:4] == ["near", "ivw", "4", "0.52"]
    assert "too_few_instruments: fewer usable instruments than the method needs" in printed.out
    assert printed.err == ""
    assert read_metadata(output)["effects"] == str(effects)


def test_one_group_needs_no_group_columns(effects, capsys):
    effects.write_text(HEADER + "\n".join(ROWS[:4]) + "\n")
    assert main([str(effects)]) == 0
    assert capsys.readouterr().out.split()[:2] == ["method", "n"]


def test_all_methods_run(effects, tmp_path):
    effects.write_text(HEADER + "\n".join(ROWS[:4]) + "\n")
    output = tmp_path / "results.parquet"
    assert main([str(effects), "--method", "all", "--output", str(output)]) == 0
    table = read_table(output, "mr_estimates")
    assert list(table["method"]) == mr.methods()["method"].tolist()
    assert set(table["status"]) <= set(mr.STATUS)


def test_methods_are_listed(capsys):
    assert main(["--list-methods"]) == 0
    listed = capsys.readouterr().out
    for name in mr.methods()["method"]:
        assert f"\n{name} " in listed


def test_long_results_are_cut_on_the_screen_only(tmp_path, capsys):
    rows = [f"l{locus}\t{i}\t0.{i}\t0.01\t0.{i}\t0.02" for locus in range(60) for i in (1, 2, 3)]
    (tmp_path / "effects.tsv").write_text(HEADER + "\n".join(rows))
    assert main([str(tmp_path / "effects.tsv")]) == 0
    assert "... 20 more rows: see --output" in capsys.readouterr().out


def test_plots_of_every_group(effects, tmp_path):
    assert main([str(effects), "--plot", str(tmp_path / "plots")]) == 0
    made = sorted(path.name for path in (tmp_path / "plots").iterdir())
    kinds = ["forest", "funnel", "leave_one_out", "scatter"]
    assert made == [f"{group}_{kind}.png" for group in ("01", "02") for kind in kinds]


@pytest.mark.parametrize(
    ("arguments", "content", "message"),
    [
        (["--method", "eger"], None, "--method: no method 'eger'. Did you mean 'egger'? Known: "),
        (["--method", ","], None, "--method: no name given. Known: "),
        ([], "beta\tse\n1\t2\n", "effects.tsv: no column 'beta_exposure'. Found beta, se; expected"),
        (
            [],
            HEADER + ROWS[0].replace("0.02", "-0.02"),
            "effects.tsv: column 'se_outcome', row 1: got '-0.02'",
        ),
        (
            [],
            HEADER + ROWS[0].replace("0.06", "NA"),
            "effects.tsv: column 'beta_outcome', row 1: got nothing",
        ),
        ([], HEADER, "effects.tsv: no row, expected one per instrument."),
        (
            ["--method", "egger"],
            HEADER + ROWS[0],
            "method 'egger' needs at least 3 instruments, the largest group has 1.",
        ),
        (["--output", "/dev/null/results.parquet"], None, "/dev/null/results.parquet: cannot be written"),
    ],
)
def test_mistakes_end_with_one_line_and_code_2(effects, capsys, arguments, content, message):
    if content is not None:
        effects.write_text(content)
    assert main([str(effects), *arguments]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.startswith("seqaudit.mr: ")
    assert errors.count("\n") == 1


def test_no_table_and_no_such_file(tmp_path, capsys):
    assert main([]) == 2
    assert "no table of effects given" in capsys.readouterr().err
    assert main([str(tmp_path / "nowhere.tsv")]) == 2
    assert "nowhere.tsv: no such file" in capsys.readouterr().err


def test_it_runs_as_a_module_without_torch_or_matplotlib(effects):
    code = (
        "import sys, runpy; sys.argv = ['mr', sys.argv[1], '--method', 'egger,ivw']\n"
        "try: runpy.run_module('seqaudit.mr', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'torch', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(effects)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "egger" in done.stdout


def test_a_reader_that_stops_early_is_no_error(effects):
    command = f"{sys.executable} -m seqaudit.mr {effects} --method egger,ivw | true"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_twosamplemrs_names_give_the_same_estimates(effects, tmp_path):
    table = pd.read_csv(effects, sep="\t")
    dotted = table.rename(columns=lambda name: name.replace("_", ".")).rename(columns={"instrument": "SNP"})
    dotted.to_parquet(tmp_path / "dotted.parquet")
    for path in (effects, tmp_path / "dotted.parquet"):
        assert main([str(path), "--output", str(path) + ".out"]) == 0
    one, other = (
        read_table(f"{path}.out", "mr_estimates") for path in (effects, tmp_path / "dotted.parquet")
    )
    pd.testing.assert_frame_equal(one, other)
