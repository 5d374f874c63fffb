"""Settings for the whole suite: the Hypothesis profiles, and one seed for every test."""

import os

import pytest
from hypothesis import HealthCheck, settings

import tinygrad_course as tc

_quiet = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("ci", derandomize=True, max_examples=50, print_blob=True, **_quiet)
settings.register_profile("dev", max_examples=25, **_quiet)
settings.register_profile("thorough", max_examples=500, **_quiet)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(autouse=True)
def _seeded():
    tc.manual_seed(0)
