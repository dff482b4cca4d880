"""Benchmarks of the inference service: quality of the pictures, time of the stages."""
