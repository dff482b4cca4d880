"""The validated policy as a JSON document: what a service needs that answers without nginx.

`scripts/gateway policy` prints it, FUSION_CORS_POLICY of the inference service names the file. A
change of meaning needs a new version: the service refuses those that it does not know.
"""

from gateway.policy import CorsPolicy

VERSION = 1


def policy_document(policy: CorsPolicy) -> dict[str, object]:
    """Everything that decides a header.

    origins   each as it was written, and the expression that it means: anchored, and the same in
              PCRE and in Python's re.fullmatch
    """
    return {
        "version": VERSION,
        "any_origin": policy.any_origin,
        "origins": [{"origin": str(entry), "pattern": entry.regex} for entry in policy.origins],
        "methods": list(policy.methods),
        "headers": list(policy.headers),
        "exposed_headers": list(policy.exposed_headers),
        "credentials": policy.credentials,
        "max_age_s": policy.max_age_s,
    }
