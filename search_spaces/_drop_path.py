"""Drop path: in retraining, some operations are left out at random.

Larsson, Maire, Shakhnarovich: FractalNet: Ultra-Deep Neural Networks without Residuals, ICLR 2017
(https://arxiv.org/abs/1605.07648).
"""

from __future__ import annotations

from torch import Tensor, nn

from nas_tuners.contract.errors import SearchSpaceError

from ._arguments import require_probability


class DropPath(nn.Module):
    """Runs an operation, and in training makes its output zero for some samples.

    What is left is scaled up, so that the expected output stays. An identity is never dropped; so
    a sample always has a path through a cell that has one.

    Args:
        probability: Of dropping an operation for a sample.
    """

    def __init__(self, probability: float = 0.0) -> None:
        super().__init__()
        require_probability("drop_path", probability)
        self.probability = probability

    def forward(self, operation: nn.Module, x: Tensor) -> Tensor:
        output: Tensor = operation(x)
        if not self.training or not self.probability or isinstance(operation, nn.Identity):
            return output
        ones = output.new_ones(output.shape[0], 1, 1, 1)
        return output * nn.functional.dropout(ones, self.probability)

    def extra_repr(self) -> str:
        return f"probability={self.probability}"


def set_drop_path(model: nn.Module, probability: float) -> None:
    """Set the drop-path probability of a network, usually once an epoch.

    Args:
        model: A network of :func:`darts` or :func:`enas_micro`, wrapped or not.
        probability: Of dropping an operation for a sample; published schedules raise it from 0
            linearly over the epochs.

    Raises:
        SearchSpaceError: if it is no probability below one, or the network has no drop path.

    Example::

        for epoch in range(600):
            set_drop_path(model, 0.2 * epoch / 600)
    """
    require_probability("probability", probability)
    places = [module for module in model.modules() if isinstance(module, DropPath)]
    if not places:
        raise SearchSpaceError(
            f"{type(model).__name__} has no drop path; darts(...) and enas_micro(...) have it"
        )
    for place in places:
        place.probability = probability
