"""The share of a claim that held-out targets confirm: as a reference program has it, and as algebra does."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from twin_worlds import make_world, pair_table

from seqaudit.errors import SeqauditError
from seqaudit.inference.twin_claims import read_claims, twin_parts
from seqaudit.inference.twin_regression import confirmed_share, cross_fitted, prepare, upper_tail


@pytest.fixture(scope="module")
def world():
    return make_world(5, exponent=1.1, n_pairs=700, n_models=2)


def regression_of(world, *, model=0, groups=None, **options):
    models = world.models if groups is None else world.models.assign(group=np.tile(groups, 2))
    claims = next(read_claims(models))
    return claims, prepare(claims.parts[model], twin_parts(world.twins[0], claims), claims.starts, **options)


@pytest.mark.parametrize("noise", ["poisson", "constant"])
@pytest.mark.parametrize("covariance", ["HC0", "HC3"])
def test_share_and_error_equal_statsmodels(world, noise, covariance):
    claims, regression = regression_of(world, noise=noise)
    cnn, twin = world.models.iloc[:700], world.twins[0]
    design = np.column_stack(
        [cnn["interaction"], *(cnn[c] - twin[c] for c in ("f_both_off", "main_a", "main_b"))]
    )
    weights = 1 / twin["f_orig"] if noise == "poisson" else np.ones(700)
    reference = sm.WLS(cnn["label"] - twin["f_orig"], design, weights=weights).fit(cov_type=covariance)
    found = confirmed_share(regression, claims.label, covariance=covariance)
    np.testing.assert_allclose(found.coefficients[0], reference.params, rtol=1e-6)
    np.testing.assert_allclose(found.se[0], reference.bse.iloc[0], rtol=1e-6)


def test_pairs_of_one_sequence_count_once(world):
    groups = np.array([f"g{i // 7:03d}" for i in range(700)])
    claims, regression = regression_of(world, groups=groups)
    cnn, twin = world.models.iloc[:700], world.twins[0]
    design = np.column_stack(
        [cnn["interaction"], *(cnn[c] - twin[c] for c in ("f_both_off", "main_a", "main_b"))]
    )
    reference = sm.WLS(cnn["label"] - twin["f_orig"], design, weights=1 / twin["f_orig"]).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(groups)[0], "use_correction": False}
    )
    assert claims.n_groups == 100
    found = confirmed_share(regression, claims.label)
    np.testing.assert_allclose(
        [found.beta[0], found.se[0]], [reference.params.iloc[0], reference.bse.iloc[0]]
    )


def test_a_right_model_is_confirmed_in_full_and_a_right_twin_not_at_all(world):
    claims, regression = regression_of(world)
    as_model = confirmed_share(regression, claims.prediction[0])
    as_twin = confirmed_share(regression, regression.twin)
    np.testing.assert_allclose(as_model.coefficients, 1, rtol=1e-8)
    np.testing.assert_allclose(as_twin.coefficients, 0, atol=1e-10)


def test_many_labels_at_once_equal_one_at_a_time(world):
    claims, regression = regression_of(world)
    labels = np.random.default_rng(0).poisson(claims.label, (3, claims.n_pairs)).astype(float)
    together, folded = confirmed_share(regression, labels), cross_fitted(regression, labels)
    for i in range(3):
        alone = confirmed_share(regression, labels[i])
        np.testing.assert_allclose(
            [together.beta[i], together.se[i]], [alone.beta[0], alone.se[0]], rtol=1e-10
        )
        np.testing.assert_allclose(folded[i], cross_fitted(regression, labels[i])[0], rtol=1e-8)


def test_cross_fitting_equals_the_loop_that_says_what_it_is(world):
    claims, regression = regression_of(world)
    fold = np.random.default_rng(3).permutation(np.arange(claims.n_groups) % 5)
    y, x, w = claims.label - regression.twin, regression.design, regression.weights
    gain = np.empty(claims.n_pairs)
    for k in range(5):
        out, rest = fold == k, fold != k
        with_it = sm.WLS(y[rest], x[rest], weights=w[rest]).fit().params
        without = sm.WLS(y[rest], x[rest, 1:], weights=w[rest]).fit().params
        gain[out] = w[out] * ((y[out] - x[out, 1:] @ without) ** 2 - (y[out] - x[out] @ with_it) ** 2)
    reference = stats.ttest_1samp(gain, 0, alternative="greater").pvalue
    np.testing.assert_allclose(cross_fitted(regression, claims.label, seed=3)[0], reference, rtol=1e-6)


def test_a_gain_from_the_opposite_sign_confirms_nothing(world):
    claims, regression = regression_of(world)
    opposite = (
        regression.twin - 2 * claims.interaction[0] + np.random.default_rng(0).normal(0, 1, claims.n_pairs)
    )
    assert confirmed_share(regression, opposite).beta[0] < -1
    assert cross_fitted(regression, opposite)[0] == 1


def test_level_is_kept_when_the_twin_is_the_truth():
    world = make_world(2, twin_errors=(0.0,), n_pairs=600)
    claims = next(read_claims(world.models))
    twin = pair_table("twin", world.truth, world.label)
    regression = prepare(claims.parts[0], twin_parts(twin, claims), claims.starts)
    labels = np.random.default_rng(1).poisson(world.truth[0], (1500, 600)).astype(float)
    found = confirmed_share(regression, labels)
    assert abs(found.beta.mean()) < 4 * found.se.mean() / np.sqrt(1500)
    # 5 % within four binomial standard errors
    assert abs((upper_tail(found.beta, found.se) < 0.05).mean() - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 1500)
    assert (cross_fitted(regression, labels) < 0.05).mean() < 0.05


def test_an_additive_model_claims_nothing_that_could_be_confirmed(world):
    claims = next(read_claims(world.models))
    additive = claims.parts[0].copy()
    additive[3] = 0
    regression = prepare(additive, twin_parts(world.twins[0], claims), claims.starts)
    assert not regression.separable
    assert np.isnan(confirmed_share(regression, claims.label).beta).all()
    assert np.isnan(cross_fitted(regression, claims.label)).all()


def test_order_of_rows_does_not_matter(world):
    shuffled = world.models.sample(frac=1, random_state=1)
    first, second = next(read_claims(world.models)), next(read_claims(shuffled))
    assert list(first.pair_ids) == list(second.pair_ids)
    np.testing.assert_array_equal(first.label, second.label)
    np.testing.assert_array_equal(first.parts[0], second.parts[second.model_ids.index(first.model_ids[0])])
    backwards = world.twins[0].iloc[::-1]
    np.testing.assert_array_equal(twin_parts(world.twins[0], first), twin_parts(backwards, first))


def test_pairs_without_a_label_are_counted_and_left_out(world):
    models = world.models.copy()
    models.loc[models["pair_id"].isin(models["pair_id"].iloc[:9]), "label"] = np.nan
    claims = next(read_claims(models))
    assert (claims.n_pairs, claims.n_unlabelled) == (691, 9)


def test_wrong_input_is_named(world):
    claims, regression = regression_of(world)
    with pytest.raises(SeqauditError, match="no held-out pair"):
        next(read_claims(world.models.assign(split="train")))
    with pytest.raises(SeqauditError, match="not asked about the same labelled pairs of A-B"):
        next(read_claims(world.models.iloc[:-1]))
    with pytest.raises(SeqauditError, match="not asked about the same labelled pairs"):
        next(read_claims(world.models.assign(label=np.arange(1400.0))))
    with pytest.raises(SeqauditError, match=r"lacks pair 'A-B.00699' \(1 of 700"):
        twin_parts(world.twins[0].iloc[:-1], claims)
    with pytest.raises(SeqauditError, match=r"interact at .* of 700 pairs"):
        twin_parts(world.models[world.models["model_id"] == "cnn.0"], claims)
    with pytest.raises(SeqauditError, match="got 2 models in one table"):
        twin_parts(world.models, claims)
    with pytest.raises(SeqauditError, match="noise: got 'gauss'"):
        regression_of(world, noise="gauss")
    with pytest.raises(SeqauditError, match="covariance: got 'HC9'"):
        confirmed_share(regression, claims.label, covariance="HC9")
    with pytest.raises(SeqauditError, match="n_folds: got 1"):
        cross_fitted(regression, claims.label, n_folds=1)
