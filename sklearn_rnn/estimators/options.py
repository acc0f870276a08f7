"""Parameters of an estimator: stored as they come, passed on where they belong, checked by fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.base import BaseEstimator

from sklearn_rnn.estimators.names import ROUTES, blame_option, passed_on, refuse_unknown
from sklearn_rnn.estimators.parameters import rows_of, validate
from sklearn_rnn.exceptions import ParameterNameError
from sklearn_rnn.losses import LOSSES
from sklearn_rnn.modules.cells import refuse_cell
from sklearn_rnn.training.device import choose_device
from sklearn_rnn.training.optimizers import OPTIMIZERS

__all__ = ["RoutedParameters", "layer_sizes"]


def layer_sizes(hidden_size: Any, num_layers: int) -> list[int]:
    """Return the size of each layer, from one for all or a list."""
    sizes = hidden_size if isinstance(hidden_size, (list, tuple)) else [hidden_size] * num_layers
    return [int(size) for size in sizes]


class RoutedParameters(BaseEstimator):
    """An estimator whose parameters include some for its optimizer, loss, callbacks or network.

    ``optimizer__weight_decay`` is stored, cloned and searched like any other, though no
    constructor lists it.
    """

    def _store(self, arguments: dict[str, Any]) -> None:
        """Store what a constructor was given, and refuse names that it does not have."""
        routed = arguments.pop("routed")
        known = list(rows_of(type(self)))
        refuse_unknown(type(self).__name__, routed, known)
        for name, value in {**{key: arguments[key] for key in known}, **routed}.items():
            setattr(self, name, value)

    def _routed(self) -> dict[str, Any]:
        """Return parameters such as ``optimizer__weight_decay``, which no constructor lists."""
        return passed_on(vars(self))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, those that are passed on included.

        Parameters
        ----------
        deep : bool, default=True
            Whether to look into parameters that are estimators.

        Returns
        -------
        dict
            Names and values.
        """
        return {**super().get_params(deep=deep), **self._routed()}

    def set_params(self, **params: Any) -> RoutedParameters:
        """Set parameters, those that are passed on included.

        Parameters
        ----------
        **params : dict
            Names and values.

        Returns
        -------
        RoutedParameters
            Itself.

        Raises
        ------
        ParameterNameError
            If the estimator does not have a parameter of that name; none is set then.
        """
        known = self.get_params(deep=True)
        refuse_unknown(
            type(self).__name__, [k for k in params if k not in known], list(rows_of(type(self)))
        )
        routed = {k: v for k, v in params.items() if "__" in k and k.partition("__")[0] in ROUTES}
        for name, value in routed.items():
            setattr(self, name, value)
        return super().set_params(**{k: v for k, v in params.items() if k not in routed})

    def _validate(self) -> None:
        """Check parameters, one by one and against each other."""
        name, rows = type(self).__name__, rows_of(type(self))
        validate(name, {key: getattr(self, key) for key in rows}, rows)
        refuse_cell(name, self.cell)
        self._check_device(name)
        self._check_together(name)

    def _check_device(self, name: str) -> None:
        try:
            choose_device(self.device)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error

    def _check_together(self, name: str) -> None:
        """Refuse parameters that contradict each other."""
        for option in self._routed():
            route = option.partition("__")[0]
            if route in ("module", "lr_scheduler") and getattr(self, route) is None:
                raise ParameterNameError(
                    f"{name}: {option} is for a {route} of your choice; got {route}=None. Leave "
                    f"{option} out, or set {route}."
                )
        if self.nonlinearity != "tanh" and self.cell != "rnn":
            raise ValueError(
                f"{name}: nonlinearity={self.nonlinearity!r} is for cell='rnn'; got "
                f"cell={self.cell!r}. Leave nonlinearity at 'tanh', or choose cell='rnn'."
            )
        self._check_embedding(name)

    def _check_embedding(self, name: str) -> None:
        if self.embedding_size is not None and (self.missing != "error" or self.scaler == "window"):
            raise ValueError(
                f"{name}: with embedding_size, X holds token ids, which can be neither missing nor "
                f"scaled; got missing={self.missing!r}, scaler={self.scaler!r}. Leave both alone."
            )

    @contextmanager
    def _naming_options(self) -> Iterator[None]:
        """Turn Python's error about an argument nobody takes into one that names ours."""
        try:
            yield
        except TypeError as error:
            takers = {
                "loss": self.loss if callable(self.loss) else LOSSES.get(self.loss),
                "module": self.module,
                "optimizer": self.optimizer
                if callable(self.optimizer)
                else OPTIMIZERS[self.optimizer],
            }
            blame_option(type(self).__name__, self._routed(), takers, error)
            raise
