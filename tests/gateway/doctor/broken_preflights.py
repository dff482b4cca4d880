"""Deployments whose preflights go wrong."""

from tests.gateway.doctor.kinds import (
    ADD,
    ANSWERED,
    JSON,
    PUT,
    WITH_COOKIES,
    Broken,
    always,
    preflights,
    proxied,
    starlette,
)
from tests.gateway.doctor.servers import (
    ORIGIN,
    Asked,
    Reply,
    application,
    asgi,
    behind,
    granted,
    nginx,
    python,
)


def _silent_options(asked: Asked) -> Reply:
    if asked.is_preflight:
        raise ConnectionResetError
    return Reply(headers=granted())


PREFLIGHTS = (
    Broken(
        "http to https",
        "preflight_redirected_https",
        nginx("return 301 https://127.0.0.1:PORT$request_uri;"),
        JSON,
    ),
    Broken(
        "the slash",
        "preflight_redirected_slash",
        nginx("location /api/ { proxy_pass http://127.0.0.1:1; }"),
        JSON,
    ),
    Broken(
        "a log-in page",
        "preflight_redirected",
        nginx(f"{ADD} always; return 302 /login;", path="/data"),
        JSON,
    ),
    Broken(
        "basic authentication",
        "preflight_auth",
        nginx(f"{ANSWERED} auth_basic x; auth_basic_user_file users;"),
        JSON,
    ),
    Broken("authentication without headers", "preflight_auth", always(401), JSON),
    Broken(
        "only GET and POST",
        "preflight_forbidden",
        nginx(f"{ANSWERED} location / {{ limit_except GET POST {{ deny all; }} }}"),
        JSON,
    ),
    Broken("a firewall", "preflight_forbidden", always(403, body=b"blocked"), JSON),
    Broken("headers, but nobody answers OPTIONS", "preflight_405", nginx(ANSWERED), JSON),
    Broken(
        "nginx's headers before FastAPI",
        "preflight_405",
        behind(proxied(f"{ANSWERED} location / {{ proxy_pass SERVICE; }}"), asgi(application())),
        PUT,
    ),
    Broken("python's http.server", "preflight_405", preflights(501), PUT),
    Broken("no route for OPTIONS", "preflight_404", preflights(404), PUT),
    Broken(
        "OPTIONS into a dead upstream",
        "preflight_5xx",
        nginx(f"{ANSWERED} if ($request_method = OPTIONS) {{ return 502; }}"),
        PUT,
    ),
    Broken("a limit, on preflights too", "failed_without_header", always(429), JSON),
    Broken(
        "OPTIONS wants a body",
        "preflight_refused",
        preflights(400, *granted(), body=b"no body"),
        PUT,
    ),
    Broken("OPTIONS is dropped", "preflight_unanswered", python(_silent_options), PUT),
    Broken(
        "an `if` loses the headers",
        "preflight_no_header",
        nginx(
            f"{ANSWERED} location / {{ if ($request_method = OPTIONS) {{"
            "add_header Content-Type text/plain; return 204; } }"
        ),
        PUT,
    ),
    Broken("FastAPI without POST", "method_not_listed", starlette(allow_origins=[ORIGIN]), JSON),
    Broken(
        "FastAPI's methods",
        "method_not_listed",
        starlette(allow_origins=[ORIGIN], allow_methods=["GET"]),
        PUT,
    ),
    Broken(
        "a method that is missing",
        "method_not_listed",
        preflights(204, *granted(Access_Control_Allow_Methods="")),
        PUT,
    ),
    Broken(
        "patch is not PATCH",
        "method_case",
        preflights(200, *granted(Access_Control_Allow_Methods="PATCH")),
        ("--method", "patch"),
    ),
    Broken(
        "all methods, with credentials",
        "star_methods_with_credentials",
        preflights(
            200, *granted(Access_Control_Allow_Methods="*", Access_Control_Allow_Credentials="true")
        ),
        (*PUT, *WITH_COOKIES),
    ),
    Broken(
        "a semicolon",
        "methods_malformed",
        preflights(200, *granted(Access_Control_Allow_Methods="GET; PUT")),
        PUT,
    ),
    Broken(
        "FastAPI's headers",
        "header_not_listed",
        starlette(allow_origins=[ORIGIN]),
        ("--header", "X-Token"),
    ),
    Broken(
        "Content-Type is missing",
        "header_not_listed",
        preflights(200, *granted(Access_Control_Allow_Headers="")),
        JSON,
    ),
    Broken(
        "all headers, with credentials",
        "star_headers_with_credentials",
        preflights(
            200, *granted(Access_Control_Allow_Headers="*", Access_Control_Allow_Credentials="true")
        ),
        (*JSON, *WITH_COOKIES),
    ),
    Broken(
        "all headers, but Authorization",
        "authorization_not_covered",
        preflights(200, *granted(Access_Control_Allow_Headers="*")),
        ("--header", "Authorization"),
    ),
    Broken(
        "quoted headers",
        "headers_malformed",
        preflights(200, *granted(Access_Control_Allow_Headers='"Content-Type"')),
        JSON,
    ),
)
