"""Quality of the pictures: every swap model beside the plain baseline, in one run.

The people were held out when the U-Net was trained; for what is known of exceptions see its model
card. The first recogniser takes no part in a fusion or in training.
Relit: the target in other light as its own source, which should give the target back inside the
face.
Rebuilt: another person's face was fused into a photo; its own face, from another geometry and in
other light, should give the photo back (the scenes of training, of held-out people).
The sheet shows all pairs.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import measures
from benchmarks.baseline import fuse_plainly
from benchmarks.pairs import pairs
from benchmarks.portraits import Portrait, read_portrait
from benchmarks.recognisers import Likeness, likenesses
from benchmarks.scenes import Rebuilt, rebuilt_scenes, relight
from benchmarks.seam import seam, steps
from benchmarks.sheets import Sheet
from fusion.models.registry import FaceModels, load_models
from fusion.pipeline import fuse
from fusion.types import Face, FusionOptions, ImageBGR, Mask

RELIT = 20
CACHE = Path(__file__).resolve().parents[2] / ".cache/recogniser"
Fuse = Callable[[ImageBGR, Face, ImageBGR, Face], tuple[ImageBGR, Mask]]
COLUMNS = (
    "rank-1", "cosine", "dlib r-1", "dlib cos", "drift %", "expression", "yaw", "sharp", "skin",
    "outside %", "seam",
)  # fmt: skip


def run(photos: Path, out: Path, models_dir: Path) -> None:
    models = load_models(models_dir)
    listed = [(read_portrait(models, t), read_portrait(models, s)) for t, s in pairs(photos)]
    people = [(t, s) for t, s in listed if t is not None and s is not None]
    alike = likenesses(models, [p for pair in people for p in pair], CACHE)
    scenes = rebuilt_scenes(models, photos)
    print(f"{len(people)} pairs, {len(scenes)} rebuilt")
    print("          " + "  ".join(f"{name:>10}" for name in (*COLUMNS, *_SELF)))
    sheet, tried = Sheet(people), methods(models)
    for name, method in tried.items():
        results = [method(t.image, t.face, s.image, s.face) for t, s in people]
        row = [*in_the_wild(models, people, results, alike), *_on_itself(method, people, scenes)]
        print(f"{name:<10}" + "  ".join(f"{value:10.4f}" for value in row), flush=True)
        sheet.add([image for image, _ in results])
    sheet.write(out, "quality")
    print(f"{out}/quality.jpg: source, target, {', '.join(tried)}")


def methods(models: FaceModels) -> dict[str, Fuse]:
    def plain(t: ImageBGR, face_t: Face, s: ImageBGR, face_s: Face) -> tuple[ImageBGR, Mask]:
        return fuse_plainly(t, face_t.points, s, face_s.points, models.topology.triangles)

    def swap(name: str) -> Fuse:
        def method(t: ImageBGR, _: Face, s: ImageBGR, __: Face) -> tuple[ImageBGR, Mask]:
            result = fuse(models, t, [s], FusionOptions(ratio=1.0, model=name))
            return result.image_bgr, result.changed.astype(np.float32)

        return method

    return {"baseline": plain, **{name: swap(name) for name in sorted(models.swaps)}}


def in_the_wild(
    models: FaceModels,
    people: list[tuple[Portrait, Portrait]],
    results: list[tuple[ImageBGR, Mask]],
    alike: dict[str, Likeness],
) -> list[float]:
    """The columns of COLUMNS, means over all pairs; of the seam the worst line's."""
    known = [s.who or s for _, s in people]
    sources = [np.stack([like.of(s.image, s.face) for s in known]) for like in alike.values()]
    before = [steps(t.image, t.face.points) for t, _ in people]
    after = [
        steps(image, t.face.points) for (t, _), (image, _) in zip(people, results, strict=True)
    ]
    rows = []
    for index, ((t, _), (image, mask)) in enumerate(zip(people, results, strict=True)):
        again = models.landmarker.locate(image, t.face)
        cosines = [
            vectors @ like.of(image, again)
            for vectors, like in zip(sources, alike.values(), strict=True)
        ]
        looks = [models.expression.measure(face) for face in (t.face, again)]
        rows.append(
            (
                *(n for cosine in cosines for n in (cosine.argmax() == index, cosine[index])),
                100 * measures.drift(t.face, again),
                np.abs(looks[0] - looks[1]).mean(),
                measures.turned(models.topology, t.face, again),
                measures.sharpness_step(t.image, image, t.face.points),
                measures.skin_step(image, t.image, t.face.points),
                100 * ((image != t.image).any(axis=2) & (mask <= 0)).mean(),
            )
        )
    means = np.nanmean(np.array(rows, float), axis=0)
    return [*(float(value) for value in means), seam(before, after)]


_SELF = ("relit dB", "rebuilt dB", "rebuilt err", "structure")


def _on_itself(
    method: Fuse, people: list[tuple[Portrait, Portrait]], scenes: list[Rebuilt]
) -> list[float]:
    """The columns of _SELF: the same photo relit, and photos with a foreign face rebuilt."""
    relit = []
    for seed, (t, _) in enumerate(people[:RELIT]):
        image, _ = method(t.image, t.face, relight(t.image, t.face, seed), t.face)
        inside = measures.inside_face(t.face.points, t.image.shape)
        relit.append(measures.psnr_inside(image, t.image, inside))
    rows = []
    for scene in scenes:
        image, _ = method(scene.target, scene.face_t, scene.source, scene.face_s)
        off = np.abs(image.astype(np.float32) - scene.truth).mean(axis=2)
        rows.append(
            (
                measures.psnr_inside(image, scene.truth, scene.inside),
                off[scene.inside > 0.5].mean() / 255,
                measures.structure_distance(image, scene.truth, scene.inside),
            )
        )
    return [float(np.mean(relit)), *(float(v) for v in np.mean(rows, axis=0))]
