"""Tell interleaved spirals apart with a small PyTorch network, on a GPU where there is one."""

import argparse
import json
import math
import time
from pathlib import Path

import torch
from torch import nn


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10, help="passes over the data (default: 10)")
    parser.add_argument("--batch", type=int, default=256, help="points per step (default: 256)")
    parser.add_argument("--lr", type=float, default=3e-3, help="learning rate (default: 0.003)")
    parser.add_argument("--points", type=int, default=4096, help="points per spiral (default: 4096)")
    parser.add_argument("--seed", type=int, default=0, help="decides data, weights and order (default: 0)")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for model.pt and metrics.jsonl")
    return parser.parse_args()


def spirals(points: int, arms: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """`arms` spirals round the origin, with some noise: a point's place, and the spiral that it belongs to."""
    radius = torch.rand(arms * points, generator=generator)
    arm = torch.arange(arms).repeat_interleave(points)
    angle = 2 * math.pi * (arm / arms + radius) + 0.15 * torch.randn(arms * points, generator=generator)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1), arm


def accuracy(model: nn.Module, places: torch.Tensor, arms: torch.Tensor) -> float:
    model.eval()
    with torch.no_grad():
        return (model(places).argmax(dim=1) == arms).float().mean().item()


def train_epoch(model, optimizer, places, arms, order) -> float:
    """One pass in the given order, a tuple of batches; the mean loss."""
    model.train()
    total = 0.0
    for batch in order:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(places[batch]), arms[batch])
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(order)


def main() -> None:
    options = parse_arguments()
    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    print(f"PyTorch {torch.__version__} on {name}")

    places, arms = (tensor.to(device) for tensor in spirals(options.points, 3, generator))
    test_places, test_arms = (tensor.to(device) for tensor in spirals(options.points // 4, 3, generator))
    model = nn.Sequential(nn.Linear(2, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 3)).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=options.lr)

    options.out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with (options.out / "metrics.jsonl").open("w") as metrics:
        for epoch in range(1, options.epochs + 1):
            order = torch.randperm(len(places), generator=generator).to(device).split(options.batch)
            loss = train_epoch(model, optimizer, places, arms, order)
            line = {"epoch": epoch, "loss": loss, "accuracy": accuracy(model, test_places, test_arms)}
            metrics.write(json.dumps(line) + "\n")
            metrics.flush()
            print(f"epoch {epoch}/{options.epochs}: loss {loss:.4f}, accuracy {line['accuracy']:.4f}", flush=True)

    torch.save(model.state_dict(), options.out / "model.pt")
    print(f"trained in {time.perf_counter() - started:.1f} s, wrote {options.out / 'model.pt'}")


if __name__ == "__main__":
    main()
