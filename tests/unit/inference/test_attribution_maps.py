"""Checking and centring maps: what is set aside, and what is refused."""

import numpy as np
import pytest

from seqaudit.errors import SeqauditError
from seqaudit.inference.attribution_maps import check_letters, check_maps


def test_centring_removes_the_mean_of_the_channels_and_nothing_else():
    maps = np.random.default_rng(1).normal(size=(3, 4, 5)).astype(np.float32)
    centred = check_maps(maps).maps
    assert centred.dtype == np.float64
    assert np.abs(centred.sum(axis=1)).max() < 1e-12
    shift = maps - centred
    assert np.allclose(shift, shift[:, :1])
    assert np.array_equal(check_maps(maps, centre=False).maps, maps)


def test_bad_maps_are_counted_and_zeroed_in_place():
    maps = np.random.default_rng(1).normal(size=(6, 4, 5))
    maps[1, 2, 3] = np.nan
    maps[2] = 0
    maps[4] = np.array([0.1, 0.3, 1e6, 5, 7])  # the same in all channels: nothing but rounding is left
    maps[5, 0, 0] = np.inf
    checked = check_maps(maps)
    assert checked.usable.tolist() == [True, False, False, True, False, False]
    assert (checked.n_not_finite, checked.n_zero) == (2, 2)
    assert not checked.maps[~checked.usable].any()
    assert np.allclose(checked.maps[3], maps[3] - maps[3].mean(axis=0))


@pytest.mark.parametrize(
    "shape, text",
    [((3, 20, 4), r"\(3, 20, 4\).*Transpose"), ((4, 20), r"\(4, 20\)"), ((0, 4, 20), r"\(0, 4, 20\)")],
)
def test_other_shapes_are_refused(shape, text):
    with pytest.raises(SeqauditError, match=text):
        check_maps(np.zeros(shape))


def test_letters_are_codes_and_must_be_one_hot():
    one_hot = np.zeros((1, 4, 3))
    one_hot[0, 2, 0] = one_hot[0, 3, 2] = 1
    assert check_letters(one_hot, shape=one_hot.shape).tolist() == [[2, 4, 3]]
    with pytest.raises(SeqauditError, match=r"maps have \(2, 4, 3\)"):
        check_letters(one_hot, shape=(2, 4, 3))
    one_hot[0, 1, 2] = 1
    with pytest.raises(SeqauditError, match=r"sequence 0 holds .* at position 2"):
        check_letters(one_hot, shape=one_hot.shape)
