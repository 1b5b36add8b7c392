"""The second-order gradient of DARTS: through one virtual step of SGD.

Liu, Simonyan, Yang: DARTS, ICLR 2019 (https://arxiv.org/abs/1806.09055), section 2.3. The virtual
weights w' are w after a step with momentum, weight decay and the gradient g(w, a) of the training
loss. With v = grad_w' L_val(w', a),

    d/da L_val(w'(a), a) = grad_a L_val(w', a) - xi d/da [g(w, a) . v]

which is equation 7; ``xi`` stands for what the step multiplies the gradient with. The product of
the mixed second derivative with ``v`` is either taken by finite differences (equation 8), or
exactly, as the directional derivative of grad_a L_trn along ``v`` in forward mode.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from nas_tuners.contract.errors import TrainingError

from . import _distributed as distributed
from ._swapped import swapped

LossFunction = Callable[[], Tensor]

Product = Callable[
    [nn.Module, Sequence[Tensor], Sequence[Tensor], Sequence[Tensor], LossFunction], list[Tensor]
]
"""(model, weights, directions, architecture, loss) -> d/da of (grad_w loss . direction)."""


class Virtual:
    """A step of an SGD optimizer that is taken, looked at, and taken back.

    Args:
        model: Whose weights are stepped.
        optimizer: Its momentum, weight decay and learning rates count; its state stays as it is.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self._model = model
        self._groups = optimizer.param_groups
        self._buffers = optimizer.state

    def architecture_gradient(
        self,
        architecture: Sequence[Tensor],
        *,
        train_loss: LossFunction,
        search_loss: LossFunction,
        product: Product,
    ) -> list[Tensor]:
        """The gradient of the search loss after the step (equation 7).

        Args:
            architecture: The parameters that it is the gradient of.
            train_loss, search_loss: Evaluate the losses at the present weights and parameters.
            product: :func:`exact_product` or :func:`finite_difference_product`.
        """
        weights = [weight for group in self._groups for weight in _trained(group)]
        saved = [weight.detach().clone() for weight in weights]
        random = _RandomState(weights[0].device)
        gradients = _averaged(_gradients(train_loss(), weights))
        factors = self._step(gradients)
        both = _gradients(search_loss(), [*architecture, *weights])
        direct, vectors = both[: len(architecture)], _averaged(both[len(architecture) :])
        with torch.no_grad():
            torch._foreach_copy_(weights, saved)
        directions = [vector * factor for vector, factor in zip(vectors, factors, strict=True)]
        with random.again():
            implicit = product(self._model, weights, directions, architecture, train_loss)
        return [a - b for a, b in zip(direct, implicit, strict=True)]

    @torch.no_grad()
    def _step(self, gradients: Sequence[Tensor]) -> list[float]:
        """Move the weights; what each gradient was multiplied with on the way."""
        given, factors = iter(gradients), []
        for group in self._groups:
            for weight in _trained(group):
                gradient = next(given) + group["weight_decay"] * weight
                if group["maximize"]:
                    raise TrainingError("DARTS minimizes: `maximize` of the optimizer must be off")
                buffer = self._buffers.get(weight, {}).get("momentum_buffer")
                update, factor = sgd_update(gradient, buffer, group)
                weight.sub_(group["lr"] * update)
                factors.append(float(group["lr"]) * factor)
        return factors


def _trained(group: dict[str, Any]) -> list[Tensor]:
    """The parameters of a group without those that are frozen."""
    return [weight for weight in group["params"] if weight.requires_grad]


def sgd_update(
    gradient: Tensor, buffer: Tensor | None, group: dict[str, Any]
) -> tuple[Tensor, float]:
    """What SGD subtracts, over the learning rate, and its derivative by the gradient."""
    momentum = group["momentum"]
    if not momentum:
        return gradient, 1.0
    share = 1.0 if buffer is None else 1.0 - group["dampening"]
    velocity = share * gradient if buffer is None else momentum * buffer + share * gradient
    if not group["nesterov"]:
        return velocity, share
    return gradient + momentum * velocity, 1.0 + momentum * share


def finite_difference_product(
    model: nn.Module,
    weights: Sequence[Tensor],
    directions: Sequence[Tensor],
    architecture: Sequence[Tensor],
    loss: LossFunction,
) -> list[Tensor]:
    """The mixed second derivative times a direction, by central differences (equation 8).

    The step is 0.01 over the norm of the direction, as published. Both sides see the same random
    numbers.
    """
    del model
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(directions))))
    epsilon = 0.01 / norm.clamp_min(torch.finfo(norm.dtype).tiny)
    saved = [weight.detach().clone() for weight in weights]
    random = _RandomState(weights[0].device)
    sides = []
    for sign in (1.0, -1.0):
        with torch.no_grad(), random.again():
            steps = torch._foreach_mul(list(directions), sign * epsilon)
            torch._foreach_copy_(list(weights), torch._foreach_add(saved, steps))
            with torch.enable_grad():
                sides.append(_gradients(loss(), architecture))
    with torch.no_grad():
        torch._foreach_copy_(list(weights), saved)
    return [(plus - minus) / (2 * epsilon) for plus, minus in zip(*sides, strict=True)]


def exact_product(
    model: nn.Module,
    weights: Sequence[Tensor],
    directions: Sequence[Tensor],
    architecture: Sequence[Tensor],
    loss: LossFunction,
) -> list[Tensor]:
    """The same without a step size: forward mode along the direction, over reverse mode.

    Raises:
        TrainingError: if an operation of the model has no forward-mode derivative.
    """
    try:
        with warnings.catch_warnings(), forward_ad.dual_level():
            # torch scripts its own formulas when they are used first.
            warnings.filterwarnings("ignore", "`torch.jit.script`", DeprecationWarning)
            duals = {
                id(weight): _dual(weight, direction)
                for weight, direction in zip(weights, directions, strict=True)
            }
            with swapped(model, duals):
                gradients = _gradients(loss(), architecture)
            tangents = [_tangent(gradient) for gradient in gradients]
    except NotImplementedError as error:
        raise TrainingError(
            "an operation of the model has no forward-mode derivative; use "
            f"unrolled='finite_difference': {error}"
        ) from error
    pairs = zip(tangents, architecture, strict=True)
    return [torch.zeros_like(p) if t is None else t.detach() for t, p in pairs]


def _dual(weight: Tensor, direction: Tensor) -> Tensor:
    leaf = weight.detach().requires_grad_()
    dual: Tensor = forward_ad.make_dual(leaf, direction)  # type: ignore[no-untyped-call]
    return dual


def _tangent(dual: Tensor) -> Tensor | None:
    tangent: Tensor | None = forward_ad.unpack_dual(dual).tangent  # type: ignore[no-untyped-call]
    return tangent


def _gradients(loss: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    """With zeros for what the loss does not depend on."""
    found = torch.autograd.grad(loss, list(inputs), allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, inputs, strict=True)]


def _averaged(gradients: Sequence[Tensor]) -> list[Tensor]:
    """Over the processes, which step together: the virtual weights are the same in all."""
    together = [gradient.contiguous() for gradient in gradients]
    distributed.average(together)
    return together


class _RandomState:
    """Lets several evaluations of a loss see the same dropout, on the model's own GPU too."""

    def __init__(self, device: torch.device) -> None:
        self._gpus = [device] if device.type == "cuda" else []
        self._cpu = torch.get_rng_state()
        self._cuda = [torch.cuda.get_rng_state(gpu) for gpu in self._gpus]

    @contextmanager
    def again(self) -> Iterator[None]:
        with torch.random.fork_rng(devices=self._gpus):
            torch.set_rng_state(self._cpu)
            for gpu, state in zip(self._gpus, self._cuda, strict=True):
                torch.cuda.set_rng_state(state, gpu)
            yield
