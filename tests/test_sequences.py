"""The data model: every form of X becomes the same sequences, and what cannot is told why."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing

from sklearn_rnn.exceptions import MissingValuesError, SequenceLengthError, SequenceShapeError
from sklearn_rnn.sequences import Sequences, as_sequences, is_list_of_sequences
from sklearn_rnn.transformers.windows import windows_of

quick = settings(max_examples=60, deadline=None, derandomize=True)


def read(X, **options):
    return as_sequences(X, name="Asker", **options)


def assert_holds(sequences, expected):
    assert len(sequences) == len(expected)
    for i, sequence in enumerate(expected):
        np.testing.assert_array_equal(sequences[i], sequence)


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape)


# -- forms of X ------------------------------------------------------------------------------


def test_array_of_three_axes_is_read_in_place():
    X = normal(4, 5, 2)

    sequences = read(X)

    assert_holds(sequences, X)
    assert np.shares_memory(sequences.steps, X)
    assert sequences.n_features == 2


def test_array_of_two_axes_has_one_feature():
    X = normal(4, 5)

    sequences = read(X)

    assert_holds(sequences, X[:, :, np.newaxis])
    assert np.shares_memory(sequences.steps, X)


RAGGED = [normal(3, 2), normal(1, 2) + 1, normal(5, 2) - 1]
FORMS = {
    "list": RAGGED,
    "tuple": tuple(RAGGED),
    "object array": np.array([*RAGGED, None], dtype=object)[:-1],
    "data frames": [pd.DataFrame(x, columns=["a", "b"]) for x in RAGGED],
    "nested lists": [x.tolist() for x in RAGGED],
    "mixed": [RAGGED[0], RAGGED[1].tolist(), pd.DataFrame(RAGGED[2])],
}


@pytest.mark.parametrize("form", FORMS)
def test_sequences_of_unequal_lengths_are_read_in_every_form(form):
    sequences = read(FORMS[form])

    assert_holds(sequences, RAGGED)
    np.testing.assert_array_equal(sequences.lengths, [3, 1, 5])


@pytest.mark.parametrize("convert", [np.array, list, pd.Series])
def test_sequences_of_single_numbers_have_one_feature(convert):
    X = [convert([1.0, 2.0]), convert([3.0]), convert([4.0, 5.0, 6.0])]

    sequences = read(X)

    assert_holds(sequences, [[[1], [2]], [[3]], [[4], [5], [6]]])


def test_list_of_equally_long_arrays_equals_the_array():
    X = normal(4, 5, 2)

    assert_holds(read(list(X)), X)


def test_data_frame_has_a_sequence_in_each_row():
    frame = pd.DataFrame(normal(4, 5))

    assert_holds(read(frame), frame.to_numpy()[:, :, np.newaxis])


@pytest.mark.parametrize(
    ("given", "kept"),
    [("f4", "f4"), ("f8", "f8"), ("f2", "f8"), ("i4", "f8"), ("?", "f8"), (">f8", "f8")],
)
@pytest.mark.parametrize("as_list", [False, True])
def test_steps_are_floats_whatever_real_numbers_come(given, kept, as_list):
    X = (normal(3, 4, 2) > 0).astype(given)

    sequences = read(list(X) if as_list else X)

    assert sequences.steps.dtype == kept
    assert_holds(sequences, X)


def test_numbers_in_an_object_array_are_numbers():
    X = normal(3, 4, 2)

    assert_holds(read(X.astype(object)), X)


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        ([[1, 2], [3, 4]], False),
        ([[1, 2], [3]], True),
        ([np.zeros(2), np.zeros(2)], True),
        ([pd.DataFrame({"a": [1.0]})], True),
        (np.zeros((2, 2)), False),
        (np.array([[1], [2, 3]], dtype=object), True),
        (np.array([[1, 2], [2, 3]], dtype=object), False),
        (["ab", "c"], False),
        ([1.0, 2.0], False),
        ("abc", False),
        (None, False),
    ],
)
def test_a_list_of_sequences_is_told_from_an_array(X, expected):
    assert is_list_of_sequences(X) is expected


def test_user_data_is_left_as_it_was():
    X = normal(4, 5, 2)
    X[0, :2] = X[1, 3:] = np.nan
    before = X.copy()

    sequences = read(X)

    np.testing.assert_array_equal(X, before)
    with pytest.raises(ValueError, match="read-only"):
        sequences.steps[0] = 0


# -- views -----------------------------------------------------------------------------------


@pytest.mark.parametrize("step_length", [1, 2, 4])
@pytest.mark.parametrize("features", [1, 3])
def test_sliding_windows_stay_slices_of_their_series(step_length, features):
    series = normal(20, features)
    windows = windows_of(series, 4, step_length)

    sequences = read(windows)

    assert_holds(sequences, windows)
    assert np.shares_memory(sequences.steps, series)
    assert len(sequences.steps) == (len(windows) - 1) * step_length + 4


def test_table_of_windows_has_as_many_rows_as_the_series():
    series = normal(1000, 2)

    sequences = read(windows_of(series, 100))

    assert sequences.steps.shape == series.shape


def test_windows_with_gaps_between_them_are_copied():
    windows = windows_of(normal(20, 2), 3, 5)

    sequences = read(windows)

    assert_holds(sequences, windows)
    assert len(sequences.steps) == 3 * len(windows)


LAYOUTS = {
    "C": lambda x: np.ascontiguousarray(x),
    "Fortran": lambda x: np.asfortranarray(x),
    "transposed": lambda x: np.ascontiguousarray(x.transpose(0, 2, 1)).transpose(0, 2, 1),
    "other axis first": lambda x: np.ascontiguousarray(x.transpose(1, 0, 2)).transpose(1, 0, 2),
    "every second sequence": lambda x: np.repeat(x, 2, axis=0)[::2],
    "every second step": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "every second feature": lambda x: np.repeat(x, 2, axis=2)[:, :, ::2],
    "backwards": lambda x: np.array(x[::-1])[::-1],
    "steps backwards": lambda x: np.array(x[:, ::-1])[:, ::-1],
    "features backwards": lambda x: np.array(x[:, :, ::-1])[:, :, ::-1],
    "part of longer sequences": lambda x: np.concatenate([x, x + 9], axis=1)[:, : x.shape[1]],
    "one sequence for all": lambda x: np.broadcast_to(x[:1], x.shape),
    "one step for all": lambda x: np.broadcast_to(x[:, :1], x.shape),
    "one feature for all": lambda x: np.broadcast_to(x[:, :, :1], x.shape),
    "one number": lambda x: np.broadcast_to(x[:1, :1, :1], x.shape),
    "new axis of steps": lambda x: x[:, 0][:, np.newaxis],
    "new axis of sequences": lambda x: x[0][np.newaxis],
    "windows": lambda x: windows_of(x.reshape(-1, x.shape[2]), x.shape[1]),
    "step windows": lambda x: windows_of(x.reshape(-1, x.shape[2]), x.shape[1], 3),
    "windows backwards": lambda x: windows_of(x.reshape(-1, x.shape[2]), x.shape[1])[::-1],
    "windows of steps": lambda x: windows_of(x.reshape(-1, x.shape[2]), x.shape[1])[:, ::2],
    "read-only": lambda x: np.frombuffer(x.tobytes()).reshape(x.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@quick
@given(shape=st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4)))
def test_sequences_equal_the_array_in_every_memory_layout(layout, shape):
    X = LAYOUTS[layout](np.arange(np.prod(shape), dtype=float).reshape(shape))

    sequences = read(X)

    assert_holds(sequences, X)
    assert len(sequences.steps) == (sequences.starts + sequences.lengths).max()


@quick
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    order=st.sampled_from(["C", "F"]),
    steps=st.tuples(st.sampled_from([-2, -1, 1, 2]), st.sampled_from([-2, -1, 1, 2])),
)
def test_tables_of_any_strides_equal_their_rows(shape, order, steps):
    table = np.array(np.arange(np.prod(shape), dtype=float).reshape(shape), order=order)
    X = table[:: steps[0], :: steps[1]]

    assert_holds(read(X), X[:, :, np.newaxis])


# -- selections and coverage -------------------------------------------------------------------


def test_take_gives_the_sequences_asked_for_over_the_same_table():
    sequences = read(RAGGED)

    by_number = sequences.take(np.array([2, 0]))
    by_mask = sequences.take(np.array([True, False, True]))

    assert_holds(by_number, [RAGGED[2], RAGGED[0]])
    assert_holds(by_mask, [RAGGED[0], RAGGED[2]])
    assert by_number.steps is sequences.steps


slices = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 5), st.floats(0.01, 100)), min_size=1, max_size=8
)


@quick
@given(slices=slices, weighted=st.booleans())
def test_coverage_equals_a_loop_over_sequences(slices, weighted):
    starts, lengths, weights = (np.array(column) for column in zip(*slices, strict=True))
    sequences = Sequences(np.zeros((15, 1)), starts, lengths)

    coverage = sequences.coverage(weights if weighted else None)

    expected = np.zeros(15)
    for start, length, weight in slices:
        expected[start : start + length] += weight if weighted else 1
    np.testing.assert_allclose(coverage, expected, rtol=1e-9)
    np.testing.assert_array_equal(coverage > 0, expected > 0)


# -- padding and missing values ----------------------------------------------------------------


@quick
@given(
    lengths=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    left=st.integers(0, 3),
    features=st.integers(1, 3),
)
def test_padding_on_either_side_is_no_part_of_a_sequence(lengths, left, features):
    parts = [np.full((length, features), float(i)) for i, length in enumerate(lengths)]
    X = np.full((len(parts), left + 6, features), np.nan)
    for padded, part in zip(X, parts, strict=True):
        padded[left : left + len(part)] = part

    assert_holds(read(X), parts)
    assert_holds(read(list(X)), parts)


def test_padding_of_a_table_is_trimmed_where_that_is_asked_for():
    X = np.array([[np.nan, 1.0, 2.0], [3.0, np.nan, np.nan]])

    assert_holds(read(X), [[[1], [2]], [[3]]])
    with pytest.raises(MissingValuesError, match=r"inside 2 sequences \(0, 1\) of 2"):
        read(X, trim=False)


def test_padded_windows_of_a_series_are_trimmed_in_place():
    series = np.concatenate([np.full((3, 2), np.nan), normal(10, 2)])
    windows = windows_of(series, 4)

    sequences = read(windows)

    assert_holds(sequences, [w[~np.isnan(w[:, 0])] for w in windows])
    assert np.shares_memory(sequences.steps, series)


def test_a_step_that_is_missing_in_part_is_not_padding():
    X = normal(1, 3, 2)
    X[0, 0, 0] = np.nan

    sequences = read(X, missing="mask")

    assert_holds(sequences, X)


@pytest.mark.parametrize("missing", ["mask", "ffill"])
def test_missing_values_inside_stay_if_they_may(missing):
    X = normal(3, 5, 2)
    X[1, 2] = X[2, 0] = X[2, 3, 1] = np.nan

    sequences = read(X, missing=missing)

    assert_holds(sequences, [X[0], X[1], X[2, 1:]])


def test_missing_values_inside_are_an_error_that_counts_sequences():
    X = normal(6, 5, 2)
    X[[0, 2, 3, 5], 2, 1] = np.nan
    words = r"Asker: X contains NaN, .* inside 4 sequences \(0, 2, 3, \.\.\.\) of 6\. Set missing="

    with pytest.raises(MissingValuesError, match=words):
        read(X)


def test_sequence_of_nothing_but_nan_is_an_error():
    X = normal(3, 5, 2)
    X[1] = np.nan
    words = r"Asker: X contains NaN only, nothing else, in 1 sequence \(1\) of 3\. Set missing"

    with pytest.raises(MissingValuesError, match=words):
        read(X)


@pytest.mark.parametrize("missing", ["mask", "ffill"])
def test_sequence_of_nothing_but_nan_keeps_one_step_if_values_may_be_missing(missing):
    X = normal(3, 5, 2)
    X[1] = np.nan

    sequences = read(X, missing=missing)

    np.testing.assert_array_equal(sequences.lengths, [5, 1, 5])
    assert np.isnan(sequences[1]).all()


@pytest.mark.parametrize("where", [0, 7, -1])
@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
@pytest.mark.parametrize("missing", ["error", "mask"])
def test_infinity_is_refused_wherever_it_is(where, infinity, missing):
    series = normal(20, 2)
    series[where, 1] = infinity

    with pytest.raises(ValueError, match=r"Asker: X contains infinity in 1 step; .* Replace"):
        read(windows_of(series, 4), missing=missing)


def test_infinity_between_windows_does_not_matter_for_no_sequence_holds_it():
    series = normal(20, 2)
    series[3] = np.inf
    windows = windows_of(series, 3, 4)

    assert_holds(read(windows), windows)


def test_infinities_of_both_signs_and_huge_numbers_are_told_apart_without_a_warning():
    X = np.full((2, 3, 1), 1.7e308)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_holds(read(X), X)
        X[0, 0], X[1, 0] = np.inf, -np.inf
        with pytest.raises(ValueError, match="infinity in 2 steps"):
            read(X)


# -- what is no sequence -----------------------------------------------------------------------

UNREADABLE = {
    "no axis": (3.0, SequenceShapeError, r"got shape \(\)\. Reshape your data"),
    "nothing": (None, SequenceShapeError, r"got shape \(\)"),
    "a word": ("word", SequenceShapeError, r"got shape \(\)"),
    "one axis": (np.full(7, 77.5), SequenceShapeError, r"got shape \(7,\)\. Reshape your data"),
    "four axes": (np.zeros((2, 3, 4, 5)), SequenceShapeError, r"got 4 axes, shape \(2, 3, 4, 5\)"),
    "list of three axes": (
        [np.zeros((2, 3, 4))] * 2,
        SequenceShapeError,
        r"\(n_steps, n_features\).*got \(2, 3, 4\)\. Give",
    ),
    "other features": (
        [np.zeros((2, 3)), np.zeros((4, 2))],
        SequenceShapeError,
        r"got \(2, 3\) and \(4, 2\)\. Give",
    ),
    "with and without features": (
        [np.zeros((2, 3)), np.zeros(4)],
        SequenceShapeError,
        r"got \(2, 3\) and \(4, 1\)",
    ),
    "single numbers": ([np.array(1.0), np.array(2.0)], SequenceShapeError, "got single numbers"),
    "inner lists of unequal lengths": (
        [[[1.0, 2.0], [3.0]]] * 2,
        SequenceShapeError,
        "nested list of unequal lengths. Give np.asarray",
    ),
    "other columns": (
        [pd.DataFrame({"a": [1.0], "b": [2.0]}), pd.DataFrame({"b": [1.0], "a": [2.0]})],
        SequenceShapeError,
        "same columns in the same order; got 2 sets of columns in 2 frames. Select",
    ),
    "no steps": (np.zeros((3, 0, 2)), SequenceLengthError, r"shape \(3, 0, 2\)\. Remove"),
    "no features": (np.zeros((3, 2, 0)), SequenceLengthError, r"shape \(3, 2, 0\)\. Remove"),
    "one without steps": (
        [np.zeros((2, 1)), np.zeros((0, 1)), np.zeros((0, 1))],
        SequenceLengthError,
        r"2 sequences \(1, 2\) of 3 have none\. Remove",
    ),
    "empty list": ([], ValueError, "X is empty; at least 1 sequence is needed. Give"),
    "empty object array": (np.array([], dtype=object), ValueError, "X is empty"),
    "text": (np.array([["77.5x", "b"]]), ValueError, "must hold numbers; got text"),
    "objects of text": (np.array([["77.5x", 1]], dtype=object), ValueError, "must hold numbers"),
    "list of texts": ([np.array(["77.5x"])] * 2, ValueError, "must hold numbers"),
    "complex": (np.full((2, 3), 77.5 + 1j), ValueError, "real numbers; got complex128. Give"),
    "complex list": ([np.full((2, 3), 77.5 + 1j)], ValueError, "real numbers; got complex128"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_is_no_sequence_is_refused_without_printing_it(case):
    X, error, words = UNREADABLE[case]

    with pytest.raises(error, match=words) as caught:
        read(X)

    assert str(caught.value).startswith("Asker: ")
    assert "77.5" not in str(caught.value)


# -- as scikit-learn indexes them --------------------------------------------------------------


@pytest.mark.parametrize(
    "index", [[2, 0], np.array([2, 0]), [True, False, True], slice(1, None), slice(None, None, 2)]
)
def test_sequences_are_indexed_over_the_same_table(index):
    sequences = read(RAGGED)

    chosen, asked_by_scikit_learn = sequences[index], _safe_indexing(sequences, index)

    expected = list(np.array([*RAGGED, None], dtype=object)[:-1][index])
    for answer in (chosen, asked_by_scikit_learn):
        assert isinstance(answer, Sequences)
        assert answer.steps is sequences.steps
        assert_holds(answer, expected)


def test_splits_of_sequences_copy_nothing():
    sequences = read(normal(20, 5, 2))

    train, test = train_test_split(sequences, test_size=0.5, random_state=0)

    assert sequences.shape == (20,)
    assert train.steps is test.steps is sequences.steps
    assert len(train) == len(test) == 10


def test_no_sequences_may_be_chosen():
    assert len(read(RAGGED)[[]]) == 0


def test_dates_are_no_numbers():
    dates = np.array([["2024-01-01", "2024-01-02"]], dtype="datetime64[s]")

    for values in (dates, dates - dates[:, :1]):
        with pytest.raises(ValueError, match="Asker: X must hold numbers; got dates or durations"):
            read(values)


def test_rows_of_several_series_are_no_sequences_yet():
    index = pd.MultiIndex.from_product([["a", "b"], range(3)])

    with pytest.raises(SequenceShapeError, match=r"Asker: .* got the rows of 2 series .*groupby"):
        read(pd.DataFrame({"x": np.arange(6.0)}, index))
