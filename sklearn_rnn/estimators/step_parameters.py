"""What parameters mean where every step is answered, as far as that differs from the others."""

from sklearn_rnn.estimators.parameters import PARAMETERS, Choices
from sklearn_rnn.transformers.scaling import SCALINGS

__all__ = ["STEP_PARAMETERS"]

#: Rows that win over those of PARAMETERS. There is no scaling by the whole window: it would tell
#: the first steps of what comes later.
STEP_PARAMETERS = {
    "scaler": PARAMETERS["scaler"]._replace(
        kind="{" + ", ".join(f'"{name}"' for name in SCALINGS) + "} or None",
        allowed=[Choices(set(SCALINGS)), None],
        meaning="Scaling of the inputs, and of a target of numbers, learned in fit and undone "
        "in predict.",
    ),
    "output": PARAMETERS["output"]._replace(
        meaning='How the answer is meant. "last_value": as a change from the value at the same '
        'step; "last_value_ratio": as a relative change, max((1 + f) * value, 0), never '
        'negative; "softplus", "exp": positive. The value is that of the feature in the place '
        "of the output where there are as many features as outputs, else of the first feature.",
    ),
    "loss": PARAMETERS["loss"]._replace(
        meaning="What training makes small, in the scaled units of the target, on average over "
        "steps. A callable takes prediction and target, torch tensors (S, O) of the steps of a "
        "batch, and gives one number for each or one for all. ``loss__x`` reaches it, as in "
        "``loss__delta=2.0``.",
    ),
    "class_loss": PARAMETERS["class_loss"]._replace(
        meaning="What training makes small, on average over steps. A callable takes logits "
        "(S, C) and class numbers (S,) of the steps of a batch, torch tensors. ``loss__x`` "
        "reaches it.",
    ),
    "bidirectional": PARAMETERS["bidirectional"]._replace(
        meaning="Whether other layers read each sequence from its end as well. Without them "
        "an answer depends on no later step.",
    ),
    "class_weight": PARAMETERS["class_weight"]._replace(
        meaning="How much the steps of each class count in the loss, as in scikit-learn.",
    ),
    "module": PARAMETERS["module"]._replace(
        meaning="A network of your own instead of ours; its ``forward(x)`` maps (N, T, F) to "
        "(N, T, O), and ``forward(x, lengths)`` sequences of unequal lengths. ``module__x`` "
        "reaches a class, and so do ``n_features`` and ``n_outputs`` if it takes them.",
    ),
}
