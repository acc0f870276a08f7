"""Scaling of sequences: equal to scikit-learn's on tables, invertible on sequences of any form."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import preprocessing
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_rnn import SequenceScaler
from sklearn_rnn.exceptions import SequenceShapeError
from sklearn_rnn.transformers.scaling import SCALINGS, centre_and_scale
from sklearn_rnn.transformers.windows import windows_of

quick = settings(max_examples=30, deadline=None, derandomize=True)
by_method = pytest.mark.parametrize("method", SCALINGS)
numbers = st.floats(-1e6, 1e6, allow_subnormal=False)
numbers_or_nan = numbers | st.just(np.nan)

THEIRS = {
    "standard": preprocessing.StandardScaler(),
    "minmax": preprocessing.MinMaxScaler(),
    "maxabs": preprocessing.MaxAbsScaler(),
    "robust": preprocessing.RobustScaler(),
}


def close(answer, expected):
    """Up to the rounding of numbers of a million."""
    assert len(answer) == len(expected)
    for one, other in zip(answer, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-6)


def normal(*shape):
    return np.random.default_rng(0).normal(3, 2, size=shape)


# -- reference -----------------------------------------------------------------------------------


@by_method
def test_scaling_equals_scikit_learns_on_all_steps_together(method):
    X = normal(5, 5, 3)  # 25 steps: their quartiles fall on a step, as ours always do

    scaled = SequenceScaler(method).fit_transform(X)

    expected = THEIRS[method].fit_transform(X.reshape(-1, 3)).reshape(X.shape)
    np.testing.assert_allclose(scaled, expected, atol=1e-12)


@by_method
@quick
@given(
    x=arrays(np.float64, (9, 2), elements=numbers),
    weights=arrays(np.int64, 9, elements=st.integers(0, 4)),
)
def test_a_row_of_weight_n_counts_as_n_rows(method, x, weights):
    weights[0] += 1

    weighted = centre_and_scale(x, method, weights)
    repeated = centre_and_scale(np.repeat(x, weights, axis=0), method)

    np.testing.assert_allclose(weighted[0], repeated[0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(weighted[1], repeated[1], rtol=1e-6, atol=1e-9)


@by_method
def test_missing_values_do_not_count(method):
    x = normal(20, 2)
    holes = np.insert(x, [3, 11], np.nan, axis=0)

    np.testing.assert_array_equal(centre_and_scale(holes, method), centre_and_scale(x, method))


@by_method
@pytest.mark.parametrize("value", [0.0, 0.1, -1e9, np.nan])
def test_constant_and_unknown_features_are_divided_by_one(method, value):
    _, scale = centre_and_scale(np.full((7, 1), value), method)

    expected = abs(value) if method == "maxabs" and abs(value) > 0 else 1.0
    np.testing.assert_array_equal(scale, [expected])


@by_method
def test_steps_of_overlapping_windows_count_as_often_as_windows_hold_them(method):
    series = normal(12, 1)
    windows = windows_of(series, 4)

    in_place = SequenceScaler(method).fit(windows)
    copied = SequenceScaler(method).fit(np.array(windows))

    np.testing.assert_allclose(in_place.centre_, copied.centre_, rtol=1e-12)
    np.testing.assert_allclose(in_place.scale_, copied.scale_, rtol=1e-12)


# -- the way back --------------------------------------------------------------------------------

cubes = st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 3)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=numbers_or_nan)
)


@st.composite
def ragged(draw):
    """A list of sequences of unequal lengths, some values missing."""
    features = draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    return [draw(arrays(np.float64, (n, features), elements=numbers_or_nan)) for n in lengths]


@by_method
@quick
@given(X=cubes)
def test_inverse_transform_undoes_transform(method, X):
    scaler = SequenceScaler(method)

    scaled = scaler.fit_transform(X)

    assert scaled.shape == X.shape
    close(scaler.inverse_transform(scaled), X)


@by_method
@quick
@given(X=ragged())
def test_inverse_transform_undoes_transform_of_ragged_sequences(method, X):
    scaler = SequenceScaler(method)

    scaled = scaler.fit_transform(X)

    assert isinstance(scaled, list)
    close(scaler.inverse_transform(scaled), X)


@by_method
def test_inverse_transform_undoes_transform_of_other_sequences_than_those_of_fit(method):
    scaler = SequenceScaler(method).fit(normal(4, 6, 2))
    X = 100 * normal(3, 9, 2)

    close(scaler.inverse_transform(scaler.transform(X)), X)


FORMS = {
    "table": (normal(4, 5), np.ndarray),
    "cube": (normal(4, 5, 2), np.ndarray),
    "nested lists": (normal(4, 5, 2).tolist(), np.ndarray),
    "arrays": (list(normal(4, 5, 2)), list),
    "one-dimensional arrays": ([normal(3), normal(5)], list),
    "lists of unequal lengths": ([[1.0, 2.0], [3.0, 4.0, 7.0]], list),
    "object array": (np.array([normal(3, 2), normal(5, 2)], dtype=object), list),
}


@pytest.mark.parametrize("per", ["feature", "sequence"])
@pytest.mark.parametrize("form", FORMS)
def test_answer_has_the_form_of_the_question(form, per):
    X, container = FORMS[form]

    scaled = SequenceScaler(per=per).fit_transform(X)

    assert isinstance(scaled, container)
    assert [np.shape(x) for x in scaled] == [np.shape(x) for x in X]


def test_padding_and_missing_values_stay_where_they_are():
    X = normal(3, 6, 2)
    X[0, :2] = X[1, 4:] = X[2, 3, 1] = np.nan

    scaled = SequenceScaler().fit_transform(X)

    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(X))


def test_users_data_is_left_as_it_was():
    X = normal(3, 6, 2)
    before = X.copy()

    SequenceScaler().fit(X).inverse_transform(SequenceScaler().fit_transform(X))

    np.testing.assert_array_equal(X, before)


# -- each sequence by itself -----------------------------------------------------------------------


@by_method
def test_scaling_each_sequence_does_not_depend_on_the_others(method):
    X = [normal(5, 2), 100 * normal(8, 2)]
    scaler = SequenceScaler(method, per="sequence").fit(X)

    together = scaler.transform(X)

    for x, scaled in zip(X, together, strict=True):
        np.testing.assert_array_equal(SequenceScaler(method).fit_transform([x])[0], scaled)


def test_scaling_each_sequence_has_no_inverse():
    scaler = SequenceScaler(per="sequence").fit(normal(3, 4, 2))

    with pytest.raises(ValueError, match=r"per='sequence' has no inverse.*Use per='feature'"):
        scaler.inverse_transform(normal(3, 4, 2))


# -- words and manners -----------------------------------------------------------------------------


@pytest.mark.parametrize("parameters", [{"method": "nonsense"}, {"per": "step"}, {"method": None}])
def test_unknown_method_is_refused(parameters):
    with pytest.raises(ValueError, match="parameter of SequenceScaler must be a str among"):
        SequenceScaler(**parameters).fit(normal(3, 4, 2))


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_other_features_than_in_fit_are_refused(method):
    scaler = SequenceScaler().fit(normal(3, 4, 2))

    with pytest.raises(SequenceShapeError, match=r"must have 2 features, as in fit; got 3\."):
        getattr(scaler, method)(normal(3, 4, 3))


@pytest.mark.parametrize("per", ["feature", "sequence"])
def test_transform_before_fit_is_refused(per):
    with pytest.raises(NotFittedError, match="This SequenceScaler instance is not fitted yet"):
        SequenceScaler(per=per).transform(normal(3, 4, 2))


def test_infinity_is_refused():
    X = normal(3, 4, 2)
    X[0, 0, 0] = np.inf

    with pytest.raises(ValueError, match="SequenceScaler: X contains infinity in 1 step;"):
        SequenceScaler().fit(X)


def test_clones_are_unfitted_and_pickles_scale_alike():
    X = normal(3, 4, 2)
    scaler = SequenceScaler("robust").fit(X)

    copied = pickle.loads(pickle.dumps(scaler))

    assert clone(scaler).method == "robust"
    assert not hasattr(clone(scaler), "centre_")
    np.testing.assert_array_equal(copied.transform(X), scaler.transform(X))
