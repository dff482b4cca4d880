"""Edits that no list of questions could find out: each is told from the configuration's text."""

from pathlib import Path

import pytest
from tests.gateway.edits import EXPRESSIONS, HARMLESS, NOT_THE_ERRORS, POLICY, Edit, apply

from gateway.configuration import Directive, configuration
from gateway.render import LOG_FILES, TEMPLATES, render_texts
from gateway.settings import GatewaySettings
from gateway.unproved import silent_errors, unproved, unread

EVIL = "add_header Access-Control-Allow-Origin $http_origin always;"
STAR = 'add_header Access-Control-Allow-Origin "*" always;'
PULSE = "    include conf/pulse.conf;"


def place(location: str) -> Edit:
    """A new location of the site."""
    return ("site.conf", PULSE, f"    {location}\n{PULSE}")


def row(variable: str, line: str) -> Edit:
    """A new first row of the map that makes the variable."""
    head = {
        "cors_origin_allowed": "map $http_origin $cors_origin_allowed {",
        "cors_path": "map $uri $cors_path {",
        "cors_granted": "map $cors_path$cors_origin_allowed $cors_granted {",
    }[variable]
    return ("cors-policy.conf", head, f"{head}\n    {line}")


WIDER: dict[str, Edit] = {
    "a location whose service speaks for itself": place(
        r"location ~ ^/api/v1/files/\d+$ { include conf/cors.conf; proxy_pass http://inference; }"
    ),
    "the same without a word about it": place(
        "location /api/x/ { include conf/cors.conf; proxy_pass http://inference; }"
    ),
    "the same in another protocol": place(
        "location /api/x/ { include conf/proxy.conf; fastcgi_pass 127.0.0.1:9; }"
    ),
    "a service that may choose an internal location": place(
        "location /api/x/ { include conf/proxy.conf;"
        " if ($arg_x) { proxy_ignore_headers X-Accel-Expires; proxy_pass http://inference; } }"
    ),
    "a header for some addresses": (
        "site.conf",
        "location /api/ {",
        f"location /api/ {{\n if ($uri ~ ^/api/v1/public) {{ {STAR} return 204; }}",
    ),
    "everybody at some addresses": (
        "cors-policy.conf",
        "map $cors_path$cors_origin_allowed $cors_granted {",
        'map $uri $cors_public { "~^/api/v1/public/" 1; }\n'
        "map $cors_path$cors_origin_allowed$cors_public $cors_granted {\n 101 1;",
    ),
    "a partner at one place": place(
        f'location /api/p/ {{ if ($http_origin = "https://partner.example") {{ {EVIL} }} }}'
    ),
    "a partner as text": row("cors_origin_allowed", "https://partner.example 1;"),
    "a listed origin on pages": row("cors_path", "/config.json 1;"),
    "CORS beside the API": row("cors_path", r'"~^/files/" 1;'),
    "on errors": ("errors.conf", "    include conf/cors.conf;\n", f"    {EVIL}\n"),
    "cookies at one place": (
        "cors-values.conf",
        'map $cors_granted $cors_allow_credentials {\n    default "";',
        'map $cors_granted$uri $cors_allow_credentials {\n    default ""; "~^1/login" true;',
    ),
    "a header exposed at one place": (
        "cors-values.conf",
        'map $cors_granted $cors_expose_headers {\n    default "";',
        "map $cors_granted$uri $cors_expose_headers {\n default $upstream_http_x_names;",
    ),
    "whatever headers are asked for": (
        "preflight.conf",
        "\"{{ settings.cors.headers | join(', ') }}\"",
        "$http_access_control_request_headers",
    ),
    "everybody while requests are limited": (
        "cors-policy.conf",
        "default {{ 1 if settings.cors.any_origin else 0 }};",
        "default {{ 1 if settings.limits.rate_per_second else 0 }};",
    ),
    "a second server": (
        "site.conf",
        "# The front door",
        f"server {{ listen 127.0.0.1:1; server_name b; {EVIL} return 204; }}\n# The front door",
    ),
    "a query": row("cors_granted", "10 $arg_public;"),
    "a variable that is set": place("if ($arg_x) { set $cors_path 1; }"),
    "a variable by address": (
        "cors-policy.conf",
        "map $request_uri $cors_asked_path {",
        "geo $office { default 0; 10.0.0.0/8 1; }\n"
        "map $cors_path$office $cors_office { 11 1; }\nmap $request_uri $cors_asked_path {\n"
        " /x $cors_office;",
    ),
    "a variable out of an address": place(
        "location ~ ^/open/(?<cors_granted>.)$ { include conf/cors.conf; return 204; }"
    ),
    "another header that opens": place(
        "location /api/x/ { add_header Access-Control-Allow-Local-Network true always; }"
    ),
    "a trailer": place("location /api/x/ { add_trailer Access-Control-Allow-Origin *; }"),
    "a service's own header let through": (
        "proxy.conf",
        "proxy_hide_header X-Request-ID;",
        "proxy_pass_header Access-Control-Allow-Origin;",
    ),
    # As nginx reads it: quotes, # and } are special where a word begins, and nowhere else.
    "behind an apostrophe in a word": place(
        "location /api/x/ { set $a it's; if ($http_x) { set $cors_granted 1; } set $b it's; }"
    ),
    "behind an escaped line break": place(
        'location /api/x/ { set $a "b\\\n"; if ($http_x) { set $cors_granted 1; } set $b "c"; }'
    ),
    "behind a # in a word": place("location /api/x/ { set $a b#c; set $cors_granted 1; }"),
    "behind a } in a word": place("location /api/x/ { set $a b}; set $cors_granted 1; }"),
    "under a quoted name": place("location /api/x/ { 'set' \"$cors_granted\" 1; }"),
    "a header behind a line break": place(
        r'location /api/x/ { set $a "v\r\nAccess-Control-"; set $b "Allow-Origin: $http_x";'
        ' add_header X-A "$a$b" always; return 204; }'
    ),
    "a header behind a line break of the caller's": place(
        "location /api/x/ { add_header X-A $uri always; return 204; }"
    ),
    "the same through a part of the address": place(
        "location ~ ^/api/x/(?<rest>.*)$ { set $a v-$rest; add_header X-A $a; return 204; }"
    ),
    "a redirect to where the caller says": place(
        "location /api/x/ { return 302 /y$document_uri; }"
    ),
    "a script": place("location /api/x/ { js_header_filter main.open; }"),
}


def tree(templates: Path, **environment: str) -> Directive:
    settings = GatewaySettings.from_env(POLICY | environment)
    return configuration(render_texts(settings, templates, LOG_FILES))


def doubtful(templates: Path, **environment: str) -> list[str]:
    policy = GatewaySettings.from_env(POLICY | environment).cors
    return unproved(policy, tree(templates, **environment))


@pytest.mark.parametrize("name", WIDER)
def test_what_opens_beyond_the_settings_is_told(templates: Path, name: str) -> None:
    apply(templates, WIDER[name])
    assert doubtful(templates)


@pytest.mark.parametrize("edit", EXPRESSIONS)
def test_expressions_about_origins_are_told(templates: Path, edit: Edit) -> None:
    apply(templates, edit)
    assert doubtful(templates)


@pytest.mark.parametrize("edit", HARMLESS)
def test_what_opens_nothing_is_not_told(templates: Path, edit: Edit) -> None:
    apply(templates, edit)
    assert doubtful(templates) == []


def test_rows_that_say_no_and_shorter_lists_are_not_told(templates: Path) -> None:
    apply(templates, row("cors_path", '"~^/api/v1/admin/" 0;'))
    apply(templates, row("cors_granted", "volatile;"))
    name, old = "preflight.conf", "{{ settings.cors.methods | join(', ') }}"
    apply(templates, (name, old, "GET, post"))
    apply(templates, place("location = /api/own { include conf/cors.conf; return 204; }"))
    assert doubtful(templates) == []


@pytest.mark.parametrize(
    "include",
    [
        *("conf/partners.inc", "./conf//partners.inc", "conf/p*r?.inc"),
        *("{outside}/*.conf", "{outside}/p*.conf"),
    ],
)
def test_included_files_are_read(templates: Path, tmp_path: Path, include: str) -> None:
    line = r'"~^https://(.+\.)?partner\.org$" 1;'
    (templates / "conf/partners.inc.j2").write_text(line)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/partners.conf").write_text(line)
    path = include.format(outside=tmp_path / "outside")
    apply(templates, row("cors_origin_allowed", f"include {path};"))
    assert doubtful(templates) == [
        r"map $http_origin $cors_origin_allowed { ~^https://(.+\.)?partner\.org$ 1 }"
    ]


@pytest.mark.parametrize(
    "path",
    [
        *("/nowhere/x.conf", "conf/none*.conf", "{outside}/x.conf"),
        # nginx and Python read these in two ways
        *(
            "conf/p[^x]oxy.conf",
            "conf/[[:alpha:]]roxy.conf",
            "c*/proxy.conf",
            "con?/../conf/proxy.conf",
        ),
        *(r"conf/\proxy.conf", "conf/**.conf"),
    ],
)
def test_an_include_of_what_is_not_there_is_told(
    templates: Path, tmp_path: Path, path: str
) -> None:
    """Later it may be there."""
    apply(templates, place(f"include {path.format(outside=tmp_path)};"))
    assert len(unread(tree(templates))) == 1
    assert unread(tree(TEMPLATES)) == []


OWN_ERROR = "location @large { add_header Cache-Control no-store always; return 413; }"


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([], 0),
        ([NOT_THE_ERRORS], 17),
        (
            [
                place(OWN_ERROR),
                ("site.conf", "location /api/ {", "location /api/ {\nerror_page 413 @large;"),
            ],
            1,
        ),
        (
            [
                place(OWN_ERROR),
                ("site.conf", "location / {", "location / {\nerror_page 413 @large;"),
            ],
            0,
        ),
    ],
)
def test_errors_that_pages_cannot_read_are_told(
    templates: Path, edits: list[Edit], told: int
) -> None:
    for edit in edits:
        apply(templates, edit)
    assert len(silent_errors(tree(templates))) == told


def test_files_on_disk_are_read_as_nginx_reads_them(templates: Path, tmp_path: Path) -> None:
    """A comment ends with \\n alone, and a dollar takes all braces behind it."""
    header = "add_header Access-Control-Allow-Origin $http_x always;"
    (tmp_path / "a.inc").write_bytes(f'# x\r "\n{header}\n# "\n'.encode())
    (tmp_path / "b.inc").write_text(f'set $junk foo${{{{" 1;\n{header}\n# "\n')
    for name in ("a", "b"):
        apply(templates, place(f"location /api/{name}/ {{ include {tmp_path}/{name}.inc; }}"))
    found = doubtful(templates)
    assert [header.rstrip(";") in line for line in found] == [True, True]


@pytest.mark.parametrize(
    "harmless",
    [
        r'location = /robots.txt { return 200 "User-agent: *\nDisallow: /\n"; }',
        "location /old/ { return 301 /new$request_uri; }",
    ],
)
def test_line_breaks_of_texts_and_addresses_as_sent_are_not_told(
    templates: Path, harmless: str
) -> None:
    apply(templates, place(harmless))
    assert doubtful(templates) == []


def test_a_file_that_cannot_be_read_is_told(templates: Path) -> None:
    apply(templates, row("cors_origin_allowed", "include /nowhere/partners.conf;"))
    assert doubtful(templates)


@pytest.mark.parametrize(
    "environment",
    [
        {"CORS_ALLOW_CREDENTIALS": "true"},
        {"CORS_ALLOWED_METHODS": "none", "CORS_ALLOWED_HEADERS": "none"},
        {"CORS_ALLOWED_ORIGINS": "*", "CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN": "1"},
        {"FUSION_PROFILE": "dev", "GATEWAY_TLS": "self-signed"},
        {"CORS_ALLOWED_ORIGINS": "", "CORS_EXPOSED_HEADERS": "none"},
    ],
)
def test_the_templates_as_they_are_shipped_are_proved(environment: dict[str, str]) -> None:
    assert doubtful(TEMPLATES, **environment) == []
