"""Padding: one array of unequal sequences, and the same sequences again."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_rnn.exceptions import SequenceLengthError, SequenceShapeError
from sklearn_rnn.sequences import as_sequences
from sklearn_rnn.transformers.padding import SequencePadder, kept_rows, steps_of_padded

law = settings(max_examples=200, deadline=None, derandomize=True)
by_side = pytest.mark.parametrize("side", ["right", "left"])

RAGGED = [
    np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
    np.array([[7.0, 8.0]]),
    np.array([[9.0, 10.0], [11.0, 12.0]]),
]
IDS = [[3, 1, 2], [5], [4, 4]]


def same(answer, expected):
    assert isinstance(answer, list)
    assert len(answer) == len(expected)
    for one, other in zip(answer, expected, strict=True):
        np.testing.assert_array_equal(one, other)
        assert np.shape(one) == np.shape(other)


# -- what it gives ---------------------------------------------------------------------------------


def test_sequences_are_followed_by_padding():
    padded = SequencePadder(value=-1.0).fit_transform(RAGGED)

    assert padded.shape == (3, 3, 2)
    np.testing.assert_array_equal(padded[0], RAGGED[0])
    np.testing.assert_array_equal(padded[1], [[7, 8], [-1, -1], [-1, -1]])


def test_sequences_come_after_padding_on_the_left():
    padded = SequencePadder(side="left").fit_transform(RAGGED)

    np.testing.assert_array_equal(padded[2], [[np.nan, np.nan], [9, 10], [11, 12]])


def test_length_is_that_of_the_longest_sequence_of_each_call():
    padder = SequencePadder().fit(RAGGED)

    assert padder.transform(RAGGED).shape == (3, 3, 2)
    assert padder.transform(RAGGED[1:]).shape == (2, 2, 2)


def test_length_is_kept_if_given():
    assert SequencePadder(length=5).fit_transform(RAGGED).shape == (3, 5, 2)


@pytest.mark.parametrize(
    ("truncate", "side", "expected"),
    [
        ("end", "right", [[3, 1], [5, 0], [4, 4]]),
        ("start", "right", [[1, 2], [5, 0], [4, 4]]),
        ("end", "left", [[3, 1], [0, 5], [4, 4]]),
        ("start", "left", [[1, 2], [0, 5], [4, 4]]),
    ],
)
def test_truncation_cuts_off_the_part_that_it_names(truncate, side, expected):
    padder = SequencePadder(length=2, side=side, value=0, truncate=truncate).fit(IDS)

    np.testing.assert_array_equal(padder.transform(IDS), expected)
    np.testing.assert_array_equal(padder.lengths(IDS), [2, 1, 2])


@by_side
def test_indicator_is_one_for_steps_and_zero_for_padding(side):
    padder = SequencePadder(side=side, add_indicator=True).fit(RAGGED)

    padded = padder.transform(RAGGED)

    assert padded.shape == (3, 3, 3)
    np.testing.assert_array_equal(padded[:, :, -1], padder.mask(RAGGED))
    np.testing.assert_array_equal(padded[..., :-1], SequencePadder(side=side).fit_transform(RAGGED))


@by_side
def test_mask_and_lengths_tell_steps_from_padding(side):
    padder = SequencePadder(side=side, length=4).fit(RAGGED)

    mask, lengths = padder.mask(RAGGED), padder.lengths(RAGGED)

    assert (mask.dtype, lengths.dtype) == (np.bool_, np.int64)
    np.testing.assert_array_equal(lengths, [3, 1, 2])
    np.testing.assert_array_equal(mask, ~np.isnan(padder.transform(RAGGED)[:, :, 0]))


def test_masks_are_those_worked_out_by_hand():
    lengths = np.array([2, 0, 3])

    right, left = (steps_of_padded(lengths, 3, side).astype(int) for side in ("right", "left"))

    np.testing.assert_array_equal(right, [[1, 1, 0], [0, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(left, [[0, 1, 1], [0, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(kept_rows(lengths, 1, "end"), [1, 0, 1, 0, 0])
    np.testing.assert_array_equal(kept_rows(lengths, 2, "start"), [1, 1, 0, 1, 1])


@pytest.mark.parametrize(
    ("X", "value", "dtype"),
    [
        (IDS, 0, np.int64),
        (IDS, 0.0, np.int64),
        (IDS, np.nan, np.float64),
        (IDS, 0.5, np.float64),
        ([np.array([1, 2], np.int8), np.array([3], np.int8)], 0, np.int8),
        ([np.array([1, 2], np.uint8), np.array([3], np.uint8)], -1, np.int16),
        ([np.array([1, 2], np.uint64), np.array([3], np.uint64)], -1, np.float64),
        (IDS, 2**63, np.float64),
        (IDS, 1e300, np.float64),
        (IDS, np.inf, np.float64),
        ([np.array([True, False]), np.array([True])], 0, np.int64),
        ([x.astype(np.float32) for x in RAGGED], np.nan, np.float32),
        ([[1, 2], []], 0, np.int64),
        ([[1, 2], [0.5]], 0, np.float64),
    ],
)
def test_numbers_stay_of_the_kind_they_are(X, value, dtype):
    padded = SequencePadder(value=value).fit_transform(X)

    assert padded.dtype == dtype


def test_missing_steps_within_an_array_are_steps():
    X = np.ones((2, 3, 2))
    X[0, 2] = np.nan
    padder = SequencePadder(length=4).fit(X)

    np.testing.assert_array_equal(padder.lengths(X), [3, 3])
    np.testing.assert_array_equal(padder.transform(X)[:, :3], X)


DAYS = pd.date_range("2024", periods=3)
FRAMES = [pd.DataFrame(x, DAYS[: len(x)], columns=["a", "b"]) for x in RAGGED]
FORMS = {
    "lists": [x.tolist() for x in RAGGED],
    "tuple": tuple(RAGGED),
    "object array": np.array([*RAGGED, None], dtype=object)[:3],
    "data frames": FRAMES,
    "multiindex": pd.concat(FRAMES, keys=list("xyz"), names=["series", "day"]),
    "sequences": as_sequences(RAGGED, name="test"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_same_sequences_is_padded_alike(form):
    padder = SequencePadder()

    padded = padder.fit_transform(FORMS[form])

    np.testing.assert_array_equal(padded, SequencePadder().fit_transform(RAGGED))
    same(padder.inverse_transform(padded), RAGGED)


def test_columns_of_data_frames_are_kept_and_compared():
    padder = SequencePadder().fit(FRAMES)

    assert list(padder.feature_names_in_) == ["a", "b"]
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        padder.transform([frame[["b", "a"]] for frame in FRAMES])


@pytest.mark.parametrize("columns", [["b", "a"], ["a", "c"]])
def test_data_frames_whose_columns_differ_are_refused(columns):
    X = [*FRAMES[:2], FRAMES[2].set_axis(columns, axis=1)]
    padder = SequencePadder().fit(FRAMES)
    words = r"SequencePadder: data frames.*same columns.*got 2 sets of columns in 3 frames\. Select"

    for method in (SequencePadder().fit, padder.transform, padder.lengths, padder.mask):
        with pytest.raises(SequenceShapeError, match=words):
            method(X)


# -- the way back ----------------------------------------------------------------------------------

values = st.floats(-1e12, 1e12) | st.just(np.nan)
paddings = st.sampled_from([np.nan, 0, -1, 0.5, 1e12])


@st.composite
def ragged(draw):
    """Sequences of any length, (T_i, F) or (T_i,), at least one with a step."""
    features = draw(st.none() | st.integers(1, 3))
    lengths = draw(st.lists(st.integers(0, 5), min_size=1, max_size=5).filter(any))
    elements, dtype = draw(
        st.sampled_from([(values, np.float64), (st.integers(-3, 2**40), np.int64)])
    )
    shapes = [(n,) if features is None else (n, features) for n in lengths]
    return [draw(arrays(dtype, shape, elements=elements)) for shape in shapes]


@law
@given(X=ragged(), value=paddings, side=st.sampled_from(["left", "right"]), more=st.integers(0, 2))
def test_inverse_transform_by_lengths_undoes_transform(X, value, side, more):
    length = max(len(x) for x in X) + more
    padder = SequencePadder(length=length or 1, value=value, side=side)

    padded = padder.fit_transform(X)

    same(padder.inverse_transform(padded, lengths=padder.lengths(X)), X)


@law
@given(X=ragged(), value=paddings, side=st.sampled_from(["left", "right"]))
def test_inverse_transform_by_the_indicator_undoes_transform(X, value, side):
    padder = SequencePadder(value=value, side=side, add_indicator=True)

    padded = padder.fit_transform(X)

    same(padder.inverse_transform(padded), X)


@law
@given(X=ragged(), value=paddings, side=st.sampled_from(["left", "right"]))
def test_inverse_transform_by_value_undoes_transform_of_sequences_without_it(X, value, side):
    X = [np.where(np.isnan(x) | (x == value), 7, x) for x in X]
    padder = SequencePadder(value=value, side=side)

    padded = padder.fit_transform(X)

    same(padder.inverse_transform(padded), X)


def test_only_steps_at_the_padded_side_are_taken_for_padding():
    X = [[0, 5, 0, 6], [7]]
    padder = SequencePadder(value=0)

    padded = padder.fit_transform(X)

    same(padder.inverse_transform(padded), X)


def test_steps_that_equal_padding_need_lengths_to_come_back():
    X = [[5, 0], [7, 8, 9]]
    padder = SequencePadder(value=0)

    padded = padder.fit_transform(X)

    same(padder.inverse_transform(padded), [[5], [7, 8, 9]])
    same(padder.inverse_transform(padded, lengths=[2, 3]), X)


def test_float32_is_compared_with_the_value_it_holds():
    X = [np.array([1.0, 2.0], np.float32), np.array([3.0], np.float32)]
    padder = SequencePadder(value=0.1)

    same(padder.inverse_transform(padder.fit_transform(X)), X)


def test_users_data_is_left_as_it_was_and_may_be_read_only():
    X = [x.copy() for x in RAGGED]
    for x in X:
        x.flags.writeable = False
    padder = SequencePadder().fit(X)

    padded = padder.transform(X)
    padded.flags.writeable = False
    restored = padder.inverse_transform(padded)
    restored[0][:] = 0

    same(X, RAGGED)
    np.testing.assert_array_equal(padded[0], RAGGED[0])


# -- words and manners -----------------------------------------------------------------------------


def test_sequences_longer_than_length_are_counted_and_refused():
    padder = SequencePadder(length=1).fit(RAGGED)

    for method in (padder.transform, padder.lengths, padder.mask):
        with pytest.raises(SequenceLengthError, match=r"length=1 steps; 2 of 3 have more, up to 3"):
            method(RAGGED)


def test_sequences_without_any_step_need_a_length():
    X = [np.zeros((0, 2)), np.zeros((0, 2))]

    with pytest.raises(SequenceLengthError, match=r"all 2 have none\. Set length\."):
        SequencePadder().fit(X).transform(X)
    assert SequencePadder(length=3).fit_transform(X).shape == (2, 3, 2)


@pytest.mark.parametrize(
    "parameters",
    [
        {"length": 0},
        {"length": 2.5},
        {"side": "top"},
        {"value": "x"},
        {"truncate": True},
        {"truncate": "middle"},
        {"add_indicator": "yes"},
    ],
)
def test_wrong_parameters_are_refused(parameters):
    with pytest.raises(ValueError, match=f"The '{next(iter(parameters))}' parameter of"):
        SequencePadder(**parameters).fit(RAGGED)


@pytest.mark.parametrize(
    "X",
    [
        [np.ones((2, 2)), np.ones((3, 3))],
        [np.ones(2), np.ones((3, 3))],
        [np.ones((2, 2, 2)), np.ones((3, 2, 2))],
        [[[1.0, 2.0], [3.0]], [[1.0, 2.0]]],
        [np.float64(3), np.ones(2)],
    ],
)
def test_sequences_with_unequal_features_are_refused(X):
    with pytest.raises(SequenceShapeError, match=r"every sequence in a list|a list of arrays"):
        SequencePadder().fit(X)


def test_other_features_than_in_fit_are_refused():
    padder = SequencePadder().fit(RAGGED)

    with pytest.raises(SequenceShapeError, match=r"must have 2 features for each step.*got 3\."):
        padder.transform([np.ones((2, 3)), np.ones((4, 3))])
    with pytest.raises(SequenceShapeError, match=r"got 1\."):
        padder.transform(np.ones((2, 5)))


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 3), (3,), (3, 4, 2, 1)])
def test_what_transform_does_not_give_has_no_inverse(shape):
    padder = SequencePadder().fit(RAGGED)

    with pytest.raises(SequenceShapeError, match=r"SequencePadder: X must (be what|have the axes)"):
        padder.inverse_transform(np.ones(shape))


@pytest.mark.parametrize(
    "lengths", [[1, 2], [1, 2, 9], [1, 2, -1], [1.0, 2.0, 3.0], 3, [[1, 2, 3]]]
)
def test_wrong_lengths_are_refused(lengths):
    padder = SequencePadder().fit(RAGGED)
    padded = padder.transform(RAGGED)

    with pytest.raises(SequenceShapeError, match=r"lengths must be 3 whole numbers from 0 to 3"):
        padder.inverse_transform(padded, lengths=lengths)


def test_whole_numbers_that_floats_do_not_hold_are_refused():
    X = [[2**60 + 1, 2], [3]]

    with pytest.raises(ValueError, match=r"floats, which hold them up to 2\*\*53; 1 of 3 lie"):
        SequencePadder().fit(X).transform(X)
    assert SequencePadder(value=0).fit_transform(X)[0, 0] == 2**60 + 1


@pytest.mark.parametrize(
    ("first", "dtype", "value"),
    [
        (2**53 + 1, np.int64, np.nan),
        (-(2**53) - 1, np.int64, 0.5),
        (2**63 + 1, np.uint64, -1),
        (2**63 + 1, np.uint64, np.float64(2**64)),
        (2**60 + 1, np.int64, 1e300),
    ],
)
def test_whole_numbers_next_to_a_value_that_makes_them_floats_are_refused(first, dtype, value):
    X = [np.array([first, 2], dtype), np.array([3], dtype)]
    padder = SequencePadder(value=value).fit(X)

    words = rf"up to 2\*\*53; 1 of 3 lie beyond\. Set value.*that {np.dtype(dtype)} holds"
    with pytest.raises(ValueError, match=words):
        padder.transform(X)


@pytest.mark.parametrize(
    ("value", "dtype", "held"),
    [
        (1e300, np.float32, "inf"),
        (-1e300, np.float32, "-inf"),
        (1e-300, np.float32, "0.0"),
        (1e5, np.float16, "inf"),
        (10**40, np.float32, "inf"),
    ],
)
def test_value_that_floats_do_not_hold_is_refused(value, dtype, held):
    X = [x.astype(dtype) for x in RAGGED]
    padder = SequencePadder(value=value).fit(X)

    words = rf"which {np.dtype(dtype)} holds; value={re.escape(str(value))} becomes {held} there"
    with pytest.raises(ValueError, match=words):
        padder.transform(X)
    with pytest.raises(ValueError, match=words):
        padder.inverse_transform(np.ones((2, 3, 2), dtype))
    assert SequencePadder(value=value).fit_transform(RAGGED)[1, 2, 0] == float(value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0, 0.1, 3e38])
def test_value_that_floats_hold_is_padding(value):
    X = [x.astype(np.float32) for x in RAGGED]

    padded = SequencePadder(value=value).fit_transform(X)

    np.testing.assert_array_equal(padded[1, 1:], np.full((2, 2), value, np.float32))


@pytest.mark.parametrize(
    ("X", "words"),
    [
        ([["a", "b"], ["c"]], "must hold numbers; got text"),
        ([np.array([1.0, np.inf]), np.ones(3)], "contains infinity"),
        ([np.array([1j]), np.ones(3)], "Complex data not supported"),
        (np.ones(3), "must have the axes"),
        ([], "empty"),
    ],
)
def test_what_is_no_sequence_of_numbers_is_refused(X, words):
    with pytest.raises(ValueError, match=words):
        SequencePadder().fit(X)


def test_transform_before_fit_is_refused():
    padder = SequencePadder()

    for method in (padder.transform, padder.inverse_transform, padder.mask, padder.lengths):
        with pytest.raises(NotFittedError, match="This SequencePadder instance is not fitted"):
            method(RAGGED)


def test_clones_are_unfitted_and_pickles_pad_alike():
    padder = SequencePadder(value=-1).set_output(transform="pandas").fit(RAGGED)

    copied = pickle.loads(pickle.dumps(padder))

    assert not hasattr(clone(padder), "n_features_in_")
    np.testing.assert_array_equal(copied.transform(RAGGED), padder.transform(RAGGED))


@parametrize_with_checks(
    [
        SequencePadder(),
        SequencePadder(add_indicator=True),
        SequencePadder(length=50),
        SequencePadder(length=50, side="left", value=-1.0),
        SequencePadder(length=1, truncate="end"),
        SequencePadder(length=2, truncate="start", add_indicator=True),
    ]
)
def test_scikit_learns_suite(estimator, check):
    check(estimator)


OTHER_CHECKS = [
    estimator_checks.check_dataframe_column_names_consistency,
    estimator_checks.check_set_output_transform,
]


@pytest.mark.parametrize("check", OTHER_CHECKS, ids=lambda check: check.__name__)
def test_checks_of_names_and_containers(check):
    check("SequencePadder", SequencePadder())
