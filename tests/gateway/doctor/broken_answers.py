"""Deployments whose answers go wrong, and those that let in strangers."""

from tests.gateway.doctor.kinds import (
    ADD,
    JSON,
    OPTIONS,
    PUT,
    REFLECT,
    WITH_COOKIES,
    Broken,
    always,
    listed,
    starlette,
)
from tests.gateway.doctor.servers import (
    ORIGIN,
    Asked,
    Reply,
    Serve,
    granted,
    nginx,
    python,
)

CREDENTIALS_TRUE = python(
    lambda asked: Reply(headers=granted(Access_Control_Allow_Credentials="True"))
)


def _loop(asked: Asked) -> Reply:
    return Reply(302, (*granted(), ("Location", asked.path + "x")))


def _crash_later(asked: Asked) -> Reply:
    return Reply(headers=granted()) if asked.is_preflight else Reply(503, granted())


def _away(asked: Asked) -> Reply:
    """To its own other name, which lets the page in, but not `null`."""
    if asked.host.startswith("127.0.0.1"):
        there = asked.host.replace("127.0.0.1", "localhost")
        return Reply(302, (*granted(), ("Location", f"http://{there}/v2")))
    return Reply(headers=granted(asked.origin) if asked.origin == ORIGIN else ())


def _with_cookie(asked: Asked) -> Reply:
    """What older middlewares do for `*` with credentials."""
    value = asked.origin if asked.cookie or asked.is_preflight else "*"
    return Reply(headers=granted(value, Access_Control_Allow_Credentials="true"))


def _lax_answers(asked: Asked) -> Reply:
    """The preflight goes by a list, the answers do not."""
    if asked.is_preflight and asked.origin != ORIGIN:
        return Reply()
    return Reply(headers=granted(asked.origin, Access_Control_Allow_Credentials="true"))


def _moved(asked: Asked) -> Reply:
    if asked.path == "/api":
        return Reply(200 if asked.is_preflight else 307, (*granted(), ("Location", "/v2")))
    return Reply(405 if asked.is_preflight else 200, granted())


def _hidden_failure(asked: Asked) -> Reply:
    return Reply(headers=granted()) if asked.is_preflight else Reply(429)


def _hidden_for_all(asked: Asked) -> Reply:
    """Whoever asks is let in, and no origin's answer would have a header."""
    return Reply(headers=granted(asked.origin)) if asked.is_preflight else Reply(413)


def _to(location: str) -> Serve:
    return always(302, *granted(), ("Location", location))


# by a map of the test's own
LISTED = "add_header Access-Control-Allow-Origin $o always; add_header Vary Origin always;"

ANSWERS = (
    Broken(
        "only OPTIONS has headers",
        "answer_no_header",
        nginx(OPTIONS),
        JSON,
    ),
    Broken("nginx without always", "missing_on_errors", nginx(f"{ADD};")),
    Broken(
        "a POST that fails, without always",
        "missing_on_errors",
        nginx(OPTIONS.replace("location / {", f"location / {{ {ADD}; error_page 405 =422 /none;")),
        JSON,
    ),
    Broken(
        "a dead upstream, without always",
        "failed_without_header",
        nginx(f"{ADD}; location / {{ proxy_pass http://127.0.0.1:1; }}"),
    ),
    Broken(
        "FastAPI crashes",
        "failed_without_header",
        starlette("/crash", allow_origins=[ORIGIN]),
    ),
    Broken(
        "FastAPI that lets in everybody crashes",
        "failed_without_header",
        starlette("/crash", allow_origins=["*"], allow_headers=["*"]),
        ("--header", "Authorization"),
    ),
    Broken(
        "too large, and everybody may call", "failed_without_header", python(_hidden_for_all), PUT
    ),
    Broken("rate limit after the preflight", "failed_without_header", python(_hidden_failure), PUT),
    Broken(
        "a redirect without headers",
        "redirected",
        nginx("location /api/ { proxy_pass http://127.0.0.1:1; }"),
    ),
    Broken(
        "a redirect to a log-in",
        "redirected_other_origin",
        always(302, ("Location", "http://127.0.0.1:1/login")),
    ),
    Broken(
        "http to https of a plain GET",
        "redirected_other_origin",
        nginx("return 301 https://$host$request_uri;"),
    ),
    Broken("a redirect to where OPTIONS fails", "redirected_preflight", python(_moved), PUT),
    Broken("a redirect to another origin", "redirected_other_origin", python(_away)),
    Broken("a redirect in circles", "redirect_loop", python(_loop)),
    Broken(
        "any origin, with credentials",
        "star_with_credentials",
        nginx("add_header Access-Control-Allow-Origin * always;"),
        WITH_COOKIES,
    ),
    Broken("no credentials", "credentials_missing", nginx(f"{ADD} always;"), WITH_COOKIES),
    Broken("True", "credentials_not_true", CREDENTIALS_TRUE, WITH_COOKIES),
    Broken(
        "True in the preflight", "credentials_not_true", CREDENTIALS_TRUE, (*PUT, *WITH_COOKIES)
    ),
    Broken("a service that is down", "server_error", python(_crash_later), PUT),
    Broken("everything fails", "server_error", always(502), JSON),
    Broken(
        "a method that the route has not",
        "method_refused",
        nginx(f"{ADD} always;"),
        ("--method", "POST"),
    ),
    Broken(
        "no SameSite",
        "cookie_samesite",
        python(
            lambda asked: Reply(
                headers=granted(
                    Access_Control_Allow_Credentials="true", Set_Cookie="id=secret; Path=/"
                )
            )
        ),
        WITH_COOKIES,
    ),
    Broken(
        "SameSite=None without Secure",
        "cookie_not_secure",
        python(
            lambda asked: Reply(
                headers=granted(
                    Access_Control_Allow_Credentials="true", Set_Cookie="id=secret; SameSite=None"
                )
            )
        ),
        WITH_COOKIES,
    ),
    Broken(
        "X-Request-ID is hidden",
        "header_not_exposed",
        starlette(allow_origins=[ORIGIN]),
        ("--expose", "X-Request-ID"),
    ),
    Broken(
        "all exposed, with credentials",
        "star_expose_with_credentials",
        python(
            lambda asked: Reply(
                headers=granted(
                    Access_Control_Allow_Credentials="true", Access_Control_Expose_Headers="*"
                )
            )
        ),
        ("--expose", "X-Request-ID", *WITH_COOKIES),
    ),
    Broken(
        "Starlette reflects with credentials",
        "reflects_anybody",
        starlette(allow_origins=["*"], allow_credentials=True),
        WITH_COOKIES,
    ),
    Broken(
        "only the preflight is strict", "reflects_anybody", python(_lax_answers), PUT + WITH_COOKIES
    ),
    Broken("reflects for a cookie", "reflects_anybody", python(_with_cookie), PUT + WITH_COOKIES),
    Broken(
        "nginx reflects with credentials",
        "reflects_anybody",
        nginx(f"{REFLECT} add_header Access-Control-Allow-Credentials true always;"),
    ),
    Broken(
        "no end anchor",
        "origin_hole",
        nginx(
            LISTED,
            "map $http_origin $o { '~^https://app\\.example\\.com' $http_origin; }",
        ),
    ),
    Broken(
        "no start anchor",
        "origin_hole",
        nginx(
            LISTED,
            "map $http_origin $o { '~example\\.com$' $http_origin; }",
        ),
    ),
    Broken(
        "a dot that is any letter",
        "origin_hole",
        nginx(
            LISTED,
            "map $http_origin $o { '~^https://app.example.com$' $http_origin; }",
        ),
    ),
    *(
        Broken(f"redirected to {location}", "redirect_broken", _to(location))
        for location in ("http://[bad", "http://x:99999/", "http://a..b/", "ftp://x/", "//u@x/")
    ),
    Broken("a preflight redirected to http://[bad", "redirect_broken", _to("http://[bad"), PUT),
    Broken("null on the list", "null_allowed", listed(ORIGIN, "null")),
)
