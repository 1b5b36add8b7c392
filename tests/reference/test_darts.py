"""The second-order gradient of DARTS against autograd through the virtual step, in float64."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.func import functional_call

from trial_api import LayerChoice
from trial_api.mutators import SoftmaxMutator
from trial_api.oneshot._batch_norm import frozen_statistics
from trial_api.oneshot._unrolled import Virtual, exact_product, finite_difference_product

CLASSES = 3

SGD = [
    {"lr": 0.1},
    {"lr": 0.1, "weight_decay": 0.03},
    {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.03},
    {"lr": 0.1, "momentum": 0.9, "dampening": 0.4},
    {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.03},
]

PRODUCTS = [
    pytest.param(exact_product, 1e-6, id="exact"),
    pytest.param(finite_difference_product, 1e-3, id="finite_difference"),
]


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


class Dense(nn.Module):
    """Two choices of linear layers, smooth everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.first = LayerChoice([nn.Linear(4, 5), nn.Sequential(nn.Linear(4, 5), nn.Tanh())])
        self.second = LayerChoice([nn.Sigmoid(), nn.Linear(5, 5), nn.Identity()])
        self.head = nn.Linear(5, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.second(self.first(x))))


class Convolutional(nn.Module):
    """The operations of a cell: convolutions, batch norm, both poolings, dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.edge = LayerChoice(
            {
                "conv": nn.Sequential(
                    nn.ReLU(),
                    nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4, bias=False),
                    nn.Conv2d(4, 4, 1, bias=False),
                    nn.BatchNorm2d(4, affine=False),
                ),
                "max": nn.Sequential(
                    nn.MaxPool2d(3, stride=1, padding=1), nn.BatchNorm2d(4, affine=False)
                ),
                "avg": nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
                "skip": nn.Identity(),
            }
        )
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(self.edge(self.stem(x)).mean((2, 3))))


def batch(shape: tuple[int, ...], seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator)
    return x, torch.randint(CLASSES, (len(x),), generator=generator)


class Search:
    """A supernet with losses on two batches, after some steps of its optimizer."""

    def __init__(
        self,
        model: nn.Module,
        shape: tuple[int, ...],
        sgd: Mapping[str, Any],
        *,
        steps: int,
        scale: float = 0.5,
    ) -> None:
        self.model = model.train()
        self.mutator = SoftmaxMutator(model, seed=0, scale=scale)
        self.optimizer = torch.optim.SGD(model.parameters(), **sgd)
        self.train, self.search = batch(shape, 1), batch(shape, 2)
        for _ in range(steps):
            self.optimizer.zero_grad()
            self.loss(self.train, seed=None).backward()
            self.optimizer.step()
        self.optimizer.zero_grad()
        self.mutator.zero_grad()

    @property
    def architecture(self) -> list[Tensor]:
        return list(self.mutator.parameters())

    def loss(
        self,
        data: tuple[Tensor, Tensor],
        *,
        seed: int | None,
        weights: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """At the present architecture; with dropout's random numbers from a seed, if given."""
        if seed is not None:
            torch.manual_seed(seed)
        self.mutator.reset()
        x, y = data
        if weights is None:
            return F.cross_entropy(self.model(x), y)
        return F.cross_entropy(functional_call(self.model, dict(weights), (x,)), y)

    def gradient(self, product: Callable[..., list[Tensor]]) -> list[Tensor]:
        """Ours."""
        torch.manual_seed(7)  # the training loss goes first, and finds this one again
        with frozen_statistics(self.model):
            return Virtual(self.model, self.optimizer).architecture_gradient(
                self.architecture,
                train_loss=lambda: self.loss(self.train, seed=None),
                search_loss=lambda: self.loss(self.search, seed=11),
                product=product,
            )

    def expected(self) -> list[Tensor]:
        """By differentiating the search loss through the whole step."""
        names, weights = zip(*self.model.named_parameters(), strict=True)
        with frozen_statistics(self.model):
            loss = self.loss(self.train, seed=7)
            gradients = torch.autograd.grad(loss, weights, create_graph=True)
            stepped = [self._stepped(w, g) for w, g in zip(weights, gradients, strict=True)]
            moved = dict(zip(names, stepped, strict=True))
            after = self.loss(self.search, seed=11, weights=moved)
            return list(torch.autograd.grad(after, self.architecture))

    def _stepped(self, weight: Tensor, gradient: Tensor) -> Tensor:
        """torch's own rule for SGD, from its documentation."""
        (group,) = self.optimizer.param_groups
        gradient = gradient + group["weight_decay"] * weight
        if group["momentum"]:
            buffer = self.optimizer.state[weight].get("momentum_buffer")
            velocity = gradient
            if buffer is not None:
                velocity = group["momentum"] * buffer + (1 - group["dampening"]) * gradient
            gradient = gradient + group["momentum"] * velocity if group["nesterov"] else velocity
        return weight - group["lr"] * gradient


def relative_error(found: list[Tensor], expected: list[Tensor]) -> float:
    a, b = (torch.cat([one.flatten() for one in many]) for many in (found, expected))
    return ((a - b).norm() / b.norm()).item()


def dense(sgd: Mapping[str, Any] = SGD[2], *, steps: int = 3) -> Search:
    return Search(Dense(), (8, 4), sgd, steps=steps)


def convolutional(sgd: Mapping[str, Any] = SGD[2], *, steps: int = 3) -> Search:
    return Search(Convolutional(), (4, 2, 6, 6), sgd, steps=steps)


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("sgd", SGD, ids=str)
@pytest.mark.parametrize(("product", "tolerance"), PRODUCTS)
def test_through_every_form_of_sgd(product, tolerance, sgd, steps):
    search = dense(sgd, steps=steps)
    expected = search.expected()
    assert relative_error(search.gradient(product), expected) < tolerance


@pytest.mark.parametrize("sgd", [SGD[1], SGD[4]], ids=str)
@pytest.mark.parametrize(("product", "tolerance"), PRODUCTS)
def test_through_convolutions_batch_norm_pooling_and_dropout(product, tolerance, sgd):
    search = convolutional(sgd)
    expected = search.expected()
    assert relative_error(search.gradient(product), expected) < tolerance


def test_it_is_not_the_first_order():
    search = dense()
    first = torch.autograd.grad(search.loss(search.search, seed=11), search.architecture)
    assert relative_error(list(first), search.expected()) > 1e-2


@pytest.mark.parametrize(("product", "tolerance"), PRODUCTS)
def test_several_groups_and_frozen_weights(product, tolerance):
    search = dense()
    search.model.head.bias.requires_grad_(False)
    groups = [
        {"params": list(search.model.first.parameters()), "lr": 0.3},
        {"params": [search.model.head.weight], "lr": 0.05, "weight_decay": 0.1},
        {"params": [search.model.head.bias], "lr": 0.1},
    ]
    search.optimizer = torch.optim.SGD(groups, lr=1.0)

    def expected() -> list[Tensor]:
        moved = {}
        loss = search.loss(search.train, seed=7)
        names = {id(weight): name for name, weight in search.model.named_parameters()}
        for group in search.optimizer.param_groups[:2]:
            gradients = torch.autograd.grad(loss, group["params"], create_graph=True)
            for weight, gradient in zip(group["params"], gradients, strict=True):
                step = gradient + group["weight_decay"] * weight
                moved[names[id(weight)]] = weight - group["lr"] * step
        after = search.loss(search.search, seed=11, weights=moved)
        return list(torch.autograd.grad(after, search.architecture))

    assert relative_error(search.gradient(product), expected()) < tolerance


@pytest.mark.parametrize("make", [dense, convolutional])
@pytest.mark.parametrize("product", [exact_product, finite_difference_product])
def test_nothing_stays_changed(make, product):
    search = make()
    model = copy.deepcopy(search.model.state_dict())
    optimizer = copy.deepcopy(search.optimizer.state_dict())
    search.gradient(product)
    assert all(
        torch.equal(model[name], value) for name, value in search.model.state_dict().items()
    )
    after = search.optimizer.state_dict()
    assert after["param_groups"] == optimizer["param_groups"]
    for number, state in optimizer["state"].items():
        buffer = after["state"][number]["momentum_buffer"]
        assert torch.equal(state["momentum_buffer"], buffer)
    assert all(weight.grad is None for weight in search.model.parameters())
    assert all(parameter.grad is None for parameter in search.architecture)


@pytest.mark.parametrize("sgd", [SGD[0], SGD[2], SGD[4]], ids=str)
def test_the_virtual_step_is_the_step_that_the_optimizer_would_take(sgd):
    search = dense(sgd)
    seen = []

    def look() -> Tensor:
        seen.extend(weight.detach().clone() for weight in search.model.parameters())
        return search.loss(search.search, seed=11)

    Virtual(search.model, search.optimizer).architecture_gradient(
        search.architecture,
        train_loss=lambda: search.loss(search.train, seed=7),
        search_loss=look,
        product=exact_product,
    )
    before = [weight.detach().clone() for weight in search.model.parameters()]
    search.loss(search.train, seed=7).backward()
    search.optimizer.step()
    stepped = list(search.model.parameters())
    for old, virtual, new in zip(before, seen, stepped, strict=True):
        assert not torch.equal(old, virtual)
        assert torch.allclose(virtual, new, rtol=1e-12, atol=1e-14)


def test_random_numbers_go_on_as_after_one_evaluation_of_each_loss():
    search = convolutional()
    torch.manual_seed(7)
    with frozen_statistics(search.model):
        search.loss(search.train, seed=None)
        search.loss(search.search, seed=11)
    expected = torch.get_rng_state()
    for product in (exact_product, finite_difference_product):
        search.gradient(product)
        assert torch.equal(torch.get_rng_state(), expected)
