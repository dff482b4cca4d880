"""Trains the U-Net on prepared samples; started again, it goes on where it was stopped.

Writes into its run folder, a folder for each cycle: state.pt (to go on from), log.csv (the curves)
and a sheet of samples now and then (see training/evaluate.py). SIGINT and SIGTERM end it after the
step that it is at, saved.
"""

import argparse
import copy
import csv
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.dataset import Samples
from training.evaluate import draw_sheet, evaluate, told
from training.losses import Likeness, Weights, loss_of
from training.network import FusionUNet
from training.recogniser import Recogniser

_STOPPED = 130  # exit status after SIGINT, as shells have it
SAVE_EVERY, LOOK_EVERY, TELL_EVERY = 250, 1000, 25  # steps
_EMA = 0.999
_MEASURED = 24  # batches for the statistics of batch normalisation


@dataclass(frozen=True)
class Cycle:
    """A part of the training, with a one-cycle schedule of its own.

    rate     the schedule's highest
    wild     share of a batch that has no truth
    weights  of the loss's terms
    share    of the way from its start to its end that is gone: the error is lower in between
    """

    name: str
    steps: int
    rate: float
    wild: float
    weights: Weights
    batch: int = 16
    decay: float = 1e-2
    seed: int = 1
    share: float = 1.0


# Light and colour first: from the start the gradient of likeness would drown all others. Then a
# second decay from a high rate, with less pull to the target's tone: it has been learnt by then.
# Last a short one with less of likeness: light gains a little, and likeness has some to spare.
CYCLES = (
    Cycle("light", 7500, 2e-3, wild=0.2, weights=Weights(identity=0)),
    Cycle("likeness", 1600, 1e-3, wild=0.25, weights=Weights(identity=0.7, kept=0.2)),
    Cycle(
        "settle",
        4400,
        1e-3,
        wild=0.25,
        weights=Weights(identity=0.6, tone=0.2, kept=0.2),
        share=0.75,
    ),
    Cycle(
        "soften",
        800,
        5e-4,
        wild=0.2,
        weights=Weights(identity=0.3, tone=0.2, kept=0.2, kept_own=0.01),
        share=0.5,
    ),
)


class Run:
    """One cycle and all its state."""

    def __init__(self, cycle: Cycle, start: FusionUNet, folder: Path, device: torch.device) -> None:
        """start is trained on, and not changed; a cycle that was begun goes on where it was."""
        self.cycle, self.folder, self.device = cycle, folder / cycle.name, device
        self.network = copy.deepcopy(start).to(device, memory_format=torch.channels_last)
        self.average = torch.optim.swa_utils.AveragedModel(
            self.network,
            avg_fn=_moving,
            use_buffers=True,
        )
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), cycle.rate, weight_decay=cycle.decay
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, cycle.rate, total_steps=cycle.steps, pct_start=0.1
        )
        self.step = 0
        self.folder.mkdir(parents=True, exist_ok=True)
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
        if state["cycle"] != asdict(self.cycle):
            raise SystemExit(
                f"error: {self._state} belongs to another training (other steps or weights): "
                "give what it was begun with, or another folder (RUN)"
            )
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.step = state["step"]
        print(f"{self.cycle.name}: going on from step {self.step}", flush=True)

    def save(self) -> None:
        """Written beside and renamed, so that a stop in between loses nothing."""
        state = {name: part.state_dict() for name, part in self._parts().items()}
        beside = self._state.with_suffix(".new")
        torch.save({**state, "step": self.step, "cycle": asdict(self.cycle)}, beside)
        beside.rename(self._state)

    def learn(self, samples: Samples, likeness: Likeness) -> dict[str, float]:
        """One step; the terms of the loss."""
        cycle = self.cycle
        rng = np.random.default_rng((cycle.seed, self.step))
        batch = samples.batch(rng, cycle.batch, round(cycle.wild * cycle.batch)).to(self.device)
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16):
            said = self.network(batch.pair.contiguous(memory_format=torch.channels_last))
        terms = loss_of(batch, said, likeness, cycle.weights)
        total = torch.stack(list(terms.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.schedule.step()
        self.average.update_parameters(self.network)
        self.step += 1
        return {name: float(term.detach()) for name, term in terms.items()}


def _moving(average: Tensor, new: Tensor, count: Tensor) -> Tensor:
    """An exponential mean that counts the first steps alike, so that it does not lag at first."""
    return average + (new - average) * max(1 - _EMA, 1 / (0.2 * float(count) + 1))


def train(
    run: Run, samples: Samples, held_out: Samples, recogniser: Recogniser, stopped: Event
) -> None:
    """From the run's step to its cycle's end, or until it is stopped."""
    likeness = Likeness(recogniser, samples.mean_identity().to(run.device))
    started, first = time.monotonic(), run.step
    while run.step < run.cycle.steps and not stopped.is_set():
        terms = run.learn(samples, likeness)
        ended = run.step == run.cycle.steps
        seconds = (time.monotonic() - started) / (run.step - first)
        minutes = (run.cycle.steps - run.step) * seconds / 60
        if run.step % TELL_EVERY == 0 or ended:
            print(
                f"{run.cycle.name}: step {run.step} of {run.cycle.steps}, {seconds:.2f} s a step, "
                f"{minutes:.0f} minutes left",
                flush=True,
            )
        if run.step % LOOK_EVERY == 0 or ended:
            draw_sheet(run.average.module, held_out, run.folder / f"sheet_{run.step:06d}.jpg")
        if run.step % SAVE_EVERY == 0 or ended:
            run.save()
            _log(run, terms, evaluate(run.average.module, held_out, likeness))
    if stopped.is_set():
        run.save()
        at = f"{run.cycle.name}: stopped and saved at step {run.step}"
        print(f"{at}; the same command goes on from there", file=sys.stderr)
        raise SystemExit(_STOPPED)


@torch.no_grad()
def between(start: FusionUNet, end: FusionUNet, share: float, samples: Samples) -> FusionUNet:
    """So far on the way from a cycle's start to its end, on the CPU.

    Source: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models",
    arXiv:2109.01903.
    """
    network: FusionUNet = copy.deepcopy(start).cpu()
    parts = (dict(n.cpu().named_parameters()) for n in (start, end))
    for mine, a, b in zip(network.parameters(), *(p.values() for p in parts), strict=True):
        mine.copy_(torch.lerp(a, b, share))
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):  # their statistics are measured anew
            part.reset_running_stats()
            part.momentum = None
    rng = np.random.default_rng(Cycle.seed)
    network.train()
    for _ in range(_MEASURED):
        network(samples.batch(rng, Cycle.batch, Cycle.batch // 4).pair)
    network.eval()
    return network


def _log(run: Run, terms: dict[str, float], found: dict[str, float]) -> None:
    path, row = run.folder / "log.csv", {"step": run.step, **terms, **found}
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if fresh:
            writer.writeheader()
        writer.writerow(row)
    print(f"{run.cycle.name}: {told(found)}", flush=True)


def _stop(stopped: Event) -> None:
    if not stopped.is_set():
        # Not print: the signal may have come in the middle of one.
        os.write(1, b"stopping after this step; what is done is kept\n")
    stopped.set()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--models-dir", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=CYCLES[0].steps, help="of the first cycle")
    args = parser.parse_args()
    stopped = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _stop(stopped))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    recogniser = Recogniser(args.models_dir / "dlib_face_resnet.onnx").to(
        device, memory_format=torch.channels_last
    )
    samples, held_out = Samples(args.samples), Samples(args.held_out)
    torch.manual_seed(Cycle.seed)
    network = FusionUNet()
    for cycle in CYCLES:
        steps = max(1, cycle.steps * args.steps // CYCLES[0].steps)
        run = Run(replace(cycle, steps=steps), network, args.run, device)
        train(run, samples, held_out, recogniser, stopped)
        end = run.average.module
        network = end if cycle.share == 1 else between(network, end, cycle.share, samples)
    torch.save(network.state_dict(), args.run / "trained.pt")


if __name__ == "__main__":
    main()
