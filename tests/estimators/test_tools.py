"""Estimators at work in scikit-learn's and skorch's tools, unchanged."""

import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.inspection import permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    TimeSeriesSplit,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, Checkpoint, EarlyStopping, EpochScoring

from sklearn_rnn import Differencer, RNNClassifier, RNNRegressor, SequenceScaler, SlidingWindow

TINY = {"cell": "gru", "hidden_size": 4, "max_epochs": 3, "random_state": 0}
TINY_CLASSIFIER = {**TINY, "num_layers": 1}


def ragged(n=30, seed=0):
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(length, 2)) for length in rng.integers(3, 8, size=n)]
    return X, np.array([x[:, 0].sum() for x in X])


def labels(y):
    return np.where(y > 0, "up", "down")


def series(n=150):
    """Two columns by month; the target is the second column, two months ago."""
    rng = np.random.default_rng(0)
    index = pd.period_range("2010-01", periods=n, freq="M")
    X = pd.DataFrame(rng.normal(size=(n, 2)), columns=["noise", "signal"], index=index)
    return X, X["signal"].shift(2).fillna(0)


def windows_pipeline(**options):
    return make_pipeline(
        StandardScaler().set_output(transform="pandas"),
        SlidingWindow(window_length=4),
        RNNRegressor(**{**TINY, **options}),
    )


@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_search_over_ragged_lists_gives_the_same_scores_in_parallel(kind, backend):
    X, y = ragged()
    if kind == "classifier":
        model, y = RNNClassifier(**TINY_CLASSIFIER, dropout=0.2), labels(y)
    else:
        model = RNNRegressor(**TINY, dropout=0.2)
    grid = {"hidden_size": [2, 4], "optimizer__weight_decay": [0.0, 0.1]}
    one = GridSearchCV(model, grid, cv=3).fit(X, y)

    with joblib.parallel_config(backend):
        two = GridSearchCV(model, grid, cv=3, n_jobs=2).fit(X, y)

    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
    )
    assert two.best_estimator_.predict(X[:3]).shape == (3,)


def test_search_reaches_every_step_of_a_pipeline_over_time():
    X, y = series()
    model = TransformedTargetRegressor(windows_pipeline(lr=0.02), transformer=StandardScaler())
    grid = {
        "regressor__slidingwindow__window_length": [1, 4],
        "regressor__rnnregressor__hidden_size": [16],
        "regressor__rnnregressor__max_epochs": [60],
    }

    search = GridSearchCV(model, grid, cv=TimeSeriesSplit(3)).fit(X, y)

    # two months ago cannot be seen through a window of one
    assert search.best_params_["regressor__slidingwindow__window_length"] == 4
    assert search.best_score_ > 0.4


def test_later_rows_do_not_change_earlier_answers():
    X, y = series()
    model = windows_pipeline().fit(X[:100], y[:100])
    changed = X.copy()
    changed.iloc[130:] += 100

    before, after = model.predict(X[100:]), model.predict(changed[100:])

    np.testing.assert_array_equal(before[:30], after[:30])
    assert not np.array_equal(before[30:], after[30:])


def test_windows_of_the_test_part_reach_back_into_the_training_part():
    X, y = series()
    model = windows_pipeline(hidden_size=16, max_epochs=100, lr=0.02).fit(X[:100], y[:100])

    answers = model.predict(X[100:])

    assert abs(answers[0] - y.iloc[100]) < 0.5  # the answer lies in the training rows


def test_permutation_importance_finds_the_signal():
    X, y = series()
    model = windows_pipeline(max_epochs=60, lr=0.02).fit(X, y)

    importance = permutation_importance(model, X, y, n_repeats=2, random_state=0).importances_mean

    assert importance[1] > 0.5 > 0.2 > abs(importance[0])


def test_differences_windows_and_a_mask_in_one_pipeline():
    X, y = series()
    model = make_pipeline(
        Differencer(lags=(1,)), SlidingWindow(4), RNNRegressor(**TINY, missing="mask")
    )

    scores = cross_val_score(model, X, y, cv=TimeSeriesSplit(3))

    assert np.isfinite(scores).all()


def test_ragged_lists_go_through_cross_validation():
    X, y = ragged()
    model = make_pipeline(SequenceScaler(), RNNRegressor(**TINY))

    assert np.isfinite(cross_val_score(model, X, y, cv=3)).all()
    proba = cross_val_predict(
        RNNClassifier(**TINY_CLASSIFIER), X, labels(y), cv=KFold(3), method="predict_proba"
    )
    np.testing.assert_allclose(proba.sum(axis=1), 1)


@pytest.mark.parametrize("fitted", [False, True])
def test_pickle_and_joblib_keep_everything(fitted):
    X, y = ragged()
    for model in (RNNRegressor(**TINY), RNNClassifier(**TINY_CLASSIFIER)):
        target = labels(y) if isinstance(model, RNNClassifier) else y
        if fitted:
            model.fit(X, target)
        file = io.BytesIO()
        joblib.dump(model, file)
        file.seek(0)
        for copy in (pickle.loads(pickle.dumps(model)), joblib.load(file)):
            assert copy.get_params() == model.get_params()
            if fitted:
                np.testing.assert_array_equal(copy.predict(X), model.predict(X))
                copy.partial_fit(X, target)


def test_a_pickle_is_small():
    X = np.random.default_rng(0).normal(size=(5000, 30))
    model = RNNRegressor(**{**TINY, "max_epochs": 1}).fit(X, X[:, 0])

    assert len(pickle.dumps(model)) < 60_000  # the data has 1.2 million bytes


def test_clone_and_set_params_keep_options_that_are_passed_on():
    model = RNNRegressor(optimizer__weight_decay=0.1, loss__delta=2.0, loss="huber")

    copy = clone(model).set_params(optimizer__weight_decay=0.2, hidden_size=3)

    assert copy.get_params()["optimizer__weight_decay"] == 0.2
    assert copy.get_params()["loss__delta"] == 2.0
    assert clone(copy).hidden_size == 3
    assert "optimizer__weight_decay=0.2" in repr(copy)
    assert "<" in copy._repr_html_()


def test_options_that_are_passed_on_arrive():
    X, y = ragged()
    model = RNNRegressor(
        **TINY,
        optimizer="sgd",
        optimizer__momentum=0.7,
        loss="huber",
        loss__delta=0.5,
        lr_scheduler="plateau",
        lr_scheduler__patience=3,
        callbacks=[("stop", EarlyStopping(monitor="train_loss"))],
        callbacks__stop__patience=4,
    ).fit(X, y)

    assert model.net_.optimizer_.param_groups[0]["momentum"] == 0.7
    assert model.net_.criterion_.options == {"delta": 0.5}
    assert dict(model.net_.callbacks_)["lr_scheduler"].patience == 3
    assert dict(model.net_.callbacks_)["stop"].patience == 4


def test_callbacks_of_skorch_hear_everything(tmp_path):
    class Counter(Callback):
        def __init__(self):
            self.heard = {"batch": 0, "epoch": 0, "gradient": 0}

        def on_batch_end(self, net, training=None, **kwargs):
            self.heard["batch"] += training

        def on_epoch_end(self, net, **kwargs):
            self.heard["epoch"] += 1

        def on_grad_computed(self, net, named_parameters, **kwargs):
            names = [name for name, p in named_parameters if p.grad is not None]
            self.heard["gradient"] += "head.weight" in names

    X, y = ragged()
    counter = Counter()
    model = RNNClassifier(
        **TINY_CLASSIFIER,
        batch_size=10,
        early_stopping=True,
        validation_fraction=0.3,
        callbacks=[
            counter,
            EpochScoring("accuracy", lower_is_better=False, name="valid_accuracy"),
            Checkpoint(dirname=tmp_path),
        ],
    ).fit(X, labels(y))

    assert counter.heard == {"batch": 9, "epoch": 3, "gradient": 9}
    assert len(model.history_[:, "valid_accuracy"]) == 3
    assert len(model.history_[:, "batches", :, "train_loss"]) == 3
    assert (tmp_path / "params.pt").exists()


def test_metadata_routing_carries_sample_weights():
    X, y = ragged()
    with sklearn.config_context(enable_metadata_routing=True):
        model = RNNRegressor(**TINY).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        weights = np.linspace(0.1, 1, len(y))

        search = GridSearchCV(model, {"hidden_size": [2]}, cv=2).fit(X, y, sample_weight=weights)

    assert search.best_estimator_.n_iter_ == 3


def test_pandas_output_leaves_windows_alone():
    X, y = series()
    with sklearn.config_context(transform_output="pandas"):
        model = make_pipeline(StandardScaler(), SlidingWindow(3), RNNRegressor(**TINY))
        assert np.isfinite(model.fit(X, y).predict(X)).all()


def test_feature_names_are_learned_and_forgotten():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)), columns=list("abc"))
    model = RNNRegressor(**TINY).fit(X, X["a"])
    assert list(model.feature_names_in_) == list("abc")
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(X[["b", "a", "c"]])

    model.fit(X.to_numpy()[:, :, np.newaxis], X["a"])

    assert not hasattr(model, "feature_names_in_")
    assert (model.n_features_in_, model.n_channels_in_, model.input_ndim_) == (1, 1, 3)


def test_options_that_reach_nothing_are_refused():
    X, y = ragged()
    with pytest.raises(TypeError, match=r"lr_scheduler__gamma is for a lr_scheduler of your"):
        RNNRegressor(**TINY, lr_scheduler__gamma=0.5).fit(X, y)
    with pytest.raises(TypeError, match="callbacks__nobody__patience reaches nothing"):
        RNNRegressor(**TINY, callbacks__nobody__patience=3).fit(X, y)
