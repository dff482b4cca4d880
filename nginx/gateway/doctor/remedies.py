"""The lines to change, for each remedy and place; {placeholders} are filled as in the texts.

gateway  the settings of this repository's nginx (.env), fastapi  its CORSMiddleware, page  the
JavaScript of the page. What a content network (CDN) has to change stands in texts/: those have
consoles and no lines.
"""

from types import MappingProxyType

_LIST = "CORS_ALLOWED_ORIGINS"
_MAP = 'map $http_origin $cors_allow_origin {{ "~^{pattern}$" $http_origin; }}'
_ADD = "add_header Access-Control-Allow-Origin $cors_allow_origin always;"
_MIDDLEWARE = 'app.add_middleware(CORSMiddleware, allow_origins=["{origin}"]'
_PREFLIGHT = (
    "if ($request_method = OPTIONS) {{ return 204; }}  # at server level: before auth and redirects"
)

# remedy -> place -> lines
LINES: MappingProxyType[str, dict[str, str]] = MappingProxyType(
    {
        "address": {"page": 'fetch("{url}")  // check host and path'},
        "address_of_page": {
            "page": 'fetch("{location}")',
            "nginx": _PREFLIGHT,
            "fastapi": "app = FastAPI(redirect_slashes=False)",
        },
        "allow_origin": {
            "gateway": f'{_LIST}="{{origin}}"  # and what is listed there today',
            "nginx": f"{_MAP}\n{_ADD}",
            "fastapi": f"{_MIDDLEWARE})",
        },
        "always": {
            "gateway": "include conf/cors.conf;  # in every block with an add_header of its own",
            "nginx": _ADD,
            "fastapi": 'app = CORSMiddleware(app, allow_origins=["{origin}"])  # outermost',
        },
        "buffers": {
            "nginx": "large_client_header_buffers 8 64k;",
            "fastapi": "uvicorn app:app --h11-max-incomplete-event-size 65536",
        },
        "certificate": {
            "nginx": (
                "ssl_certificate fullchain.pem;  # for {host}, from a public authority\n"
                "ssl_certificate_key privkey.pem;"
            )
        },
        "cookie": {
            "nginx": "proxy_cookie_flags ~ secure samesite=none;",
            "fastapi": 'response.set_cookie(..., samesite="none", secure=True)',
        },
        "credentials": {
            "gateway": "CORS_ALLOW_CREDENTIALS=true",
            "nginx": "add_header Access-Control-Allow-Credentials true always;",
            "fastapi": f"{_MIDDLEWARE}, allow_credentials=True)",
        },
        "expose": {
            "gateway": 'CORS_EXPOSED_HEADERS="{wanted}"',
            "nginx": 'add_header Access-Control-Expose-Headers "{wanted}" always;',
            "fastapi": f'{_MIDDLEWARE}, expose_headers="{{wanted}}".split(", "))',
        },
        "headers": {
            "gateway": 'CORS_ALLOWED_HEADERS="{gateway_names}"',
            "nginx": 'add_header Access-Control-Allow-Headers "{asked}" always;',
            "fastapi": f'{_MIDDLEWARE}, allow_headers="{{asked}}".split(", "))',
        },
        "http": {
            "nginx": "error_log /dev/stderr info;  # what nginx itself dislikes in the answer",
            "fastapi": "return JSONResponse(content)  # leave length and chunks to the server",
        },
        "https": {"page": 'fetch("{secure}")', "nginx": "listen 443 ssl;"},
        "location": {
            "nginx": "return 308 $scheme://$http_host/v2$is_args$args;",
            "fastapi": 'RedirectResponse("/v2", status_code=308)',
        },
        "log": {
            "nginx": "error_log /dev/stderr info;",
            "fastapi": "uvicorn app:app --log-level debug",
        },
        "max_age": {
            "gateway": "CORS_MAX_AGE=7200",
            "nginx": "add_header Access-Control-Max-Age 7200 always;",
            "fastapi": f"{_MIDDLEWARE}, max_age=7200)",
        },
        "methods": {
            "gateway": 'CORS_ALLOWED_METHODS="{spaced_methods}"',
            "nginx": 'add_header Access-Control-Allow-Methods "{methods}" always;',
            "fastapi": f'{_MIDDLEWARE}, allow_methods="{{methods}}".split(", "))',
        },
        "no_content": {"nginx": "return 204;", "fastapi": "return Response(status_code=204)"},
        "one_voice": {
            "gateway": "include conf/proxy.conf;  # hides the service's own headers",
            "nginx": "proxy_hide_header Access-Control-Allow-Origin;",
            "fastapi": "# delete: app.add_middleware(CORSMiddleware, ...)",
        },
        "preflight": {
            "nginx": f"{_PREFLIGHT}\n{_MAP}\n{_ADD}",
            "fastapi": f"{_MIDDLEWARE})  # added last, so that it runs before everything else",
        },
        "route": {"fastapi": '@app.api_route("{path}", methods=["{method}"])'},
        "serve": {
            "nginx": "listen {port};",
            "fastapi": "uvicorn app:app --host 0.0.0.0 --port {port}",
        },
        "star": {
            "gateway": f'{_LIST}="{{origin}}"',
            "nginx": f"{_MAP}\n{_ADD}",
            "fastapi": f"{_MIDDLEWARE}, allow_credentials=True)",
            "page": 'fetch("{url}", {{credentials: "omit"}})  // where no cookie is needed',
        },
        "strict": {
            "gateway": f'{_LIST}="{{origin}}"',
            "nginx": f"{_MAP}  # ^, $ and every dot escaped",
            "fastapi": f'{_MIDDLEWARE})  # no allow_origin_regex, no "*"',
        },
        "tls": {"nginx": "listen {port} ssl;", "page": 'fetch("{url}")  // https only with TLS'},
        "vary": {
            "nginx": "add_header Vary Origin always;",
            "fastapi": 'response.headers.add_vary_header("Origin")',
        },
    }
)
