"""The policy before and after an edit, for tests that reload a gateway of their own (`own`)."""

from tests.gateway.lab import Gateway

OLD, NEW = "https://old.example.com", "https://new.example.com"
POLICY = {"CORS_ALLOWED_ORIGINS": OLD, "GATEWAY_RATE_PER_SECOND": "0"}


def allowed(own: Gateway, origin: str) -> bool:
    return "access-control-allow-origin" in own.get("/api/x", origin).cors
