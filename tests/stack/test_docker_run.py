"""`scripts/run --docker`: the same promise as natively, with containers."""

import signal
from pathlib import Path

import httpx
import pytest
from stack.containers import docker
from stack.running import RunningStack, accepts, free_port

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("engine")]


def containers_of(stack: RunningStack) -> list[str]:
    label = f"label=com.docker.compose.project=face-fusion-{stack.port}"
    return docker("ps", "--all", "--quiet", "--filter", label).split()


def test_a_signal_stops_and_removes_the_containers(tmp_path: Path) -> None:
    with RunningStack("docker", free_port(), tmp_path) as stack:
        stack.wait_until_ready()
        assert httpx.get(f"{stack.url}/api/health/ready").status_code == 200
        assert len(containers_of(stack)) == 3
        stack.process.send_signal(signal.SIGINT)
        assert stack.wait_until_stopped() == 130
    assert not containers_of(stack)
    assert not accepts(stack.port)


def test_a_container_that_dies_stops_the_stack_with_its_name(tmp_path: Path) -> None:
    with RunningStack("docker", free_port(), tmp_path) as stack:
        stack.wait_until_ready()
        docker("kill", f"face-fusion-{stack.port}-inference-1")
        assert stack.wait_until_stopped() == 1
    assert "error: inference stopped" in stack.text
    assert not containers_of(stack)
