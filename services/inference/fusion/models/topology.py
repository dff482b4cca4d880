"""The canonical face mesh: which points make which triangles, and an average face in 3-D."""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from fusion.errors import ModelUnavailable
from fusion.types import Float32


@dataclass(frozen=True, eq=False)
class Topology:
    """MediaPipe's canonical face model (Apache-2.0); points 0..467 are the landmark network's.

    vertices    (468, 3) float32, centimetres: x to the right as seen, y up, z to the camera
    triangles   (898, 3) int32, counter-clockwise as seen from outside with y up
    uv          (468, 2) float32, 0..1
    weights     (468,) float32: how far a point counts in a Procrustes fit, 0 for most
    """

    vertices: Float32
    triangles: NDArray[np.int32]
    uv: Float32
    weights: Float32


def load_topology(path: Path) -> Topology:
    """Read face_mesh.npz.

    Raises    ModelUnavailable when it is missing or damaged
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Topology(
                vertices=arrays["vertices"],
                triangles=arrays["triangles"],
                uv=arrays["uv"],
                weights=arrays["weights"],
            )
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise ModelUnavailable(
            f"the model file {path.name} is missing or damaged: run scripts/fetch-models"
        ) from error
