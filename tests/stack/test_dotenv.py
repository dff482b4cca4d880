"""One .env, three readers: compose, the scripts, and the gateway of a mounted file. They agree."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.stack.test_setup import ROOT, bash

from gateway.dotenv import parse_dotenv
from gateway.environment import read_environment
from gateway.faults import InvalidSettings

# Text of a file -> what all three read.
READ = {
    "PLAIN=one\n": {"PLAIN": "one"},
    "NO_END=one": {"NO_END": "one"},
    "EMPTY=\nQUOTED=\"\"\nSINGLE=''\n": {"EMPTY": "", "QUOTED": "", "SINGLE": ""},
    "export A=1\nexport\t B=2\nexported=3\n": {"A": "1", "B": "2", "exported": "3"},
    "A=first\nA=last\n": {"A": "last"},
    "A = one two \nB\t=\tx\t\n": {"A": "one two", "B": "x"},
    "A: colon\nB:x:y\nC : z\n": {"A": "colon", "B": "x:y", "C": "z"},
    "\ufeffBOM=1\nB=2\n": {"BOM": "1", "B": "2"},
    "A=windows\r\nB=2\r\n": {"A": "windows", "B": "2"},
    "  INDENTED=yes\n\t# comment\n \n": {"INDENTED": "yes"},
    "A=600 # ten minutes\nB=a#b\nC=x # y # z\n": {"A": "600", "B": "a#b", "C": "x"},
    "A=\"https://a.example\" # it's mine\nB='x'#c\n": {"A": "https://a.example", "B": "x"},
    "A='it#s'\nB=\"a # b\"\nC=it's\nD=x # \"y\n": {
        "A": "it#s",
        "B": "a # b",
        "C": "it's",
        "D": "x",
    },
    "http_proxy=http://a.example:1\n": {"http_proxy": "http://a.example:1"},
    "A='$5'\nB=a\\b\nC=x # $y\n": {"A": "$5", "B": "a\\b", "C": "x"},
    "A==x\nB=x=y\nC=;x\nD=`x`\nE=é\n": {"A": "=x", "B": "x=y", "C": ";x", "D": "`x`", "E": "é"},
    "A=x\t#y\n": {"A": "x\t#y"},
    # what only some programs take for the end of a line
    "# a\u2028B=1\n# b\x85C=1\n# c\x0bD=1\n# d\rE=1\nA=1\n": {"A": "1"},
}
# What compose fails on, drops, or reads in another way from one version to the next.
REFUSED = [
    *("not a line", "NAME", "export NAME", "=x", "A B=1", "A.B=1", "A-B=1", "1A=1", "- A=1"),
    *("\xa0A=1", "\u2028A=1", "B=1\n\ufeffA=1"),
    *('A="open', "A='open", 'A="two\nlines"', 'A="x" y', 'A="x" B=2', "A='x'y", 'A="x";'),
    *('A="a\\tb"', 'A="a\\"b"', "A='it\\'s'", 'A="a"b"'),
    *("A=$B", "A=https://${B}", 'A="$B"', "A=a$", "A=$$B"),
    *("A= # comment", "A=#x"),
    *("A=x\x0by", "A=\x1b[0m", "A=x\ry", "A=x\r\r"),
]


def read_by_scripts(file: Path) -> "subprocess.CompletedProcess[str]":
    return bash(f"load_dotenv {file}; env -0", ROOT)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


@pytest.mark.parametrize("text", READ)
def test_the_scripts_and_the_gateway_read_the_same(text: str, file: Path) -> None:
    assert parse_dotenv(text) == (READ[text], [])
    file.write_bytes(text.encode())
    result = read_by_scripts(file)
    assert result.returncode == 0, result.stderr
    found = dict(entry.split("=", 1) for entry in result.stdout.split("\0") if entry)
    own = {"PATH", "HOME", "PWD", "SHLVL", "_", "OLDPWD", "ORT_DISABLE_TELEMETRY", "DOTENV_TAKEN"}
    assert {name: found[name] for name in found.keys() - own} == READ[text]


@pytest.mark.parametrize("text", REFUSED)
def test_both_refuse_the_same_and_say_what_to_do(text: str, file: Path) -> None:
    values, bad = parse_dotenv(text)
    assert "A" not in values and bad
    file.write_bytes(f"# first\n{text}\n".encode())
    result = read_by_scripts(file)
    assert result.returncode == 1
    line = bad[0].number + 1
    assert result.stderr.startswith(f"error: {file}, line {line}: ")
    assert bad[0].fix in result.stderr


@pytest.mark.parametrize("content", [b"# \xd4\xca\nA=1\n", b"A=a\0b\n"])
def test_bytes_that_are_no_text_are_refused_by_both(content: bytes, file: Path) -> None:
    file.write_bytes(content)
    assert read_by_scripts(file).returncode == 1
    with pytest.raises(InvalidSettings):
        read_environment({"GATEWAY_ENV_FILE": str(file)})


def test_what_was_taken_from_the_file_is_handed_on(file: Path) -> None:
    file.write_text("A=1\nB=2\n")
    script = f'load_dotenv {file}; echo C=3 >>{file}; load_dotenv {file}; printf %s "$DOTENV_TAKEN"'
    # A is the environment's own, though it says the same.
    assert sorted(bash(script, ROOT, A="1").stdout.splitlines()) == ["B=2", "C=3"]


def test_the_environment_wins_in_the_scripts(file: Path) -> None:
    file.write_text("TAKEN=from the file\nTAKEN=again\nEMPTY=x\n")
    result = bash(f"load_dotenv {file}; echo $TAKEN$EMPTY", ROOT, TAKEN="mine", EMPTY="")
    assert result.stdout == "mine\n"


@pytest.mark.skipif(shutil.which("docker") is None, reason="docker is not installed")
@pytest.mark.parametrize("text", READ)
def test_compose_reads_the_same(text: str, file: Path) -> None:
    file.write_bytes(text.encode())
    compose = file.with_name("compose.yaml")
    compose.write_text("services: {x: {image: x, env_file: [.env]}}")
    command = ["docker", "compose", "--file", str(compose), "config", "--format=json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(result.stdout)["services"]["x"]["environment"]
    # in its own output compose writes a $ twice
    assert {name: value.replace("$$", "$") for name, value in found.items()} == READ[text]
