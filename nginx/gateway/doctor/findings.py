"""What can be wrong: one row a code. Texts are in texts/, lines to change in remedies.py."""

from dataclasses import dataclass
from typing import Literal

from gateway.doctor.wire import Exchange

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Row:
    """severity: an error breaks calls or lets strangers in, a warning does neither.

    remedy    key of the lines to change
    is_brief  people are told in a line, without cause, evidence and lines
    """

    severity: Severity
    remedy: str
    is_brief: bool = False


@dataclass(frozen=True)
class Finding:
    """One fault of a deployment.

    evidence  the exchanges that show it
    values    of the texts' placeholders
    """

    code: str
    evidence: tuple[Exchange, ...] = ()
    values: tuple[tuple[str, str], ...] = ()

    @property
    def row(self) -> Row:
        return ROWS[self.code]


def finding(code: str, *evidence: Exchange | None, **values: str) -> Finding:
    shown = tuple(exchange for exchange in evidence if exchange is not None)
    return Finding(code, shown, tuple(values.items()))


def _errors(remedy: str, *codes: str) -> dict[str, Row]:
    return {code: Row("error", remedy) for code in codes}


def _warnings(remedy: str, *codes: str) -> dict[str, Row]:
    return {code: Row("warning", remedy) for code in codes}


# fmt: off
ROWS: dict[str, Row] = {
    # nothing comes back
    **_errors("https", "mixed_content", "http_to_https_port"),
    **_errors("address", "name_not_resolved", "url_not_found"),
    **_errors("serve", "refused", "unreachable", "timeout", "closed", "not_http"),
    **_errors("http", "status_line_broken", "headers_cut", "nul_in_headers", "header_twice"),
    **_errors("http", "answer_headers_too_large", "body_cut", "chunks_broken"),
    **_errors("tls", "tls_not_spoken", "tls_failed"),
    **_errors("certificate", "tls_self_signed", "tls_expired", "tls_wrong_name", "tls_untrusted"),
    **_errors("buffers", "uri_too_long", "headers_too_large"),
    # the origin
    **_errors("gateway_api", "outside_api"),
    **_errors("allow_origin", "no_header", "header_misspelt", "origin_not_listed"),
    **_errors("allow_origin", "other_origin"),
    **_errors("allow_origin", "near_scheme", "near_port", "near_slash", "near_www", "near_case"),
    **_errors("allow_origin", "near_loopback", "near_wildcard"),
    **_errors("allow_origin", "wildcard_literal", "not_an_origin", "null_sent", "origin_list"),
    **_errors("one_voice", "multiple_values"),
    **_errors("vary", "cache_mixes_origins", "vary_missing_cached"),
    # the preflight
    **_errors("address_of_page", "preflight_redirected", "preflight_redirected_https"),
    **_errors("address_of_page", "preflight_redirected_slash"),
    **_errors("preflight", "preflight_auth", "preflight_forbidden", "preflight_404"),
    **_errors("preflight", "preflight_405", "preflight_5xx", "preflight_refused"),
    **_errors("preflight", "preflight_unanswered", "preflight_no_header"),
    **_errors("methods", "method_not_listed", "method_case", "star_methods_with_credentials"),
    **_errors("methods", "methods_malformed"),
    **_errors("headers", "header_not_listed", "star_headers_with_credentials"),
    **_errors("headers", "authorization_not_covered", "headers_malformed"),
    # the answer
    **_errors("address_of_page", "redirected", "redirected_preflight", "redirect_loop"),
    **_errors("answer_itself", "redirected_other_origin"),
    **_errors("location", "redirect_broken"),
    **_errors("always", "answer_no_header", "missing_on_errors", "failed_without_header"),
    **_errors("star", "star_with_credentials"),
    **_errors("credentials", "credentials_missing", "credentials_not_true"),
    **_errors("log", "server_error"),
    **_errors("route", "method_refused"),
    **_errors("cookie", "cookie_samesite", "cookie_not_secure"),
    **_errors("expose", "header_not_exposed", "star_expose_with_credentials"),
    # who else is let in
    **_errors("strict", "reflects_anybody", "origin_hole", "null_allowed"),
    # notes
    **_warnings("strict", "any_origin_reflected"),
    **_warnings("vary", "vary_missing"),
    **_warnings("always", "missing_below"),
    "missing_on_wrong_method": Row("warning", "always", is_brief=True),
    **_warnings("log", "call_refused"),
    **_warnings("max_age", "max_age_missing", "max_age_invalid", "max_age_capped"),
    **_warnings("no_content", "length_on_204"),
    **_warnings("http", "header_malformed", "length_invalid"),
}
# fmt: on
