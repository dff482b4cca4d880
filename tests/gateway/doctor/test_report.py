"""What people and machines read: both languages, JSON, and words of wrong usage."""

import json
import re
from pathlib import Path

import pytest
from tests.gateway.doctor.conftest import Doctor, run
from tests.gateway.doctor.kinds import JSON, WITH_COOKIES, always, fixed, starlette
from tests.gateway.doctor.servers import ORIGIN, granted

from gateway.doctor import command, report
from gateway.doctor.call import read_call
from gateway.doctor.findings import ROWS, Finding
from gateway.doctor.remedies import LINES
from gateway.doctor.texts import LANGUAGES, Language, texts_in

VALUES = ("detail", "listed", "location", "names", "near", "secure", "status", "value", "wanted")
CALL = read_call("https://api.example.net/v1", ORIGIN, "PUT", ["Authorization"], True, ["X-A"])


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)", text))


def test_the_languages_have_the_same_texts() -> None:
    english, chinese = texts_in("en"), texts_in("zh")
    assert english.faults.keys() == chinese.faults.keys() == ROWS.keys()
    assert english.cdn.keys() == chinese.cdn.keys() == LINES.keys()
    assert {row.remedy for row in ROWS.values()} == LINES.keys()
    for key, texts in english.faults.items():
        for mine, other in zip(texts, chinese.faults[key], strict=True):
            assert placeholders(mine) == placeholders(other), key
            assert re.search(r"[\u4e00-\u9fff]", other), key
    for table, other_table in (
        (english.cdn, chinese.cdn),
        (english.words, chinese.words),
        (english.notes, chinese.notes),
    ):
        assert table.keys() == other_table.keys()
        for key, text in table.items():
            assert placeholders(text) == placeholders(other_table[key]), key


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", ROWS)
def test_every_fault_can_be_told(code: str, language: Language) -> None:
    fault = Finding(code, (), tuple((name, f"<{name}>") for name in VALUES))
    text = report.in_words(CALL, [fault], [], language)
    assert not re.search(r"(?<!\$)\{[a-z_]+\}", text), "a placeholder was left"
    _, _, paragraph = text.partition("\n\n")
    sentence = paragraph.splitlines()[0].partition(f"{code}: ")[2]
    assert sentence
    # one plain sentence: what ends it stands at its end only
    assert len(re.findall(r"[.。](?:\s|$)", sentence)) <= 1
    # what is brief is that sentence alone
    assert (len(paragraph.splitlines()) == 1) == ROWS[code].is_brief
    assert ("CDN" in text) != ROWS[code].is_brief


@pytest.mark.parametrize(
    ("language", "first"),
    [("en", f"A page of {ORIGIN} cannot use POST"), ("zh", f"{ORIGIN} 的页面不能正常使用 POST")],
)
def test_the_report_names_cause_evidence_and_lines(
    language: str, first: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with starlette(allow_origins=["https://www.example.com"])(tmp_path) as url:
        status = run(url, *JSON, "--language", language)
    out = capsys.readouterr().out
    assert status == 1
    assert out.startswith(first)
    assert "origin_not_listed" in out
    assert f"OPTIONS {url} (Origin: {ORIGIN}) -> 400" in out
    assert re.search(rf"{ORIGIN} .*CORS_ALLOWED_ORIGINS", out)
    assert f'allow_origins=["{ORIGIN}"]' in out
    assert r'"~^https://app\.example\.com$" $http_origin;' in out


@pytest.mark.parametrize(("language", "first"), [("en", "OK: "), ("zh", "正常：")])
def test_a_good_deployment_is_one_line(
    language: str, first: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with fixed("*")(tmp_path) as url:
        assert run(url, "--language", language) == 0
    out = capsys.readouterr().out
    assert out.startswith(first)
    assert len(out.splitlines()) == 1


def test_json_has_codes_and_evidence(doctor: Doctor, tmp_path: Path) -> None:
    with fixed("https://site.example")(tmp_path) as url:
        found = doctor(url, *JSON)
    assert found.document["ok"] is False
    assert found.document["origin"] == ORIGIN
    [fault] = found.findings
    assert set(fault) == {"code", "severity", "sentence", "cause", "change", "evidence"}
    seen = found.evidence
    assert (seen["method"], seen["status"], seen["failure"]) == ("OPTIONS", 200, None)
    assert {"name": "Access-Control-Allow-Origin", "value": "https://site.example"} in seen[
        "headers"
    ]


def test_json_of_a_server_that_is_down(doctor: Doctor) -> None:
    seen = doctor("http://127.0.0.1:1/").evidence
    assert (seen["status"], seen["failure"]["kind"]) == (None, "refused")


def test_secrets_stay_out_of_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cookie = ("Set-Cookie", "id=topsecret; Path=/")
    arguments = ("--header", "Authorization: Bearer topsecret", *WITH_COOKIES)
    headers = granted(
        Access_Control_Allow_Credentials="true", Access_Control_Allow_Headers="Authorization"
    )
    with always(200, *headers, cookie)(tmp_path) as url:
        assert run(url, *arguments) == 1
        assert run(url, "--json", *arguments) == 1
    out = capsys.readouterr().out
    assert "cookie_samesite" in out
    assert "topsecret" not in out


def test_a_servers_text_cannot_write_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with fixed("\x1b]0;owned\x07")(tmp_path) as url:
        assert run(url) == 1
        assert run(url, "--json") == 1
    out = capsys.readouterr().out
    assert "owned" in out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", out)


@pytest.mark.parametrize(
    ("origin", "instead"),
    [
        (f"{ORIGIN}/", ORIGIN),
        (f"{ORIGIN}/shop?x=1", ORIGIN),
        ("https://App.Example.com", ORIGIN),
        (f"{ORIGIN}:443", ORIGIN),
        ("http://localhost:3000/", "http://localhost:3000"),
        ("app.example.com", ORIGIN),
        ("app.example.com:8443/x", f"{ORIGIN}:8443"),
        ("https://user@app.example.com", ORIGIN),
        ("https://*.example.com", ORIGIN),
        ("*", ORIGIN),
        ("null", ORIGIN),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://[::1", ORIGIN),
        ("", ORIGIN),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wrong_origin_is_answered_with_the_right_one(
    origin: str, instead: str, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("http://127.0.0.1:1/", "--language", language, origin=origin) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.rstrip().endswith(f"--origin {instead}")


@pytest.mark.parametrize(
    ("url", "arguments", "word"),
    [
        ("api.example.com", (), "https://"),
        ("ftp://api.example.com", (), "https://"),
        ("http://user:secret@api.example.com", (), "https://"),
        ("http://api.example.com:99999", (), "https://"),
        (f"http://{'a' * 64}.example.com", (), "https://"),
        (f"http://{'ä' * 64}.example.com", (), "https://"),
        ("http://api..example.com", (), "https://"),
        ("http://api。example.com", (), "https://"),
        ("http://127.0.0.1:1/", ("--method", "TRACE"), "--method"),
        ("http://127.0.0.1:1/", ("--method", "GET /"), "--method"),
        ("http://127.0.0.1:1/", ("--header", "Cookie: a=b"), "Cookie"),
        ("http://127.0.0.1:1/", ("--header", "Sec-Fetch-Mode: cors"), "Sec-Fetch-Mode"),
        ("http://127.0.0.1:1/", ("--header", "X A: 1"), "--header"),
        ("http://127.0.0.1:1/", ("--header", "X-A: 1\r\nX-B: 2"), "--header"),
        ("http://127.0.0.1:1/", ("--timeout", "0"), "--timeout"),
        ("http://127.0.0.1:1/", ("--timeout", "nan"), "--timeout"),
    ],
)
def test_wrong_usage_is_status_2(
    url: str, arguments: tuple[str, ...], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(url, *arguments) == 2
    assert word in capsys.readouterr().err


@pytest.mark.parametrize(("language", "word"), [("en", "Report this"), ("zh", "请连同")])
@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_fault_of_the_doctor_is_status_3(
    language: str,
    word: str,
    arguments: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("never seen before")

    monkeypatch.setattr(command, "diagnose", broken)
    assert run("http://127.0.0.1:1/", "--language", language, *arguments) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(word)
    assert "ValueError('never seen before') (test_report.py:" in said.err
    assert len(said.err.splitlines()) == 1


def test_json_is_the_only_thing_on_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with fixed("*")(tmp_path) as url:
        assert run(url, "--json", "--language", "zh") == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
