"""Colours of the page against WCAG 2.2: text 4.5:1 (AA, 1.4.3), marks and edges 3:1 (1.4.11)."""

import re

import pytest

import build_site

TOKENS = (build_site.HERE / "static/css/tokens.css").read_text("utf-8")
LIGHT, DARK = TOKENS.split("prefers-color-scheme: dark")
COLOUR = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")
SCHEMES = {"light": dict(COLOUR.findall(LIGHT))}
SCHEMES["dark"] = SCHEMES["light"] | dict(COLOUR.findall(DARK))

TEXT = [
    (ink, ground)
    for ink in ("ink", "ink-soft")
    for ground in ("paper", "surface", "sunk", "target-soft", "source-soft", "danger-soft")
] + [
    ("danger", "danger-soft"),
    ("warning", "warning-soft"),
    ("ink", "warning-soft"),
    ("on-main", "main"),
    ("surface", "target"),
    ("surface", "source"),
]
MARKS = [
    (mark, ground)
    for mark in ("target", "source", "line-strong", "ink")
    for ground in ("surface", "sunk")
] + [("target", "paper"), ("line-strong", "thumb")]


def luminance(colour: str) -> float:
    """Relative luminance, 0..1, as WCAG defines it."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_can_be_read(scheme: str, ink: str, ground: str) -> None:
    assert contrast(SCHEMES[scheme][ink], SCHEMES[scheme][ground]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("mark", "ground"), MARKS)
def test_marks_and_edges_can_be_seen(scheme: str, mark: str, ground: str) -> None:
    assert contrast(SCHEMES[scheme][mark], SCHEMES[scheme][ground]) >= 3
