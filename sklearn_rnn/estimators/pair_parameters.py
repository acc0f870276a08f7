"""The parameters that `RNNSeq2Seq` has to itself, or means in a way of its own."""

from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval

from sklearn_rnn.estimators.parameters import PARAMETERS, Choices, Parameter
from sklearn_rnn.losses import LOSSES
from sklearn_rnn.modules.attention import ATTENTIONS
from sklearn_rnn.tokens import LEVELS
from sklearn_rnn.transformers.scaling import SCALINGS

__all__ = ["NUMBER_LOSSES", "OWN_PARAMETERS", "SEARCH"]

#: Losses that need more than one number for each answer, or more than what is known here.
UNFIT_LOSSES = ("quantile", "poisson", "squared_percentage_error")

NUMBER_LOSSES = [name for name in LOSSES if name not in (*UNFIT_LOSSES, "log_loss")]

#: What a search depends on; it may be changed after fit.
SEARCH = ("max_length", "beam_size", "length_penalty")

_ONE_OF = "{{{}}}".format


def _names(table: Any) -> str:
    return ", ".join(f'"{name}"' for name in table)


OWN_PARAMETERS = {
    "attention": Parameter(
        f"{_ONE_OF(_names(ATTENTIONS))} or None",
        [Choices(set(ATTENTIONS)), None],
        'How each step of the decoder looks back at the steps of the source. "dot": by a product '
        '(Luong et al. 2015, "general", scaled); "additive": by a small network (Bahdanau et al. '
        "2015). Both look by the state of the decoder's first layer. None: it reads a summary of "
        "the source alone.",
    ),
    "embedding_size": Parameter(
        "int",
        [Interval(Integral, 1, None, closed="left")],
        "Size of the vector that is learned for each token, of source and target.",
    ),
    "source": Parameter(
        '{"auto", "sequence", "tokens", "vector"}',
        [Choices({"auto", "sequence", "tokens", "vector"})],
        'What X holds. "sequence": sequences of numbers, (N, T, F) or (N, T) or a list; "tokens": '
        'texts, or sequences of hashable items; "vector": an array (N, F) or images (N, height, '
        'width), each read at once. "auto": tokens if there is text or another item that is no '
        "number, else sequences.",
    ),
    "target": Parameter(
        '{"auto", "tokens", "numbers"}',
        [Choices({"auto", "tokens", "numbers"})],
        'What y holds: sequences of tokens, or of numbers, (N, T), (N, T, O) or a list. "auto": '
        "numbers if there are real ones, else tokens, and so are whole numbers.",
    ),
    "level": Parameter(
        f"{_ONE_OF(_names(LEVELS))} or callable",
        [Choices(set(LEVELS)), callable],
        "What is a token of a text; a callable takes a text and returns a list of tokens.",
    ),
    "target_level": Parameter(
        f"{_ONE_OF(_names(LEVELS))}, callable or None",
        [Choices(set(LEVELS)), callable, None],
        "The same for texts in y; None is that of X.",
    ),
    "unknown": Parameter(
        '{"warn", "ignore", "error"}',
        [Choices({"warn", "ignore", "error"})],
        "What a token in X that fit has not seen leads to: it is read as a token that says "
        "nothing, with a warning or without; or an error.",
    ),
    "stop": Parameter(
        '{"auto", "learned", "length"}',
        [Choices({"auto", "learned", "length"})],
        'How a sequence ends. "learned": where the network says so; "length": after as many steps '
        'as `lengths` in `predict` says, or as every target in fit had. "auto": "length" for '
        'numbers if all targets have one length, else "learned".',
    ),
    "max_length": Parameter(
        "int or None",
        [Interval(Integral, 1, None, closed="left"), None],
        "Most steps that are written where the end is learned; None is twice the longest target "
        "of fit. May be changed after fit.",
    ),
    "beam_size": Parameter(
        "int",
        [Interval(Integral, 1, None, closed="left")],
        "Beginnings that the search for tokens keeps; 1 takes the most probable token at each "
        "step. May be changed after fit.",
    ),
    "length_penalty": Parameter(
        "float",
        [Interval(Real, 0, None, closed="left")],
        "How much a beam prefers long sequences (alpha of Wu et al. 2016). May be changed after "
        "fit.",
    ),
    "teacher_forcing": Parameter(
        "float or tuple of two",
        [Interval(Real, 0, 1, closed="both"), tuple, list],
        "Share of the steps that read the true step before them while training; the others read "
        "what the network itself writes (scheduled sampling, Bengio et al. 2015). Two shares are "
        "those of the first and the last epoch. Anything below 1 costs a pass step by "
        "step, without gradients.",
    ),
    "loss": Parameter(
        f"{_ONE_OF(_names(['auto', 'log_loss', *NUMBER_LOSSES]))} or callable",
        [Choices({"auto", "log_loss", *NUMBER_LOSSES}), callable],
        'What training makes small, the mean over steps. "auto": "log_loss" for tokens, '
        '"squared_error" for numbers. A callable takes logits (S, V) and ids (S,), or prediction '
        "and target (S, O) of S steps, torch tensors. ``loss__x`` reaches it.",
    ),
    "scaler": Parameter(
        f"{_ONE_OF(_names(SCALINGS))} or None",
        [Choices(set(SCALINGS)), None],
        "Scaling of numbers, in X and in y, learned in fit and undone in predict.",
    ),
    "bidirectional": PARAMETERS["bidirectional"]._replace(
        meaning="Whether other layers of the encoder read each source from its end as well."
    ),
    "hidden_size": PARAMETERS["hidden_size"]._replace(
        meaning="Size of the state that a layer carries from step to step, in the encoder and in "
        "the decoder; a list has one size for each layer, and `num_layers` is then its length."
    ),
}
