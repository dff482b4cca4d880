"""The photos to train with: located once, and split by person into training and held-out ones."""

import csv
import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from fusion.imaging.face_points import OVAL
from fusion.imaging.view import lean_of, region_around
from fusion.models.registry import FaceModels
from fusion.pipeline import find_faces
from fusion.types import Float32, ImageBGR

# Sets of sharp photos: they come up a little more often than all the others together.
SHARP_SETS = ("london", "canada", "faker")
# Of a hundred people; of the sharp sets more, since the comparisons are made on them.
_HELD_OUT, _HELD_OUT_SHARP = 8, 36
FEWEST = 4  # people on either side: of each sample one is the truth and others lend their faces
_COLUMNS = ("file", "set", "identity")
# Members of Congress: these two sets number them alike, others otherwise.
_NUMBERED_ALIKE = ("hainish", "cse")
_ONE_PERSON = 0.5  # embeddings nearer than this; dlib's own limit is 0.6


class UnusableData(Exception):
    """The folder of photos cannot be trained with; the message says what it lacks."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture, the landmarks of its face, and who it shows.

    image     (H, W, 3) uint8 BGR
    points    (478, 3) float32 in its pixels
    identity  (128,) float32, the embedding of the whole photo
    """

    image: ImageBGR
    points: Float32
    identity: Float32

    def around_face(self, margin: float, side_px: float) -> "Photo":
        """The face upright, with its surroundings, its oval's larger side at most side_px."""
        oval, lean = self.points[list(OVAL), :2], lean_of(self.points)
        scale = min(1.0, side_px / float(np.ptp(oval, axis=0).max()))
        region = region_around(oval, self.image.shape, margin, lean_rad=lean).at_scale(scale)
        image, points = np.array(region.cut(self.image)), region.from_picture(self.points)
        return replace(self, image=image, points=points)


@dataclass(frozen=True)
class Listed:
    """A row of index.csv. Two photos show the same person when their `person` is the same."""

    file: str
    set: str
    person: str

    @property
    def sharp(self) -> bool:
        return self.set in SHARP_SETS

    @property
    def numbering(self) -> str:
        """What tells its people apart: the set, but members of Congress have theirs in two."""
        return _NUMBERED_ALIKE[0] if self.set in _NUMBERED_ALIKE else self.set

    @property
    def held_out(self) -> bool:
        """Whether this person is kept for measuring; fixed by the name alone."""
        number = int(hashlib.sha256(self.person.encode()).hexdigest(), 16) % 100
        return number < (_HELD_OUT_SHARP if self.sharp else _HELD_OUT)


Located = dict[Listed, Photo]


def listed_photos(data: Path) -> list[Listed]:
    """All rows of data/faces/index.csv.

    Raises  UnusableData where it lacks a column
    """
    with (data / "faces/index.csv").open() as table:
        reader = csv.DictReader(table)
        lacking = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
        if lacking:
            raise UnusableData(f"faces/index.csv has no column {' and no '.join(lacking)}")
        rows = list(reader)
    return [
        Listed(
            row["file"],
            row["set"],
            row["identity"] if row["set"] in _NUMBERED_ALIKE else row["set"] + row["identity"],
        )
        for row in rows
    ]


def by_person(rows: list[Listed]) -> dict[str, list[Listed]]:
    people: dict[str, list[Listed]] = defaultdict(list)
    for row in rows:
        people[row.person].append(row)
    return dict(people)


def check_photos(data: Path) -> None:
    """Raises UnusableData where there are too few people, or photos are not there."""
    rows = listed_photos(data)
    lost = [row.file for row in rows if not (data / "faces" / row.file).is_file()]
    if lost:
        raise UnusableData(f"{len(lost)} listed photos are not there, such as faces/{lost[0]}")
    for held_out, what in ((False, "to train with"), (True, "to hold out")):
        count = len(by_person([row for row in rows if row.held_out == held_out]))
        if count < FEWEST:
            raise UnusableData(
                f"of faces/index.csv's people {count} are drawn {what}, {FEWEST} are needed: "
                "list more of them"
            )


def look_alike(one: Photo, other: Photo) -> bool:
    """Whether the two may be of one person, by the service's identity network.

    It takes many with dark skin for one another, so it only decides where people may be one.
    """
    return float(np.linalg.norm(one.identity - other.identity)) < _ONE_PERSON


def without_people_of(photos: Located, others: Located) -> Located:
    """The photos that show none of the others' people under another number.

    That happens among the sets of Congress. The sharp sets show nobody of another set, and within a
    numbering the number tells.
    """

    def renumbered(row: Listed, photo: Photo) -> bool:
        return not row.sharp and any(
            not other.sharp and other.numbering != row.numbering and look_alike(photo, held_out)
            for other, held_out in others.items()
        )

    return {row: photo for row, photo in photos.items() if not renumbered(row, photo)}


def read_photo(models: FaceModels, path: Path) -> Photo | None:
    """The photo with its largest face located, or None where none is found."""
    read = cv2.imread(str(path))
    if read is None:
        raise FileNotFoundError(f"{path} is missing or no picture")
    image = np.asarray(read, np.uint8)
    faces = find_faces(models, image)
    if not faces:
        return None
    face = max(faces, key=lambda face: face.size_px)
    return Photo(image, face.points, models.identity.embed(image, face))
