"""Transforms of measured targets, by algebra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqaudit.data.targets import invert_target, transform_target
from seqaudit.errors import SeqauditError


def test_anscombe_by_hand():
    np.testing.assert_allclose(transform_target([0, 3.625, 15.625], "anscombe"), [np.sqrt(1.5), 4, 8])
    np.testing.assert_allclose(invert_target([0, 4, -4], "anscombe"), [-3 / 8, 3.625, 3.625])


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_inverse_undoes_the_transform(targets):
    for transform in ("anscombe", "identity", "log1p"):
        back = invert_target(transform_target(targets, transform), transform)
        np.testing.assert_allclose(back, targets, rtol=1e-12, atol=1e-9)


def test_log1p_by_hand():
    np.testing.assert_allclose(transform_target([0, 1, 99], "log1p"), [0, np.log(2), np.log(100)])
    np.testing.assert_allclose(invert_target([0, np.log(100)], "log1p"), [0, 99])


def test_anscombe_makes_poisson_noise_one():
    rng = np.random.default_rng(0)
    for mean in (20, 200):
        spread = transform_target(rng.poisson(mean, 50_000), "anscombe").std()
        assert abs(spread - 1) < 0.02


def test_identity_returns_a_copy():
    target = np.array([1.0, -2.0])
    same = transform_target(target, "identity")
    same[0] = 9
    assert target[0] == 1


def test_shape_is_kept():
    assert transform_target(np.zeros((2, 3), dtype=int), "anscombe").shape == (2, 3)


def test_negative_counts_are_named():
    with pytest.raises(SeqauditError, match=r"value -1 at row 2 is negative \(2 such rows\).*'identity'"):
        transform_target([0, 5, -1, -3], "anscombe")
    transform_target([-0.375, 0], "anscombe")  # the edge of the domain
    with pytest.raises(SeqauditError, match=r"value -0.3 at row 1 is negative.*'log1p' needs counts"):
        transform_target([0, -0.3], "log1p")


@pytest.mark.parametrize("function", [transform_target, invert_target])
def test_unknown_transforms_are_named(function):
    with pytest.raises(
        SeqauditError, match="transform 'log' is unknown, expected one of anscombe, identity, log1p"
    ):
        function([1.0], "log")
