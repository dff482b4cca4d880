"""Portraits of nobody: averages of many people's photos, for the tests and the README.

    python scripts/composites.py PHOTOS OUT

PHOTOS holds `faces/` with portraits and `index.csv` (file, set, identity). Every portrait of a
group is carried onto the group's mean shape before averaging, so that faces come out sharp.
"""

import csv
import sys
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "services/inference"))

from fusion.imaging import mesh  # noqa: E402
from fusion.imaging.align import fit_similarity, head_pose, transform  # noqa: E402
from fusion.imaging.face_points import MESH_POINTS  # noqa: E402
from fusion.masks.face import mouth_opening  # noqa: E402
from fusion.models.registry import FaceModels, load_models  # noqa: E402
from fusion.pipeline import find_faces  # noqa: E402
from fusion.types import Face, Float32, ImageBGR  # noqa: E402

SETS = ("london", "faker")  # CC BY 4.0 and CC0: what is made from them may be published
SIZE_PX, FACE_PX = 640, 292  # picture side; face width in it
PEOPLE = 8  # a group: fewer and somebody could be recognised
GROUPS = 8
SAME_PERSON = 0.5  # embedding distance below which two portraits show one person
MAX_YAW_DEG, MAX_MOUTH = 9.0, 0.05  # frontal, mouth shut: anything else blurs the average

Portrait = tuple[ImageBGR, Face, Float32]


def portraits(models: FaceModels, folder: Path) -> list[Portrait]:
    """Frontal portraits with shut mouths, one a person, with their identity embeddings."""
    out: list[Portrait] = []
    with (folder / "faces/index.csv").open() as table:
        rows = [row for row in csv.DictReader(table) if row["set"] in SETS]
    for row in rows:
        image = cv2.imread(str(folder / "faces" / row["file"]))
        faces = find_faces(models, image)
        if len(faces) != 1:
            continue
        points = faces[0].landmarks
        pose = head_pose(points, models.topology.vertices, models.topology.weights)
        if abs(pose.yaw) > MAX_YAW_DEG or mouth_opening(points) > MAX_MOUTH:
            continue
        embedding = models.identity.embed(image, faces[0])
        if all(np.linalg.norm(embedding - known) > SAME_PERSON for _, _, known in out):
            out.append((image, faces[0], embedding))
    return out


def groups(embeddings: Float32) -> list[list[int]]:
    """Groups of people who look alike, far from each other; nobody is in two of them."""
    distance = np.linalg.norm(embeddings[:, None] - embeddings[None], axis=2)
    free = np.ones(len(embeddings), bool)
    seeds = [int(distance.mean(axis=1).argmax())]
    out = []
    for _ in range(GROUPS):
        near = [i for i in distance[seeds[-1]].argsort() if free[i]][:PEOPLE]
        out.append([int(i) for i in near])
        free[near] = False
        reach = distance[:, seeds].min(axis=1) * free
        seeds.append(int(reach.argmax()))
    return out


def average(models: FaceModels, people: list[Portrait]) -> ImageBGR:
    """(SIZE_PX, SIZE_PX, 3) uint8 mean portrait."""
    shape = _mean_shape(models, people)
    triangles = models.topology.triangles
    raster = mesh.rasterise(shape, triangles, (SIZE_PX, SIZE_PX))
    total = np.zeros((SIZE_PX, SIZE_PX, 3), np.float64)
    for image, face, _ in people:
        coords = raster.interpolate(face.landmarks[:MESH_POINTS, :2].copy())
        coords = mesh.smooth_map(coords, raster.covered, 2.0)
        total += cv2.remap(image, coords, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(total / len(people) + 0.5, 0, 255).astype(np.uint8)


def _mean_shape(models: FaceModels, people: list[Portrait]) -> Float32:
    model = models.topology.vertices * np.array([1, -1, -1], np.float32)
    scale = FACE_PX / float(np.ptp(model[:, 0]))
    frame = model * scale + np.array([SIZE_PX / 2, SIZE_PX * 0.46, 0], np.float32)
    carried = []
    for _, face, _ in people:
        points = face.landmarks[:MESH_POINTS]
        carried.append(transform(fit_similarity(points, frame, models.topology.weights), points))
    both = np.mean(carried, axis=0)
    mirror = mesh.mirror_index(models.topology.vertices)
    flipped = both[mirror] * [-1, 1, 1] + [SIZE_PX, 0, 0]
    return ((both + flipped) / 2).astype(np.float32)


def main(photos: Path, out: Path) -> None:
    models = load_models(ROOT / "models")
    people = portraits(models, photos)
    print(f"{len(people)} frontal portraits")
    out.mkdir(parents=True, exist_ok=True)
    for number, members in enumerate(groups(np.stack([p[2] for p in people]))):
        picture = average(models, [people[i] for i in members])
        path = out / f"nobody_{number + 1}.jpg"
        cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
        print(path, len(members), "people")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
