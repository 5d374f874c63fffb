"""What PyTorch has under another name or with other parameters, and what is not compared with it, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["COUNTERPARTS", "ELSEWHERE", "WITHOUT"]

# Called with the sample's inputs, and its parameters by keyword.
COUNTERPARTS: dict[str, Callable[..., Any]] = {
    "linear": torch.nn.functional.linear,
    "ndtr": torch.special.ndtr,
    "power": torch.pow,
}


def _listed(**names: str) -> dict[str, str]:
    """Names separated by blanks, by the reason that they share; underscores in it stand for blanks."""
    return {name: reason.replace("_", " ") for reason, text in names.items() for name in text.split()}


# Primitives that no call of PyTorch corresponds to.
WITHOUT = _listed(
    draws_other_numbers="bernoulli exponential multinomial normal poisson randint randperm uniform",
    appears_in_gradients_of_the_second_order_only="take_in_windows",
)

# Public functions of the same name that other tests are for.
ELSEWHERE = _listed(
    draws_other_numbers="""bernoulli multinomial normal poisson rand rand_like randint randint_like randn randn_like
        randperm""",
    sets_or_tells_the_state_of_the_generator="get_rng_state set_rng_state manual_seed seed initial_seed",
    is_a_deprecated_type_in_PyTorch="""BoolTensor ByteTensor CharTensor DoubleTensor FloatTensor HalfTensor IntTensor
        LongTensor ShortTensor set_default_tensor_type""",
    is_a_setting="""is_grad_enabled is_inference_mode_enabled get_num_threads set_num_threads get_default_dtype
        set_default_dtype set_printoptions""",
    transforms_a_function_and_has_tests_of_its_own="compile",
    has_another_file_format="load save",
    gives_no_particular_values="empty_like",
    crosses_over_to_PyTorch_itself="from_dlpack",
)
