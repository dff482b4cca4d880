"""Trains the U-Net on prepared samples; started again, it goes on where it was stopped.

Writes into its run folder: state.pt (to go on from), log.csv (the curves) and a sheet of samples
now and then (target, texture, classical, learned, truth).
"""

import argparse
import csv
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from training.dataset import Batch, Samples
from training.losses import Likeness, Weights, inside_error, loss_of
from training.network import FusionUNet, compose
from training.recogniser import Recogniser
from training.samples import OWN, WILD

SAVE_EVERY, LOOK_EVERY = 500, 1000
_EMA = 0.999
_CHECKED = 256  # held-out samples
_CHECKS = ("classical error", "learned error", "classical cosine", "learned cosine")


@dataclass(frozen=True)
class Plan:
    """How long and how fast.

    rate           the highest of a one-cycle schedule
    identity_from  share of the steps after which likeness counts: earlier its gradient drowns the
                   others, and light and colour are not learned
    wild           share of a batch that has no truth, before and after that
    """

    steps: int = 6000
    batch: int = 16
    rate: float = 2e-3
    decay: float = 1e-2
    seed: int = 1
    identity_from: float = 0.75
    wild: tuple[float, float] = (0.2, 0.4)


class Run:
    """A training run and all its state."""

    def __init__(self, plan: Plan, folder: Path, device: torch.device) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.folder, self.device = plan, folder, device
        kept = torch.channels_last
        self.network = FusionUNet().to(device, memory_format=kept)
        self.average = torch.optim.swa_utils.AveragedModel(
            self.network,
            avg_fn=_moving,
            use_buffers=True,
        )
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), plan.rate, weight_decay=plan.decay
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, plan.rate, total_steps=plan.steps, pct_start=0.1
        )
        self.step = 0
        folder.mkdir(parents=True, exist_ok=True)
        if self._state.exists():
            self._resume()

    @property
    def _state(self) -> Path:
        return self.folder / "state.pt"

    def _parts(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "average": self.average,
            "optimiser": self.optimiser,
            "schedule": self.schedule,
        }

    def _resume(self) -> None:
        state = torch.load(self._state, map_location=self.device, weights_only=True)
        if state["steps"] != self.plan.steps:
            raise SystemExit(
                f"{self._state} belongs to a run of {state['steps']} steps; give the same number, "
                "or another --run folder"
            )
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.step = state["step"]
        print(f"going on from step {self.step}", flush=True)

    def save(self) -> None:
        """Written beside and renamed, so that a stop in between loses nothing."""
        state = {name: part.state_dict() for name, part in self._parts().items()}
        beside = self._state.with_suffix(".new")
        torch.save({**state, "step": self.step, "steps": self.plan.steps}, beside)
        beside.rename(self._state)

    def learn(self, samples: Samples, likeness: Likeness, how: Weights) -> dict[str, float]:
        """One step; the terms of the loss."""
        rng = np.random.default_rng((self.plan.seed, self.step))
        late = self.step >= self.plan.identity_from * self.plan.steps
        wild = round(self.plan.wild[late] * self.plan.batch)
        batch = samples.batch(rng, self.plan.batch, wild).to(self.device)
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16):
            said = self.network(batch.pair.contiguous(memory_format=torch.channels_last))
        terms = loss_of(batch, said, likeness if late else None, how)
        total = torch.stack(list(terms.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.schedule.step()
        self.average.update_parameters(self.network)
        self.step += 1
        return {name: float(term.detach()) for name, term in terms.items()}

    @torch.no_grad()
    def check(self, held_out: Samples, likeness: Likeness) -> dict[str, float]:
        """On held-out people, classical and learned: mean error inside the face, mean cosine."""
        network = self.average.module.eval()
        found: dict[str, list[float]] = {name: [] for name in _CHECKS}
        for first in range(0, min(_CHECKED, len(held_out)), 16):
            batch = held_out.in_order(first, 16).to(self.device)
            weight = batch.counts * batch.pair[:, 9:10]
            pictures = _classical(batch), compose(batch.pair, network(batch.pair))
            for name, fused in zip(("classical", "learned"), pictures, strict=True):
                error = inside_error(fused, batch.truth, weight)[batch.kind == OWN]
                like = 1 - likeness.distance(fused, batch.chip, batch.identity)
                found[f"{name} error"] += error.tolist()
                found[f"{name} cosine"] += like[batch.kind == WILD].tolist()
        return {name: float(np.mean(values)) for name, values in found.items()}

    @torch.no_grad()
    def sheet(self, held_out: Samples) -> None:
        """Twelve held-out samples as a picture in the run's folder."""
        batch = held_out.in_order(0, 12).to(self.device)
        said = self.average.module.eval()(batch.pair)
        target, texture = batch.pair[:, :3], batch.pair[:, 3:6]
        columns = [target, texture, _classical(batch), compose(batch.pair, said), batch.truth]
        columns.append((said.alpha * batch.pair[:, 9:10]).expand(-1, 3, -1, -1))
        strip = torch.cat(columns, dim=3).cpu()
        rows = torch.cat(list(strip), dim=1).permute(1, 2, 0).numpy()[..., ::-1]
        path = self.folder / f"sheet_{self.step:06d}.jpg"
        cv2.imwrite(str(path), np.clip(rows * 255, 0, 255).astype(np.uint8))


def _moving(average: Tensor, new: Tensor, count: Tensor) -> Tensor:
    """An exponential mean that counts the first steps alike, so that it does not lag at first."""
    return average + (new - average) * max(1 - _EMA, 1 / (0.2 * float(count) + 1))


def _classical(batch: Batch) -> Tensor:
    target, lit, mask = batch.pair[:, :3], batch.pair[:, 6:9], batch.pair[:, 9:10]
    return target + (lit - target) * mask


def train(run: Run, samples: Samples, held_out: Samples, recogniser: Recogniser) -> None:
    """From the run's step to its plan's end."""
    log = run.folder / "log.csv"
    likeness = Likeness(recogniser, samples.mean_identity().to(run.device))
    started, first = time.monotonic(), run.step
    while run.step < run.plan.steps:
        terms = run.learn(samples, likeness, Weights())
        if run.step % SAVE_EVERY and run.step != run.plan.steps:
            continue
        run.save()
        found = run.check(held_out, likeness)
        row = {"step": run.step, **terms, **found}
        fresh = not log.exists()
        with log.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        seconds = (time.monotonic() - started) / (run.step - first)
        left = (run.plan.steps - run.step) * seconds / 60
        print(
            f"step {run.step} of {run.plan.steps}: held-out error {found['learned error']:.4f} "
            f"(at the start {found['classical error']:.4f}), cosine {found['learned cosine']:.3f} "
            f"({found['classical cosine']:.3f}), {seconds:.2f} s a step, {left:.0f} minutes left",
            flush=True,
        )
        if run.step % LOOK_EVERY == 0 or run.step == run.plan.steps:
            run.sheet(held_out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--models-dir", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--batch", type=int, default=Plan.batch)
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    run = Run(Plan(steps=args.steps, batch=args.batch), args.run, device)
    recogniser = Recogniser(args.models_dir / "dlib_face_resnet.onnx").to(
        device, memory_format=torch.channels_last
    )
    train(run, Samples(args.samples), Samples(args.held_out), recogniser)


if __name__ == "__main__":
    main()
