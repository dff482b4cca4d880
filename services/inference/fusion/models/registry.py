"""Loads the models folder into one bundle of wrappers."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fusion.errors import ModelUnavailable
from fusion.models.detect.blazeface import Detector
from fusion.models.detect.network import Network
from fusion.models.expression.blendshapes import Expression
from fusion.models.identity.dlib_resnet import Identity
from fusion.models.landmarks.facemesh import Landmarker
from fusion.models.matte.selfie import Matte
from fusion.models.own import own_file
from fusion.models.rows import EMBEDDED, FUSION_UNET, ModelRow
from fusion.models.session import Device, OnnxModel
from fusion.models.swap.look import Swap
from fusion.models.swap.mesh import MeshSwap
from fusion.models.swap.unet import UNetSwap
from fusion.models.swap.warp import MeshWarp
from fusion.models.topology import Topology, load_topology


@dataclass(frozen=True, eq=False)
class FaceModels:
    """Everything that the pipeline runs.

    swaps    name -> swap model
    device   where the networks were really loaded
    """

    detector: Detector
    landmarker: Landmarker
    identity: Identity
    matte: Matte
    expression: Expression
    topology: Topology
    device: Device
    warp: MeshWarp
    swaps: dict[str, Swap] = field(default_factory=dict)


def load_models(models_dir: Path, device: Device = "cpu", threads: int = 1) -> FaceModels:
    """Load and check the embedded models.

    models_dir   filled by scripts/fetch-models
    threads      threads inside one run of a network
    Raises       ModelUnavailable, naming every file that is missing or not the fetched one
    """
    check_files(models_dir)
    rows = {row.name: row for row in EMBEDDED}
    topology = load_topology(models_dir / rows["face_mesh"].file)

    def load(name: str) -> tuple[OnnxModel, ModelRow]:
        return OnnxModel(models_dir / rows[name].file, device, threads), rows[name]

    return FaceModels(
        detector=Detector(Network(*load("blazeface_back")), Network(*load("blazeface_full"))),
        landmarker=Landmarker(*load("face_landmarks")),
        identity=Identity(*load("dlib_face_resnet")),
        matte=Matte(*load("selfie_segmentation")),
        expression=Expression(*load("face_blendshapes")),
        topology=topology,
        device=device,
        warp=MeshWarp(topology),
        swaps={
            "mesh": MeshSwap(),
            "unet": UNetSwap(OnnxModel(own_file(FUSION_UNET), device, threads)),
        },
    )


def check_files(models_dir: Path) -> None:
    """Compare the models folder with the rows and with its manifest.

    Raises    ModelUnavailable, naming every file that is missing, damaged or of another origin
    """
    try:
        manifest = json.loads((models_dir / "manifest.json").read_bytes())
        entries = {entry["name"]: entry for entry in manifest["models"]}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ModelUnavailable(
            "the models folder has no readable manifest.json: run scripts/fetch-models"
        ) from error
    wrong = [row.file for row in EMBEDDED if not _is_good(models_dir, row, entries.get(row.name))]
    if wrong:
        raise ModelUnavailable(
            f"missing, damaged or outdated model files: {', '.join(wrong)}; "
            "run scripts/fetch-models, it makes them again"
        )


def _is_good(models_dir: Path, row: ModelRow, entry: Any) -> bool:
    try:
        data = (models_dir / row.file).read_bytes()
        return bool(
            entry["source_sha256"] == row.source.sha256
            and entry["sha256"] == hashlib.sha256(data).hexdigest()
        )
    except (OSError, LookupError, TypeError):
        return False
