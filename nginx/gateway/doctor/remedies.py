"""The lines to change, for each remedy and place; placeholders.py fills the {placeholders}.

gateway  the settings of this repository's nginx (.env), fastapi  its CORSMiddleware, page  the
JavaScript of the page. What a content network (CDN) has to change stands in texts/: those have
consoles and no lines. Comments stand there as well ({note_...}), because they have a language.
"""

from types import MappingProxyType

_MIDDLEWARE = "app.add_middleware(  # {note_last}\n    CORSMiddleware,\n{fastapi_policy}\n)"
_POLICY = {"nginx": "{nginx_policy}", "fastapi": _MIDDLEWARE}

# remedy -> place -> lines
LINES: MappingProxyType[str, dict[str, str]] = MappingProxyType(
    {
        "address": {"page": 'fetch("{url}")  // {note_address}'},
        "address_of_page": {
            "page": 'fetch("{location}")',
            "nginx": "{nginx_policy}",
            "fastapi": "app = FastAPI(redirect_slashes=False)",
        },
        "allow_origin": {
            "gateway": "{note_add_origin}",
            **_POLICY,
        },
        "always": {
            "gateway": "include conf/cors.conf;  # {note_each_block}",
            "nginx": "{nginx_policy}",
            "fastapi": "app = CORSMiddleware(  # {note_outermost}\n    app,\n{fastapi_policy}\n)",
        },
        "answer_itself": {
            "page": 'fetch("{location}")',
            "nginx": "return 401;  # {note_no_redirect}",
            "fastapi": "raise HTTPException(401)  # {note_no_redirect}",
        },
        "buffers": {
            "nginx": "large_client_header_buffers 8 64k;",
            "fastapi": "uvicorn app:app --h11-max-incomplete-event-size 65536",
        },
        "certificate": {
            "nginx": (
                "ssl_certificate fullchain.pem;  # {note_certificate}\n"
                "ssl_certificate_key privkey.pem;"
            )
        },
        "cookie": {
            "nginx": "proxy_cookie_flags ~ secure samesite=none;",
            "fastapi": 'response.set_cookie(..., samesite="none", secure=True)',
        },
        "credentials": {
            "gateway": "CORS_ALLOW_CREDENTIALS=true",
            "nginx": "proxy_hide_header Access-Control-Allow-Credentials;\n"
            "add_header Access-Control-Allow-Credentials true always;",
            "fastapi": _MIDDLEWARE,
        },
        "expose": {
            "gateway": 'CORS_EXPOSED_HEADERS="{gateway_exposed}"',
            "nginx": "proxy_hide_header Access-Control-Expose-Headers;\n"
            'add_header Access-Control-Expose-Headers "{exposed}" always;',
            "fastapi": _MIDDLEWARE,
        },
        "gateway_api": {"page": 'fetch("{site}/api/v1/...")  // {note_docs}'},
        "headers": {
            "gateway": 'CORS_ALLOWED_HEADERS="{gateway_headers}"',
            "nginx": "proxy_hide_header Access-Control-Allow-Headers;\n"
            'add_header Access-Control-Allow-Headers "{headers}" always;',
            "fastapi": _MIDDLEWARE,
        },
        "http": {
            "nginx": "error_log /dev/stderr info;  # {note_dislikes}",
            "fastapi": "return JSONResponse(content)  # {note_lengths}",
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
            "nginx": "proxy_hide_header Access-Control-Max-Age;\n"
            "add_header Access-Control-Max-Age 7200 always;",
            "fastapi": _MIDDLEWARE,
        },
        "methods": {
            "gateway": 'CORS_ALLOWED_METHODS="{gateway_methods}"',
            "nginx": "proxy_hide_header Access-Control-Allow-Methods;\n"
            'add_header Access-Control-Allow-Methods "{methods}" always;',
            "fastapi": _MIDDLEWARE,
        },
        "no_content": {"nginx": "return 204;", "fastapi": "return Response(status_code=204)"},
        "one_voice": {
            "gateway": "include conf/proxy.conf;  # {note_hides}",
            "nginx": "proxy_hide_header Access-Control-Allow-Origin;",
            "fastapi": "# {note_delete}: app.add_middleware(CORSMiddleware, ...)",
        },
        "preflight": _POLICY,
        "route": {"fastapi": '@app.api_route("{path}", methods=["{method}"])'},
        "serve": {
            "nginx": "listen {port};",
            "fastapi": "uvicorn app:app --host 0.0.0.0 --port {port}",
        },
        "star": {
            "gateway": "{note_list_origins}",
            **_POLICY,
            "page": 'fetch("{url}", {{credentials: "omit"}})  // {note_no_cookie}',
        },
        "strict": {"gateway": "{note_list_origins}", **_POLICY},
        "tls": {"nginx": "listen {port} ssl;"},
        "vary": {
            "nginx": "add_header Vary Origin always;",
            "fastapi": 'response.headers.add_vary_header("Origin")',
        },
    }
)
