"""Names that are not ours, answered with ours: parameters, arguments of methods, choices.

Peers call the same things by other names, and everybody mistypes. Whoever does either is told
which name is probably meant.
"""

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, TypeVar

from sklearn_rnn.exceptions import ParameterNameError

__all__ = [
    "ROUTES",
    "answers_unknown",
    "blame_option",
    "meant_choice",
    "passed_on",
    "refuse_unknown",
]

Method = TypeVar("Method", bound=Callable[..., Any])

#: Beginnings of parameters that are passed on: to the optimizer, the callbacks, ...
ROUTES = ("optimizer", "callbacks", "loss", "lr_scheduler", "module")

#: What peers call our parameters.
PEERS = {
    "hidden_size": "hidden_dim hidden_dims units n_units hidden_layer_sizes encoder_hidden_size "
    "recurrent_units hidden_channels n_hidden",
    "num_layers": "n_layers n_rnn_layers rnn_layers encoder_n_layers num_layer",
    "max_epochs": "n_epochs num_epochs epochs nb_epochs n_epoch max_iter max_steps n_iter",
    "lr": "learning_rate learning_rate_init",
    "loss": "criterion loss_fn loss_func",
    "optimizer": "optimizer_cls opt_func solver",
    "optimizer__x, one for each option x": "optimizer_kwargs optimizer_params",
    "sample_weight of fit": "class_weight",
    "n_jobs of GridSearchCV, or n_threads": "n_jobs",
    "random_state": "random_seed seed",
    "batch_size": "bs windows_batch_size",
    "gradient_clip_value": "clipnorm gradient_clip_val max_grad_norm",
    "n_iter_no_change": "patience early_stop_patience_steps",
    "validation_fraction": "val_size val_split validation_split",
    "nonlinearity": "activation encoder_activation activation_hidden",
    "cell": "rnn_type recurrent_layer cell_type rnn model",
    "dropout": "dropout_rate rnn_dropout encoder_dropout fc_dropout recurrent_dropout",
    "callbacks": "cbs",
    "optimizer__weight_decay": "weight_decay",
    "optimizer__momentum": "momentum",
    "early_stopping": "early_stop",
    "scaler": "window_scaler scaler_type local_scaler_type normalize",
    "lr_scheduler": "lr_scheduler_cls scheduler",
    "teacher_forcing": "teacher_forcing_ratio",
    "beam_size": "beam_width num_beams",
    "max_length": "max_len",
    "embedding_size": "embedding_dim emb_size vocab_size num_embeddings",
    "X alone: its features are counted by fit": "n_features input_dim",
    "horizon of make_windows": "horizon output_chunk_length prediction_length pred_len fh "
    "output_size forecast_horizon",
    "window_length of SlidingWindow": "input_chunk_length input_size context_length lags "
    "window_length window seq_len sequence_length",
}
OURS = {peer: ours for ours, peers in PEERS.items() for peer in peers.split()}

#: Parameters that few estimators have, whose other names say nothing to the rest.
OF_ONE = ("teacher_forcing", "beam_size", "max_length")

#: What peers hand to `fit` and the like, where it is neither a parameter nor called like one.
ARGUMENTS = {
    "alpha": "quantiles quantile q level levels coverage percentiles",
    "sample_weight": "weight weights sample_weights class_weight",
    "early_stopping=True, which holds a part of X back": "validation_data eval_set X_val y_val",
}
ASKED = {peer: ours for ours, peers in ARGUMENTS.items() for peer in peers.split()}

#: What peers call the choices of a parameter, in small letters and digits only. What has an equals
#: sign is several parameters.
SYNONYMS = {
    "loss": {
        "squared_error": "mse l2 mseloss l2loss meansquarederror rmse rootmeansquarederror",
        "absolute_error": "mae l1 l1loss maeloss meanabsoluteerror",
        "huber": "smoothl1 smoothl1loss huberloss",
        "squared_percentage_error": "mspe mape percentage relative",
        "poisson": "count counts poissonnll poissonnllloss poissondeviance",
        "quantile": "pinball pinballloss quantileloss mqloss",
        "log_loss": "crossentropy crossentropyloss categoricalcrossentropy binarycrossentropy "
        "sparsecategoricalcrossentropy ce bce bceloss bcewithlogits bcewithlogitsloss nll nllloss "
        "logistic deviance",
    },
    "cell": {
        "rnn": "elman simple simplernn vanilla basic vanillarnn",
        "cell='lstm', bidirectional=True": "bilstm blstm",
        "cell='gru', bidirectional=True": "bigru bgru",
    },
    "pooling": {
        "mean": "avg average averagepooling meanpooling globalaverage",
        "max": "maximum maxpooling globalmax",
        "last": "final none laststep lasthidden laststate",
        "attention": "attn softattention selfattention",
    },
    "optimizer": {"sgd": "momentum nesterov gd", "lbfgs": "bfgs", "rmsprop": "rms"},
    "lr_scheduler": {
        "plateau": "reducelronplateau reduceonplateau",
        "onecycle": "onecyclelr 1cycle superconvergence",
        "cosine": "cosineannealing cosineannealinglr",
        "lr_scheduler=None": "constant none",
    },
    "nonlinearity": {"relu": "rectifier"},
    "output": {
        "identity": "linear none",
        "exp": "log exponential",
        "last_value": "difference delta residual",
    },
    "scaler": {
        "standard": "zscore normal mean true",
        "maxabs": "abs",
        "window": "revin instance perwindow",
        "scaler=None": "none identity passthrough no false",
    },
    "missing": {"ffill": "forward fill locf pad", "mask": "indicator", "error": "raise"},
    "dtype": {"float64": "double f64", "float32": "float single f32"},
    "backend": {
        "torch": "pytorch cudnn",
        "reference": "numpy python",
        "native": "fast jit llvmlite compiled",
    },
}


def passed_on(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return those named like ``optimizer__weight_decay``, which no constructor lists."""
    return {
        name: value
        for name, value in attributes.items()
        if name.partition("__")[0] in ROUTES and "__" in name
    }


def refuse_unknown(name: str, options: Iterable[str], known: list[str]) -> None:
    """Answer a parameter that the estimator does not have with the one that is probably meant."""
    for option in options:
        route, _, rest = option.partition("__")
        if rest and route in ROUTES:
            continue
        ours = OURS.get(route)
        if ours is None or (ours in OF_ONE and ours not in known):
            among = ROUTES if rest else known
            ours = next(iter(difflib.get_close_matches(route, among, n=1)), None)
        if rest and ours in ROUTES:
            ours = f"{ours}__{rest}"
        hint = f"Use {ours}." if ours else f"It has {', '.join(known)}."
        raise ParameterNameError(f"{name} has no parameter {option!r}. {hint}")


def answers_unknown(method: Method) -> Method:
    """Decorate a method of an estimator: arguments that it does not take are answered with ours.

    Parameters
    ----------
    method : callable
        Its first argument is the estimator.

    Returns
    -------
    callable
        With the signature and the docstring of `method`.
    """
    taken = list(inspect.signature(method).parameters)

    @functools.wraps(method)
    def checked(self: Any, *args: Any, **options: Any) -> Any:
        for option in options:
            if option not in taken:
                takes, last = ", ".join(taken[1:-1]), taken[-1]
                raise ParameterNameError(
                    f"{type(self).__name__}.{method.__name__} takes {takes} and {last}; got "
                    f"{option!r}. {_use_for(option, taken, self.get_params(deep=False))}"
                )
        return method(self, *args, **options)

    return checked  # type: ignore[return-value]


def _use_for(argument: str, taken: list[str], parameters: Container[str]) -> str:
    """Say what to use for an argument that a method does not take."""
    asked = ASKED.get(argument)
    if asked in taken:
        return f"Use {asked}."
    ours = argument if argument in parameters else OURS.get(argument)
    if ours is not None and ours in parameters:
        return f"Give {ours} to the constructor, or to set_params."
    if asked is not None and "=" in asked:
        return f"Use {asked}."
    close = difflib.get_close_matches(argument, taken, n=1)
    return f"Did you mean {close[0]!r}?" if close else "Leave it out."


def meant_choice(parameter: str, value: Any, choices: Iterable[str]) -> str:
    """Say which of its choices a parameter was probably meant to have, or nothing.

    Parameters
    ----------
    parameter : str
        Name of the parameter.
    value : object
        What came.
    choices : iterable of str
        What is allowed.

    Returns
    -------
    str
        A sentence, or an empty string.
    """
    plain = _plain(str(getattr(value, "__name__", value)))
    names = {_plain(choice): choice for choice in choices}
    synonyms = SYNONYMS.get(parameter, {})
    found = next((ours for ours, theirs in synonyms.items() if plain in theirs.split()), None)
    if found is not None and found not in names.values():
        if parameter == "loss":
            owner = "RNNClassifier" if found == "log_loss" else "RNNRegressor"
            return f"{found!r} is a loss of {owner}."
        return f"Did you mean {found}?" if "=" in found else ""
    if found is None:
        close = difflib.get_close_matches(plain, names, n=1)
        found = names[close[0]] if close else None
    return "" if found is None else f"Did you mean {found!r}?"


def _plain(word: str) -> str:
    """Return small letters and digits only, so that ReduceLROnPlateau and reduce-lr are alike."""
    return re.sub(r"[^a-z0-9]", "", word.lower())


def blame_option(name: str, routed: dict[str, Any], takers: dict[str, Any], error: Exception):
    """Say which of the options passed on caused `error`, if one did.

    `takers` are those whom options reach, by the beginning of their names.
    """
    found = re.search(r"unexpected keyword argument '(\w+)'", str(error))
    for option in routed:
        route, _, rest = option.partition("__")
        if found is None or rest != found[1]:
            continue
        known = inspect.signature(takers[route]).parameters if takers.get(route) else {}
        close = difflib.get_close_matches(rest, known, n=1)
        hint = f"Did you mean {route}__{close[0]}?" if close else "Leave it out, or correct it."
        raise ParameterNameError(f"{name}: {option} reaches nothing: {error}. {hint}") from error
