"""What sktime's forecasters do with a failure: here, nothing that was fitted is lost by one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["AllOrNothing"]


class AllOrNothing:
    """A base before sktime's: fit, pretrain and update either succeed or leave all as it was.

    sktime begins `fit` by forgetting what was fitted, and moves the cutoff before it updates.
    """

    def _validate(self) -> None:
        """Refuse parameters that cannot work, before anything else is done."""
        raise NotImplementedError

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        before = {
            name: copy.copy(value) if isinstance(value, (dict, list)) else value
            for name, value in vars(self).items()
        }
        try:
            yield
        except BaseException:
            self.__dict__ = before
            raise

    def fit(self, y: Any, X: Any = None, fh: Any = None) -> Any:
        """Train, or take over what was pretrained, and remember the series.

        Parameters
        ----------
        y : Series, DataFrame, ndarray or list of DataFrame
            One series, or many: a DataFrame with a MultiIndex whose last level is time.
        X : DataFrame, optional
            Inputs, with the index of y at least.
        fh : int, list of int, Index or ForecastingHorizon, optional
            Steps ahead, or stamps: its reach is what is trained, if `horizon` is not longer.

        Returns
        -------
        BaseForecaster
            Itself.
        """
        self._validate()
        with self._all_or_nothing():
            return super().fit(y, X=X, fh=fh)  # type: ignore[misc]

    def pretrain(self, y: Any, X: Any = None, fh: Any = None) -> Any:
        """Train on many series, for others to come: `fit` then takes the weights as they are.

        Parameters
        ----------
        y : DataFrame or list of DataFrame
            Series, with a MultiIndex whose last level is time.
        X : DataFrame, optional
            Inputs, with the index of y at least.
        fh : int, list of int or ForecastingHorizon, optional
            Steps ahead.

        Returns
        -------
        BaseForecaster
            Itself.
        """
        self._validate()
        with self._all_or_nothing():
            return super().pretrain(y, X=X, fh=fh)  # type: ignore[misc]

    def update(self, y: Any, X: Any = None, update_params: bool = True) -> Any:
        """Take in new rows, which win over old ones, and new series.

        Forecasts go on from the last row given. What is known of later stamps is not read until
        rows up to there are given again.

        Parameters
        ----------
        y : Series, DataFrame, ndarray or list of DataFrame
            New rows, of some or all series. Steps that are left out count as missing.
        X : DataFrame, optional
            Their inputs, needed if `fit` had any.
        update_params : bool, default=True
            Whether to go on with training, too.

        Returns
        -------
        BaseForecaster
            Itself.
        """
        with self._all_or_nothing():
            return super().update(y, X=X, update_params=update_params)  # type: ignore[misc]

    def update_predict_single(
        self, y: Any = None, fh: Any = None, X: Any = None, update_params: bool = True
    ) -> Any:
        """Take in new rows, then forecast.

        Parameters
        ----------
        y : Series, DataFrame, ndarray or list of DataFrame
            New rows.
        fh : int, list of int, Index or ForecastingHorizon, optional
            Steps ahead, or stamps.
        X : DataFrame, optional
            Inputs of new rows and of the steps ahead.
        update_params : bool, default=True
            Whether to go on with training, too.

        Returns
        -------
        Series or DataFrame
            Forecasts.
        """
        with self._all_or_nothing():
            return super().update_predict_single(  # type: ignore[misc]
                y, fh=fh, X=X, update_params=update_params
            )
