"""ONNX Runtime's official builds report to their maker by default; ours must not."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# A graph of one node: what matters is that a session was opened.
LOAD_A_MODEL = """
import sys
from pathlib import Path
import onnx
from onnx import TensorProto, helper
from fusion.models.session import OnnxModel

value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", value[:1], value[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
path = Path(sys.argv[1]) / "one.onnx"
onnx.save(model, path)
OnnxModel(path)
"""


def test_loading_a_model_leaves_no_device_id_in_the_home_folder(tmp_path: Path) -> None:
    """With telemetry on, the runtime keeps an id and a queue of events below ~/.cache."""
    home = tmp_path / "home"
    home.mkdir()
    unset = {"ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}
    clean = {name: value for name, value in os.environ.items() if name not in unset}
    subprocess.run(
        [sys.executable, "-B", "-c", LOAD_A_MODEL, str(tmp_path)],
        env={**clean, "HOME": str(home), "PYTHONPATH": str(ROOT / "services/inference")},
        check=True,
    )
    assert not list(home.rglob("*"))
