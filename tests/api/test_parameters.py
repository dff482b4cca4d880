"""The table of options: its defaults are the pipeline's, its texts become values."""

import dataclasses

import pytest

from fusion.api.negotiation import Wanted, negotiate
from fusion.api.parameters import fusion_parameters, options_of, output_of, parse_fields
from fusion.errors import NotAcceptable
from fusion.runtime.jobs import Output
from fusion.types import FusionOptions


def test_the_defaults_are_those_of_the_pipeline() -> None:
    values, errors = parse_fields(fusion_parameters(), {})
    assert errors == []
    assert options_of(values) == FusionOptions()
    assert output_of(values) == Output()


def test_every_option_of_the_pipeline_is_offered() -> None:
    names = {row.name for row in fusion_parameters()}
    assert {row.name for row in dataclasses.fields(FusionOptions)} <= names


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("ratio", "1", 1.0),
        ("ratio", " .25 ", 0.25),
        ("ratio", "2.5e-1", 0.25),
        ("brightness", "-0.5", -0.5),
        ("source_face", "largest", "largest"),
        ("source_face", "3", 3),
        ("target_face", "all", "all"),
        ("mappings", "[]", ()),
        ("mappings", '[[1, 0], {"target": 1, "source": 1}]', ((1, 0), (1, 1))),
        ("output_size", "original", None),
        ("output_size", "1024", 1024),
        ("quality", "100", 100),
    ],
)
def test_texts_become_values(name: str, text: str, value: object) -> None:
    values, errors = parse_fields(fusion_parameters(), {name: [text]})
    assert errors == []
    assert values[name] == value


def test_an_error_keeps_no_more_than_a_piece_of_a_long_value() -> None:
    _, (error,) = parse_fields(fusion_parameters(), {"ratio": ["9" * 10_000]})
    assert error["value"] == "9" * 80 + "..."


ALL = ("jpeg", "webp", "png")


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (None, Wanted(False, ALL)),
        ("", Wanted(False, ALL)),
        ("*/*", Wanted(False, ALL)),
        ("image/*", Wanted(False, ALL)),
        ("IMAGE/PNG", Wanted(False, ("png",))),
        ("image/*;q=0.5, image/png", Wanted(False, ("png",))),
        ("image/*, image/png;q=0", Wanted(False, ("jpeg", "webp"))),
        ("application/json", Wanted(True, ALL)),
        ("application/*", Wanted(True, ALL)),
        ("application/json;q=0.9, image/png", Wanted(False, ("png",))),
        ("application/json, image/png;q=0.9", Wanted(True, ("png",))),
        ("image/png;q=nan, image/jpeg;q=0.1", Wanted(False, ("jpeg",))),
        ("image/png;q=7, image/jpeg;q=0.1", Wanted(False, ("jpeg",))),
    ],
)
def test_accept_is_understood(accept: str | None, wanted: Wanted) -> None:
    assert negotiate(accept) == wanted


@pytest.mark.parametrize("accept", ["text/html", "image/gif", "*/*;q=0", "application/json;q=0"])
def test_an_accept_without_our_formats_is_refused(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        negotiate(accept)
