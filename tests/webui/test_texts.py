"""The two tables of texts against each other, against the code, and against the API's errors."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import build_site
from fusion import errors
from gateway.problem_documents import problem_documents

TEXTS = build_site.load_texts()
SCRIPTS = {path.name: path.read_text("utf-8") for path in build_site.HERE.rglob("static/**/*.js")}
# Made by the HTTP framework, so they are not in the tree of errors.
FRAMEWORK = {"NOT_FOUND", "METHOD_NOT_ALLOWED"}


def codes_of(error: type[errors.FusionError]) -> Iterator[str]:
    yield error.code
    for kind in error.__subclasses__():
        yield from codes_of(kind)


def api_codes() -> set[str]:
    gateway = {row.code for row in problem_documents(max_body_bytes=1 << 20)}
    return set(codes_of(errors.FusionError)) | gateway | FRAMEWORK


def test_both_languages_have_the_same_keys_in_the_same_order() -> None:
    english, chinese = (list(TEXTS[language]) for language in ("en", "zh"))
    assert english == chinese


def test_both_languages_fill_in_the_same_names() -> None:
    for key, english in TEXTS["en"].items():
        names = [sorted(re.findall(r"\{(\w+)\}", text)) for text in (english, TEXTS["zh"][key])]
        assert names[0] == names[1], key


def test_no_text_is_empty_or_left_in_english() -> None:
    for key, chinese in TEXTS["zh"].items():
        assert (
            re.search(r"[\u4e00-\u9fff]", chinese) or chinese == TEXTS["en"][key] == "{detail}"
        ), key
        assert TEXTS["en"][key].strip()


@pytest.mark.parametrize("code", sorted(api_codes()))
def test_every_error_of_the_api_has_words_and_advice(code: str) -> None:
    for table in TEXTS.values():
        assert f"error.{code}.title" in table
        assert f"error.{code}.help" in table


def test_every_warning_of_the_service_has_words_and_no_other_has() -> None:
    service = Path(str(errors.__file__)).parent.rglob("*.py")
    made = {
        code
        for path in service
        for code in re.findall(r'FusionWarning\(\s*"(\w+)"', path.read_text("utf-8"))
    }
    own = {"warning.title", "warning.unknown"}
    assert {key for key in TEXTS["en"] if key.startswith("warning.")} - own == {
        f"warning.{code}" for code in made
    }


def test_no_error_is_explained_that_nobody_sends() -> None:
    explained = {key.split(".")[1] for key in TEXTS["en"] if key.startswith("error.")}
    own = {code for code in explained if code.startswith("PAGE_")} | {"unknown"}
    assert explained - own == api_codes()


def test_every_text_that_is_asked_for_exists_and_is_asked_for() -> None:
    code = "\n".join(SCRIPTS.values())
    templates = (build_site.HERE / "templates").glob("*.html.j2")
    page = "\n".join(path.read_text("utf-8") for path in templates)
    groups = "|".join(sorted({key.split(".")[0] for key in TEXTS["en"]}))
    asked = set(re.findall(rf'"((?:{groups})\.[\w.]+)"', code + page))
    assert asked <= set(TEXTS["en"])
    put_together = ("error.", "warning.", "photo.", "options.group.")  # for example error.${code}
    assert [key for key in TEXTS["en"] if not key.startswith(put_together)] == [
        key for key in TEXTS["en"] if key in asked and not key.startswith(put_together)
    ]
