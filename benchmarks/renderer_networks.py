"""Seconds per picture of the renderer's global generator, against the published layers evaluated one after the other.

    python benchmarks/renderer_networks.py [ROUNDS]

256x192 pixels, limb maps and previous picture as input, width 32, 3 downsamplings, 6 blocks, batch 1. All forms are
measured alternately in one run, so that other load affects all of them; medians over the rounds. The published layers
are in float32 and in PyTorch's default layout. Also the drawing of the condition, and on a GPU if there is one.
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from dancegen.precision import computes_in_bfloat16
from dancegen.renderer.condition import limb_maps
from dancegen.renderer.networks.global_generator import GlobalGenerator

HEIGHT, WIDTH = 256, 192
CHANNELS, FEATURES, DOWNSAMPLINGS, BLOCKS = 25, 32, 3, 6
ROUNDS, GPU_PICTURES = 9, 20
Forms = dict[str, Callable[[], object]]


def main() -> None:
    """Print a table per device."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        name = torch.cuda.get_device_name() if device == "cuda" else f"CPU, {torch.get_num_threads()} thread(s)"
        print(f"{name}\n{'':32}{'s/picture':>12}{'pictures/s':>12}{'layers one by one = 1':>24}")
        with torch.inference_mode():
            times = by_turns(forms(device), rounds, device)
        first = next(iter(times.values()))
        for form, found in times.items():
            ratio = statistics.median(own / reference for own, reference in zip(found, first, strict=True))
            taken = statistics.median(found)
            print(f"{form:32}{taken:12.4f}{1 / taken:12.1f}{ratio:24.2f}", flush=True)


def forms(device: str) -> Forms:
    """What is measured, by name; the published layers first."""
    torch.manual_seed(0)
    x = torch.rand(1, CHANNELS, HEIGHT, WIDTH, device=device)
    joints = torch.rand(1, 18, 3, device=device)
    weights = network(device, torch.float32, torch.contiguous_format).state_dict()
    found: Forms = {"layers one by one, float32": lambda: layers(x, weights)}
    types = [torch.float32, *([torch.bfloat16] if computes_in_bfloat16(device) else [])]
    for dtype in types:
        for layout in (torch.contiguous_format, torch.channels_last):
            name = f"{str(dtype).removeprefix('torch.')}{', channels_last' * (layout == torch.channels_last)}"
            ours, mine = network(device, dtype, layout), x.to(dtype, memory_format=layout)
            found[name] = lambda ours=ours, mine=mine: ours(mine)
    return found | {"drawing of the limb maps": lambda: limb_maps(joints, HEIGHT, WIDTH)}


def network(device: str, dtype: torch.dtype, layout: torch.memory_format) -> GlobalGenerator:
    """Our generator; always with the same weights."""
    torch.manual_seed(0)
    made = GlobalGenerator(CHANNELS, 3, FEATURES, DOWNSAMPLINGS, BLOCKS).eval()
    return made.to(device, dtype).to(memory_format=layout)


def layers(x: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """The published layers of a global generator (Wang et al. 2018), as functions."""

    def part(name: str) -> tuple[Tensor, Tensor]:
        return weights[f"model.{name}.weight"], weights[f"model.{name}.bias"]

    def padded(x: Tensor, name: str, pad: int) -> Tensor:
        return F.conv2d(F.pad(x, (pad,) * 4, mode="reflect"), *part(name))

    x = F.relu(F.instance_norm(padded(x, "1", 3)))
    index = 4
    for _ in range(DOWNSAMPLINGS):
        x = F.relu(F.instance_norm(F.conv2d(x, *part(f"{index}"), stride=2, padding=1)))
        index += 3
    for _ in range(BLOCKS):
        inner = F.relu(F.instance_norm(padded(x, f"{index}.conv_block.1", 1)))
        x = x + F.instance_norm(padded(inner, f"{index}.conv_block.5", 1))
        index += 1
    for _ in range(DOWNSAMPLINGS):
        x = F.conv_transpose2d(x, *part(f"{index}"), stride=2, padding=1, output_padding=1)
        x = F.relu(F.instance_norm(x))
        index += 3
    return torch.tanh(padded(x, f"{index + 1}", 3))


def by_turns(forms: Forms, rounds: int, device: str) -> dict[str, list[float]]:
    """Seconds per picture of each form in each round."""
    times: dict[str, list[float]] = {name: [] for name in forms}
    for form in forms.values():
        seconds(form, device)
    for number in range(rounds):
        for name in reversed(forms) if number % 2 else forms:
            times[name].append(seconds(forms[name], device))
    return times


def seconds(form: Callable[[], object], device: str) -> float:
    """Seconds per call. A GPU gets GPU_PICTURES calls, so that its queue does not run empty."""
    calls = GPU_PICTURES if device == "cuda" else 1
    if device == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(calls):
        form()
    if device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - started) / calls


if __name__ == "__main__":
    main()
