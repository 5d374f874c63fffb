"""The pytest plugin, for `-p tinygrad_course.testing.plugin` where the package is not installed with its entry point.

It is a module beside the package, so that a pytest run which does not use it does not import NumPy for it.
"""

from tinygrad_course_pytest import gradcheck, pytest_addoption, pytest_configure, pytest_runtest_makereport

__all__ = ["gradcheck", "pytest_addoption", "pytest_configure", "pytest_runtest_makereport"]
