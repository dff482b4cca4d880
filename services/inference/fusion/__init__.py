"""Face fusion: a source's identity fused into a target photo at a ratio."""

__version__ = "0.1.0"
