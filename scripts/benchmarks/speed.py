"""Time of every stage for a 1080p and a 12 MP target, one thread, median of several runs."""

from pathlib import Path
from statistics import median

import cv2
import numpy as np

from benchmarks.pairs import pairs
from fusion.models.registry import FaceModels, load_models
from fusion.runtime.jobs import Output, fuse_files
from fusion.types import FusionOptions, ImageBGR

SIZES = {"1080p": (1920, 1080), "12 MP": (4000, 3000)}
RUNS = 9
CODEC, NETWORKS = ("decode", "encode"), ("detect", "landmarks", "matte")


def run(photos: Path, models_dir: Path) -> None:
    cv2.setNumThreads(1)  # as the service runs
    models = load_models(models_dir)
    whole = sorted((photos / "photos").glob("*.jpg"))
    target = cv2.imread(str(whole[0] if whole else pairs(photos)[0][0]))
    source = (whole[1] if whole else pairs(photos)[0][1]).read_bytes()
    for name, size in SIZES.items():
        jpeg = cv2.imencode(".jpg", _framed(target, size))[1].tobytes()
        stages = {
            model: _stages(models, jpeg, source, FusionOptions(ratio=1.0, model=model))
            for model in sorted(models.swaps)
        }
        unet_ms = stages["unet"]["light"] - stages["mesh"]["light"]
        for model, ms in stages.items():
            total_ms = sum(ms.values()) - sum(ms[stage] for stage in CODEC)
            networks = sum(ms[stage] for stage in NETWORKS) + (unet_ms if model == "unet" else 0)
            print(f"{name} {model}: " + ", ".join(f"{key} {ms[key]:.1f}" for key in ms) + " ms")
            print(
                f"  networks {networks:.1f} ms, the rest without codecs "
                f"{total_ms - networks:.1f} ms ({total_ms / networks - 1:.2f} of the networks)"
            )
        print(f"  the U-Net takes {unet_ms:.1f} ms")


def _stages(
    models: FaceModels, target: bytes, source: bytes, options: FusionOptions
) -> dict[str, float]:
    """Stage -> milliseconds."""
    runs = [
        fuse_files(
            models, target, [source], options, output=Output(), max_pixels=50_000_000
        ).timings_ms
        for _ in range(RUNS)
    ]
    return {stage: median(run[stage] for run in runs) for stage in runs[0]}


def _framed(image: ImageBGR, size: tuple[int, int]) -> ImageBGR:
    """The portrait as high as the frame, on grey."""
    width, height = size
    scale = height / image.shape[0]
    enlarged = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    canvas = np.full((height, width, 3), 127, np.uint8)
    left = (width - enlarged.shape[1]) // 2
    canvas[:, left : left + enlarged.shape[1]] = enlarged
    return canvas
