"""The doctor as people call it, and certificates."""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest
from tests.gateway.doctor import certificates
from tests.gateway.doctor.certificates import Certificates
from tests.gateway.doctor.servers import ORIGIN

from gateway.doctor import command


@dataclass(frozen=True)
class Diagnosis:
    """status: of the exit; findings: of the JSON report, in its order."""

    status: int
    document: dict[str, object]
    findings: list[dict[str, object]]

    @property
    def codes(self) -> list[object]:
        return [fault["code"] for fault in self.findings]

    @property
    def evidence(self) -> Any:
        """The only exchange that shows the only finding."""
        [fault] = self.findings
        [seen] = cast(list[Any], fault["evidence"])
        return seen


Doctor = Callable[..., Diagnosis]


def run(url: str, *arguments: str, origin: str = ORIGIN) -> int:
    """The command with its real parser; deployments here answer at once."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args([url, "--origin", origin, "--timeout", "3", *arguments]))


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report's language where a test names none, whatever the machine's locale is."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    def diagnose(url: str, *arguments: str, origin: str = ORIGIN) -> Diagnosis:
        status = run(url, "--json", *arguments, origin=origin)
        document = json.loads(capsys.readouterr().out)
        return Diagnosis(status, document, document["findings"])

    return diagnose


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates.make(tmp_path_factory.mktemp("certificates"))
