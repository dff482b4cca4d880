"""Settings come from the environment, whole or not at all."""

import dataclasses
from pathlib import Path

import pytest

from fusion.settings import Settings, SettingsError, available_cpus, known_settings, misspelt


def test_defaults_need_no_environment():
    settings = Settings.from_env({})
    assert settings.models_dir == Path("models")
    assert settings.device == "cpu"
    assert settings.workers == available_cpus() >= 1


def test_values_are_read_with_their_types():
    settings = Settings.from_env(
        {"FUSION_MODELS_DIR": "/opt/models", "FUSION_WORKERS": "3", "FUSION_DEADLINE_S": "2.5"}
    )
    assert settings.models_dir == Path("/opt/models")
    assert (settings.workers, settings.deadline_s) == (3, 2.5)


def test_an_empty_value_is_the_default():
    # compose passes FUSION_QUEUE= for a variable that .env leaves out
    assert Settings.from_env({"FUSION_QUEUE": " "}).queue == Settings().queue


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FUSION_WORKERS", "0"),
        ("FUSION_WORKERS", "two"),
        ("FUSION_WORKERS", "1.5"),
        ("FUSION_WORKERS", "-1"),
        ("FUSION_WORKERS", "٣"),
        ("FUSION_DEADLINE_S", "nan"),
        ("FUSION_DEADLINE_S", "inf"),
        ("FUSION_DEADLINE_S", "1e9"),
        ("FUSION_MAX_UPLOAD_MB", "20MB"),
        ("FUSION_DEVICE", "gpu"),
        ("FUSION_LOG_LEVEL", "loud"),
    ],
)
def test_a_bad_value_is_named_with_its_fix(name, value):
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({name: value})
    (problem,) = refused.value.problems
    assert name in problem
    assert value in problem
    assert "must be" in problem


def test_every_problem_is_reported_at_once():
    bad = {"FUSION_WORKERS": "0", "FUSION_DEVICE": "tpu", "FUSION_QUEUE": "many"}
    with pytest.raises(SettingsError) as refused:
        Settings.from_env(bad)
    assert len(refused.value.problems) == 3
    assert all(any(name in line for line in str(refused.value).splitlines()) for name in bad)


def test_limits_that_contradict_each_other_are_refused():
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({"FUSION_MAX_REQUEST_MB": "10", "FUSION_PIXEL_BUDGET_MP": "60"})
    assert len(refused.value.problems) == 2


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().queue = 1  # type: ignore[misc]


def test_a_misspelt_variable_is_pointed_out():
    assert misspelt({"FUSION_WORKER": "2", "FUSION_PHOTOS": "/photos", "PATH": "/bin"}) == [
        "FUSION_WORKER is not a setting; did you mean FUSION_WORKERS?"
    ]


def test_every_setting_says_what_it_is():
    explained = {name: about for name, _, about in known_settings().values()}
    assert set(explained) == {row.name for row in dataclasses.fields(Settings)}
    assert all(len(about) > 10 for about in explained.values())
