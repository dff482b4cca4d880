"""Settings and templates vetted, before anything is done with them.

What may not be meant goes to standard error; what is wrong is raised.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from gateway import proof
from gateway.advice import warned
from gateway.environment import FILE, written_twice
from gateway.faults import Fault, InvalidSettings, in_words
from gateway.mounts import refuse_replaced
from gateway.render import RenderError, find_nginx
from gateway.settings import GatewaySettings


def with_warnings(environment: Mapping[str, str]) -> tuple[GatewaySettings, tuple[Fault, ...]]:
    """The settings and what may not be meant; raises InvalidSettings with all there is to say."""
    if os.environ.get(FILE):
        refuse_replaced(FILE, Path(os.environ[FILE]))
    settings, found = warned(environment)
    return settings, (*found, *written_twice(os.environ))


def vetted(environment: Mapping[str, str]) -> GatewaySettings:
    """The settings; raises InvalidSettings with all there is to say."""
    settings, found = with_warnings(environment)
    if found:
        print(in_words(found), file=sys.stderr)
    return settings


def vet_templates(settings: GatewaySettings, templates: Path, nginx: str) -> bool:
    """Whether the templates do as the settings say.

    Raises  InvalidSettings where they let in more, unless they are trusted
    """
    found = proof.differences(settings, templates, nginx)
    if refused := [fault for fault in found if fault.severity == "error"]:
        raise InvalidSettings(refused)
    if found:
        print(in_words(found), file=sys.stderr)
    return not found


def needed_nginx() -> str:
    """The program; raises RenderError where it is not installed."""
    nginx = find_nginx()
    if nginx is None:
        raise RenderError("nginx is not installed: apt-get install nginx")
    return nginx
