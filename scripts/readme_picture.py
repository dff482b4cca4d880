"""The README's picture: portraits of nobody, fused. Run it again when the fusion has changed.

    .venv/bin/python scripts/readme_picture.py [OUT]

A row a pair: source, target, then the target at each of RATIOS. OUT is docs/fusion.jpg by default.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "services/inference"))

from fusion.models.registry import FaceModels, load_models  # noqa: E402
from fusion.pipeline import fuse  # noqa: E402
from fusion.types import FusionOptions, ImageBGR  # noqa: E402

PAIRS = ((3, 4), (5, 6))  # numbers of source and target in tests/data/composites
RATIOS = (0.5, 1.0)
# Of the 640 px portraits, the head with its hair: the same shape as a cell.
VIEW = np.s_[40:600, 80:560]
CELL_PX, LABEL_PX, FONT_PX = (300, 350), 30, 17
INK, PAPER = (235, 235, 235), (32, 32, 32)  # readable on light and on dark pages
QUALITY = 90


def row(models: FaceModels, source_number: int, target_number: int) -> ImageBGR:
    """One pair as a strip of labelled cells."""
    source, target = portrait(source_number), portrait(target_number)
    cells = [cell("source", source), cell("target", target)]
    for ratio in RATIOS:
        fused = fuse(models, target, [source], FusionOptions(ratio=ratio))
        cells.append(cell(f"ratio {ratio}", fused.image_bgr))
    return np.hstack(cells)


def portrait(number: int) -> ImageBGR:
    return cv2.imread(str(ROOT / f"tests/data/composites/nobody_{number}.jpg"))


def cell(text: str, image_bgr: ImageBGR) -> ImageBGR:
    """(350 + 30, 300, 3) uint8 BGR: the head, and what it is below it."""
    head = cv2.resize(image_bgr[VIEW], CELL_PX, interpolation=cv2.INTER_AREA)
    label = Image.new("RGB", (CELL_PX[0], LABEL_PX), PAPER)
    font = ImageFont.load_default(FONT_PX)
    middle = (CELL_PX[0] / 2, LABEL_PX / 2)
    ImageDraw.Draw(label).text(middle, text, INK, font, anchor="mm")
    return np.vstack([head, np.asarray(label)])  # grey ink on grey paper: BGR and RGB are the same


def main(out: Path) -> None:
    models = load_models(ROOT / "models")
    picture = np.vstack([row(models, source, target) for source, target in PAIRS])
    if not cv2.imwrite(str(out), picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY]):
        raise SystemExit(f"cannot write {out}")
    print(f"{out}: {picture.shape[1]} x {picture.shape[0]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/fusion.jpg")
