"""Where answers are measured from: the last value, the window, or nothing at all."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sklearn_rnn.modules.outputs import OUTPUTS

__all__ = ["MeasuredAnswers"]


class MeasuredAnswers(nn.Module):
    """Mixed into a network whose answers may be meant as changes from what it reads."""

    output: str
    origin_columns: list[int]
    origin_ratio: Tensor
    origin_shift: Tensor
    spread: Tensor

    def _measure_from(
        self,
        columns: Sequence[int],
        ratio: Sequence[float],
        shift: Sequence[float],
        spread: Sequence[float],
        *,
        output: str,
    ) -> None:
        """Remember, for each output, what it is measured from, and how it is meant.

        Parameters
        ----------
        columns : sequence of int
            The feature whose last value, or whose window, it is measured from.
        ratio, shift : sequence of float
            The linear map from the scale of that feature to the scale of the target.
        spread : sequence of float
            The size of a usual change.
        output : str
            Key of OUTPUTS.
        """
        self.output = output
        self.origin_columns = list(columns)
        for name, values in {
            "origin_ratio": ratio,
            "origin_shift": shift,
            "spread": spread,
        }.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float64))

    def _origin_at(self, values: Tensor) -> Tensor:
        """Return values (R, O) of inputs on the scale of the target."""
        return values * self.origin_ratio + self.origin_shift

    def _measured(self, answer: Tensor, origin: Tensor | None, spread: Tensor | None) -> Tensor:
        """Return what is meant by answers (R, O) or (R, O, Q) of the head.

        Origin and spread are (R, O), or None where answers are measured from nothing.
        """
        if origin is None or spread is None:
            return answer if self.output == "identity" else OUTPUTS[self.output](answer, 0, 1)
        if answer.ndim > origin.ndim:
            origin, spread = origin.unsqueeze(2), spread.unsqueeze(2)
        return OUTPUTS[self.output](answer, origin, spread)
