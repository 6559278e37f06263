"""The whole workflow at its smallest: what it makes, what it remakes, and what it says when input is bad."""

import gzip
import re
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from workflow_runner import ROOT, Workflow, job_counts

from seqaudit.data.tables import read_metadata, read_table

TWINS = {"test_additive_twin", "redraw_labels", "measure_power", "plot_twins"}
EXPLAINING = {"compare_explanations", "collect_consistency", "plot_consistency", "plot_explained"}
REPORTING = {"audit_run", "build_report"}
AUDITING = REPORTING | {"plot_audit"}
JUDGING = (
    {"test_interactions", "collect_loss_tests", "plot_dataset", "plot_run"} | TWINS | EXPLAINING | AUDITING
)


def results(workflow: Workflow, run: str = "smoke"):
    return workflow.folder / "results" / run


def edited(workflow: Workflow, tmp_path, edit) -> str:
    """The run's config with one change, as a file."""
    config = yaml.safe_load(Path(workflow.config).read_text())
    edit(config)
    path = tmp_path / "edited.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))  # the order of factors is that of outputs
    return str(path)


def without_datasets(config: dict, *names: str) -> None:
    """Take datasets out of a config, and the studies that ask about them."""
    for name in names or list(config["datasets"]):
        del config["datasets"][name]
    studies = config["hessian"]["studies"]
    for name, study in list(studies.items()):
        if not set(study.get("datasets", [])) <= set(config["datasets"]):
            del studies[name]
    if not config["datasets"]:
        config["hessian"]["heads"] = None


def test_a_run_ends_in_a_report_and_complete_tables(smoke):
    folder = results(smoke)
    assert (folder / "report.html").stat().st_size > 100_000
    models = read_table(folder / "loss/models.parquet", "loss_models")
    assert len(models) == 8 and models["model_id"].is_unique
    assert set(models["verdict"]) <= {"supported", "suggestive", "not supported", "not tested"}
    verdicts = read_table(folder / "loss/verdicts.parquet", "loss_verdicts")
    assert list(verdicts["dataset"]) == ["neg_valid", "pos_same"]
    # the truth is known here: no interaction in the negative control
    truth = verdicts.set_index("dataset")["true_mean_abs_interaction"]
    assert truth["neg_valid"] < 1e-9 and truth["pos_same"] > 10


def test_tables_know_where_they_come_from(smoke):
    metadata = read_metadata(results(smoke) / "loss/models.parquet")
    assert metadata["rule"] == "collect_loss_tests" and len(metadata["config_hash"]) == 12
    pairs = next((results(smoke) / "loss/pairs").glob("pos_same.tiny*.parquet"))
    assert '"network": "tiny.l1_0.0001.seed_' in read_metadata(pairs)["wildcards"]


def test_a_second_run_does_nothing(smoke):
    assert smoke.planned() == {}


def test_changing_alpha_reruns_the_tests_and_what_shows_them(smoke, tmp_path):
    config = edited(smoke, tmp_path, lambda c: c.update(loss_tests={"alpha": 0.01}))
    assert set(smoke.planned(config=config)) == JUDGING | {"all"}


def test_adding_a_seed_trains_and_probes_only_that_seed(smoke, tmp_path):
    config = edited(smoke, tmp_path, lambda c: c["population"].update(seeds=[1, 2, 3]))
    planned = smoke.planned(config=config)
    assert planned["train_model"] == planned["probe_interactions"] == 4
    by_network = {"train_model", "probe_interactions", "explain_model", "fit_null_models"}
    heads = {"split_interactions", "summarise_heads", "plot_heads"}
    assert set(planned) == JUDGING | by_network | heads | {"all", "compare_fits", "test_null_models"}


def test_changing_the_knockouts_of_one_dataset_trains_nothing(smoke, tmp_path):
    config = edited(
        smoke, tmp_path, lambda c: c["datasets"]["neg_valid"].update(knockouts={"min_log_odds": 3})
    )
    planned = smoke.planned(config=config)
    assert planned["knock_out_motifs"] == 1 and planned["probe_interactions"] == 4
    assert "train_model" not in planned and "simulate_motif_pairs" not in planned


def test_every_network_is_explained_and_one_per_dataset_recommended(smoke):
    folder = results(smoke) / "consistency"
    models = read_table(folder / "models.parquet", "consistency_models")
    ways = models.groupby(["dataset", "method", "setting"])
    assert len(models) == 8 * 2 * 2 and ways.ngroups == 8
    assert (ways["selected"].sum() == 1).all()
    assert models["truth_cosine"].between(-1, 1).all() and models["seed_stability"].notna().all()
    # networks that learned nothing have no maps like the truth, whose own maps are in the same form
    truth = read_table(folder / "truth/pos_same.maps.parquet", "attribution_maps")
    maps = read_table(next((folder / "maps").glob("pos_same.tiny*")), "attribution_maps")
    assert set(truth["sequence_id"]) == set(maps["sequence_id"]) and len(maps) == 2 * 60 * 100
    values = maps[["a", "c", "g", "t"]]
    assert values.sum(axis=1).abs().max() < 2e-3 * values.abs().max().max()  # centred, stored with 11 bits
    choices = read_table(folder / "choices.parquet", "consistency_choices")
    assert "mean map of all models" in set(choices["choice"])
    assert "Attribution consistency" in (results(smoke) / "report.html").read_text()


def test_changing_an_option_of_the_scores_trains_and_tests_nothing(smoke, tmp_path):
    config = edited(smoke, tmp_path, lambda c: c["consistency"]["settings"]["default"].update(k=5))
    planned = smoke.planned(config=config)
    assert planned["explain_model"] == 8
    assert set(planned) == EXPLAINING | AUDITING | {"explain_model", "all"}


def test_changing_the_margin_explains_nothing_anew(smoke, tmp_path):
    config = edited(smoke, tmp_path, lambda c: c["consistency"].update(margin=2))
    assert set(smoke.planned(config=config)) == EXPLAINING | AUDITING | {"all"}


def test_a_run_may_do_without_explanations(smoke, tmp_path):
    config = edited(smoke, tmp_path, lambda c: c["consistency"].update(enabled=False))
    planned = smoke.planned("--forceall", config=config)
    assert not set(planned) & (EXPLAINING | {"explain_model", "choose_sequences"})
    assert planned["build_report"] == 1


ESTIMATING = {"estimate_effects", "check_ensemble", "collect_deepmr", "plot_study"} | REPORTING


def test_a_study_ends_in_causal_effects_beside_their_truth(smoke):
    folder = results(smoke) / "deepmr"
    effects = read_table(folder / "global.parquet", "deepmr_global")
    assert effects["ensemble"].nunique() == 5
    assert set(effects["study"]) == {"cascade", "factors"}
    simulated = effects[(effects["study"] == "cascade") & (effects["status"] == "ok")]
    assert simulated["truth"].notna().all()
    # nothing is dropped: every locus has a row for every pair and method
    local = read_table(folder / "local.parquet", "deepmr_local")
    assert (
        local.groupby(["ensemble", "exposure", "outcome", "method"])["locus_id"].nunique().isin([5, 12]).all()
    )
    page = (results(smoke) / "report.html").read_text()
    assert "GATA1 → TAL1" in page and "Causal effects" in page


def test_adding_a_scenario_computes_only_that_scenario(smoke, tmp_path):
    def add(config):
        config["deepmr"]["studies"]["cascade"]["scenarios"].append("unconfounded")

    planned = smoke.planned(config=edited(smoke, tmp_path, add))
    assert planned["simulate_tf_cascade"] == planned["compute_true_effects"] == 2
    assert planned["train_ensemble"] == planned["mutate_sequences"] == planned["estimate_effects"] == 4
    new = {"simulate_tf_cascade", "compute_true_effects", "train_ensemble", "mutate_sequences"}
    assert set(planned) == ESTIMATING | new | {"predict_sequences", "all"}


def test_rounds_begin_with_the_first_one_asked_for(smoke, tmp_path):
    def begin_later(config):
        config["deepmr"]["studies"]["cascade"]["first_round"] = 2

    # rounds 1 and 2 are there: round 2 is kept, round 3 is new
    planned = smoke.planned(config=edited(smoke, tmp_path, begin_later))
    assert planned["simulate_tf_cascade"] == planned["compute_true_effects"] == 1
    assert planned["train_ensemble"] == planned["estimate_effects"] == 2


def test_changing_a_threshold_estimates_again_and_trains_nothing(smoke, tmp_path):
    def change(config):
        config["deepmr"]["recipes"]["corrected"]["instruments"] = {"min_abs_z": 2}

    planned = smoke.planned(config=edited(smoke, tmp_path, change))
    assert planned["estimate_effects"] == 2
    assert set(planned) == ESTIMATING | {"all"}


def test_studies_need_no_datasets(smoke, tmp_path):
    planned = smoke.planned("--forceall", config=edited(smoke, tmp_path, without_datasets))
    assert "train_model" not in planned and planned["train_ensemble"] == 4
    assert planned["build_report"] == 1 and "plot_run" not in planned


def test_the_same_seed_gives_the_same_tables(smoke, tmp_path):
    config = edited(smoke, tmp_path, lambda c: without_datasets(c, "neg_valid"))
    again = Workflow(tmp_path, config)
    done = again("loss_tests")
    assert done.returncode == 0, done.stdout + done.stderr
    for path in sorted((results(again) / "loss").rglob("*.parquet")):
        first = pd.read_parquet(results(smoke) / path.relative_to(results(again)))
        second = pd.read_parquet(path)
        if "dataset" in first:
            first = first[first["dataset"] == "pos_same"].reset_index(drop=True)
        elif "model_id" in first:
            first = first[first["model_id"].str.startswith("pos_same.")].reset_index(drop=True)
        varying = [column for column in first if column == "seconds"]
        pd.testing.assert_frame_equal(
            first.drop(columns=varying), second.drop(columns=varying), check_exact=True
        )


@pytest.fixture(scope="module")
def own(smoke, tmp_path_factory) -> Workflow:
    """The simulated positive control, handed in as somebody's own FASTA file and table of counts."""
    folder = tmp_path_factory.mktemp("own")
    sequences = read_table(results(smoke) / "data/pos_same/sequences.parquet", "sequences")
    with gzip.open(folder / "mine.fa.gz", "wt") as fasta:
        fasta.writelines(f">{row.sequence_id} mine\n{row.sequence}\n" for row in sequences.itertuples())
    sequences[["sequence_id", "count", "split", "embeddings"]].to_csv(
        folder / "mine.tsv", sep="\t", index=False
    )
    smoke_config = yaml.safe_load((ROOT / "config/test/smoke.yaml").read_text())
    simulated = {
        "kind": "measured",
        "sequences": "mine.fa.gz",
        "targets": "mine.tsv",
        "columns": {"target": "count", "split": "split", "embeddings": "embeddings"},
        "padding": "same",
        "transform": "anscombe",
        "motif_file": "resources/motifs/encode.meme",
        "motifs": [{"id": "GATA_disc1", "name": "GATA1"}, {"id": "TAL1_known1", "name": "TAL1"}],
        "motif_pairs": [["GATA1", "TAL1"]],
        "background": [0.27, 0.23, 0.23, 0.27],
    }
    scanned = {**simulated, "columns": {"target": "count"}, "background": [0.25] * 4}
    config = {
        **smoke_config,
        "deepmr": {},
        "hessian": {},
        "run": "own",
        "data_folder": str(folder),
        "datasets": {"recorded": simulated, "scanned": scanned},
    }
    (folder / "own.yaml").write_text(yaml.safe_dump(config))
    workflow = Workflow(folder, folder / "own.yaml")
    done = workflow()
    assert done.returncode == 0, done.stdout + done.stderr
    return workflow


def test_own_data_give_the_p_values_of_the_simulation_they_are(smoke, own):
    simulated = read_table(results(smoke) / "loss/models.parquet", "loss_models").query(
        "dataset == 'pos_same'"
    )
    models = read_table(results(own, "own") / "loss/models.parquet", "loss_models").query(
        "dataset == 'recorded'"
    )
    # the noise-free count that labels shuffled sequences is known in a simulation only
    known_only_there = {"dataset", "control", "model_id", "shuffled_loss_p", "reason", "status"}
    columns = [column for column in simulated if column not in known_only_there]
    pd.testing.assert_frame_equal(
        simulated[columns].reset_index(drop=True), models[columns].reset_index(drop=True), check_exact=True
    )
    assert models["shuffled_loss_p"].isna().all()


def test_own_data_without_known_sites_are_scanned_and_reported(own):
    folder = results(own, "own")
    pairs = read_table(folder / "data/scanned/pairs.parquet", "knockouts")
    assert set(pairs["strand_a"]) == {"+", "-"}
    verdicts = read_table(folder / "loss/verdicts.parquet", "loss_verdicts").set_index("dataset")
    assert pd.isna(verdicts.loc["scanned", "true_mean_interaction"])
    assert "scanned" in (folder / "report.html").read_text()


def test_snakemakes_own_report_has_every_figure_with_category_and_caption(smoke):
    done = smoke("--report", "report.zip")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (smoke.folder / "report.zip").stat().st_size > 100_000


def test_the_paper_design_goes_to_slurm_as_180_gpu_jobs_within_a_minute(tmp_path):
    paper = Workflow(tmp_path, ROOT / "config/paper.yaml")
    start = time.monotonic()
    done = paper("--dry-run", "--profile", str(ROOT / "profiles/slurm"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - start < 60
    said = done.stdout + done.stderr
    assert job_counts(said)["train_model"] == 180
    training = [block for block in re.split(r"\n\n|\n(?=rule )", said) if "rule train_model:" in block]
    assert len(training) == 180
    assert all("gpu=1" in block and "slurm_partition=gpu" in block for block in training)
    others = [block for block in re.split(r"\n\n|\n(?=rule )", said) if "rule probe_interactions:" in block]
    assert others and not any("gpu=1" in block for block in others)


def test_every_job_asks_for_memory_and_time(tmp_path):
    done = Workflow(tmp_path, ROOT / "config/test/smoke.yaml")("--dry-run")
    jobs = re.findall(r"^rule (\w+):\n((?:    .*\n)+)", done.stdout + done.stderr, flags=re.MULTILINE)
    assert len(jobs) > 20
    for name, described in jobs:
        if name == "all":
            continue
        assert "mem_mb=" in described and "runtime=" in described, name


@pytest.mark.parametrize(
    "edit, message",
    [
        (lambda c: c.update(trainnig={}), "config key 'trainnig' is unknown. Did you mean 'training'?"),
        (lambda c: c["population"].update(architectures=["arhc1"]), "architecture 'arhc1' is unknown"),
        (lambda c: c["population"].update(l1=[-0.1]), "'population.l1[0]': got -0.1, expected at least 0"),
    ],
)
def test_a_bad_config_stops_before_any_job_with_one_message(smoke, tmp_path, edit, message):
    done = smoke("--dry-run", config=edited(smoke, tmp_path, edit))
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert message in said
    assert "Traceback" not in said


def test_bad_input_fails_its_job_with_one_message_and_leaves_no_output(smoke, tmp_path):
    (tmp_path / "motifs.meme").write_text(
        "MEME version 4\n\nALPHABET= ACGT\n\nMOTIF GATA_disc1\nletter-probability matrix: alength= 4 w= 1\n"
        "0.5 0.5 0.5 0.5\n"
    )
    config = edited(smoke, tmp_path, lambda c: c["datasets"]["neg_valid"].update(motif_file="motifs.meme"))
    broken = Workflow(tmp_path, config)
    done = broken("results/smoke/data/neg_valid/sequences.parquet")
    assert done.returncode != 0
    assert (
        "motifs.meme: motif 'GATA_disc1': row 0 is 0.5 0.5 0.5 0.5; its sum is 2, expected 1" in done.stderr
    )
    assert not list((tmp_path / "results/smoke/data").rglob("*")) or not list(
        (tmp_path / "results/smoke/data/neg_valid").iterdir()
    )
