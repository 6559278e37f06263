"""Moments over members against numpy's."""

import numpy as np
import pytest

from seqaudit.errors import SeqauditError
from seqaudit.inference.deepmr import member_moments

MEMBERS, MUTATIONS, OUTPUTS = 4, 60, 3


@pytest.fixture
def effects():
    return np.random.default_rng(2).normal(size=(MEMBERS, MUTATIONS, OUTPUTS)).astype(np.float32)


def test_moments_are_numpys(effects):
    moments = member_moments(effects)
    assert moments.mean.dtype == moments.covariance.dtype == np.float64
    for mutation in range(MUTATIONS):
        of_members = effects[:, mutation].astype(np.float64)
        np.testing.assert_allclose(moments.mean[mutation], of_members.mean(0), rtol=1e-14, atol=1e-16)
        np.testing.assert_allclose(
            moments.covariance[mutation], np.cov(of_members, rowvar=False, ddof=1), rtol=1e-12, atol=1e-15
        )
        np.testing.assert_allclose(
            moments.variance[mutation], of_members.var(0, ddof=1), rtol=1e-12, atol=1e-15
        )


def test_variance_survives_a_large_mean():
    """Members that differ in the last digits of float32: two-moment formulas would give rubbish."""
    effects = np.full((3, 1, 2), 4096.0, dtype=np.float32)
    effects[:, 0, 0] += np.array([-1, 0, 1], dtype=np.float32) / 1024
    moments = member_moments(effects)
    assert moments.variance[0].tolist() == [2.0**-20, 0.0]
    assert (moments.variance >= 0).all()


def test_order_of_members_does_not_matter(effects):
    forward, backward = member_moments(effects), member_moments(effects[::-1])
    np.testing.assert_allclose(forward.covariance, backward.covariance, rtol=1e-13, atol=1e-16)


def test_one_member_has_no_variance(effects):
    with pytest.raises(SeqauditError, match=r"1 member has no variance .* at least 2"):
        member_moments(effects[:1])
