"""A GPU for tests on machines without one: tensors that torch takes to be on another device.

The values are computed on the CPU. A tensor subclass holds them, on a device of torch's that Python code implements,
and each operation is refused that CUDA would refuse:

- tensors of both devices, except in copies, as numbers (tensors without axes) and as indices of a tensor on the GPU
- a generator of the CPU that fills a tensor on the GPU
- NumPy's view of a tensor on the GPU

Not tested so are kernels, memory and speed. Import this module in a process of its own: it changes torch.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torch._VF
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map_only
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend  # torch 2.10 and later

# Tensors of inference mode cannot be wrapped.
torch.inference_mode = lambda mode=True: torch.no_grad() if mode else torch.enable_grad()  # pyright: ignore
NAME = "fakegpu"
_setup_privateuseone_for_python_backend(NAME)
FAKE_GPU = torch.device(f"{NAME}:0")

aten = torch.ops.aten
COPIES = (aten.copy_.default, aten._to_copy.default)
WITH_INDICES = (aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default)


class DeviceError(RuntimeError):
    """What CUDA would have refused."""


class FakeGpuTensor(Tensor):
    """A tensor on the fake GPU. `values` is the CPU tensor with its values."""

    values: Tensor  # pyright: ignore[reportIncompatibleMethodOverride] (that of sparse tensors)

    @staticmethod
    def __new__(cls, values: Tensor) -> "FakeGpuTensor":
        found = Tensor._make_wrapper_subclass(  # pyright: ignore[reportAttributeAccessIssue]
            cls,
            values.size(),
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            layout=values.layout,
            device=FAKE_GPU,
            requires_grad=values.requires_grad,
        )
        found.values = values
        return found

    __torch_function__: Any = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(function, args, kwargs or {})

    def tolist(self) -> Any:
        return self.values.tolist()

    def numpy(self, *args: Any, **kwargs: Any) -> Any:
        raise DeviceError("a tensor on the GPU is no NumPy array: copy it with cpu() first")

    __array__ = numpy


@contextmanager
def fake_gpu() -> Iterator[torch.device]:
    """The device, which exists within the block."""
    with pytest.MonkeyPatch.context() as torch_as_it_is, _Mode():
        torch_as_it_is.setattr(nn.modules.rnn, "_VF", _Functions(torch._VF))
        yield FAKE_GPU


class _Mode(TorchDispatchMode):
    """Sees the operations that make tensors, too."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(function, args, kwargs or {})


def _run(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    given = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, Tensor)]
    ours = any(isinstance(each, FakeGpuTensor) for each in given)
    device = kwargs.get("device")
    result_ours = ours if device is None else torch.device(device).type == NAME
    if function is aten.copy_.default:
        result_ours = isinstance(args[0], FakeGpuTensor)
    if ours and function not in COPIES:
        _check_devices(function, args, given)
    generator = kwargs.get("generator")
    if result_ours and generator is not None and generator.device.type == "cpu":
        raise DeviceError(f"{function}: a generator of the CPU for a tensor on the GPU")
    plain_args, plain_kwargs = tree_map_only(FakeGpuTensor, lambda each: each.values, (args, kwargs))
    if device is not None and result_ours:
        plain_kwargs |= {"device": torch.device("cpu")}
        plain_kwargs.pop("pin_memory", None)
    found = function(*plain_args, **plain_kwargs)
    if not result_ours:
        return found
    found = tree_map_only(Tensor, FakeGpuTensor, found)
    return return_and_correct_aliasing(function, args, kwargs, found) if ours else found


def _check_devices(function: Any, args: Any, given: list[Tensor]) -> None:
    if function in WITH_INDICES and isinstance(args[0], FakeGpuTensor):
        given = [each for each in args[2:] if isinstance(each, Tensor)]
    if any(not isinstance(each, FakeGpuTensor) and each.dim() for each in given):
        raise DeviceError(f"{function}: tensors on the GPU and on the CPU")


def _on_fake_gpu(name: str) -> Callable[..., Any]:
    packet, _, overload = name.partition(".")
    function = getattr(getattr(aten, packet), overload or "default")
    return lambda *args, **kwargs: _run(function, args, kwargs)


# What torch's own code calls below the dispatch mode, to make an index of a list.
_library = torch.library.Library("aten", "IMPL")
for _name in ("empty_strided", "empty.memory_format", "copy_", "_to_copy"):
    _library.impl(_name, _on_fake_gpu(_name), "PrivateUse1")
_library.impl(
    "_copy_from", lambda source, target, _=False: _run(aten.copy_.default, (target, source), {}), "PrivateUse1"
)

_module: Any = type(getattr(torch, NAME))
_module.get_rng_state = staticmethod(lambda device=0: torch.get_rng_state())
_module.set_rng_state = staticmethod(lambda state, device=0: torch.set_rng_state(state))
_module.get_amp_supported_dtype = staticmethod(lambda: [torch.bfloat16])


class _Functions:
    """torch's functions of recurrent networks. Its GRU takes a kernel that the CPU does not have."""

    def __init__(self, functions: Any) -> None:
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._functions, name)

    def gru(self, inputs: Tensor, start: Tensor, weights: Any, *options: Any) -> tuple[Tensor, Tensor]:
        """Without dropout between layers."""
        if not isinstance(inputs, FakeGpuTensor):
            return self._functions.gru(inputs, start, weights, *options)
        _, layers, _, _, both_ways, batch_first = options
        values = inputs.transpose(0, 1) if batch_first else inputs
        ends = []
        for layer in range(layers):
            ways = []
            for back in range(1 + both_ways):
                number = layer * (1 + both_ways) + back
                way = _gru_layer(values.flip(0) if back else values, start[number], *weights[4 * number :][:4])
                ways.append(way.flip(0) if back else way)
                ends.append(way[-1])
            values = torch.cat(ways, dim=-1)
        return values.transpose(0, 1) if batch_first else values, torch.stack(ends)


def _gru_layer(
    inputs: Tensor, hidden: Tensor, w_in: Tensor, w_hidden: Tensor, b_in: Tensor, b_hidden: Tensor
) -> Tensor:
    found = []
    for step in nn.functional.linear(inputs, w_in, b_in):
        reset, update, new = step.chunk(3, dim=-1)
        old_reset, old_update, old_new = nn.functional.linear(hidden, w_hidden, b_hidden).chunk(3, dim=-1)
        kept = (update + old_update).sigmoid()
        hidden = kept * hidden + (1 - kept) * (new + (reset + old_reset).sigmoid() * old_new).tanh()
        found.append(hidden)
    return torch.stack(found)
