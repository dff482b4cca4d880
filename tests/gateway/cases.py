"""Origins against one policy, used on nginx as a process and on the image.

Every denied one is a mistake that a matcher somewhere has made: a missing anchor, an unescaped
dot, ignored case, an unbounded wildcard, a text comparison of URLs.
"""

POLICY = {
    "CORS_ALLOWED_ORIGINS": (
        "https://app.example.com, https://*.cdn.example.net http://localhost:* "
        "https://shop.example.com:8443 http://[::1]:8443 http://127.0.0.1:3000 "
        "https://xn--bcher-kva.example"
    ),
    "GATEWAY_MAX_BODY": "1m",
    "GATEWAY_UPSTREAM_TIMEOUT_S": "1",
    "GATEWAY_RATE_PER_SECOND": "0",  # one client with hundreds of requests is what tests are
}
ORIGIN = "https://app.example.com"
STRANGER = "https://evil.example"

_LABEL_63 = "a" * 63
_HOST_253 = ".".join([_LABEL_63, _LABEL_63, _LABEL_63, "a" * 45, "cdn.example.net"])
assert len(_HOST_253) == 253

ALLOWED = (
    "https://app.example.com",
    "https://a.cdn.example.net",
    "https://a.b.c.cdn.example.net",
    "https://a--b.cdn.example.net",
    "https://a_b.cdn.example.net",
    "https://0.cdn.example.net",
    "https://xn--bcher-kva.cdn.example.net",
    f"https://{_LABEL_63}.cdn.example.net",
    f"https://{_HOST_253}",
    "http://localhost",
    "http://localhost:1",
    "http://localhost:443",
    "http://localhost:3000",
    "http://localhost:65535",
    "https://shop.example.com:8443",
    "http://[::1]:8443",
    "http://127.0.0.1:3000",
    "https://xn--bcher-kva.example",
)

DENIED = (
    # somebody else's host around ours
    "https://app.example.com.evil.example",
    "https://evilapp.example.com",
    "https://evil-app.example.com",
    "https://evil.app.example.com",
    "https://example.com",
    "https://evil.example/https://app.example.com",
    "https://evil.example?https://app.example.com",
    "https://evil.example#https://app.example.com",
    "https://app.example.com@evil.example",
    "https://app.example.com:443@evil.example",
    "https://user@app.example.com",
    "https://user:secret@app.example.com",
    # dots are dots
    "https://appXexample.com",
    "https://app.exampleXcom",
    "https://app-example.com",
    "https://app.example.com.",
    "https://app..example.com",
    # scheme, port, case
    "http://app.example.com",
    "ftp://app.example.com",
    "app.example.com",
    "//app.example.com",
    "https:app.example.com",
    "https:/app.example.com",
    "https:///app.example.com",
    "https://app.example.com:443",
    "https://app.example.com:8443",
    "https://app.example.com:",
    "HTTPS://APP.EXAMPLE.COM",
    "https://App.example.com",
    "Https://app.example.com",
    "https://shop.example.com",
    "https://shop.example.com:84430",
    "https://shop.example.com:8443:8443",
    # not an origin at all
    "null",
    "NULL",
    "*",
    "file://",
    "https://app.example.com/",
    "https://app.example.com/path",
    "https://app.example.com?query",
    "https://app.example.com#fragment",
    "https://app.example.com\\",
    "https://app.example.com%00",
    "https://app.example.com https://evil.example",
    "https://evil.example https://app.example.com",
    "https://app.example.com, https://evil.example",
    "https://app.example.com\thttps://evil.example",
    "https://b\xfccher.example",
    # the wildcard: at least one whole label, nothing but labels, no longer than a host name
    "https://cdn.example.net",
    "https://.cdn.example.net",
    "https://a..cdn.example.net",
    "https://-a.cdn.example.net",
    "https://a-.cdn.example.net",
    "https://*.cdn.example.net",
    "https://A.cdn.example.net",
    "https://acdn.example.net",
    "https://evil-cdn.example.net",
    "https://a.cdnXexample.net",
    "https://a.cdn.example.net.evil.example",
    "https://evil.example/.cdn.example.net",
    "https://evil.example/a.cdn.example.net",
    "https://evil.example?a.cdn.example.net",
    "https://evil.example#a.cdn.example.net",
    "https://evil.example:80.cdn.example.net",
    "https://evil.example\\a.cdn.example.net",
    "https://a:b@c.cdn.example.net",
    "https://a b.cdn.example.net",
    "https://a%2e.cdn.example.net",
    "https://\xe4.cdn.example.net",
    "https://a.cdn.example.net:8443",
    "http://a.cdn.example.net",
    f"https://{'a' * 64}.cdn.example.net",
    f"https://a.{_HOST_253}",
    "https://" + "a." * 2040 + "cdn.example.net",
    # the port wildcard
    "https://localhost:3000",
    "http://localhost:",
    "http://localhost:0",
    "http://localhost:80",
    "http://localhost:03000",
    "http://localhost:65536",
    "http://localhost:99999",
    "http://localhost:300000",
    "http://localhost:3000x",
    "http://localhost:3000/",
    "http://localhost:*",
    "http://localhost:3000@evil.example",
    "http://localhost:3000:3000",
    "http://localhost.evil.example:3000",
    "http://evil.localhost:3000",
    "http://localhostX:3000",
    # addresses
    "http://[::1]",
    "http://[::1]:8444",
    "http://[::1]:84430",
    "http://::1:8443",
    "http://[::2]:8443",
    "http://[0:0:0:0:0:0:0:1]:8443",
    "http://127.0.0.1",
    "http://127.0.0.1:30000",
    "http://127.0.0.1:3001",
    "http://127.0.0.1.evil.example:3000",
    "http://127.1:3000",
    "http://127.0.0.10:3000",
)

EXPOSED = "X-Request-ID, Server-Timing, X-Fusion-Warnings, Retry-After, Content-Disposition"
PREFLIGHT_VARY = ["access-control-request-headers", "access-control-request-method", "origin"]


def granted_answer(origin: str) -> dict[str, str]:
    """The Access-Control- headers of an answer to an allowed origin."""
    return {"access-control-allow-origin": origin, "access-control-expose-headers": EXPOSED}


def granted_preflight(origin: str) -> dict[str, str]:
    """The same of its preflight."""
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "GET, HEAD, POST, DELETE",
        "access-control-allow-headers": "Content-Type, X-Request-ID",
        "access-control-max-age": "7200",
    }
