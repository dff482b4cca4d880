"""Random policies and random origins: nginx decides what the oracle decides, every time."""

import random
import re
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from tests.gateway import adversary, written
from tests.gateway.cases import ALLOWED, DENIED
from tests.gateway.directives import Directive, directives
from tests.gateway.lab import Answer, Gateway, free_port, gateway, raw
from tests.gateway.oracle import allow_origin, words
from tests.gateway.pipeline import REQUESTS_A_CONNECTION, ask_all

from gateway.faults import InvalidSettings
from gateway.render import LOG_FILES, TEMPLATES, render, render_texts
from gateway.settings import GatewaySettings

SEED = 20_240_229
POLICIES = 24
ORIGINS = 100_000
SENT_ON = 200  # of each policy's, also asked as requests that reach the service
LONG = 40  # of each policy's
LONGEST = 7_000  # nginx's buffer for one line is 8k
DRAWS = 4_000  # of settings
READ = 40  # of each variable's that are taken: rendered, and every directive looked at
TESTED = 8  # of those: written out for nginx -t
STARTED = 12  # of all that are taken
# A gateway may limit how fast one client asks; these tests are one client.
ONE_CLIENT = {"GATEWAY_RATE_PER_SECOND": "0"}
STAR = {"CORS_ALLOWED_ORIGINS": "*", "CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN": "1"}

PREFLIGHT = (
    "OPTIONS /api/v1/fusions HTTP/1.1\r\nHost: x\r\nX-Request-ID: question-{number}\r\n"
    "Access-Control-Request-Method: POST\r\nOrigin: {origin}\r\n\r\n"
)
ORDINARY = (
    "HEAD /api/v1/models HTTP/1.1\r\nHost: x\r\nX-Request-ID: question-{number}\r\n"
    "Origin: {origin}\r\n\r\n"
)


@dataclass(frozen=True)
class Drawn:
    """A policy and what is asked of it."""

    environment: dict[str, str]
    origins: Sequence[str]


def draw() -> Iterator[Drawn]:
    rng = random.Random(SEED)
    policies = [adversary.policy(rng) for _ in range(POLICIES)]
    for number, entries in enumerate(policies):
        others = policies[number - 1]
        origins = [adversary.long_question(rng, entries, LONGEST) for _ in range(LONG)]
        while len(origins) < ORIGINS // POLICIES + 1:
            origins.append(adversary.question(rng, entries, others))
        rng.shuffle(origins)
        setting = rng.choice([" ", ", ", ","]).join(entries)
        yield Drawn({"CORS_ALLOWED_ORIGINS": setting} if number else STAR, origins)


def head_fields(head: bytes) -> Answer:
    """The head of an answer, taken apart."""
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    fields = tuple((name.lower(), value.removeprefix(" ")) for name, _, value in pairs)
    return Answer(int(status.split()[1]), fields, b"")


@dataclass
class Verdicts:
    """Where nginx and the oracle agree, counted, and where they do not, in words."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def ask(self, port: int, form: str, drawn: Drawn, origins: Sequence[str]) -> None:
        requests = [
            form.format(number=_place(number), origin=origin).encode("latin-1")
            for number, origin in enumerate(origins)
        ]
        for number, head in enumerate(ask_all(port, requests)):
            answer = head_fields(head)
            # else an answer was taken for another question's; a preflight's id ends with its place
            # on the connection
            assert (answer.one("x-request-id") or "").endswith(f"-{_place(number)}")
            self._compare(drawn.environment, origins[number], answer)

    def _compare(self, environment: Mapping[str, str], origin: str, answer: Answer) -> None:
        expected = allow_origin(environment, origin)
        granted = answer.one("access-control-allow-origin")
        self.counts["allowed" if granted else "denied"] += 1
        # who may not read gets none of the other headers either
        if granted != expected or bool(answer.cors) != bool(expected):
            setting = environment["CORS_ALLOWED_ORIGINS"]
            text = f"{setting!r} asked by {origin!r}: {answer.cors}, not {expected!r}"
            self.wrong.append(text)


def _place(number: int) -> int:
    return number % REQUESTS_A_CONNECTION + 1


def test_nginx_decides_what_the_oracle_decides(
    nginx: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    verdicts, started = Verdicts(), time.monotonic()
    for drawn in draw():
        with gateway(tmp_path_factory.mktemp("gateway"), drawn.environment | ONE_CLIENT) as running:
            verdicts.ask(running.port, PREFLIGHT, drawn, drawn.origins)
            assert running.hits == 0
            verdicts.ask(running.port, ORDINARY, drawn, drawn.origins[:SENT_ON])
            assert running.hits == SENT_ON
    print(f"{verdicts.counts} in {time.monotonic() - started:.1f} s")
    assert not verdicts.wrong, "\n".join(verdicts.wrong[:20])
    assert verdicts.counts.total() >= ORIGINS + POLICIES * SENT_ON
    # both answers are really asked for
    assert min(verdicts.counts.values()) > ORIGINS // 6


ORIGINS_ARE_IN = {"$cors_origin_allowed", "$cors_allow_origin"}
# Of every variable about CORS: which map or header its value may be seen in, and nowhere else.
PLACES = {
    "CORS_ALLOWED_ORIGINS": ORIGINS_ARE_IN,
    "CORS_ALLOWED_METHODS": {"Access-Control-Allow-Methods"},
    "CORS_ALLOWED_HEADERS": {"Access-Control-Allow-Headers"},
    "CORS_EXPOSED_HEADERS": {"$cors_expose_headers"},
    "CORS_ALLOW_CREDENTIALS": {"$cors_allow_credentials", "Access-Control-Allow-Credentials"},
    "CORS_MAX_AGE": {"Access-Control-Max-Age"},
    # together with the origins, which the draw sets to `*`
    written.DANGEROUS: ORIGINS_ARE_IN,
}
VARY = {"$cors_vary", "$gateway_vary"}
LISTS = ("CORS_ALLOWED_METHODS", "CORS_ALLOWED_HEADERS", "CORS_EXPOSED_HEADERS")
Folder = dict[str, list[Directive]]
STRANGERS = [*DENIED, *ALLOWED, "https://x.example.com", "http://evil.example:8080", "https://com"]


def read_folder(environment: Mapping[str, str]) -> Folder:
    """File -> its directives; raises InvalidSettings."""
    settings = GatewaySettings.from_env(environment)
    texts = render_texts(settings, TEMPLATES, LOG_FILES)
    # a mark of the whole text, if there is one, differs whatever else does
    revision = texts.get(Path("revision"), "").strip() or "no revision"
    return {
        str(path): directives(text.replace(revision, "revision"))
        for path, text in texts.items()
        if path.suffix == ".conf"
    }


def place_of(directive: Directive) -> str:
    """The variable of the map or table that it is in, or the header it adds, or else its name."""
    block = directive.within[-1].split() if directive.within else [""]
    if block[0] in {"map", "geo"}:
        return block[-1]
    return directive.words[directive.words[0] == "add_header"]


def said_in(folder: Folder, places: Collection[str]) -> list[tuple[str, ...]]:
    """The rows of the maps and the headers with their values."""
    every = (directive for file in folder.values() for directive in file)
    said = [directive.words for directive in every if place_of(directive) in places]
    return [words[1:] if words[0] == "add_header" else words for words in said]


def map_allows(rows: Sequence[tuple[str, ...]], origin: str) -> bool:
    """What nginx makes of the map of allowed origins."""
    allowed = dict(row for row in rows if row[0] == "default").get("default", "") == "1"
    for key, value in (row for row in rows if row[0] != "default"):
        if key == "":  # no origin at all
            assert value == ""
            continue
        assert key.startswith("~^") and key.endswith("$") and value == "1"
        allowed = allowed or re.search(key[1:], origin) is not None
    return allowed


def wider(environment: Mapping[str, str], folder: Folder) -> list[str]:
    """In words, everything that the configuration grants and the settings do not say."""

    def yes(variable: str) -> bool:
        return environment[variable].strip().lower() in {"1", "true", "yes", "on"}

    found = []
    rows = said_in(folder, {"$cors_origin_allowed"})
    for origin in STRANGERS:
        if map_allows(rows, origin) != bool(allow_origin(environment, origin)):
            found.append(f"origin {origin!r}")
    for variable in LISTS:
        (listed,) = [row[1] for row in said_in(folder, PLACES[variable]) if row[0] != "default"]
        said = {word.lower() for word in words(environment[variable])}
        # an empty variable is an unset one
        if said and {word.lower() for word in words(listed)} - said:
            found.append(f"{variable} {listed!r}")
    credentials = said_in(folder, PLACES["CORS_ALLOW_CREDENTIALS"])
    if any("true" in row for row in credentials) and not yes("CORS_ALLOW_CREDENTIALS"):
        found.append("credentials")
    if "*" in words(environment["CORS_ALLOWED_ORIGINS"]) and not yes(written.DANGEROUS):
        found.append("any origin")
    return found


@cache
def untouched() -> Folder:
    return read_folder({variable: values[0] for variable, values in written.GOOD.items()})


def moved(folder: Folder) -> set[str]:
    """The places in which it differs from the configuration of the good values."""
    before, after = (
        Counter(directive for file in every.values() for directive in file)
        for every in (untouched(), folder)
    )
    return {place_of(directive) for directive in (before - after) + (after - before)}


def assert_only_moves(variable: str, folder: Folder, told: str) -> None:
    """A value changes what it is about, and no value brings a directive of a new kind."""
    places = moved(folder)
    if variable in PLACES:
        assert places <= PLACES[variable] | VARY, told
    else:
        assert not [place for place in places if place.startswith("$cors_")], told
    every = (directive for file in folder.values() for directive in file)
    base = {place_of(directive) for file in untouched().values() for directive in file}
    assert {place_of(directive) for directive in every} <= base, told


def accepted_draws() -> Iterator[tuple[dict[str, str], str]]:
    """Environments that the gateway takes, and the variable that was drawn."""
    rng = random.Random(SEED)
    for _ in range(DRAWS):
        environment, variable = written.draw(rng)
        try:
            GatewaySettings.from_env(environment)
        except InvalidSettings:
            continue
        yield environment, variable


def test_no_bytes_in_a_setting_say_more_than_they_mean(nginx: str, tmp_path: Path) -> None:
    taken: Counter[str] = Counter()
    for environment, variable in accepted_draws():
        taken[variable] += 1
        if taken[variable] > READ:
            continue
        folder = read_folder(environment)
        told = f"{variable}={environment[variable]!r}"
        assert not wider(environment, folder), told
        assert_only_moves(variable, folder, told)
        # nginx -t opens the addresses too, and a drawn one may be another machine's
        if "LISTEN" not in variable and taken[variable] <= TESTED:
            own = environment | {"GATEWAY_LISTEN": f"127.0.0.1:{free_port()}"}
            render(GatewaySettings.from_env(own), tmp_path / "gateway", nginx=nginx)
    print(f"{taken.total()} of {DRAWS} taken: {taken}")
    # a variable whose draws are all refused tests nothing
    assert set(PLACES) <= set(taken)


def test_the_nginx_of_drawn_settings_denies_every_stranger(
    nginx: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    drawn = [environment for environment, variable in accepted_draws() if "CORS" in variable]
    for environment in random.Random(SEED).sample(drawn, STARTED):
        cors = {name: value for name, value in environment.items() if name.startswith("CORS_")}
        verdicts = Verdicts()
        with gateway(tmp_path_factory.mktemp("gateway"), cors) as running:
            verdicts.ask(running.port, PREFLIGHT, Drawn(cors, STRANGERS), STRANGERS)
        assert not verdicts.wrong, "\n".join(verdicts.wrong)


UNSENDABLE = ["\x00", "\r", "\rX", "\n", "\n ", "\r\n ", "\r\n\t", "\r\nOrigin: ", "\nOrigin: "]


@pytest.mark.parametrize("between", UNSENDABLE, ids=ascii)
@pytest.mark.parametrize("form", [PREFLIGHT, ORDINARY], ids=["preflight", "ordinary"])
def test_what_ends_a_line_never_lends_an_origin(live: Gateway, form: str, between: str) -> None:
    """Bytes that HTTP forbids in a value: refused, or the value ends there, or it is folded."""
    ours, evil = "https://app.example.com", "https://evil.example"
    for origin in (evil + between + ours, ours + between + evil, f"{ours}{between}.evil.example"):
        text = form.format(number=1, origin=origin).replace("\r\n\r\n", "\r\nConnection: close\r\n")
        answer = raw(live.port, text.encode("latin-1") + b"\r\n")
        granted = re.findall(rb"(?im)^access-control-allow-origin: *([^\r\n]*)", answer)
        first_line = re.split(r"[\r\n]", origin)[0]
        # nginx takes the first of two Origin lines, or none; the rest of a split one is no Origin
        assert granted in ([], [ours.encode()] if first_line == ours else [])


@pytest.mark.parametrize("length", [8_000, 8_200, 20_000, 60_000])
def test_an_origin_longer_than_nginx_reads_is_never_granted(live: Gateway, length: int) -> None:
    for origin in ("https://" + "a." * (length // 2) + "cdn.example.net", "x" * length):
        text = PREFLIGHT.format(number=1, origin=origin)
        answer = raw(live.port, text.replace("Host", "Connection: close\r\nHost").encode())
        assert b"access-control-allow-origin" not in answer.lower()


def test_a_thousand_preflights_never_reach_the_service(live: Gateway) -> None:
    drawn = ["https://app.example.com", "https://evil.example"]
    requests = [
        PREFLIGHT.format(number=number, origin=drawn[number % 2]).encode() for number in range(1000)
    ]
    answers = [head_fields(head) for head in ask_all(live.port, requests)]
    assert [answer.status for answer in answers] == [204] * 1000
    assert sum(1 for answer in answers if answer.cors) == 500
    assert live.hits == 0
