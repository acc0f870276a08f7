"""The parameters that estimators share: what each means and what it may be, said once.

An estimator lists names and defaults in its constructor. From the table here come the rule that
`fit` checks and the paragraph in its docstring.
"""

import inspect
import textwrap
from numbers import Integral, Real
from typing import Any, NamedTuple

from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)

from sklearn_rnn.estimators.names import meant_choice
from sklearn_rnn.losses import LOSSES
from sklearn_rnn.modules.cells import CELLS
from sklearn_rnn.modules.outputs import OUTPUTS
from sklearn_rnn.modules.pooling import POOLINGS
from sklearn_rnn.training.optimizers import OPTIMIZERS
from sklearn_rnn.training.schedules import SCHEDULES
from sklearn_rnn.transformers.scaling import SCALINGS

__all__ = ["CLASS_LOSSES", "PARAMETERS", "document", "rows_of", "validate"]


class Parameter(NamedTuple):
    """What a parameter is (for the docstring), may be (for `fit`), and means."""

    kind: str
    allowed: list[Any]
    meaning: str


POSITIVE_INT = Interval(Integral, 1, None, closed="left")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
SHARE = Interval(Real, 0, 1, closed="left")


class Choices(StrOptions):
    """A choice of words, named in an order that is the same in every run."""

    def __str__(self) -> str:
        return f"a str among {{{', '.join(repr(word) for word in sorted(self.options))}}}"


def _one_of(table: Any) -> str:
    return "{" + ", ".join(f'"{name}"' for name in table) + "}"


SCALERS = [*SCALINGS, "window"]
RATES = ["plateau", *SCHEDULES]
CLASS_LOSSES = ["log_loss"]
NUMBER_LOSSES = [name for name in LOSSES if name not in CLASS_LOSSES]

PARAMETERS = {
    "cell": Parameter(
        f"{_one_of(CELLS)} or class",
        [Choices(set(CELLS)), callable],
        "The recurrent cell, by name or as a class: torch's RNN, GRU or LSTM, or one of your own, "
        "see `sklearn_rnn.RecurrentCell`.",
    ),
    "hidden_size": Parameter(
        "int or list of int",
        [POSITIVE_INT, list, tuple],
        "Size of the state that a layer carries from step to step; a list has one size for each "
        "layer, and `num_layers` is then its length.",
    ),
    "num_layers": Parameter("int", [POSITIVE_INT], "Recurrent layers on top of one another."),
    "bidirectional": Parameter(
        "bool", ["boolean"], "Whether other layers read each sequence from its end as well."
    ),
    "dropout": Parameter(
        "float",
        [SHARE],
        "Share of the values between two layers, and before the last linear map, that is zeroed "
        "while training (torch leaves out the latter).",
    ),
    "nonlinearity": Parameter(
        '{"tanh", "relu"}', [Choices({"tanh", "relu"})], 'Of the cell "rnn".'
    ),
    "pooling": Parameter(
        f"{_one_of(POOLINGS)} or list of these",
        [Choices(set(POOLINGS)), list, tuple],
        "How the states of all steps become one vector; several are joined.",
    ),
    "embedding_size": Parameter(
        "int or None",
        [POSITIVE_INT, None],
        "If given, X holds token ids (0, 1, 2, ...), and the network learns a vector of this size "
        "for each. There may be no other feature.",
    ),
    "patch_length": Parameter(
        'int or "auto"',
        [POSITIVE_INT, Choices({"auto"})],
        "Neighbouring steps that are read as one, which makes long series short. "
        '"auto" takes as many as leave a sequence of median length 200 patches at most.',
    ),
    "output": Parameter(
        _one_of(OUTPUTS),
        [Choices(set(OUTPUTS))],
        'How the answer is meant. "last_value": as a change from the last value of the sequence; '
        '"last_value_ratio": as a relative change, max((1 + f) * last, 0), never negative; '
        '"softplus", "exp": positive. The last value is that of the feature in the place of the '
        "output where there are as many features as outputs, else of the first feature.",
    ),
    "loss": Parameter(
        f"{_one_of(NUMBER_LOSSES)} or callable",
        [Choices(set(NUMBER_LOSSES)), callable],
        "What training makes small, in the scaled units of the target. A callable takes prediction "
        "and target, torch tensors (N, O), and gives one number for each or one for all. "
        "``loss__x`` reaches it, as in ``loss__delta=2.0``.",
    ),
    "class_loss": Parameter(
        '{"log_loss"} or callable',
        [Choices(set(CLASS_LOSSES)), callable],
        "What training makes small. A callable takes logits (N, C) and class numbers (N,), torch "
        "tensors. ``loss__x`` reaches it.",
    ),
    "quantiles": Parameter(
        "sequence of float",
        ["array-like"],
        'The quantiles learned with ``loss="quantile"``, ascending and between 0 and 1. `predict` '
        "answers the one nearest to 0.5.",
    ),
    "label_smoothing": Parameter(
        "float", [SHARE], "Share of each label that is spread over all classes (Szegedy 2016)."
    ),
    "class_weight": Parameter(
        'dict, "balanced" or None',
        [dict, Choices({"balanced"}), None],
        "How much each class counts in the loss, as in scikit-learn.",
    ),
    "scaler": Parameter(
        f"{_one_of(SCALERS)} or None",
        [Choices(set(SCALERS)), None],
        "Scaling of the inputs, and of a target of numbers, learned in fit and undone in predict. "
        '"window": each sequence by its own mean and deviation, and the answer back by them.',
    ),
    "missing": Parameter(
        '{"error", "mask", "ffill"}',
        [Choices({"error", "mask", "ffill"})],
        "What NaN inside a sequence means: an error; a value that the network is told is missing; "
        "the value before it. Steps of NaN only, at either end of a sequence with several axes, "
        "are padding always.",
    ),
    "input_noise": Parameter(
        "float",
        [NOT_NEGATIVE],
        "Standard deviation of the noise that is added to scaled inputs while training.",
    ),
    "module": Parameter(
        "torch.nn.Module, class or None",
        [callable, None],
        "A network of your own instead of ours; its ``forward(x)`` maps (N, T, F) to (N, O), and "
        "``forward(x, lengths)`` sequences of unequal lengths. ``module__x`` reaches a class, and "
        "so do ``n_features`` and ``n_outputs`` if it takes them.",
    ),
    "optimizer": Parameter(
        f"{_one_of(OPTIMIZERS)} or class",
        [Choices(set(OPTIMIZERS)), callable],
        "From torch.optim. ``optimizer__x`` reaches it, as in ``optimizer__weight_decay=1e-4``.",
    ),
    "lr": Parameter("float", [POSITIVE], "Learning rate; the highest one if it changes."),
    "lr_scheduler": Parameter(
        f"{_one_of(RATES)}, class or None",
        [Choices(set(RATES)), callable, None],
        "How the rate changes while training. ``lr_scheduler__x`` reaches it.",
    ),
    "gradient_clip_value": Parameter(
        "float or None", [POSITIVE, None], "Largest norm of the gradient of a batch."
    ),
    "max_epochs": Parameter("int", [POSITIVE_INT], "Passes over the training data."),
    "batch_size": Parameter(
        "int or None", [POSITIVE_INT, None], "Sequences in a batch; None takes all at once."
    ),
    "shuffle": Parameter("bool", ["boolean"], "Whether each epoch has another order."),
    "early_stopping": Parameter(
        "bool",
        ["boolean"],
        "Whether to hold back part of the data, stop when the loss on it no longer improves, and "
        "keep the weights of the best epoch. {part}",
    ),
    "validation_fraction": Parameter(
        "float", [Interval(Real, 0, 1, closed="neither")], "Share held back for `early_stopping`."
    ),
    "n_iter_no_change": Parameter(
        "int", [POSITIVE_INT], "Epochs without improvement before `early_stopping` acts."
    ),
    "tol": Parameter("float", [NOT_NEGATIVE], "The least change that is an improvement."),
    "callbacks": Parameter(
        "list of skorch callbacks or None",
        [list, tuple, None],
        "Added to ours. ``callbacks__name__x`` reaches one that has a name.",
    ),
    "warm_start": Parameter(
        "bool", ["boolean"], "Whether the next `fit` goes on from the weights of the last."
    ),
    "random_state": Parameter(
        "int, RandomState instance or None",
        ["random_state"],
        "Seed of first weights, order of batches, dropout and validation part. The same seed "
        "gives the same model, whatever else runs in the process.",
    ),
    "device": Parameter(
        "str",
        [str],
        'Where torch computes: "cpu", "cuda", ...; "auto" takes a GPU if there is one.',
    ),
    "n_threads": Parameter(
        "int or None",
        [POSITIVE_INT, None],
        "Threads of torch during fit and predict; put back afterwards. None leaves them alone. "
        "Small networks are fastest on one.",
    ),
    "dtype": Parameter(
        '{"float32", "float64"}',
        [Choices({"float32", "float64"})],
        "Of the network and its batches.",
    ),
    "backend": Parameter(
        '{"auto", "native", "torch", "reference"}',
        [Choices({"auto", "native", "torch", "reference"})],
        "Who computes the recurrence: machine code made for this processor (needs the extra "
        '``fast``), torch, or the readable kernels of `sklearn_rnn.kernels`. "auto" is the first '
        "of these that can be used; what the machine code cannot do (float64, a GPU) torch does.",
    ),
    "verbose": Parameter(
        "int",
        [Interval(Integral, 0, None, closed="left"), "boolean"],
        "1 shows a progress bar, 2 skorch's table as well.",
    ),
}

#: What every fitted estimator has, for the docstring.
ATTRIBUTES = """\
net_ : skorch.NeuralNet
    The trained net.
module_ : torch.nn.Module
    The network in it.
history_ : skorch.history.History
    One row for each epoch: ``history_[:, "train_loss"]``.
n_iter_ : int
    Epochs trained, over all calls that went on from one another.
best_epoch_ : int
    Epoch whose weights were kept.
n_features_in_ : int
    Features of a step; for X with two axes, steps, as scikit-learn counts columns.
n_channels_in_ : int
    Features of a step.
input_ndim_ : int
    Axes of X in fit; a list counts as 3.
feature_names_in_ : ndarray of str
    Names of the columns, if X was a data frame.
n_tokens_ : int
    With `embedding_size`, the number of tokens.
patch_length_ : int
    Steps read as one.
"""


#: Parameters that may be lists, of what they else are.
LISTS = {"hidden_size", "pooling"}


def validate(name: str, parameters: dict[str, Any], rows: dict[str, Parameter]) -> None:
    """Raise scikit-learn's error for a value that is not allowed; name one that may be meant."""
    try:
        validate_parameter_constraints(
            {key: row.allowed for key, row in rows.items()}, parameters, caller_name=name
        )
    except InvalidParameterError as error:
        key = str(error).split("'")[1]
        choices = [o for c in rows[key].allowed if isinstance(c, Choices) for o in c.options]
        hint = meant_choice(key, parameters[key], choices)
        if not hint:
            raise
        raise InvalidParameterError(f"{error} {hint}") from None
    for key in LISTS & rows.keys():
        if isinstance(parameters[key], (list, tuple)):
            if not parameters[key]:
                raise ValueError(f"{name}: {key} is empty; give at least one.")
            one = rows[key]._replace(allowed=rows[key].allowed[:1])
            for item in parameters[key]:
                validate(name, {key: item}, {key: one})


def rows_of(estimator_class: type) -> dict[str, Parameter]:
    """Return the rows of the table for the parameters in a constructor, in its order.

    A class may have rows of its own, in `_own_parameters`, which win.
    """
    renamed = getattr(estimator_class, "_renamed_parameters", {})
    table = {**PARAMETERS, **getattr(estimator_class, "_own_parameters", {})}
    return {
        key: table[renamed.get(key, key)]
        for key in inspect.signature(estimator_class).parameters
        if key in table
    }


def document(estimator_class: type) -> type:
    """Decorate an estimator: its docstring and signature list the parameters it has.

    ``{parameters}`` in the docstring is filled from the table and the constructor's defaults,
    ``{attributes}`` with those that all estimators have.
    """
    defaults = inspect.signature(estimator_class).parameters
    lines = []
    for key, row in rows_of(estimator_class).items():
        lines.append(f"{key} : {row.kind}, default={defaults[key].default!r}".replace("'", '"'))
        meaning = row.meaning.replace("{part}", getattr(estimator_class, "_validation_part", ""))
        lines.extend(textwrap.wrap(meaning, 92, initial_indent="    ", subsequent_indent="    "))
    text = inspect.cleandoc(estimator_class.__doc__ or "")
    text = text.replace("{attributes}", ATTRIBUTES.rstrip())
    estimator_class.__doc__ = text.replace("{parameters}", "\n".join(lines)) + "\n"
    # `**routed` takes optimizer__x and its like; it is no parameter of that name
    constructor: Any = vars(estimator_class)["__init__"]
    signature = inspect.signature(constructor)
    named = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    constructor.__signature__ = signature.replace(parameters=named)
    return estimator_class
