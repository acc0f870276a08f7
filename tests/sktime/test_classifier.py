"""Labels for the series of a panel, and what both classes for panels have in common."""

import copy
import inspect
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.utils import get_tags
from skorch.callbacks import EpochScoring
from sktime.classification.model_selection import TSCGridSearchCV
from sktime.datasets import load_italy_power_demand
from sktime.datatypes import convert

import sklearn_rnn
from sklearn_rnn.exceptions import (
    ParameterNameError,
    SequenceShapeError,
)
from sklearn_rnn.sktime import RNNClassifier, RNNRegressor, SequenceScaler

COPIES = {"sklearn": clone, "sktime": lambda model: model.clone(), "deep": copy.deepcopy}
INSIDE = {RNNClassifier: sklearn_rnn.RNNClassifier, RNNRegressor: sklearn_rnn.RNNRegressor}
SMALL = {"hidden_size": 4, "num_layers": 1, "max_epochs": 2, "random_state": 0}

both = pytest.mark.parametrize("kind", INSIDE)


def frames(lengths=(5, 9, 7, 6, 8, 5, 9, 7), seed=0, columns=("a", "b")):
    rng = np.random.default_rng(seed)
    return [pd.DataFrame(rng.normal(size=(n, len(columns))), columns=columns) for n in lengths]


def targets(kind, X):
    return np.array([["down", "up"][i % 2] for i in range(len(X))]) if is_c(kind) else totals(X)


def is_c(kind):
    return issubclass(kind, RNNClassifier)


def totals(X):
    return np.array([float(np.nansum(np.asarray(x)[:, 0])) for x in X])


def answers(model, X):
    return model.predict_proba(X) if isinstance(model, RNNClassifier) else model.predict(X)


def fitted(kind, X=None, **options):
    X = frames() if X is None else X
    return kind(**{**SMALL, **options}).fit(X, targets(kind, X))


# -- both: parameters ----------------------------------------------------------------------------


@both
def test_parameters_and_defaults_are_those_of_the_estimator_inside_but_missing(kind):
    ours, theirs = (inspect.signature(c).parameters for c in (kind, INSIDE[kind]))

    assert list(ours) == list(theirs)
    defaults = {name: p.default for name, p in ours.items()}
    assert defaults == {name: p.default for name, p in theirs.items()} | {"missing": "mask"}
    assert kind().get_params() == defaults
    assert kind.get_param_defaults() == defaults
    assert {p.kind for p in ours.values()} == {inspect.Parameter.KEYWORD_ONLY}


@both
def test_the_docstring_describes_every_parameter(kind):
    for name in inspect.signature(kind).parameters:
        assert f"\n{name} : " in kind.__doc__

    assert 'missing : {"error", "mask", "ffill"}, default="mask"' in kind.__doc__


@both
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES.keys())
def test_parameters_for_the_optimizer_are_stored_copied_and_passed_on(kind, copied):
    model = copied(kind(**SMALL, optimizer="sgd", optimizer__weight_decay=0.25))

    model.set_params(optimizer__momentum=0.5, lr=1e-3)

    assert model.get_params()["optimizer__weight_decay"] == 0.25
    assert model.get_params(deep=False)["optimizer__momentum"] == 0.5
    assert copied(model) == model
    assert copied(model) != model.clone().set_params(optimizer__momentum=0.25)
    options = model.fit(frames(), targets(kind, frames())).estimator_.net_.optimizer_.defaults
    assert (options["weight_decay"], options["momentum"]) == (0.25, 0.5)


@both
def test_setting_parameters_forgets_what_was_fitted(kind):
    model = fitted(kind, optimizer__weight_decay=0.25)

    same = model.set_params(hidden_size=3)

    assert same is model
    assert not model.is_fitted
    assert not hasattr(model, "estimator_")
    assert (model.hidden_size, model.optimizer__weight_decay) == (3, 0.25)


@both
def test_names_that_are_none_are_answered_with_ours(kind):
    model = fitted(kind)

    with pytest.raises(ParameterNameError, match=r"no parameter 'n_epochs'\. Use max_epochs"):
        kind(n_epochs=3)
    with pytest.raises(ValueError, match=r"no parameter 'hiden_size'\. Use hidden_size"):
        model.set_params(lr=0.5, hiden_size=3)
    with pytest.raises(TypeError, match=r"fit takes X and y; got 'weights'"):
        model.fit(frames(), targets(kind, frames()), weights=None)
    assert model.is_fitted
    assert model.lr != 0.5


# -- both: panels --------------------------------------------------------------------------------


@both
def test_answers_are_those_of_the_estimator_inside(kind):
    X, new = frames(), frames((12, 3, 1), seed=1)
    model = fitted(kind)

    inside = INSIDE[kind](**SMALL, missing="mask")
    inside.fit([x.to_numpy() for x in X], targets(kind, X))

    arrays = [x.to_numpy() for x in new]
    expected = inside.predict_proba(arrays) if is_c(kind) else inside.predict(arrays)
    np.testing.assert_array_equal(answers(model, new), expected)
    np.testing.assert_array_equal(model.predict(new), inside.predict(arrays))
    assert type(model.estimator_) is INSIDE[kind]


@both
@pytest.mark.parametrize("form", ["df-list", "pd-multiindex", "nested_univ", "numpyflat"])
def test_panels_of_all_types_are_read_alike(kind, form):
    values = np.random.default_rng(0).normal(size=(8, 1 if form == "numpyflat" else 2, 6))
    panel = convert(values, "numpy3D", form, "Panel")
    y = targets(kind, values)
    expected = answers(kind(**SMALL).fit(values, y), values)

    model = kind(**SMALL).fit(panel, y)

    np.testing.assert_array_equal(answers(model, panel), expected)
    np.testing.assert_array_equal(answers(model, values), expected)


@both
def test_series_keep_their_order_whatever_they_are_called(kind):
    X = frames()
    model = fitted(kind)
    panel = pd.concat(X, keys=list("hbadcgfe"), names=["series", "time"])

    np.testing.assert_array_equal(answers(model, panel), answers(model, X))


@both
def test_of_the_index_in_time_only_the_order_counts(kind):
    X = frames()
    model = fitted(kind)

    days = [x.set_axis(pd.date_range("2024-01-01", periods=len(x))) for x in X]
    gaps = [x.set_axis(pd.Index(np.arange(len(x)) ** 2)) for x in X]

    np.testing.assert_array_equal(answers(model, days), answers(model, X))
    np.testing.assert_array_equal(answers(model, gaps), answers(model, X))


@both
def test_columns_are_told_apart_by_name(kind):
    X = frames()
    model = fitted(kind)
    swapped = [x[["b", "a"]] for x in X]

    np.testing.assert_array_equal(answers(model, swapped), answers(model, X))
    np.testing.assert_array_equal(answers(model, [swapped[0], *X[1:]]), answers(model, X))
    assert model.feature_names_in_ == ["a", "b"]
    mixed = kind(**SMALL).fit([X[0], *swapped[1:]], targets(kind, X))
    np.testing.assert_array_equal(answers(mixed, X), answers(model, X))


@both
def test_where_columns_have_no_names_their_places_count(kind):
    X = frames((6, 6, 6, 6))
    values = np.stack([x.to_numpy().T for x in X])
    named, unnamed = fitted(kind, X), kind(**SMALL).fit(values, targets(kind, X))
    frame = [pd.DataFrame(x.to_numpy()) for x in X]

    np.testing.assert_array_equal(answers(named, values), answers(named, X))
    np.testing.assert_array_equal(answers(named, frame), answers(named, X))
    np.testing.assert_array_equal(answers(unnamed, X), answers(named, X))
    turned = [x.set_axis(["var_0", "var_1"], axis=1)[["var_1", "var_0"]] for x in X]
    np.testing.assert_array_equal(answers(unnamed, turned), answers(named, X))


@both
@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (("a", "c"), "'b' is missing and 'c' is added"),
        (("a",), "'b' is missing and none is added"),
        (tuple("abcdef"), "none is missing and 'c', 'd', 'e', ... are added"),
    ],
    ids=str,
)
def test_other_columns_than_those_of_fit_are_refused(kind, columns, words):
    model = fitted(kind)

    with pytest.raises(SequenceShapeError, match=f"the 2 columns of the first in fit.*{words}"):
        model.predict(frames(columns=columns))


@both
def test_another_number_of_variables_is_refused(kind):
    model = fitted(kind)

    with pytest.raises(SequenceShapeError, match="X must have 2 variables, as in fit; got 6"):
        model.predict(np.zeros((3, 6, 2)))


@both
def test_series_of_a_panel_must_have_the_same_columns(kind):
    X = frames()
    X[2] = X[2].rename(columns={"b": "c"})

    with pytest.raises(SequenceShapeError, match="'b' is missing and 'c' is added"):
        kind(**SMALL).fit(X, targets(kind, X))


@both
def test_one_series_and_lengths_that_fit_has_not_seen_are_answered(kind):
    X = frames()
    model = fitted(kind)

    for new in (X[:1], frames((1,)), frames((200, 1, 3))):
        assert len(model.predict(new)) == len(new)
    np.testing.assert_allclose(answers(model, X[:1]), answers(model, X)[:1], atol=1e-6)


@both
def test_columns_of_all_kinds_of_numbers_are_read(kind):
    X = frames()
    for x in X:
        x["whole"], x["flag"] = np.arange(len(x)), np.arange(len(x)) % 2 == 0
    plain = [x.astype(float) for x in X]
    extended = [x.astype({"a": "Float64", "whole": "Int64", "flag": "boolean"}) for x in X]
    plain[0].loc[3, "whole"] = np.nan
    extended[0].loc[3, "whole"] = pd.NA

    model = fitted(kind, plain)

    expected = answers(model, plain)
    np.testing.assert_allclose(answers(model, extended), expected, rtol=1e-6)
    np.testing.assert_allclose(answers(fitted(kind, extended), plain), expected, rtol=1e-6)


@both
def test_data_are_not_changed(kind):
    X, panel = frames(), np.random.default_rng(0).normal(size=(4, 2, 5))
    panel[0, 0, 2] = np.nan
    panel.setflags(write=False)
    y = targets(kind, panel)
    before = [x.copy() for x in X], y.copy()

    fitted(kind, X).predict(X)
    kind(**SMALL).fit(panel, y).predict(panel)

    for x, same in zip(X, before[0], strict=True):
        pd.testing.assert_frame_equal(x, same)
    np.testing.assert_array_equal(y, before[1])


# -- both: missing values ------------------------------------------------------------------------


@both
def test_values_may_be_missing(kind):
    X = frames()
    X[0].iloc[2, 1] = X[3].iloc[0, 0] = np.nan
    X[1].iloc[:] = np.nan

    model = fitted(kind, X)

    assert model.get_tag("capability:missing_values")
    assert np.isfinite(np.asarray(answers(model, X), dtype=float)).all()
    assert (answers(model, X)[0] != answers(model, [x.fillna(0.5) for x in X])[0]).any()


@both
def test_missing_values_may_be_declined(kind):
    X = frames()
    X[0].iloc[2, 1] = np.nan
    model = kind(**SMALL, missing="error")

    assert not model.get_tag("capability:missing_values")
    with pytest.raises(ValueError, match="missing values, but this"):
        model.fit(X, targets(kind, X))
    assert model.set_params(missing="ffill").get_tag("capability:missing_values")
    assert len(model.fit(X, targets(kind, X)).predict(X)) == len(X)


@both
def test_tokens_need_no_word_about_missing_values(kind):
    tokens = [pd.DataFrame({"token": np.arange(n) % 5}) for n in (3, 7, 4, 5)]
    model = kind(**SMALL, embedding_size=2)

    assert not model.get_tag("capability:missing_values")
    assert model.fit(tokens, targets(kind, tokens)).estimator_.n_tokens_ == 5
    assert model.missing == "mask"
    with pytest.raises(ValueError, match="token ids, which can be neither missing"):
        model.set_params(missing="ffill").fit(tokens, targets(kind, tokens))


# -- both: state ---------------------------------------------------------------------------------


def wrong_inputs(kind):
    X = frames()
    y = targets(kind, X)
    infinite = [x.replace({"a": {x.iloc[1, 0]: np.inf}}) for x in X]
    empty = [X[0].iloc[:0], *X[1:]]
    text = [x.assign(a="x") for x in X]
    yield "fewer targets", X, y[:-1], "Mismatch in number of cases. Number in X = 8 nos in y = 7"
    yield "no targets", X, None, f"{kind.__name__}: y is needed, one answer for each"
    yield "infinity", infinite, y, f"{kind.__name__}: X contains infinity in 8 steps"
    yield "no steps", empty, y, rf"{kind.__name__}: every sequence needs .* 1 sequence \(0\)"
    yield "text", text, y, "do not support categorical features"
    yield "a dict", {"a": X}, y, "X must be in an sktime compatible format"
    yield "complex", np.ones((8, 2, 3)) * 1j, y, f"{kind.__name__}: Complex data not supported"


WRONG = [(kind, *case) for kind in INSIDE for case in wrong_inputs(kind)]


@pytest.mark.parametrize(
    ("kind", "X", "y", "words"),
    [(case[0], *case[2:]) for case in WRONG],
    ids=[f"{case[0].__name__}: {case[1]}" for case in WRONG],
)
def test_what_cannot_be_fitted_is_refused_and_nothing_is_lost(kind, X, y, words):
    model = fitted(kind)
    state = vars(model).copy()
    expected = answers(model, frames())

    with pytest.raises((ValueError, TypeError), match=words):
        model.fit(X, y)

    assert vars(model) == state
    np.testing.assert_array_equal(answers(model, frames()), expected)


@both
def test_parameters_that_cannot_be_are_refused_by_fit_and_nothing_is_lost(kind):
    model = fitted(kind)
    expected = answers(model, frames())
    model.max_epochs = 0

    with pytest.raises(ValueError, match=r"'max_epochs' parameter .* Got 0"):
        model.fit(frames(), targets(kind, frames()))

    np.testing.assert_array_equal(answers(model, frames()), expected)
    assert model.max_epochs == 0


@both
def test_what_is_not_fitted_does_not_answer(kind):
    model = kind(**SMALL)

    with pytest.raises(ValueError, match="Mismatch"):
        model.fit(frames(), targets(kind, frames()[1:]))

    assert not model.is_fitted
    with pytest.raises(ValueError, match="has not been fitted yet"):
        model.predict(frames())


@both
def test_targets_may_be_a_list_or_a_series(kind):
    X = frames()
    y = targets(kind, X)
    expected = answers(fitted(kind), X)

    for same in (y.tolist(), pd.Series(y, index=range(7, 15)), pd.DataFrame({"y": y})):
        np.testing.assert_array_equal(answers(kind(**SMALL).fit(X, same), X), expected)


@both
def test_fitting_again_starts_anew_or_goes_on(kind):
    X = frames()
    y = targets(kind, X)
    anew, further = fitted(kind), fitted(kind, warm_start=True)
    first = further.estimator_

    np.testing.assert_array_equal(answers(anew.fit(X, y), X), answers(further, X))
    assert anew.estimator_.n_iter_ == 2
    further.fit(X, y)

    assert further.estimator_.n_iter_ == 4
    assert first.n_iter_ == 2
    with pytest.raises(SequenceShapeError, match="the 2 columns of the first in fit"):
        further.fit(frames(columns=("a", "b", "c")), y)
    assert further.estimator_.n_iter_ == 4
    assert further.reset().fit(X, y).estimator_.n_iter_ == 2


@both
def test_where_training_goes_on_columns_and_labels_stay_those_of_the_first_fit(kind):
    X = frames()
    y = targets(kind, X)
    y[:2] = "x" if is_c(kind) else 0.0
    swapped = [x[["b", "a"]] for x in X]
    as_they_were, turned = (kind(**SMALL, warm_start=True).fit(X, y) for _ in range(2))

    as_they_were.fit(X[2:], y[2:])
    turned.fit(swapped[2:], y[2:])

    assert turned.feature_names_in_ == ["a", "b"]
    np.testing.assert_array_equal(answers(turned, swapped), answers(as_they_were, X))
    if is_c(kind):
        assert turned.classes_.tolist() == ["down", "up", "x"]
        assert turned.n_classes_ == turned.predict_proba(X).shape[1] == 3


@both
def test_fitted_models_are_saved_and_loaded(kind, tmp_path):
    X = frames()
    model = fitted(kind, optimizer__weight_decay=1e-3)
    model.save(tmp_path / "model")

    for same in (
        pickle.loads(pickle.dumps(model)),
        kind.load_from_path(tmp_path / "model.zip"),
        copy.deepcopy(model),
    ):
        assert same == model
        np.testing.assert_array_equal(answers(same, X), answers(model, X))


@both
def test_fitted_parameters_are_found(kind):
    model = fitted(kind)

    found = model.get_fitted_params()

    assert found["estimator"] is model.estimator_
    assert found["estimator__n_iter"] == 2
    assert found["feature_names_in"] == ["a", "b"]
    assert set(model.get_fitted_params(deep=False)) < set(found)


@both
def test_random_state_decides(kind):
    X = frames()
    before = np.random.get_state()[1].copy()  # noqa: NPY002

    one, same, other = (fitted(kind, random_state=seed) for seed in (0, 0, 1))

    np.testing.assert_array_equal(answers(one, X), answers(same, X))
    assert (answers(one, X) != answers(other, X)).any()
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@both
def test_callbacks_are_passed_on(kind):
    scoring = EpochScoring("neg_mean_squared_error", name="again", on_train=True, use_caching=False)
    loss = "log_loss" if is_c(kind) else "squared_error"
    scoring.scoring = lambda net, X, y: 1.0

    model = fitted(kind, callbacks=[("again", scoring)], loss=loss)

    assert model.estimator_.history_[:, "again"] == [1.0, 1.0]


# -- both: scikit-learn's tools ------------------------------------------------------------------


@both
def test_scikit_learn_knows_what_they_are(kind):
    model = kind()
    tags = get_tags(model)

    assert is_classifier(model) == is_c(kind)
    assert is_regressor(model) != is_c(kind)
    assert tags.target_tags.required
    assert tags.target_tags.multi_output != is_c(kind)
    assert tags.input_tags.allow_nan
    assert tags.transformer_tags is None


@both
def test_scikit_learn_searches(kind):
    X = np.random.default_rng(0).normal(size=(12, 2, 5))
    y = targets(kind, X)
    grid = {"hidden_size": [2, 3], "optimizer__weight_decay": [0.0, 0.5]}

    search = GridSearchCV(kind(**SMALL), grid, cv=2, error_score="raise").fit(X, y)

    assert set(search.best_params_) == set(grid)
    assert search.best_estimator_.hidden_size == search.best_params_["hidden_size"]
    assert len(search.predict(X)) == 12
    assert len(np.unique(search.cv_results_["mean_test_score"])) > 1 or is_c(kind)


# -- classifier ----------------------------------------------------------------------------------


def test_labels_of_real_series_are_learned():
    X, y = load_italy_power_demand(split="train", return_type="numpy3D")
    new, truth = load_italy_power_demand(split="test", return_type="numpy3D")

    model = RNNClassifier(num_layers=1, lr=0.02, max_epochs=20, random_state=0).fit(X, y)

    assert model.score(new[:200], truth[:200]) > 0.9
    assert model.predict(new[:5]).dtype == y.dtype
    chances = model.predict_proba(new[:50])
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    np.testing.assert_array_equal(model.classes_[chances.argmax(axis=1)], model.predict(new[:50]))


@pytest.mark.parametrize(
    "labels", [["b", "a"], [1, 0], [True, False], [2.0, -1.0], ["x", "a", "m"]], ids=str
)
def test_labels_come_back_as_they_are(labels):
    X = frames()
    y = np.array([labels[i % len(labels)] for i in range(len(X))])

    model = RNNClassifier(**SMALL).fit(X, y)

    np.testing.assert_array_equal(model.classes_, np.unique(y))
    assert model.n_classes_ == len(labels)
    assert model.predict(X).dtype == y.dtype
    assert set(model.predict(X)) <= set(labels)
    assert model.predict_proba(X).shape == (len(X), len(labels))


def test_one_class_alone_is_the_answer():
    model = RNNClassifier(**SMALL)

    with pytest.warns(UserWarning, match="single label"):
        model.fit(frames(), np.array(["only"] * 8))

    assert set(model.predict(frames())) == {"only"}
    assert model.predict_proba(frames()).tolist() == [[1.0]] * 8


def test_numbers_are_no_labels():
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        RNNClassifier(**SMALL).fit(frames(), np.linspace(0, 1, 8))


def test_several_targets_get_a_network_each():
    X = frames()
    y = pd.DataFrame({"one": list("aabbaabb"), "two": [0, 1] * 4})

    model = RNNClassifier(**SMALL, optimizer__weight_decay=0.5).fit(X, y)

    answer = model.predict(X)
    assert answer.columns.tolist() == ["one", "two"]
    for name in y:
        alone = model.clone().fit(X, y[name].to_numpy())
        np.testing.assert_array_equal(answer[name], alone.predict(X))


def test_class_weights_are_passed_on():
    X = frames()
    y = np.array(["rare"] * 2 + ["common"] * 6)

    model = RNNClassifier(**SMALL, class_weight={"rare": 1.0, "common": 1e-6}).fit(X, y)

    plain = RNNClassifier(**SMALL).fit(X, y)
    assert model.get_tag("capability:class_weight")
    assert (model.predict_proba(X)[:, 1] > plain.predict_proba(X)[:, 1]).all()


def test_sktime_searches():
    X = np.random.default_rng(0).normal(size=(12, 2, 5))
    y = np.array(["down", "up"])[(X[:, 0].sum(axis=1) > 0).astype(int)]
    grid = {"hidden_size": [2, 3], "optimizer__weight_decay": [0.0, 0.5]}

    search = TSCGridSearchCV(RNNClassifier(**SMALL), grid, cv=StratifiedKFold(2)).fit(X, y)

    assert set(search.best_params_) == set(grid)
    assert len(search.cv_results_["params"]) == 4
    assert set(search.predict(X)) <= {"down", "up"}


def test_a_pipeline_scales_before():
    X = frames()
    y = targets(RNNClassifier, X)

    model = (SequenceScaler() * RNNClassifier(**SMALL)).fit(X, y)

    scaled = SequenceScaler().fit_transform(X)
    expected = RNNClassifier(**SMALL).fit(scaled, y).predict_proba(scaled)
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    assert model.set_params(classifier__optimizer__weight_decay=0.5).fit(X, y).is_fitted


def test_folds_of_scikit_learn_are_stratified_and_scored_by_probabilities():
    X = np.random.default_rng(0).normal(size=(12, 2, 5))
    y = np.array([0] * 6 + [1] * 6)  # plain folds would have one class only

    scores = cross_val_score(
        RNNClassifier(**SMALL), X, y, cv=2, scoring="roc_auc", error_score="raise"
    )

    assert ((scores >= 0) & (scores <= 1)).all()


def test_fit_predict_answers_for_folds():
    X = pd.concat(frames(), keys=range(8))

    answer = RNNClassifier(**SMALL).fit_predict(X, np.arange(8) % 2, cv=2)

    assert answer.shape == (8,)
    assert set(answer) <= {0, 1}
