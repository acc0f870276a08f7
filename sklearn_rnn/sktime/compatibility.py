"""What lets sktime's classes work inside scikit-learn's pipelines and searches."""

from __future__ import annotations

from typing import Any

from sklearn.utils import (
    ClassifierTags,
    InputTags,
    RegressorTags,
    Tags,
    TargetTags,
    TransformerTags,
)

__all__ = ["SklearnCompatible"]

#: What scikit-learn's searches set on an estimator while they fit it, and expect to find again.
SET_BY_SKLEARN = ("_parent_callback_ctx", "_skl_callbacks")


class SklearnCompatible:
    """A first base for classes of sktime: its `reset` and tags as scikit-learn needs them.

    sktime's `fit` begins with `reset`, which would wipe out what scikit-learn 1.9 keeps on an
    estimator while it is being fitted; and it has tags of its own, of which scikit-learn knows
    nothing.
    """

    def __sklearn_tags__(self) -> Tags:
        """Tell scikit-learn what it asks of an estimator."""
        kind = self.get_tag("object_type", "transformer")  # type: ignore[attr-defined]
        predicts = kind in ("classifier", "regressor")
        return Tags(
            estimator_type=kind if predicts or kind == "transformer" else None,
            target_tags=TargetTags(
                required=predicts,
                multi_output=predicts and self.get_tag("capability:multioutput"),  # type: ignore[attr-defined]
            ),
            transformer_tags=TransformerTags() if kind == "transformer" else None,
            classifier_tags=ClassifierTags() if kind == "classifier" else None,
            regressor_tags=RegressorTags() if kind == "regressor" else None,
            input_tags=InputTags(allow_nan=True, three_d_array=predicts),
        )

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn whether `fit` has run."""
        return self._is_fitted  # type: ignore[attr-defined]

    def reset(self) -> Any:
        """Forget everything but parameters, and what scikit-learn has set.

        Returns
        -------
        object
            Itself.
        """
        kept = {name: vars(self)[name] for name in SET_BY_SKLEARN if name in vars(self)}
        super().reset()  # type: ignore[misc]
        vars(self).update(kept)
        return self
