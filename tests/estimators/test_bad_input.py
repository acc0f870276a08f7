"""What comes in wrong is refused before training, in words that help, and nothing is lost by it."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array, csr_matrix, dok_array
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_rnn import RecurrentCell, RNNClassifier, RNNRegressor, SlidingWindow, make_windows
from sklearn_rnn.estimators.names import SYNONYMS
from sklearn_rnn.estimators.parameters import PARAMETERS
from sklearn_rnn.exceptions import (
    CellError,
    MissingValuesError,
    ParameterNameError,
    SequenceLengthError,
    SequenceShapeError,
    SeriesTooShortError,
    TargetError,
    TokenError,
    TransposedInputWarning,
)
from sklearn_rnn.training.net import SequenceNet
from sklearn_rnn.training.optimizers import OPTIMIZERS
from sklearn_rnn.transformers.windows import windows_of

N = 12
TABLE = np.random.default_rng(0).normal(size=(N, 5))
CUBE = np.random.default_rng(1).normal(size=(N, 5, 2))
RAGGED = [CUBE[i, : 3 + i % 3] for i in range(N)]
TOKENS = np.random.default_rng(2).integers(0, 4, size=(N, 5))
NUMBERS = np.random.default_rng(3).normal(size=N)
LABELS = np.arange(N) % 2

both = pytest.mark.parametrize("estimator_class", [RNNRegressor, RNNClassifier])


def tiny(estimator_class, **parameters):
    sizes = {"hidden_size": 2, "num_layers": 1, "max_epochs": 1, "random_state": 0}
    return estimator_class(**{**sizes, **parameters})


def target(estimator_class):
    return NUMBERS if estimator_class is RNNRegressor else LABELS


def with_value(X, where, value):
    changed = np.array(X)
    changed[where] = value
    return changed


@pytest.fixture
def no_training(monkeypatch):
    """Fail if a single batch is learned from."""

    def train_step(*args, **kwargs):
        pytest.fail("training began")

    monkeypatch.setattr(SequenceNet, "train_step", train_step)


def assert_refused(call, error, words, name=None):
    """Run `call`: the error is of that very class, has the words, and prints no data."""
    with pytest.raises(error, match=words) as caught:
        call()
    message = str(caught.value)
    assert caught.type is error
    assert not re.search(r"\d\.\d{3}", message), "the message prints data"
    if name is not None:
        assert name in message


# -- X ---------------------------------------------------------------------------------------

TOO_FEW = r"Found array with 0 sample\(s\) .* while a minimum of 1 is required"
INSIDE = r"X contains NaN, missing values inside 1 sequence \(0\) of 12\. Set missing='mask'"

BAD_X = {
    "no rows": (np.empty((0, 5)), ValueError, TOO_FEW),
    "no sequences": (np.empty((0, 5, 2)), ValueError, TOO_FEW),
    "empty list": ([], ValueError, "X is empty; at least 1 sequence is needed. Give"),
    "empty object array": (np.array([], dtype=object), ValueError, "X is empty"),
    "no columns": (np.empty((N, 0)), ValueError, r"0 feature\(s\) .* a minimum of 1 is required"),
    "no steps": (
        np.empty((N, 0, 2)),
        SequenceLengthError,
        r"at least one step and one feature; got X of shape \(12, 0, 2\)\. Remove",
    ),
    "no features": (np.empty((N, 5, 0)), SequenceLengthError, r"got X of shape \(12, 5, 0\)"),
    "one sequence without steps": (
        [*RAGGED[:-1], np.empty((0, 2))],
        SequenceLengthError,
        r"at least one step; 1 sequence \(11\) of 12 have none\. Remove them from X \(and y\)",
    ),
    "one axis": (
        TABLE[:, 0],
        SequenceShapeError,
        r"must have the axes \(n_sequences, .*; got shape \(12,\)\. Reshape your data: X\.reshape",
    ),
    "list of numbers": (TABLE[:, 0].tolist(), SequenceShapeError, r"got shape \(12,\)\. Reshape"),
    "a number": (3.5, SequenceShapeError, r"got shape \(\)\. Reshape"),
    "nothing": (None, SequenceShapeError, r"got shape \(\)\. Reshape"),
    "a word": ("word", SequenceShapeError, r"got shape \(\)\. Reshape"),
    "four axes": (
        CUBE[..., np.newaxis],
        SequenceShapeError,
        r"must have the axes .*; got 4 axes, shape \(12, 5, 2, 1\)\. Flatten further axes",
    ),
    "list of three axes": (
        list(CUBE[..., np.newaxis]),
        SequenceShapeError,
        r"must have shape \(n_steps, n_features\), .*; got \(5, 2, 1\)\. Give",
    ),
    "other features": (
        [*RAGGED[:-1], np.ones((3, 3))],
        SequenceShapeError,
        r"with the same features; got \(3, 2\) and \(3, 3\)\. Give each sequence the same columns",
    ),
    "other columns": (
        [pd.DataFrame(x, columns=list(c)) for x, c in zip(RAGGED, ["ab", "ba"] * 6, strict=True)],
        SequenceShapeError,
        "same columns in the same order; got 2 sets of columns in 12 frames. Select them",
    ),
    "inner lists of unequal lengths": (
        [[[1.0, 2.0], [3.0]]] * N,
        SequenceShapeError,
        r"must be an array, or a list of arrays .*; got a nested list of unequal lengths\. Give",
    ),
    "NaN in a table": (with_value(TABLE, (0, 0), np.nan), MissingValuesError, INSIDE),
    "NaN in a cube": (with_value(CUBE, (0, 2, 1), np.nan), MissingValuesError, INSIDE),
    "NaN in a step": (with_value(CUBE, (0, 2), np.nan), MissingValuesError, INSIDE),
    "NaN in a list": (
        [with_value(RAGGED[0], (1, 0), np.nan), *RAGGED[1:]],
        MissingValuesError,
        INSIDE,
    ),
    "a sequence of NaN": (
        with_value(CUBE, 3, np.nan),
        MissingValuesError,
        r"X contains NaN only, nothing else, in 1 sequence \(3\) of 12\. Set .*missing='mask'",
    ),
    "NaN everywhere": (
        np.full_like(CUBE, np.nan),
        MissingValuesError,
        r"contains NaN only, nothing else, in 12 sequences \(0, 1, 2, \.\.\.\) of 12\. Set",
    ),
    "NaN in all rows": (
        np.full_like(TABLE, np.nan),
        MissingValuesError,
        r"missing values inside 12 sequences \(0, 1, 2, \.\.\.\) of 12\. Set",
    ),
    "infinity in a table": (
        with_value(TABLE, (0, 0), np.inf),
        ValueError,
        "Input X contains infinity or a value too large",
    ),
    "infinity in a cube": (
        with_value(CUBE, (0, 2, 1), -np.inf),
        ValueError,
        "X contains infinity in 1 step; every value must be finite. Replace infinite values",
    ),
    "infinity in a list": (
        [with_value(RAGGED[0], 1, np.inf), *RAGGED[1:]],
        ValueError,
        "X contains infinity in 1 step; every value must be finite",
    ),
    "text": (np.array([["a", "b"]] * N), ValueError, "must hold numbers; got text.* Encode it"),
    "text as objects": (np.array([["a", 1]] * N, dtype=object), ValueError, "must hold numbers"),
    "text in three axes": (
        np.array([[["a"], ["b"]]] * N, dtype=object),
        ValueError,
        r"must hold numbers; got text, .* \(shape \(12, 2, 1\)\)",
    ),
    "list of texts": (["ab", "cde"] * 6, SequenceShapeError, r"got shape \(12,\)"),
    "list of arrays of text": ([np.array(["a", "b"])] * N, ValueError, "must hold numbers"),
    "data frame with text": (pd.DataFrame({"a": ["x"] * N}), ValueError, "must hold numbers"),
    "objects": (np.array([[{}, 1]] * N, dtype=object), TypeError, "argument must be a string or"),
    "sparse matrix": (csr_matrix(TABLE), TypeError, "Sparse data was passed for X"),
    "sparse array": (csr_array(TABLE), TypeError, "Sparse data was passed for X"),
    "sparse dict": (dok_array(TABLE), TypeError, "Sparse data was passed for X"),
    "list of sparse": ([csr_array(x) for x in RAGGED], TypeError, "sparse array length"),
    "complex table": (
        TABLE + 1j,
        ValueError,
        "Complex data not supported: X must hold real numbers; got complex128. Give real and",
    ),
    "complex cube": (CUBE + 1j, ValueError, "must hold real numbers; got complex128. Give"),
    "complex list": ([x + 1j for x in RAGGED], ValueError, "real numbers; got complex128. Give"),
    "a series of arrays": (
        pd.Series(RAGGED),
        SequenceShapeError,
        r"or a list of arrays of shape \(.*\); got a Series of 12 arrays\. Give list\(X\)\.$",
    ),
    "a series of frames": (
        pd.Series([pd.DataFrame(x) for x in RAGGED]),
        SequenceShapeError,
        r"got a Series of 12 arrays\. Give list\(X\)",
    ),
    "a series of numbers": (pd.Series(NUMBERS), SequenceShapeError, r"got shape \(12,\)\. Reshape"),
    "a map": (map(np.asarray, RAGGED), SequenceShapeError, r"got a map\. Give list\(X\)\.$"),
    "a set": ({1, 2}, SequenceShapeError, r"got a set\. Give list\(X\)"),
    "a dict": (
        dict(enumerate(RAGGED)),
        SequenceShapeError,
        r"got a dict of 12 items\. Give list\(X\.values\(\)\)\.$",
    ),
    "values of a dict": (
        dict(enumerate(RAGGED)).values(),
        SequenceShapeError,
        r"got a dict_values\. Give list\(X\)",
    ),
}

#: Where scikit-learn speaks, it does not always say for whom.
WITHOUT_NAME = {
    "infinity in a table",
    "objects",
    "sparse matrix",
    "sparse array",
    "sparse dict",
    "list of sparse",
}


@both
@pytest.mark.parametrize("case", BAD_X)
@pytest.mark.usefixtures("no_training")
def test_sequences_that_are_none_are_refused_by_fit(estimator_class, case):
    X, error, words = BAD_X[case]
    name = None if case in WITHOUT_NAME else estimator_class.__name__

    assert_refused(
        lambda: tiny(estimator_class).fit(X, target(estimator_class)), error, words, name
    )


def test_one_sequence_is_enough_for_a_regressor_and_too_few_classes_for_a_classifier():
    for X in (TABLE[:1], CUBE[:1], RAGGED[:1]):
        assert np.isfinite(tiny(RNNRegressor).fit(X, NUMBERS[:1]).predict(X)).all()
        assert_refused(
            lambda X=X: tiny(RNNClassifier).fit(X, LABELS[:1]),
            TargetError,
            r"RNNClassifier: y must have at least 2 classes; got 1 class in 1 sequence",
        )


@both
@pytest.mark.parametrize("X", [TABLE, CUBE, RAGGED], ids=["table", "cube", "list"])
@pytest.mark.usefixtures("no_training")
def test_targets_of_another_number_are_refused(estimator_class, X):
    y = target(estimator_class)[:10]

    assert_refused(
        lambda: tiny(estimator_class).fit(X, y),
        ValueError,
        r"inconsistent numbers of samples: \[12, 10\]",
    )


@both
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_many_features_of_one_step_are_warned_of(estimator_class, method):
    X = np.random.default_rng(0).normal(size=(N, 1, 16))
    words = (
        rf"{estimator_class.__name__}: every sequence has one step of 16 features, .* use "
        r"X\.transpose\(0, 2, 1\)"
    )

    with pytest.warns(TransposedInputWarning, match=words) as caught:
        getattr(tiny(estimator_class), method)(X, target(estimator_class))

    assert caught[0].filename == __file__
    tiny(estimator_class).fit(X[:, :, :15], target(estimator_class))  # no warning: an error here


# -- y ---------------------------------------------------------------------------------------

NOT_A_NUMBER = "could not convert string to float|not compatible with arrays of bytes/strings"
BAD_Y = {
    "none": (None, ValueError, "requires y to be passed, but the target y is None"),
    "NaN": (with_value(NUMBERS, 0, np.nan), ValueError, "y contains NaN"),
    "infinity": (with_value(NUMBERS, 0, np.inf), ValueError, "Input y contains infinity"),
    "no axis": (1.5, (TypeError, ValueError), "at least 1 dimension|should be a 1d array"),
    "three axes": (
        np.zeros((N, 2, 2)),
        ValueError,
        r"Found array with dim 3|shape .* Use y\.reshape",
    ),
    "sparse": (csr_array(NUMBERS[:, np.newaxis]), TypeError, "Sparse data was passed for y"),
}
BAD_NUMBERS = {
    "text": (["a", "b"] * 6, ValueError, NOT_A_NUMBER),
    "text as objects": (np.array(["a", 1.0] * 6, dtype=object), ValueError, NOT_A_NUMBER),
    "None among numbers": (np.array([None, 1.0] * 6, dtype=object), ValueError, "y contains NaN"),
    "complex": (
        NUMBERS + 1j,
        TargetError,
        "RNNRegressor: y must hold real numbers; got complex ones. Give real and imaginary part",
    ),
    "dates": (
        pd.date_range("2020-01-01", periods=N).to_numpy(),
        TargetError,
        r"RNNRegressor: y must hold numbers; got dates or durations \(datetime64.*\). Make",
    ),
}
BAD_LABELS = {
    "one class": (
        np.zeros(N, dtype=int),
        TargetError,
        r"RNNClassifier: y must have at least 2 classes; got 1 class in 12 sequences.* Give",
    ),
    "numbers": (NUMBERS, ValueError, "Unknown label type: continuous.*discrete classes"),
    "None among labels": (np.array([None, 1] * 6, dtype=object), ValueError, "Unknown label"),
    "two axes": (np.stack([LABELS, LABELS], axis=1), ValueError, r"1d array.*shape \(12, 2\)"),
    "a column": (LABELS[:, np.newaxis], DataConversionWarning, r"column-vector y .* ravel\(\)"),
}


@pytest.mark.parametrize(
    ("estimator_class", "case"),
    [(RNNRegressor, case) for case in {**BAD_Y, **BAD_NUMBERS}]
    + [(RNNClassifier, case) for case in {**BAD_Y, **BAD_LABELS}],
)
@pytest.mark.usefixtures("no_training")
def test_targets_that_are_none_are_refused(estimator_class, case):
    own = BAD_NUMBERS if estimator_class is RNNRegressor else BAD_LABELS
    y, error, words = {**BAD_Y, **own}[case]

    with pytest.raises(error, match=words) as caught:
        tiny(estimator_class).fit(CUBE, y)

    assert not re.search(r"\d\.\d{3}", str(caught.value))


@pytest.mark.usefixtures("no_training")
def test_negative_counts_are_refused_by_the_poisson_loss():
    words = (
        r"RNNRegressor: loss='poisson' is for counts, which are not negative; got "
        rf"{(NUMBERS < 0).sum()} negative values in y\. Use loss="
    )

    assert_refused(
        lambda: tiny(RNNRegressor, loss="poisson").fit(CUBE, NUMBERS), TargetError, words
    )


# -- predict ---------------------------------------------------------------------------------

PREDICT = {
    "other features": (
        CUBE,
        CUBE[:, :, [0, 1, 1]],
        SequenceShapeError,
        r"must have 2 features, as in fit; got 3 \(shape \(12, 5, 3\)\)\. Features are the last",
    ),
    "other features of a list": (
        RAGGED,
        [x[:, :1] for x in RAGGED],
        SequenceShapeError,
        r"must have 2 features, as in fit; got 1 \(12 sequences\)\. Features are the last axis",
    ),
    "one feature of a list": (
        CUBE,
        [x[:, 0] for x in RAGGED],
        SequenceShapeError,
        r"must have 2 features, as in fit; got 1 \(12 sequences\)",
    ),
    "transposed": (
        CUBE,
        CUBE.transpose(0, 2, 1),
        SequenceShapeError,
        r"must have 2 features, as in fit; got 5 \(.*X looks transposed.*X\.transpose\(0, 2, 1\)",
    ),
    "one sequence without its axis": (
        CUBE,
        CUBE[0],
        SequenceShapeError,
        r"must have 2 features for each step.*; got shape \(5, 2\)\. .*X\[np\.newaxis\]",
    ),
    "a table after a cube": (CUBE, pd.DataFrame(TABLE), SequenceShapeError, "so three axes; got"),
    "sparse after a cube": (CUBE, csr_array(TABLE), TypeError, "Sparse data was passed for X"),
    "one axis": (CUBE, CUBE[0, 0], SequenceShapeError, r"got shape \(2,\)\. Reshape your data"),
    "four axes": (CUBE, CUBE[np.newaxis], SequenceShapeError, r"got 4 axes, shape \(1, 12, 5, 2"),
    "no sequences": (CUBE, CUBE[:0], ValueError, TOO_FEW),
    "empty list": (RAGGED, [], ValueError, "X is empty"),
    "a hole": (CUBE, with_value(CUBE, (0, 2, 1), np.nan), MissingValuesError, INSIDE),
    "infinity": (CUBE, with_value(CUBE, 0, np.inf), ValueError, "contains infinity in 5 steps"),
    "other steps of a table": (
        TABLE,
        TABLE[:, :4],
        SequenceLengthError,
        r"^X has 4 features, but \w+ is expecting 5 features as input\. .* each column is a step, "
        r"5 in fit\. For .* give np\.asarray\(X\)\[\.\.\., np\.newaxis\], or a list of arrays\.$",
    ),
    "a generator": (
        RAGGED,
        (x for x in RAGGED),
        SequenceShapeError,
        r"must be an array, or a list .*; got a generator\. Give list\(X\)\.$",
    ),
    "a series of arrays": (
        RAGGED,
        pd.Series(RAGGED),
        SequenceShapeError,
        r"got a Series of 12 arrays\. Give list\(X\)\.$",
    ),
    "a cube after a table": (TABLE, CUBE, SequenceShapeError, r"as in fit; got 2 \(shape \(12,"),
    "a list after a table": (TABLE, RAGGED, SequenceShapeError, r"as in fit; got 2 \(12 seq"),
    "one row of a table": (TABLE, TABLE[0], SequenceShapeError, r"got shape \(5,\)\. Reshape"),
    "other columns": (
        pd.DataFrame(TABLE, columns=list("abcde")),
        pd.DataFrame(TABLE, columns=list("abcdx")),
        ValueError,
        "The feature names should match those that were passed during fit",
    ),
}


@both
@pytest.mark.parametrize("case", PREDICT)
def test_sequences_unlike_those_of_fit_are_refused_by_predict(estimator_class, case):
    seen, X, error, words = PREDICT[case]
    model = tiny(estimator_class).fit(seen, target(estimator_class))

    assert_refused(lambda: model.predict(X), error, words)


@both
def test_a_model_of_a_table_answers_other_lengths_as_its_error_says(estimator_class):
    model = tiny(estimator_class).fit(TABLE, target(estimator_class))

    answers = model.predict(TABLE[:, :4][..., np.newaxis])

    np.testing.assert_array_equal(answers, model.predict([x[:4] for x in TABLE]))


@both
def test_predict_before_fit_is_refused(estimator_class):
    words = f"This {estimator_class.__name__} instance is not fitted yet"

    for method in {"predict", "predict_proba", "decision_function"} & set(dir(estimator_class)):
        assert_refused(
            lambda method=method: getattr(tiny(estimator_class), method)(CUBE),
            NotFittedError,
            words,
        )


# -- parameters ------------------------------------------------------------------------------

#: Wrong value, and a near miss with what is meant.
CHOICES = {
    "cell": ("nonsense", "lsmt", "lstm"),
    "loss": ("nonsense", None, None),
    "optimizer": ("nonsense", "admaw", "adamw"),
    "lr_scheduler": ("nonsense", "one_cycle", "onecycle"),
    "pooling": ("nonsense", "maen", "mean"),
    "scaler": ("nonsense", "standart", "standard"),
    "missing": ("nonsense", "masc", "mask"),
    "backend": ("nonsense", "torhc", "torch"),
    "dtype": ("nonsense", "flaot64", "float64"),
    "nonlinearity": ("nonsense", "tahn", "tanh"),
}


@both
@pytest.mark.parametrize("parameter", CHOICES)
@pytest.mark.usefixtures("no_training")
def test_unknown_choices_are_refused_with_all_that_there_are(estimator_class, parameter):
    wrong, near, meant = CHOICES[parameter]
    start = f"The '{parameter}' parameter of {estimator_class.__name__} must be a str among {{"

    def fit(value):
        return lambda: tiny(estimator_class, **{parameter: value}).fit(
            CUBE, target(estimator_class)
        )

    assert_refused(fit(wrong), InvalidParameterError, rf"{start}.*Got 'nonsense' instead\.$")
    assert_refused(fit(3), InvalidParameterError, rf"{start}.*Got 3 instead\.$")
    if near:
        words = rf"{start}.*'{meant}'.*Got '{near}' instead\. Did you mean '{meant}'\?$"
        assert_refused(fit(near), InvalidParameterError, words)


MEANT = {
    ("loss", "mse"): "Did you mean 'squared_error'?",
    ("loss", "L1Loss"): "Did you mean 'absolute_error'?",
    ("loss", "Huber"): "Did you mean 'huber'?",
    ("loss", "pinball"): "Did you mean 'quantile'?",
    ("loss", "cross_entropy"): "'log_loss' is a loss of RNNClassifier.",
    ("cell", "LSTM"): "Did you mean 'lstm'?",
    ("cell", "SimpleRNN"): "Did you mean 'rnn'?",
    ("cell", "BiLSTM"): "Did you mean cell='lstm', bidirectional=True?",
    ("pooling", "avg"): "Did you mean 'mean'?",
    ("pooling", ("mean", "AVG")): "Did you mean 'mean'?",
    ("optimizer", "Adam"): "Did you mean 'adam'?",
    ("optimizer", "SGD"): "Did you mean 'sgd'?",
    ("lr_scheduler", "ReduceLROnPlateau"): "Did you mean 'plateau'?",
    ("lr_scheduler", "constant"): "Did you mean lr_scheduler=None?",
    ("output", "linear"): "Did you mean 'identity'?",
    ("scaler", "MinMaxScaler"): "Did you mean 'minmax'?",
    ("scaler", True): "Did you mean 'standard'?",
    ("scaler", False): "Did you mean scaler=None?",
    ("dtype", np.float64): "Did you mean 'float64'?",
    ("dtype", torch.float32): "Did you mean 'float32'?",
    ("dtype", "double"): "Did you mean 'float64'?",
}


@pytest.mark.parametrize(("parameter", "value"), MEANT)
@pytest.mark.usefixtures("no_training")
def test_what_others_call_our_choices_is_answered_with_ours(parameter, value):
    words = rf"must be .*Got .* instead\. {re.escape(MEANT[parameter, value])}$"

    assert_refused(
        lambda: tiny(RNNRegressor, **{parameter: value}).fit(CUBE, NUMBERS),
        InvalidParameterError,
        words,
    )


@pytest.mark.parametrize(
    ("loss", "hint"),
    [
        ("BCEWithLogitsLoss", "Did you mean 'log_loss'?"),
        ("nll", "Did you mean 'log_loss'?"),
        ("mse", "'squared_error' is a loss of RNNRegressor."),
    ],
)
@pytest.mark.usefixtures("no_training")
def test_losses_of_labels_and_of_numbers_are_told_apart(loss, hint):
    assert_refused(
        lambda: tiny(RNNClassifier, loss=loss).fit(CUBE, LABELS),
        InvalidParameterError,
        rf"Got '{loss}' instead\. {re.escape(hint)}$",
    )


@pytest.mark.parametrize("parameter", SYNONYMS)
def test_choices_and_their_synonyms_are_no_others_synonyms(parameter):
    allowed = {"class_loss" if parameter == "loss" else parameter, parameter}
    choices = {
        word
        for name in allowed
        for rule in PARAMETERS[name].allowed
        for word in getattr(rule, "options", ())
    }
    synonyms = " ".join(SYNONYMS[parameter].values()).split()

    assert all("=" in ours or ours in choices for ours in SYNONYMS[parameter])
    assert len(synonyms) == len(set(synonyms))
    assert not {word.replace("_", "") for word in choices} & set(synonyms)


@both
def test_choices_are_named_in_one_order(estimator_class):
    with pytest.raises(InvalidParameterError) as caught:
        tiny(estimator_class, optimizer="nonsense").fit(CUBE, target(estimator_class))

    named = re.search(r"\{(.*)\}", str(caught.value))[1]
    assert named == ", ".join(repr(name) for name in sorted(OPTIMIZERS))


OUT_OF_RANGE = {
    "hidden_size": [0, -1, 1.5, "a", [2, 0], [2, "a"], (2, -1)],
    "num_layers": [0, -1, 1.5],
    "embedding_size": [0, -1, 1.5],
    "patch_length": [0, -1, 1.5],
    "max_epochs": [0, -1, 1.5],
    "batch_size": [0, -1, 1.5],
    "n_iter_no_change": [0, -1],
    "n_threads": [0, -1],
    "lr": [0, -1, "a", np.nan, np.inf],
    "gradient_clip_value": [0, -1],
    "dropout": [1.5, 1.0, -0.1],
    "input_noise": [-0.1],
    "validation_fraction": [0, 1, 1.5],
    "tol": [-1],
    "pooling": [["mean", "nonsense"], [3]],
    "bidirectional": ["yes"],
    "random_state": ["a", -1],
    "callbacks": [3],
    "verbose": [-1],
    "device": [3],
}


@both
@pytest.mark.parametrize(
    ("parameter", "value"),
    [(name, value) for name, values in OUT_OF_RANGE.items() for value in values],
)
@pytest.mark.usefixtures("no_training")
def test_values_out_of_range_are_refused(estimator_class, parameter, value):
    words = rf"The '{parameter}' parameter of {estimator_class.__name__} must be .* Got .* instead"
    model = tiny(estimator_class, **{parameter: value})

    assert_refused(lambda: model.fit(CUBE, target(estimator_class)), InvalidParameterError, words)


@pytest.mark.parametrize("number", [int, np.int64, np.int32])
def test_sizes_may_be_numbers_of_numpy(number):
    sizes = {"hidden_size": 4, "num_layers": 2, "max_epochs": 2, "batch_size": 5, "patch_length": 2}

    model = RNNRegressor(random_state=0, **{name: number(size) for name, size in sizes.items()})
    listed = RNNRegressor(random_state=0, **{**sizes, "hidden_size": [number(4)] * 2})

    answers = model.fit(CUBE, NUMBERS).predict(CUBE)
    np.testing.assert_array_equal(answers, listed.fit(CUBE, NUMBERS).predict(CUBE))
    embedding = RNNRegressor(max_epochs=1, hidden_size=2, embedding_size=number(3))
    assert embedding.fit(TOKENS, NUMBERS).predict(TOKENS).shape == (N,)


CONFLICTS = {
    "no sizes": ({"hidden_size": []}, ValueError, "hidden_size is empty; give at least one"),
    "no pooling": ({"pooling": []}, ValueError, "pooling is empty; give at least one"),
    "nonlinearity of another cell": (
        {"nonlinearity": "relu", "cell": "lstm"},
        ValueError,
        "nonlinearity='relu' is for cell='rnn'; got cell='lstm'. Leave .*, or choose cell='rnn'",
    ),
    "tokens that may be missing": (
        {"embedding_size": 2, "missing": "mask"},
        ValueError,
        "token ids, which can be neither missing nor scaled; got missing='mask', .* Leave both",
    ),
    "tokens that are scaled": (
        {"embedding_size": 2, "scaler": "window"},
        ValueError,
        "can be neither missing nor scaled; got .*scaler='window'. Leave both alone",
    ),
    "unknown device": (
        {"device": "nonsense"},
        ValueError,
        r"device='nonsense' cannot be used: .* Use 'cpu', or 'auto' to take a GPU only if",
    ),
    "device that is not there": (
        {"device": "cuda:77"},
        ValueError,
        r"device='cuda:77' cannot be used: .* Use 'cpu', or 'auto'",
    ),
}


@both
@pytest.mark.parametrize("case", CONFLICTS)
@pytest.mark.usefixtures("no_training")
def test_parameters_that_contradict_each_other_are_refused(estimator_class, case):
    parameters, error, words = CONFLICTS[case]

    assert_refused(
        lambda: tiny(estimator_class, **parameters).fit(CUBE, target(estimator_class)),
        error,
        words,
        f"{estimator_class.__name__}: ",
    )


# -- names -----------------------------------------------------------------------------------

NAMES = {
    "hidden_dim": "Use hidden_size.",
    "units": "Use hidden_size.",
    "hiden_size": "Use hidden_size.",
    "n_layers": "Use num_layers.",
    "n_epochs": "Use max_epochs.",
    "epochs": "Use max_epochs.",
    "max_epoch": "Use max_epochs.",
    "learning_rate": "Use lr.",
    "criterion": "Use loss.",
    "seed": "Use random_state.",
    "patience": "Use n_iter_no_change.",
    "activation": "Use nonlinearity.",
    "rnn_type": "Use cell.",
    "dropout_rate": "Use dropout.",
    "n_jobs": "Use n_jobs of GridSearchCV, or n_threads.",
    "cbs": "Use callbacks.",
    "weight_decay": "Use optimizer__weight_decay.",
    "momentum": "Use optimizer__momentum.",
    "window_length": "Use window_length of SlidingWindow.",
    "input_chunk_length": "Use window_length of SlidingWindow.",
    "output_chunk_length": "Use horizon of make_windows.",
    "horizon": "Use horizon of make_windows.",
    "optimizr__eps": "Use optimizer__eps.",
    "criterion__delta": "Use loss__delta.",
    "zzz": "It has cell, hidden_size, num_layers, ",
    "net__zzz": "It has cell, hidden_size, num_layers, ",
}


@both
@pytest.mark.parametrize("name", NAMES)
def test_names_of_peers_and_mistypings_are_answered_with_ours(estimator_class, name):
    start = f"{estimator_class.__name__} has no parameter {name!r}. {NAMES[name]}"

    assert_refused(lambda: estimator_class(**{name: 1}), ParameterNameError, f"^{re.escape(start)}")


@both
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("zzz")])
def test_names_of_peers_are_answered_by_set_params_too(estimator_class, name):
    model = tiny(estimator_class, optimizer__eps=1e-7)
    before = model.get_params()
    start = f"{estimator_class.__name__} has no parameter {name!r}. {NAMES[name]}"

    assert_refused(
        lambda: model.set_params(lr=1.0, optimizer__eps=1.0, **{name: 1}),
        ParameterNameError,
        f"^{re.escape(start)}",
    )
    assert model.get_params() == before


def test_a_wrong_name_is_an_error_of_the_kind_that_python_and_scikit_learn_raise():
    with pytest.raises(TypeError):
        RNNRegressor(n_epochs=3)
    with pytest.raises(ValueError, match="Use max_epochs"):
        make_pipeline(RNNRegressor()).set_params(rnnregressor__n_epochs=3)


ARGUMENTS = {
    "epochs": "Give max_epochs to the constructor, or to set_params.",
    "batch_size": "Give batch_size to the constructor, or to set_params.",
    "callbacks": "Give callbacks to the constructor, or to set_params.",
    "verbose": "Give verbose to the constructor, or to set_params.",
    "validation_data": "Use early_stopping=True, which holds a part of X back.",
    "weights": "Use sample_weight.",
    "sample_wieght": "Did you mean 'sample_weight'?",
    "zzz": "Leave it out.",
}


@both
@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.usefixtures("no_training")
def test_arguments_that_fit_does_not_take_are_answered_with_what_does(estimator_class, name):
    who = f"{estimator_class.__name__}.fit takes X, y and sample_weight; got {name!r}. "

    assert_refused(
        lambda: tiny(estimator_class).fit(CUBE, target(estimator_class), **{name: 3}),
        ParameterNameError,
        f"^{re.escape(who + ARGUMENTS[name])}$",
    )


@pytest.mark.parametrize("name", ["quantiles", "q", "levels"])
def test_quantiles_that_predict_quantiles_is_asked_for_are_its_alpha(name):
    model = tiny(RNNRegressor, loss="quantile").fit(CUBE, NUMBERS)
    words = rf"RNNRegressor\.predict_quantiles takes X, alpha, .*; got '{name}'\. Use alpha\.$"

    assert_refused(
        lambda: model.predict_quantiles(CUBE, **{name: [0.1]}), ParameterNameError, words
    )


class Sum(torch.nn.Module):
    """A network of one's own."""

    def __init__(self, n_features, n_outputs, width=3):
        super().__init__()
        self.answer = torch.nn.Linear(n_features, n_outputs)

    def forward(self, x):
        return self.answer(x.sum(dim=1))


ROUTED = {
    "optimizer__wieght_decay": ({}, r"unexpected .* Did you mean optimizer__weight_decay\?"),
    "optimizer__zzz": ({}, r"got an unexpected keyword argument 'zzz'\. Leave it out"),
    "loss__zzz": ({}, r"got an unexpected keyword argument 'zzz'\. Leave it out"),
    "module__widht": ({"module": Sum}, r"unexpected .* Did you mean module__width\?"),
    "lr_scheduler__zzz": ({"lr_scheduler": "cosine"}, r"keyword argument 'zzz'\. Leave it out"),
}


@both
@pytest.mark.parametrize("name", ROUTED)
def test_options_that_reach_nothing_are_refused(estimator_class, name):
    others, words = ROUTED[name]
    start = f"{estimator_class.__name__}: {name} reaches nothing: "

    assert_refused(
        lambda: tiny(estimator_class, **others, **{name: 1}).fit(CUBE, target(estimator_class)),
        ParameterNameError,
        f"^{start}.*{words}",
    )


@both
@pytest.mark.usefixtures("no_training")
def test_options_of_a_module_are_refused_without_one(estimator_class):
    words = "module__hidden_size is for a module of your choice; got module=None. Leave"

    assert_refused(
        lambda: tiny(estimator_class, module__hidden_size=3).fit(CUBE, target(estimator_class)),
        ParameterNameError,
        words,
        estimator_class.__name__,
    )


def test_an_error_within_a_network_of_ones_own_is_not_mistaken_for_a_wrong_option():
    class Wrong(Sum):
        def forward(self, x):
            return self.answer(x, lr=3)

    with pytest.raises(TypeError, match="unexpected keyword argument 'lr'") as caught:
        tiny(RNNRegressor, module=Wrong, optimizer__eps=1e-7).fit(CUBE, NUMBERS)

    assert caught.type is TypeError


# -- cells -----------------------------------------------------------------------------------


class Mean(RecurrentCell):
    """A cell of one's own, as it should be; `wrong` makes something else of its state."""

    wrong = None

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = torch.nn.Linear(input_size, hidden_size)

    def step(self, x, state):
        (h,) = state
        h = 0.9 * h + 0.1 * self.read(x)
        return (h,) if self.wrong is None else type(self).wrong(h)


class OneArgument(Mean):
    def __init__(self, hidden_size):
        super().__init__(1, hidden_size)


class NoStep(RecurrentCell):
    pass


class OwnForward(torch.nn.Module):
    """A cell that is told of all steps at once; `answer` says what of it comes back."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.read = torch.nn.Linear(input_size, hidden_size)

    def forward(self, x):
        return type(self).answer(self.read(x))


ONE_STEP = r"must read whole sequences .*; got torch's {}, which reads single steps\. Use cell='{}'"
NO_CELLS = {
    "an instance": (Mean(2, 2), r"or a class, .*; got an instance of Mean\. Give .* cell=Mean, or"),
    "an instance of torch's": (torch.nn.LSTM(2, 2), "got an instance of LSTM.* module="),
    "LSTMCell": (torch.nn.LSTMCell, ONE_STEP.format("LSTMCell", "lstm")),
    "GRUCell": (torch.nn.GRUCell, ONE_STEP.format("GRUCell", "gru")),
    "no layer": (
        dict,
        r"cell=dict must be a class of layers, torch\.nn\.Module; got dict\. Derive",
    ),
    "no step": (NoStep, r"cell=NoStep must define what .*; got a class without it\. Define `step"),
    "the base": (RecurrentCell, r"cell=RecurrentCell must define .*; got a class without it\."),
    "one argument": (OneArgument, r"must be built from \(input_size, hidden_size\), .* Take these"),
}


@both
@pytest.mark.parametrize("case", NO_CELLS)
@pytest.mark.usefixtures("no_training")
def test_cells_that_are_none_are_refused(estimator_class, case):
    cell, words = NO_CELLS[case]

    assert_refused(
        lambda: tiny(estimator_class, cell=cell).fit(CUBE, target(estimator_class)),
        CellError,
        words,
        f"{estimator_class.__name__}: ",
    )


def test_a_function_that_builds_no_layer_is_refused():
    model = tiny(RNNRegressor, cell=lambda input_size, hidden_size: hidden_size)

    assert_refused(lambda: model.fit(CUBE, NUMBERS), CellError, "class of layers, .*; got int")


NO_STATES = {
    "the state alone": (lambda h: h, r"got a Tensor of shape \(12, 2\)"),
    "another size": (
        lambda h: (torch.cat([h, h], dim=1),),
        r"got a tuple of \(a Tensor of shape \(12, 4\)\)",
    ),
    "an output too": (
        lambda h: (h, (h,)),
        r"got a tuple of \(a Tensor of shape \(12, 2\), a tuple of \(a Tensor",
    ),
    "nothing": (lambda h: None, "got None"),
    "an array": (lambda h: h.detach().numpy(), "got a ndarray"),
}


@both
@pytest.mark.parametrize("X", [CUBE, RAGGED], ids=["cube", "list"])
@pytest.mark.parametrize("case", NO_STATES)
def test_steps_that_return_no_state_are_refused(estimator_class, X, case):
    wrong, came = NO_STATES[case]
    cell = type("Leaky", (Mean,), {"wrong": wrong})
    words = (
        rf"^Leaky: step must return the state after it, a tuple of 1 tensor .*, here \(12, 2\); "
        rf"{came}.*\. For example, end with `return \(h,\)`, or extend initial_state\.$"
    )

    assert_refused(
        lambda: tiny(estimator_class, cell=cell).fit(X, target(estimator_class)), CellError, words
    )


NO_LAYERS = {
    "states alone": (lambda h: h, r"got a Tensor of shape \(12, 5, 2\)"),
    "no last state": (lambda h: (h, None), r"got a tuple of \(a Tensor .*, None\)"),
    "an empty last state": (lambda h: (h, ()), r"got a tuple of \(a Tensor .*, a tuple of \(\)\)"),
    "a last state that is not one of several": (
        lambda h: (h, h[:, -1]),
        r"Tensor of shape \(12, 2",
    ),
    "another size": (lambda h: (h[..., :1], (h[:, -1, :1],)), r"Tensor of shape \(12, 5, 1\)"),
    "the last state only": (lambda h: (h[:, -1], (h[:, -1],)), r"of \(a Tensor of shape \(12, 2\)"),
}


@both
@pytest.mark.parametrize("case", NO_LAYERS)
def test_layers_that_answer_otherwise_than_layers_do_are_refused(estimator_class, case):
    answer, came = NO_LAYERS[case]
    cell = type("Own", (OwnForward,), {"answer": staticmethod(answer)})
    words = (
        rf"^Own: forward must return all hidden states .*, here \(12, 5, 2\), and the last state, "
        rf".*, here \(12, 2\); .*{came}.*\. Derive the class from RecurrentCell"
    )

    assert_refused(
        lambda: tiny(estimator_class, cell=cell).fit(CUBE, target(estimator_class)),
        CellError,
        words,
    )


@both
def test_cells_as_they_should_be_are_taken_and_leave_no_trace_of_the_check(estimator_class):
    own = type("Own", (OwnForward,), {"answer": staticmethod(lambda h: (h, (h[:, -1],)))})

    for cell in (Mean, own, torch.nn.LSTM):
        model = tiny(estimator_class, cell=cell).fit(RAGGED, target(estimator_class))

        assert np.isfinite(answers_of(model)).all()
        assert not any(layer._forward_hooks for layer in model.module_.modules())


# -- tokens ----------------------------------------------------------------------------------

IDS = r"with embedding_size, X must hold token ids, whole numbers from 0; got values between "
BAD_TOKENS = {
    "negative": (TOKENS - 1, IDS + r"-1 and 2\. Number your tokens"),
    "fractional": (TOKENS + 0.5, IDS + r"0\.5 and 3\.5\. Number your tokens, or set embedding_"),
    "several features": (CUBE, r"a step is one token id; got 2 features\. Give X the shape"),
    "hashes": (TOKENS + 2**40, r"that count up from 0; got ids of .* Number your tokens"),
}


@both
@pytest.mark.parametrize("case", BAD_TOKENS)
@pytest.mark.usefixtures("no_training")
def test_tokens_that_are_none_are_refused_by_fit(estimator_class, case):
    X, words = BAD_TOKENS[case]

    assert_refused(
        lambda: tiny(estimator_class, embedding_size=2).fit(X, target(estimator_class)),
        TokenError,
        words,
        f"{estimator_class.__name__}: ",
    )


@both
def test_tokens_that_fit_has_not_seen_are_refused_by_predict(estimator_class):
    model = tiny(estimator_class, embedding_size=2).fit(TOKENS, target(estimator_class))
    words = r"must hold token ids below 4, those seen in fit; got 6\. Map unknown tokens"

    assert_refused(
        lambda: model.predict(TOKENS + 3), TokenError, words, f"{estimator_class.__name__}: "
    )
    for case in ("negative", "fractional"):
        X, words = BAD_TOKENS[case]
        assert_refused(lambda X=X: model.predict(X), TokenError, words)


def test_tokens_have_no_last_value_to_measure_from():
    model = tiny(RNNRegressor, embedding_size=2, output="last_value")
    words = "output='last_value' measures from the last value.* Use output='identity'"

    assert_refused(lambda: model.fit(TOKENS, NUMBERS), ValueError, words, "RNNRegressor: ")


# -- weights ---------------------------------------------------------------------------------

WEIGHTS = {
    "zeros": (np.zeros(N), "Sample weights must contain at least one non-zero number"),
    "negative": (-np.ones(N), "Negative values in data passed to `sample_weight`"),
    "too few": (np.ones(10), r"sample_weight.shape == \(10,\), expected \(12,\)"),
    "two axes": (np.ones((N, 2)), "Sample weights must be 1D array or scalar"),
    "NaN": (np.full(N, np.nan), "Input sample_weight contains NaN"),
}


@both
@pytest.mark.parametrize("X", [TABLE, CUBE, RAGGED], ids=["table", "cube", "list"])
@pytest.mark.parametrize("case", WEIGHTS)
@pytest.mark.usefixtures("no_training")
def test_weights_that_are_none_are_refused(estimator_class, X, case):
    weights, words = WEIGHTS[case]

    assert_refused(
        lambda: tiny(estimator_class).fit(X, target(estimator_class), sample_weight=weights),
        ValueError,
        words,
    )


@pytest.mark.parametrize("class_weight", [{0: -1.0, 1: 2.0}, {0: 0, 1: 0}])
@pytest.mark.usefixtures("no_training")
def test_weights_of_classes_that_are_none_are_refused(class_weight):
    words = r"RNNClassifier: class_weight must hold weights of at least 0, .*; got \{0.*\. Give"

    assert_refused(
        lambda: tiny(RNNClassifier, class_weight=class_weight).fit(CUBE, LABELS),
        ValueError,
        words,
    )


@pytest.mark.usefixtures("no_training")
def test_weights_of_classes_that_are_not_there_are_refused():
    assert_refused(
        lambda: tiny(RNNClassifier, class_weight={5: 1.0}).fit(CUBE, LABELS),
        ValueError,
        r"The classes, \[0, 1\], are not in class_weight",
    )


# -- quantiles -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "quantiles", [(0.9, 0.1), (0.5, 0.5), (0, 0.5), (0.5, 1), (), (0.1, "a"), ((0.1,), (0.2,))]
)
@pytest.mark.usefixtures("no_training")
def test_quantiles_that_do_not_ascend_are_refused(quantiles):
    words = rf"must ascend between 0 and 1, .*; got {re.escape(repr(quantiles))}\. For example"

    assert_refused(
        lambda: tiny(RNNRegressor, loss="quantile", quantiles=quantiles).fit(CUBE, NUMBERS),
        ValueError,
        words,
        "RNNRegressor: ",
    )


def test_quantiles_that_were_not_learned_are_refused():
    words = r"needs quantiles to be learned; got loss='squared_error'\. Fit with loss='quantile'"
    model = tiny(RNNRegressor).fit(CUBE, NUMBERS)

    assert_refused(lambda: model.predict_quantiles(CUBE), ValueError, words, "RNNRegressor: ")


@pytest.mark.parametrize(
    ("alpha", "words"),
    [
        (0.1, r"between 0\.2 and 0\.8, the outermost .*; got 0\.1 to 0\.1\. Fit with wider"),
        ([0.3, 0.95], r"between 0\.2 and 0\.8, the outermost .*; got 0\.3 to 0\.95\. Fit with"),
        (np.nan, r"between 0\.2 and 0\.8, .*; got nan to nan"),
        ([], r"must be a number or a list of some; got shape \(0,\)\. For example"),
        ([[0.3, 0.4]], r"must be a number or a list of some; got shape \(1, 2\)\. For example"),
    ],
)
def test_quantiles_beyond_those_learned_are_refused(alpha, words):
    model = tiny(RNNRegressor, loss="quantile", quantiles=(0.2, 0.5, 0.8)).fit(CUBE, NUMBERS)

    assert_refused(
        lambda: model.predict_quantiles(CUBE, alpha), ValueError, words, "RNNRegressor: "
    )


# -- validation parts and windows --------------------------------------------------------------


@pytest.mark.usefixtures("no_training")
def test_early_stopping_needs_sequences_of_each_class():
    y = with_value(np.ones(N, dtype=int), 0, 0)
    words = (
        r"early_stopping=True needs at least 2 sequences of each class .*; got 2 classes, the "
        r"smallest of 1, and 4 sequences to validate on\. Give more sequences"
    )

    assert_refused(
        lambda: tiny(RNNClassifier, early_stopping=True, validation_fraction=0.3).fit(CUBE, y),
        TargetError,
        words,
    )


@pytest.mark.usefixtures("no_training")
def test_early_stopping_needs_one_of_each_class_to_validate_on():
    assert_refused(
        lambda: tiny(RNNClassifier, early_stopping=True).fit(CUBE, LABELS),
        TargetError,
        r"got 2 classes, the smallest of 6, and 1 sequences? to validate on\. Give more",
    )


@pytest.mark.parametrize("fraction", [0.1, 0.99])
@pytest.mark.usefixtures("no_training")
def test_early_stopping_needs_windows_that_share_no_step_with_the_validation_part(fraction):
    X, y = make_windows(np.sin(np.arange(20.0)), 15)
    words = (
        rf"validation_fraction={fraction} leaves no sequence to train on .*; got 5 sequences of "
        r"up to 15 steps\. Give more rows, a smaller window, or early_stopping=False"
    )
    model = tiny(RNNRegressor, early_stopping=True, validation_fraction=fraction)

    assert_refused(lambda: model.fit(X, y), SeriesTooShortError, words)


def test_windows_longer_than_the_series_are_refused():
    assert_refused(
        lambda: make_windows(TABLE, 12),
        SeriesTooShortError,
        r"make_windows: window_length=12 and horizon=1 need .* at least 13 steps; got 12\. Give",
    )
    assert_refused(
        lambda: SlidingWindow(13, rows="full").fit_transform(TABLE),
        SeriesTooShortError,
        r"SlidingWindow: window_length=13 with rows='full' needs .*; got 12\. Give more rows",
    )


# -- what was fitted stays ---------------------------------------------------------------------

BAD_REFITS = {
    "another form of X": lambda y: ({}, with_value(TABLE, 0, np.inf), y),
    "a hole in X": lambda y: ({}, with_value(CUBE, (0, 2, 1), np.nan), y),
    "more features, and too few targets": lambda y: ({}, CUBE[:, :, [0, 1, 1]], y[:-1]),
    "targets of NaN": lambda y: ({}, CUBE[:, :, :1], with_value(y.astype(float), 0, np.nan)),
    "weights of zero": lambda y: ({"sample_weight": np.zeros(N)}, CUBE[:, :, :1], y),
    "no targets": lambda y: ({}, CUBE[:, :, :1], None),
    "a list with an empty sequence": lambda y: ({}, [*RAGGED[:-1], np.empty((0, 2))], y),
}


def answers_of(model):
    is_classifier = isinstance(model, RNNClassifier)
    return model.predict_proba(CUBE) if is_classifier else model.predict(CUBE)


def assert_unchanged(model, attributes, answers):
    assert vars(model).keys() == attributes.keys()
    assert all(vars(model)[name] is value for name, value in attributes.items())
    np.testing.assert_array_equal(answers_of(model), answers)


@both
@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("case", BAD_REFITS)
def test_a_refit_that_fails_leaves_what_was_fitted(estimator_class, warm_start, case):
    y = target(estimator_class)
    model = tiny(estimator_class, warm_start=warm_start).fit(CUBE, y)
    answers, attributes, epochs = answers_of(model), vars(model).copy(), len(model.history_)
    options, X, wrong = BAD_REFITS[case](y)

    with pytest.raises(ValueError, match=r"."):
        model.fit(X, wrong, **options)

    assert_unchanged(model, attributes, answers)
    assert model.n_features_in_ == 2
    assert len(model.history_) == epochs


@both
def test_a_wrong_parameter_leaves_what_was_fitted(estimator_class):
    model = tiny(estimator_class).fit(CUBE, target(estimator_class))
    answers = answers_of(model)
    model.set_params(hidden_size=0)
    attributes = vars(model).copy()

    with pytest.raises(InvalidParameterError, match="hidden_size"):
        model.fit(CUBE[:, :, :1], target(estimator_class))

    assert_unchanged(model, attributes, answers)


class BreaksDown(torch.nn.Module):
    """A loss that gives up in the third batch."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, prediction, target):
        self.calls += 1
        if self.calls == 3:
            raise RuntimeError("broken down")
        return prediction.square().sum(dim=1)


@both
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_training_that_breaks_down_can_be_taken_up_again_as_if_it_had_not(estimator_class, method):
    y = target(estimator_class)
    model, other = (
        tiny(estimator_class, warm_start=True, batch_size=4, dropout=0.2).fit(CUBE, y)
        for _ in range(2)
    )
    loss, answers, epochs = model.loss, answers_of(model), len(model.history_)

    model.set_params(loss=BreaksDown())
    with pytest.raises(RuntimeError, match="broken down"):
        getattr(model, method)(CUBE, y)

    np.testing.assert_array_equal(answers_of(model), answers)
    assert len(model.history_) == model.n_iter_ == epochs
    model.set_params(loss=loss)
    for one in (model, other):
        getattr(one, method)(CUBE, y)
    np.testing.assert_array_equal(answers_of(model), answers_of(other))


def test_a_first_fit_that_fails_leaves_no_traces():
    model = tiny(RNNRegressor)
    attributes = vars(model).copy()

    with pytest.raises(MissingValuesError):
        model.fit(with_value(CUBE, (0, 2, 1), np.nan), NUMBERS)

    assert vars(model) == attributes
    with pytest.raises(NotFittedError):
        model.predict(CUBE)


@pytest.mark.parametrize(
    ("X", "y", "classes", "words"),
    [
        (CUBE, LABELS, [0], r"y must hold the 1 labels .*; got 6 others\. Name all in partial_fit"),
        (CUBE, LABELS * 0, None, "y must have at least 2 classes; got 1 class in 12 sequences"),
        (CUBE, LABELS * 0, [0], "y must have at least 2 classes; got 1 class in 12 sequences"),
    ],
)
@pytest.mark.usefixtures("no_training")
def test_classes_to_come_must_be_named_in_the_first_partial_fit(X, y, classes, words):
    model = tiny(RNNClassifier)

    assert_refused(
        lambda: model.partial_fit(X, y, classes=classes), TargetError, words, "RNNClassifier: "
    )

    assert not hasattr(model, "classes_")


@pytest.mark.parametrize(
    ("y", "classes", "words"),
    [
        (LABELS + 1, None, r"y must hold the 2 labels of the first call; got 6 others\. Name all"),
        (LABELS, [0, 1, 2], r"classes must be those of the first call; got 3 that differ"),
    ],
)
def test_classes_may_not_change_in_later_partial_fits(y, classes, words):
    model = tiny(RNNClassifier).partial_fit(CUBE, LABELS)
    answers, attributes = answers_of(model), vars(model).copy()

    assert_refused(
        lambda: model.partial_fit(CUBE, y, classes=classes), TargetError, words, "RNNClassifier: "
    )

    assert_unchanged(model, attributes, answers)


def test_outputs_may_not_change_in_later_partial_fits():
    model = tiny(RNNRegressor).partial_fit(CUBE, NUMBERS)

    assert_refused(
        lambda: model.partial_fit(CUBE, np.stack([NUMBERS, NUMBERS], axis=1)),
        TargetError,
        r"y must have 1 outputs?, as in the first call; got 2\. Fit anew",
        "RNNRegressor: ",
    )


@both
def test_a_warm_start_of_another_network_is_refused(estimator_class):
    model = tiny(estimator_class, warm_start=True).fit(CUBE, target(estimator_class))
    answers = answers_of(model)
    words = r"training cannot go on, because the network has changed .*(\n.*)*Set its parameters"

    with pytest.raises(ValueError, match=words):
        model.set_params(hidden_size=3).fit(CUBE, target(estimator_class))

    np.testing.assert_array_equal(answers_of(model), answers)


def test_windows_of_a_series_with_infinity_in_its_last_row_are_refused():
    series = with_value(TABLE, -1, np.inf)
    X = windows_of(series, 4)

    assert_refused(
        lambda: tiny(RNNRegressor).fit(X, NUMBERS[: len(X)]),
        ValueError,
        "RNNRegressor: X contains infinity in 1 step;",
    )
