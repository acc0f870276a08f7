"""What conformance suites do not test, and a recurrent estimator must do all the same.

Laws for any estimator over sequences, to be run over every estimator and every cell:
subclass `BehaviourKit`, say how to make the estimator and its data.
"""

import random

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_classifier


class BehaviourKit:
    """The laws. `make(**options)` returns an unfitted estimator, `data()` sequences and targets."""

    atol = 1e-9  # estimators are made with dtype="float64"

    def make(self, **options):
        raise NotImplementedError

    def data(self, n=24, seed=0):
        """Return ragged sequences (a list) and targets that depend on their first steps."""
        raise NotImplementedError

    def answers(self, model, X):
        return model.predict_proba(X) if is_classifier(model) else model.predict(X)

    @pytest.fixture
    def fitted(self):
        X, y = self.data()
        return self.make(max_epochs=5, random_state=0).fit(X, y), X, y

    def test_answers_do_not_depend_on_batch_mates_or_their_order(self, fitted):
        model, X, _ = fitted
        together = self.answers(model, X)
        order = np.random.default_rng(0).permutation(len(X))

        alone = np.concatenate([self.answers(model, [x]) for x in X])
        shuffled = self.answers(model, [X[i] for i in order])

        np.testing.assert_allclose(alone, together, atol=self.atol)
        np.testing.assert_allclose(shuffled, together[order], atol=self.atol)

    @pytest.mark.parametrize("side", ["left", "right"])
    def test_answers_do_not_depend_on_padding(self, fitted, side):
        model, X, _ = fitted
        longest = max(map(len, X)) + 3
        padded = np.full((len(X), longest, X[0].shape[1]), np.nan)
        for row, x in zip(padded, X, strict=True):
            row[(slice(longest - len(x), None) if side == "left" else slice(len(x)))] = x

        np.testing.assert_allclose(
            self.answers(model, padded), self.answers(model, X), atol=self.atol
        )

    def test_fit_does_not_depend_on_padding(self, fitted):
        model, X, y = fitted
        longest = max(map(len, X)) + 2
        padded = np.full((len(X), longest, X[0].shape[1]), np.nan)
        for row, x in zip(padded, X, strict=True):
            row[longest - len(x) :] = x

        again = clone(model).fit(padded, y)

        np.testing.assert_allclose(self.answers(again, X), self.answers(model, X), atol=1e-6)

    def test_answers_change_with_the_first_and_with_the_last_step(self, fitted):
        model, X, _ = fitted
        before = self.answers(model, X)
        for step in (0, -1):
            changed = [x.copy() for x in X]
            for x in changed:
                x[step] += 1.0
            difference = np.abs(self.answers(model, changed) - before)
            assert difference.reshape(len(X), -1).max(axis=1).min() > 1e-12

    def test_twenty_sequences_can_be_learned_by_heart(self):
        X, y = self.data(n=20)

        model = self.make(max_epochs=80, random_state=0).fit(X, y)

        assert model.score(X, y) > 0.99

    def test_same_random_state_gives_the_same_bits(self, fitted):
        model, X, y = fitted

        again = clone(model).fit(X, y)

        np.testing.assert_array_equal(self.answers(again, X), self.answers(model, X))
        other = clone(model).set_params(random_state=1).fit(X, y)
        assert not np.array_equal(self.answers(other, X), self.answers(model, X))

    def test_a_refit_after_a_failure_works(self, fitted):
        model, X, y = fitted
        before = self.answers(model, X)

        with pytest.raises(ValueError, match="NaN"):
            model.fit([np.full_like(x, np.nan) for x in X], y)

        np.testing.assert_array_equal(self.answers(model, X), before)
        np.testing.assert_array_equal(self.answers(model.fit(X, y), X), before)

    def test_nothing_global_changes(self):
        X, y = self.data()
        torch.set_num_threads(2)
        before = self.global_state()
        try:
            model = self.make(max_epochs=2, random_state=0, dropout=0.2).fit(X, y)
            self.answers(model, X)

            assert self.global_state() == before
        finally:
            torch.set_num_threads(1)

    @staticmethod
    def global_state():
        return (
            torch.get_rng_state().numpy().tobytes(),
            np.random.get_state()[1].tobytes(),  # noqa: NPY002
            random.getstate(),
            torch.get_num_threads(),
            torch.get_default_dtype(),
            (torch.tensor([1e-310], dtype=torch.float64) * 1).item(),  # not flushed to zero
            torch.is_grad_enabled(),
        )
