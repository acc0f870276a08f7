"""Randomness inside a network: dropout and input noise, drawn from explicit generators."""

import torch
from torch import Generator, Tensor, nn

__all__ = ["Dropout", "InputNoise", "draw_seed"]


def draw_seed(generator: Generator) -> int:
    """Draw the seed of another generator."""
    return int(torch.randint(2**31, (), generator=generator))


class _Drawing(nn.Module):
    """A module with a generator of its own, on whatever device its input lies."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed
        self._generators: dict[str, Generator] = {}

    def generator(self, x: Tensor) -> Generator:
        device = str(x.device)
        if device not in self._generators:
            self._generators[device] = Generator(device=x.device).manual_seed(self.seed)
        return self._generators[device]


class Dropout(_Drawing):
    """Zero each value with probability `p` while training, and enlarge the others in turn.

    As `torch.nn.Dropout`, which draws from torch's global generator and so cannot be repeated
    when estimators train in parallel threads.
    """

    def __init__(self, p: float, seed: int) -> None:
        super().__init__(seed)
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Return x, partly zeroed while training."""
        if not self.training or self.p == 0:
            return x
        kept = torch.rand(x.shape, generator=self.generator(x), device=x.device) >= self.p
        return x * kept / (1 - self.p)


class InputNoise(_Drawing):
    """Add Gaussian noise of a standard deviation to the inputs while training."""

    def __init__(self, deviation: float, seed: int) -> None:
        super().__init__(seed)
        self.deviation = deviation

    def forward(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return x, blurred while training, and the lengths as they are."""
        if not self.training:
            return x, lengths
        noise = torch.randn(x.shape, generator=self.generator(x), device=x.device, dtype=x.dtype)
        return x + self.deviation * noise, lengths
