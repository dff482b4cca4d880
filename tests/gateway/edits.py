"""Edits of templates: in which one what is replaced by what, and the policy to try them with."""

from collections.abc import Callable
from pathlib import Path

APP = "https://app.example.com"
POLICY = {"CORS_ALLOWED_ORIGINS": f"{APP} https://*.cdn.example.net"}
TRUST = {"CORS_DANGEROUSLY_TRUST_TEMPLATES": "1"}
Edit = tuple[str, str, str]

EVERYBODY = (
    "cors-policy.conf",
    "default {{ 1 if settings.cors.any_origin else 0 }};",
    "default 1;",
)
NEIGHBOURS = ("cors-policy.conf", '"~{{ origin | expression }}"', '"~*example"')
STAR = ("cors-values.conf", "1 $http_origin;", "1 *;")
COOKIES = ("cors-values.conf", "{% if settings.cors.credentials %}", "{% if true %}")
PAGES = ("cors-policy.conf", '"~^/api(?:/|(?!\\n)$)" 1;', '"~^/" 1;')
METHODS = ("preflight.conf", "{{ settings.cors.methods | join(', ') }}", "GET, POST, BREW")
HEADERS = (
    "preflight.conf",
    "{{ settings.cors.headers | join(', ') }}",
    "Authorization, Content-Type",
)
NOBODY = ("cors-policy.conf", "11 1;", "11 0;")
NOT_THE_ANSWERS = (
    "site.conf",
    "location /api/ {\n        include conf/cors.conf;",
    "location /api/ {\n        add_header X-My hello always;",
)
NOT_THE_ERRORS = ("errors.conf", "    include conf/cors.conf;\n", "")
DOTS = ("cors-policy.conf", "{{ origin | expression }}", "^{{ origin }}$")
NAMED = (
    "cors-policy.conf",
    "{% for origin in settings.cors.origins %}",
    '"~^https://.*other[.]example$" 1;\n{% for origin in settings.cors.origins %}',
)
STAR_AT_PICTURES = (
    "site.conf",
    "    location /api/ {",
    "    location /api/v1/images/ { add_header Access-Control-Allow-Origin *; return 204; }\n"
    "    location /api/ {",
)
STAR_FOR_POST = (
    "site.conf",
    "location /api/ {",
    "location /api/ {\n"
    "if ($request_method = POST) { add_header Access-Control-Allow-Origin * always; }",
)
STAR_FOR_FILES = (
    "site.conf",
    "    location /api/ {",
    "    location /static/ { add_header Access-Control-Allow-Origin * always; return 204; }\n"
    "    location /api/ {",
)
SERVICES_OWN = ("proxy.conf", "proxy_hide_header Access-Control-", "# ")
EXPOSED = ("cors-values.conf", "{{ settings.cors.exposed_headers | join(', ') }}", "X-Secret")
PRIVATE = (
    "preflight.conf",
    "    add_header Vary",
    "    add_header Access-Control-Allow-Private-Network true always;\n    add_header Vary",
)
REFLECTED = "add_header Access-Control-Allow-Origin $http_origin always; return 204;"
NEW_PLACE = (
    "site.conf",
    "    location /api/ {",
    f"    location = /api/v9/open {{ {REFLECTED} }}\n    location /api/ {{",
)
NEW_FILES = (
    "site.conf",
    "    location /api/ {",
    f"    location ~ ^/data/. {{ {REFLECTED} }}\n    location /api/ {{",
)
IN_THE_MAP = "{% for origin in settings.cors.origins %}"
EXPRESSIONS = [
    ("cors-policy.conf", IN_THE_MAP, f"{line}\n{IN_THE_MAP}")
    for line in (
        r'"~^https?://(.+\.)?partner\.org$" 1;',
        r'"~\.partner\.org$" 1;',
        r"~*^https://(www|app)\.partner\.org$ 1;",
        r"~^https://192\.168\.\d+\.\d+$ 1;",
        "~partner $cors_path;",
        "hostnames; *.partner.org 1;",
    )
] + [
    (
        "cors-policy.conf",
        "map $http_origin $cors_origin_allowed {",
        "map $http_origin $copy { default $http_origin; }\n"
        'map "$copy" $mine { ~partner 1; }\n'
        "map $mine$http_origin $cors_origin_allowed {\n    ~^1 1;",
    ),
    (
        "site.conf",
        "    include conf/pulse.conf;",
        "    if ($http_origin ~ partner) { set $cors_path 1; }\n    include conf/pulse.conf;",
    ),
    (
        "site.conf",
        "    include conf/pulse.conf;",
        f'    location ~ "^/api/(?!v1)[a-z]{{3}}/" {{ {REFLECTED} }}\n    include conf/pulse.conf;',
    ),
]
HARMLESS = [
    (*EXPRESSIONS[0][:2], line + IN_THE_MAP)
    for line in (
        '"~^https://partner\\.org$" 0;\n',
        r'"~^https://app\.example\.com$" 1;',
        "# ~partner 1;\n",
    )
] + [
    (
        "log.conf",
        "map $request_uri",
        "map $http_origin $kind { ~partner partner; }\nmap $request_uri",
    ),
    (
        "site.conf",
        "    include conf/pulse.conf;",
        r"    location ~ \.txt$ { include conf/cors.conf; return 204; }"
        "\n    include conf/pulse.conf;",
    ),
]
NO_VARY = ("cors.conf", "add_header Vary", "# add_header Vary")
LONGER = ("preflight.conf", "{{ settings.cors.max_age_s }}", "86400")
NOT_THE_PICTURES = (
    "site.conf",
    "    location /api/ {",
    "    location /api/v1/images/ { add_header Cache-Control private; return 204; }\n"
    "    location /api/ {",
)
TLS = {"GATEWAY_TLS": "self-signed"}
EVERYBODY_ON_HTTPS = (
    "cors-policy.conf",
    "default {{ 1 if settings.cors.any_origin else 0 }};",
    "default {{ 1 if settings.tls.is_on else 0 }};",
)
REDIRECTED = ("plain.conf", "if ($cors_preflight) {", "if ($cors_granted = 2) {")
NO_ANSWER = (
    "site.conf",
    "    include conf/preflight.conf;",
    "    if ($http_origin = null) { return 444; }\n    include conf/preflight.conf;",
)


def apply(templates: Path, edit: Edit) -> Callable[[], object]:
    """Edits a template; gives what undoes it."""
    name, old, new = edit
    file = templates / "conf" / f"{name}.j2"
    text = file.read_text()
    assert text.count(old) >= 1
    file.write_text(text.replace(old, new))
    return lambda: file.write_text(text)
