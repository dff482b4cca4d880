"""No value of any variable can change the configuration beyond what that value means."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.test_settings import run

from gateway import policy, render
from gateway import settings as gateway_settings
from gateway.faults import InvalidSettings
from gateway.settings import GatewaySettings

VARIABLES = sorted({**policy.DEFAULTS, **gateway_settings.DEFAULTS})

# Each would end a string, a directive or a block of some template, or name a variable of nginx.
ATTACKS = [
    '"',
    "'",
    ";",
    "{",
    "}",
    "$http_origin",
    "${http_origin}",
    "\\",
    "`",
    "#",
    "\n",
    "\r",
    "\t",
    "\x00",
    "\x7f",
    'x" 1; default 1; "',
    'https://a.example$" 1; "~.*',
    "https://a.example$|.*",
    "https://.*",
    "https://a.example\nhttps://evil.example",
    "GET; add_header Access-Control-Allow-Origin *",
    "{{ settings }}",
    "{% raw %}",
    "../../etc/passwd",
    "127.0.0.1:80; return 200",
    "~.*",
    "default",
    "include /etc/passwd",
    "\u2028",
    "\ud800",
]


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_an_attack_in_a_variable_is_refused_or_meaningless(variable: str, attack: str) -> None:
    for value in (attack, f"https://a.example{attack}", f"{attack} GET", f"GET{attack}"):
        assert_no_wider(variable, value)


def assert_no_wider(variable: str, value: str) -> None:
    """Refused, or rendered into the very structure of the untouched defaults."""
    try:
        accepted = GatewaySettings.from_env({variable: value})
    except InvalidSettings:
        return
    texts = render.render_texts(accepted, render.TEMPLATES, render.LOG_FILES)
    allowed = {str(origin) for origin in accepted.cors.origins}
    assert allowed <= set(re.split("[ ,]+", value)), "an origin that nobody wrote"
    structure = {path: skeleton(text) for path, text in texts.items()}
    for path, text in STRUCTURE.items():
        assert structure[path] == text, path


BLANKED = {
    # what a value may add or change, as a whole line or as one word of it
    r"^ *\"~\^https?://.*\$\" 1; # https?://[][a-z0-9.:*_-]+\n": "",
    r"^    (?:10 Origin|1 true|1 \*|1 \$http_origin);\n": "",
    r"^    add_header Access-Control-(?:Allow-Credentials true|Max-Age \d+) always;\n": "",
    r"^    add_header Strict-Transport-Security \$gateway_hsts always;\n": "",
    r"^# CORS_DANGEROUSLY.*\n": "",
    r"^(    1|.*-Allow-(?:Methods|Headers)) \"[A-Za-z0-9.,_* -]*\"(;| always;)$": r"\1 names\2",
    r"(listen|set \$\w+) [][a-zA-Z0-9.:_-]+": r"\1 address",
    r"address default_server ipv6only=off": "address default_server",
    r"may have at most [0-9.]+ MB": "may have at most N MB",
    r"(^|\"ok )[0-9a-f]{12}\b": r"\1revision",
    r"(\"GATEWAY_\w+\": \")[][a-zA-Z0-9.:_-]+": r"\1address",
    r"(rate=|burst=)\d+": r"\1N",
    r"(\"CORS_\w+\": \")[^\"\n]*": r"\1value",
    r"^    (?:1|11) \$gateway_client;\n": "",
    r"^    https \"max-age=\d+\";\n": "",
    r"frame-ancestors(?: '(?:none|self)'| https?://[a-z0-9.:*_-]+)+\"": 'frame-ancestors"',
    r"(X-Frame-Options) \"(?:DENY|SAMEORIGIN|)\"": r"\1 policy",
    r"^(?:set_real_ip_from [0-9a-f.:/]+;|    [0-9a-f.:/]+ 1;)\n": "",
    r"^(return 308 )https?://[^;]*;": r"\1there;",
    r"(?<=[ ])\d+(?=s?;)": "N",
}


def skeleton(text: str) -> str:
    """A rendered file with its values blanked: names and numbers out, syntax in."""
    for pattern, replacement in BLANKED.items():
        text = re.sub(pattern, replacement, text, flags=re.M)
    return text


STRUCTURE = {
    path: skeleton(text)
    for path, text in render.render_texts(
        GatewaySettings.from_env({}), render.TEMPLATES, render.LOG_FILES
    ).items()
}

PIECES = st.one_of(
    st.sampled_from(
        [*ATTACKS, "https://", "http://", "*.", ":*", ".example.com", "localhost", "*"]
    ),
    st.sampled_from(["GET", "X-A", "true", "1", "0", "off", "64m", ",", " ", "a", "xn--", "[::1]"]),
    st.text(max_size=3),
)


@settings(max_examples=600, deadline=None)
@given(variable=st.sampled_from(VARIABLES), pieces=st.lists(PIECES, max_size=6))
def test_no_mixture_of_good_and_bad_pieces_does_more_than_it_says(
    variable: str, pieces: list[str]
) -> None:
    assert_no_wider(variable, "".join(pieces))


@pytest.mark.parametrize("variable", VARIABLES)
def test_the_command_never_writes_a_configuration_for_an_attack(variable: str, out: Path) -> None:
    done = run("render", "--out", str(out), **{variable: 'x" 1; default 1; "'})
    assert done.returncode == 1
    assert variable in done.stderr
    assert not out.exists()


@pytest.mark.parametrize("value", ['a"b', "a;b", "a{b", "a}b", "$a", "a\\b", "a\nb", "a'b", "a#b"])
def test_even_an_unvalidated_value_cannot_pass_the_templates(value: str, tmp_path: Path) -> None:
    (tmp_path / "nginx.conf.j2").write_text("# {{ worker_user }}\n")
    with pytest.raises(render.RenderError, match="must not stand in a configuration"):
        render.render_texts(
            GatewaySettings.from_env({}), tmp_path, render.LOG_FILES, worker_user=value
        )
