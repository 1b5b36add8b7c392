"""Train a network of cells that a search found, as the papers do.

::

    python examples/oneshot/retrain.py best.json

Auxiliary classifier, drop path that grows with the epochs, cutout, a cosine schedule, and affine
batch norm, which the search leaves out. The published network is ``darts(channels=36, cells=20)``
trained for 600 epochs with a drop path of 0.2 and cutout of 16 pixels.
"""

from __future__ import annotations

import argparse

import data as images
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import trange

from search_spaces import darts, set_drop_path
from trial_api import apply_fixed_architecture


def main(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    train, valid = images.load(options.dataset, options.data, limit=options.limit)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = darts(
        options.channels,
        options.cells,
        in_channels=train.tensors[0].shape[1],
        affine=True,
        auxiliary=True,
    )
    model = apply_fixed_architecture(model, options.architecture).to(device)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=3e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs)
    loader = DataLoader(train, batch_size=64, shuffle=True, drop_last=True)
    with trange(options.epochs, desc="retraining") as epochs:
        for epoch in epochs:
            set_drop_path(model, options.drop_path * epoch / options.epochs)
            train_epoch(model, optimizer, loader, device, cutout_size=options.cutout)
            schedule.step()
            epochs.set_postfix(accuracy=f"{validate(model, DataLoader(valid, 256), device):.4f}")
    print(f"accuracy: {validate(model, DataLoader(valid, 256), device):.4f}")


def train_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loader: DataLoader,
    device: str,
    *,
    cutout_size: int,
) -> None:
    model.train()
    for x, y in loader:
        logits, auxiliary = model(cutout(x, cutout_size).to(device))
        y = y.to(device)
        loss = F.cross_entropy(logits, y) + 0.4 * F.cross_entropy(auxiliary, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()


@torch.no_grad()
def validate(model: nn.Module, loader: DataLoader, device: str) -> float:
    model.eval()
    right = sum((model(x.to(device)).argmax(1).cpu() == y).sum().item() for x, y in loader)
    return right / len(loader.dataset)  # type: ignore[arg-type]


def cutout(x: Tensor, size: int) -> Tensor:
    """A square of zeros at a random place of each image (DeVries & Taylor, arXiv 1708.04552)."""
    if not size:
        return x
    n, _, height, width = x.shape
    top = torch.randint(height, (n, 1, 1, 1)) - size // 2
    left = torch.randint(width, (n, 1, 1, 1)) - size // 2
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    hidden = (rows >= top) & (rows < top + size) & (columns >= left) & (columns < left + size)
    return x.masked_fill(hidden, 0.0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("architecture", help="what a search exported")
    parser.add_argument("--dataset", default="digits", choices=["digits", "mnist", "cifar10"])
    parser.add_argument("--data", help="the folder of mnist or cifar10")
    parser.add_argument("--limit", type=int, help="use so many images")
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--cells", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--drop-path", type=float, default=0.1)
    parser.add_argument("--cutout", type=int, default=2, help="pixels")
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args())
