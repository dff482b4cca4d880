"""Deployments that do not name the page's origin."""

from tests.gateway.doctor.kinds import (
    ADD,
    JSON,
    PUT,
    Broken,
    always,
    fixed,
    listed,
    primed,
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

TWICE = f"{ADD} always; {ADD} always;"
CACHED = proxied(
    "location / { proxy_pass SERVICE; proxy_cache c; }",
    "proxy_cache_path cache keys_zone=c:1m; proxy_cache_valid 200 1m;",
)
CACHEABLE = proxied(
    "location / { proxy_pass SERVICE; add_header Cache-Control 'public, max-age=60'; }"
)
ONLY_WHEN_ASKED = python(
    lambda asked: Reply(headers=granted(asked.origin, Vary="") if asked.origin else ())
)
WITHOUT_VARY = listed(ORIGIN, Vary="")
ONE_LABEL = starlette(allow_origin_regex=r"https://[a-z-]+\.example\.com")
TWO_VOICES = behind(
    proxied(f"{ADD} always; location / {{ proxy_pass SERVICE; }}"), starlette(allow_origins=["*"])
)


def _own_origin_only(asked: Asked) -> Reply:
    """Vary: Origin is there, the name is not."""
    return Reply(headers=(("Vary", "Accept-Encoding, Origin"),))


ORIGINS = (
    Broken("nothing configured", "no_header", nginx("")),
    Broken("FastAPI without the middleware", "no_header", asgi(application()), JSON),
    Broken("nginx without OPTIONS and headers", "no_header", nginx(""), PUT),
    Broken("a letter left out", "header_misspelt", nginx(ADD.replace("Origin", "Orgin") + ";")),
    Broken(
        "underscores", "header_misspelt", nginx(ADD.replace("Allow-Origin", "Allow_Origin") + ";")
    ),
    Broken(
        "FastAPI, origin not listed",
        "origin_not_listed",
        starlette(allow_origins=["https://x.example"]),
    ),
    Broken(
        "Starlette takes no pattern",
        "origin_not_listed",
        starlette(allow_origins=["https://*.example.com"]),
        JSON,
    ),
    Broken("varies, but not for this one", "origin_not_listed", python(_own_origin_only)),
    Broken("Spring's 403", "origin_not_listed", always(403, body=b"Invalid CORS request"), PUT),
    Broken(
        "nginx with another fixed origin", "other_origin", nginx(ADD.replace("app", "site") + ";")
    ),
    Broken("another origin, with a preflight", "other_origin", fixed("https://site.example"), JSON),
    Broken("nginx and FastAPI both", "multiple_values", TWO_VOICES),
    Broken("two lines", "multiple_values", nginx(TWICE)),
    Broken(
        "two lines on everything",
        "multiple_values",
        nginx(f"{TWICE} location / {{ if ($request_method = OPTIONS) {{ {TWICE} return 204; }} }}"),
        PUT,
    ),
    Broken("joined by a proxy", "multiple_values", fixed(f"{ORIGIN}, *")),
    Broken("a list in one header", "origin_list", fixed(f"https://www.example.com, {ORIGIN}")),
    Broken("a list with spaces", "origin_list", fixed(f"https://www.example.com {ORIGIN}")),
    Broken("a list with a pattern", "origin_list", fixed(f"https://*.example.com, {ORIGIN}")),
    Broken("a pattern as text", "wildcard_literal", fixed("https://*.example.com")),
    Broken("a variable as text", "not_an_origin", fixed("$CORS_ORIGIN")),
    Broken("no scheme", "not_an_origin", fixed("app.example.com")),
    Broken("null", "null_sent", fixed("null")),
    Broken("the other scheme, fixed", "near_scheme", fixed("http://app.example.com")),
    Broken(
        "the other scheme, in a list",
        "near_scheme",
        starlette(allow_origins=["http://app.example.com"]),
    ),
    Broken(
        "the other port", "near_port", listed("http://localhost:3000"), (), "http://localhost:5173"
    ),
    Broken("the default port written out", "near_port", listed(f"{ORIGIN}:443")),
    Broken(
        "a slash at the end, in a list", "near_slash", starlette(allow_origins=[f"{ORIGIN}/"]), JSON
    ),
    Broken("a slash at the end, fixed", "near_slash", fixed(f"{ORIGIN}/")),
    Broken("a path", "near_slash", fixed(f"{ORIGIN}/shop/")),
    Broken(
        "without www",
        "near_www",
        starlette(allow_origins=["https://example.com"]),
        (),
        "https://www.example.com",
    ),
    Broken("with www", "near_www", fixed("https://www.example.com"), (), "https://example.com"),
    Broken("capitals", "near_case", fixed("https://App.Example.com")),
    Broken("capitals in a list", "near_case", listed("https://App.Example.Com")),
    Broken(
        "localhost for 127.0.0.1",
        "near_loopback",
        listed("http://localhost:3000"),
        (),
        "http://127.0.0.1:3000",
    ),
    Broken(
        "a wildcard without the domain itself",
        "near_wildcard",
        ONE_LABEL,
        (),
        "https://example.com",
    ),
    Broken("a wildcard of one label", "near_wildcard", ONE_LABEL, (), "https://a.b.example.com"),
    Broken(
        "a cache that mixes origins", "cache_mixes_origins", primed(behind(CACHED, ONLY_WHEN_ASKED))
    ),
    Broken("cacheable without Vary", "vary_missing_cached", behind(CACHEABLE, WITHOUT_VARY)),
)
