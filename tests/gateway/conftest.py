"""One gateway with the policy of cases.py for all black-box tests, fresh upstreams for each."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import missing
from tests.gateway.cases import POLICY
from tests.gateway.lab import Gateway, gateway
from tests.gateway.reloading import POLICY as OLD_POLICY

from gateway.render import TEMPLATES, find_nginx


@pytest.fixture(scope="session")
def nginx() -> str:
    """The nginx program of this machine."""
    found = find_nginx()
    if found is None:
        missing("nginx (Debian: apt-get install nginx)")
    return found


@pytest.fixture(scope="session")
def shared_gateway(nginx: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("gateway"), POLICY) as running:
        yield running


@pytest.fixture
def live(shared_gateway: Gateway) -> Gateway:
    """The shared gateway, its upstreams answering 200 and having seen nothing."""
    shared_gateway.inference.reset()
    shared_gateway.webui.reset()
    return shared_gateway


@pytest.fixture
def own(nginx: str, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway of this test alone, with templates that it may edit."""
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    with gateway(tmp_path / "gateway", OLD_POLICY) as running:
        yield running


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where a test renders to; does not exist yet."""
    return tmp_path / "gateway"


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """A copy of the shipped ones, to be edited."""
    return Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))
