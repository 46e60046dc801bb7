"""Where an update may round to bfloat16: three digits, twice as fast or more on a device that is made for it.

A context is for one forward pass: it keeps rounded copies of weights, which must not outlive an optimizer's step.
"""

from typing import Literal

import torch
from torch import Tensor

Precision = Literal["auto", "float32", "bfloat16"]


def rounded(precision: Precision, like: Tensor) -> torch.autocast:
    """A context for a forward pass on the device of a tensor; "auto" rounds on GPUs that compute in bfloat16.

    A processor without instructions for it takes about three times as long, so that "auto" never rounds there.
    """
    device = like.device.type
    able = device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16" or (precision == "auto" and able))
