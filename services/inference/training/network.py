"""The fusion U-Net: from a staged pair to slow corrections of its light, and where it shows."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS_IN = 12  # target, texture and lit texture in RGB; mask, skin, eyes
_WIDTHS = (32, 64, 128, 192, 256)
_MOST_LOG_GAIN, _MOST_OFFSET, _MOST_RESIDUAL = 1.2, 0.4, 0.15
_SIGMA = 1.5  # of the colour's smoothing, in pixels of an eighth
_ALPHA_BIAS = 3.0  # untrained, the classical result shows


@dataclass(frozen=True, eq=False)
class Correction:
    """What the network says, all (N, C, H, W): lit * exp(log_gain) + offset is shown by alpha.

    log_gain, offset  RGB, for pixels of 0..1
    alpha             0..1
    residual          the part of offset that does not vary slowly
    """

    log_gain: Tensor
    offset: Tensor
    alpha: Tensor
    residual: Tensor


class _Double(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class FusionUNet(nn.Module):
    """Half the resolution inside; colour at an eighth, alpha and residual at full resolution."""

    def __init__(self) -> None:
        super().__init__()
        first, *_ = _WIDTHS
        self.stem = _Double(4 * CHANNELS_IN, first)
        self.down = nn.ModuleList(_Double(a, b, stride=2) for a, b in pairwise(_WIDTHS))
        self.up = nn.ModuleList(
            _Double(a + b, b) for b, a in zip(_WIDTHS[-2::-1], _WIDTHS[:0:-1], strict=True)
        )
        self.colour = nn.Conv2d(_WIDTHS[2], 6, 3, 1, 1)
        self.fine = nn.Conv2d(first, 4 * 4, 3, 1, 1)
        self.smooth = _Smooth(6)
        for head in (self.colour, self.fine):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        nn.init.constant_(self.fine.bias[:4], _ALPHA_BIAS)

    def forward(self, pair: Tensor) -> Correction:
        """pair (N, 12, H, W) float32 0..1, H and W multiples of 32."""
        level = self.stem(functional.pixel_unshuffle(pair, 2))
        skips = []
        for down in self.down:
            skips.append(level)
            level = down(level)
        levels = []
        for up in self.up:
            level = functional.interpolate(level, scale_factor=2, mode="nearest")
            level = up(torch.cat([level, skips.pop()], dim=1))
            levels.append(level)
        slow = self.smooth(self.colour(levels[-3]).float(), pair[:, 9:10])
        slow = functional.interpolate(slow, scale_factor=8, mode="bilinear", align_corners=False)
        fine = functional.pixel_shuffle(self.fine(level), 2).float()
        residual = _MOST_RESIDUAL * torch.tanh(fine[:, 1:])
        return Correction(
            log_gain=_MOST_LOG_GAIN * torch.tanh(slow[:, :3]),
            offset=_MOST_OFFSET * torch.tanh(slow[:, 3:]) + residual,
            alpha=torch.sigmoid(fine[:, :1]),
            residual=residual,
        )


class _Smooth(nn.Module):
    """A Gaussian mean over the face alone: light varies slowly, what varies faster is a face's own.

    Without it the network takes over how the target's nose and cheeks are shaded, which makes the
    fused face less like the source.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        reach = round(3 * _SIGMA)
        line = torch.exp(-(torch.arange(-reach, reach + 1) ** 2) / (2 * _SIGMA**2))
        line = (line / line.sum()).repeat(channels + 1, 1)
        self.register_buffer("across", line[:, None, None, :], persistent=False)
        self.register_buffer("down", line[:, None, :, None], persistent=False)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """values (N, C, h, w), mask (N, 1, 8 h, 8 w)."""
        weight = functional.avg_pool2d(mask, 8) + 1e-3
        both = torch.cat([values * weight, weight], dim=1)
        for kernel in (self.across, self.down):
            both = functional.conv2d(both, kernel, padding="same", groups=both.shape[1])
        return both[:, :-1] / both[:, -1:]


def corrected(pair: Tensor, said: Correction) -> Tensor:
    """The source's face in the light that the network gives it: (N, 3, H, W) RGB, 0..1."""
    skin = 1 - pair[:, 11:12]  # eyeballs keep the light that they have
    return (pair[:, 6:9] * (skin * said.log_gain).exp() + skin * said.offset).clamp(0, 1)


def compose(pair: Tensor, said: Correction) -> Tensor:
    """The fused face at ratio 1: (N, 3, H, W) RGB."""
    target, mask = pair[:, :3], pair[:, 9:10]
    return target + (corrected(pair, said) - target) * mask * said.alpha


def load(path: Path) -> FusionUNet:
    """The trained.pt of a run, ready to use."""
    network = FusionUNet()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network.eval()
    return network
