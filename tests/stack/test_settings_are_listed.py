"""One setting, three places: the code that reads it, compose.yaml, .env.example."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fusion.settings import Settings, known_settings
from gateway import policy
from gateway import settings as gateway_settings
from gateway.faults import InvalidSettings

ROOT = Path(__file__).parents[2]
# Fixed by compose.yaml because they say how its containers meet.
WIRING = {"GATEWAY_LISTEN", "GATEWAY_TLS_LISTEN", "GATEWAY_INFERENCE", "GATEWAY_WEBUI"}
# Fixed by the image or by the compose file that is used.
OF_THE_IMAGE = {"FUSION_MODELS_DIR", "FUSION_DEVICE"}
# Read by compose.yaml and scripts/run themselves.
OF_COMPOSE = {
    "GATEWAY_PORT",
    "GATEWAY_BIND",
    "GATEWAY_TLS_PORT",
    "INFERENCE_MEMORY_LIMIT",
    "IMAGE_TAG",
    "PIP_INDEX_URL",
}


def defaults_in_code() -> dict[str, str]:
    """Every variable that one of the services reads -> its default as text."""
    settings = Settings()
    service = {
        name: "" if name == "FUSION_WORKERS" else format_number(getattr(settings, attribute))
        for name, (attribute, _, _) in known_settings().items()
    }
    return service | gateway_settings.DEFAULTS | policy.DEFAULTS | {"WEBUI_API_BASE": "/api"}


def format_number(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    found = [re.fullmatch(r"#([A-Z_]+)=(.*)", line) for line in lines]
    return {match[1]: match[2].strip('"') for match in found if match}


def test_env_example_lists_every_setting_with_its_default() -> None:
    in_code = {name: value for name, value in defaults_in_code().items() if name not in WIRING}
    listed = {name: value for name, value in example().items() if name not in OF_COMPOSE}
    assert listed == in_code


def test_compose_hands_on_every_setting() -> None:
    text = (ROOT / "compose.yaml").read_text()
    handed_on = set(re.findall(r"^ {6}([A-Z_]+):$", text, re.M))
    assert handed_on == set(defaults_in_code()) - WIRING - OF_THE_IMAGE


def test_every_setting_of_compose_itself_is_listed() -> None:
    used = set()
    for name in ("compose.yaml", "compose.gpu.yaml", "compose.tls.yaml"):
        used |= set(re.findall(r"\$\{([A-Z_]+)", (ROOT / name).read_text()))
    # compose.tls.yaml puts its files where the container finds them
    assert (used - set(gateway_settings.DEFAULTS)) | {"PIP_INDEX_URL"} == OF_COMPOSE
    assert set(example()) >= OF_COMPOSE


def gateway_environment(folder: Path, dotenv: str | None, **environment: str) -> dict[str, str]:
    """What compose would start the gateway's container with, in a folder with that .env."""
    shutil.copy(ROOT / "compose.yaml", folder)
    if dotenv is not None:
        (folder / ".env").write_text(dotenv)
    result = subprocess.run(
        ["docker", "compose", "--project-directory", str(folder), "config", "--format=json"],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(result.stdout)["services"]["nginx"]["environment"]
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.skipif(shutil.which("docker") is None, reason="docker is not installed")
def test_the_gateway_in_a_container_sees_every_name_of_the_env_file(tmp_path: Path) -> None:
    wired = gateway_environment(tmp_path, None)
    assert set(wired) == {*WIRING, "PIP_INDEX_URL"}
    text = (ROOT / ".env.example").read_text()
    every = re.sub(r"^#([A-Z_]+=)", r"\1", text, flags=re.M)
    found = gateway_environment(tmp_path, f"{every}GATEWAY_LISTEN=127.0.0.1:1\nPIP_INDEX_URL=x\n")
    assert {name: found[name] for name in wired} == wired
    gateway_settings.GatewaySettings.from_env(found)
    found = gateway_environment(tmp_path, "CORS_ALLOWED_ORIGIN=https://a.example.com\n")
    with pytest.raises(InvalidSettings, match="did you mean CORS_ALLOWED_ORIGINS"):
        gateway_settings.GatewaySettings.from_env(found)
    found = gateway_environment(tmp_path, "CORS_MAX_AGE=1\n", CORS_MAX_AGE="2")
    assert found["CORS_MAX_AGE"] == "2"
