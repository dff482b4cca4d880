"""What the U-Net is asked for, by kind of sample."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from training.dataset import Batch
from training.network import Correction, compose, corrected
from training.recogniser import Recogniser, chips
from training.samples import OWN, SECOND, WILD

_SLOW_PX, _TONE_PX = 8, 56
_BROWS = 20.0  # a row of the recogniser's chip that lies above all brows


@dataclass(frozen=True)
class Weights:
    """Of each term against the absolute error inside the face."""

    gradient: float = 1.0
    slow: float = 1.0
    chroma: float = 1.0
    second: float = 0.5  # of all terms where the truth is another photo than the source
    kept: float = 0.1  # of what alpha leaves out of the source, where there is no truth
    kept_own: float = 0.02  # the same where there is one
    tone: float = 0.3  # of the skin's light against the target's, where there is no truth
    border: float = 0.3  # the same in small along the mask's edge, whatever alpha leaves of it
    likeness: float = 2.0  # of the features' own contrast, where there is no truth
    identity: float = 0.4  # of the cosine to the source, where the truth is not the source itself
    residual: float = 0.1
    smooth: float = 0.05


class Likeness:
    """How far the fused faces are from who the sources are."""

    def __init__(self, recogniser: Recogniser, mean: Tensor) -> None:
        """mean  (128,) of all sources: what faces have in common says nothing."""
        self._recogniser = recogniser
        self._mean = mean

    def distance(self, fused: Tensor, chip: Tensor, identity: Tensor) -> Tensor:
        """(N,) 1 - cosine; fused (N, 3, H, W), chip (N, 2, 3), identity (N, 128).

        Of the picture in grey: in colour the gradient paints tints that only a network likes.
        """
        grey = fused.mean(dim=1, keepdim=True).expand_as(fused)
        seen = chips(grey, chip).contiguous(memory_format=torch.channels_last)
        with torch.autocast(fused.device.type, torch.bfloat16):
            found = self._recogniser(seen)
        return 1 - functional.cosine_similarity(found.float() - self._mean, identity - self._mean)


def loss_of(batch: Batch, said: Correction, likeness: Likeness, how: Weights) -> dict[str, Tensor]:
    """The terms, each a mean over the batch and already weighted."""
    pair, truth, counts = batch.pair, batch.truth, batch.counts
    mask = pair[:, 9:10]
    fused = compose(pair, said)
    # Without a truth the mask would learn from the likeness to let everything in, hands before the
    # source too, and from the tone to let nothing in.
    alike = compose(pair, replace(said, alpha=said.alpha.detach()))
    weight = counts * (mask > 0.02)
    own, second, wild = ((batch.kind == k).float().view(-1, 1, 1, 1) for k in (OWN, SECOND, WILD))
    error = fused - truth
    sharp = weight * own  # a second photo does not agree to the pixel
    lenient = weight * (own + how.second * second)
    slow, slow_weight = _slow(error, lenient, _SLOW_PX)
    tint = slow - slow.mean(dim=1, keepdim=True)
    tone, tone_weight = _slow(alike - pair[:, :3], wild * mask * pair[:, 10:11], _TONE_PX)
    edge = wild * 4 * mask * (1 - mask) * pair[:, 10:11]
    step, step_weight = _slow(corrected(pair, said) - pair[:, :3], edge, _SLOW_PX)
    left = (1 - said.alpha) * mask
    # Brows, eyes and lips make the likeness; skin may change its light more freely, and above the
    # brows hair may be left.
    features = wild * mask * (1 - 0.75 * pair[:, 10:11]) * (1 - _above_brows(batch.chip, mask))
    return {
        "error": _mean(error.abs(), sharp),
        "gradient": how.gradient * _gradient(error, sharp),
        "slow": how.slow * _mean(slow.abs(), slow_weight),
        "chroma": how.chroma * _mean(tint.abs(), slow_weight),
        "kept": _mean(left, counts * (how.kept * wild + how.kept_own * (own + second)), mask),
        "tone": how.tone * _mean(tone.abs(), tone_weight),
        "border": how.border * _mean(step.abs(), step_weight),
        "likeness": how.likeness * _gradient(alike - pair[:, 6:9], features),
        "identity": how.identity * _strangeness(batch, alike, likeness if how.identity else None),
        "residual": how.residual * _mean(said.residual.abs(), mask),
        "smooth": how.smooth * _gradient(said.log_gain, mask),  # what need not vary should not
    }


def _strangeness(batch: Batch, fused: Tensor, likeness: Likeness | None) -> Tensor:
    """Mean distance to the source where the truth is not the source itself."""
    other = batch.kind != OWN
    if likeness is None or not other.any():
        return fused.new_zeros(())
    return likeness.distance(fused[other], batch.chip[other], batch.identity[other]).mean()


def _above_brows(chip: Tensor, like: Tensor) -> Tensor:
    """(N, 1, H, W) 1 on the forehead and what is above it; like gives the size."""
    y, x = torch.meshgrid(
        *(torch.arange(n, dtype=chip.dtype, device=chip.device) for n in like.shape[2:]),
        indexing="ij",
    )
    across, down = torch.linalg.inv(chip[:, :, :2])[:, 1].T.reshape(2, -1, 1, 1)
    left, top = chip[:, :, 2].T.reshape(2, -1, 1, 1)
    row = across * (x - left) + down * (y - top)
    return (row < _BROWS).float()[:, None]


def _slow(values: Tensor, weight: Tensor, cell_px: int) -> tuple[Tensor, Tensor]:
    """Weighted means over cells of so many pixels, and the weight of each."""
    total = functional.avg_pool2d(weight, cell_px)
    return functional.avg_pool2d(values * weight, cell_px) / total.clamp(min=1e-3), total


def _mean(values: Tensor, weight: Tensor, area: Tensor | None = None) -> Tensor:
    """Weighted mean over pixels and channels, over the weights' own sum or that of an area."""
    total = (weight if area is None else area).sum().clamp(min=1.0)
    return (values.mean(dim=1, keepdim=True) * weight).sum() / total


def _gradient(error: Tensor, weight: Tensor) -> Tensor:
    across = _mean((error[..., :, 1:] - error[..., :, :-1]).abs(), weight[..., :, 1:])
    down = _mean((error[..., 1:, :] - error[..., :-1, :]).abs(), weight[..., 1:, :])
    return across + down


def inside_error(fused: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """(N,) mean absolute error inside the face, 0..1."""
    error = (fused - truth).abs().mean(dim=1, keepdim=True) * weight
    return torch.asarray(error.sum(dim=(1, 2, 3)) / weight.sum(dim=(1, 2, 3)).clamp(min=1.0))
