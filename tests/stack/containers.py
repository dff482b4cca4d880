"""docker and docker compose as a test uses them: a project of its own, always taken down."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BUILT_WITHIN_S = 1200  # from nothing, with downloads, on two cores
HEALTHY_WITHIN_S = 180


def docker(*arguments: str, timeout_s: float = 120, check: bool = True) -> str:
    """Output of a docker command; its complaint becomes the test's."""
    result = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert not check or result.returncode == 0, f"docker {arguments}: {result.stderr[-3000:]}"
    return result.stdout.strip()


def inspect(container: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(docker("inspect", container))
    return found[0]


class ComposeStack:
    """The repository's compose.yaml as a project of its own on a free port.

    A .env file of the working tree is not read: what is tested is what the repository holds.
    """

    SERVICES = ("inference", "webui", "nginx")

    def __init__(self, project: str, port: int, **settings: str) -> None:
        self.project = project
        self.port = port
        names = ("CORS_", "GATEWAY_", "FUSION_", "WEBUI_", "COMPOSE_", "IMAGE_TAG")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(names)}
        self.environment = {
            **clean,
            "GATEWAY_PORT": str(port),
            "GATEWAY_BIND": "127.0.0.1",
            **settings,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """A compose command, its output and its complaints; the caller looks at the status."""
        command = ["docker", "compose", "--env-file", os.devnull, "--project-name", self.project]
        return subprocess.run(
            [*command, "--file", str(ROOT / "compose.yaml"), *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def must(self, *arguments: str, timeout_s: float = 120) -> str:
        result = self.run(*arguments, timeout_s=timeout_s)
        assert result.returncode == 0, f"compose {arguments}:\n{result.stderr[-4000:]}"
        return result.stdout.strip()

    def up(self) -> None:
        self.must("build", timeout_s=BUILT_WITHIN_S)
        arguments = ("up", "--detach", "--wait", "--wait-timeout", str(HEALTHY_WITHIN_S))
        result = self.run(*arguments, timeout_s=HEALTHY_WITHIN_S + 60)
        assert result.returncode == 0, f"{result.stderr[-2000:]}\n{self.run('logs').stdout[-4000:]}"

    def down(self) -> None:
        self.must("down", "--volumes", "--remove-orphans", "--timeout", "5")

    def container(self, service: str) -> str:
        return self.must("ps", "--all", "--quiet", service)
