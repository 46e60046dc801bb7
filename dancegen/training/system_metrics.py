"""Utilisation of a worker's machine, under MLflow's names for system metrics."""

from contextlib import suppress

import psutil
import torch

MEGABYTE = 1 << 20


class Machine:
    """Reports utilisation; that of the CPU is the mean since the previous call."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        psutil.cpu_percent()  # start of the first interval

    def usage(self) -> dict[str, float]:
        """CPU and memory utilisation of the machine, and of this worker's GPU if it has one."""
        memory = psutil.virtual_memory()
        found = {
            "system/cpu_utilization_percentage": psutil.cpu_percent(),
            "system/system_memory_usage_megabytes": memory.used / MEGABYTE,
            "system/system_memory_usage_percentage": memory.percent,
            "system/process_memory_usage_megabytes": psutil.Process().memory_info().rss / MEGABYTE,
        }
        return {**found, **self._gpu()} if self.device.type == "cuda" else found

    def _gpu(self) -> dict[str, float]:
        free, total = torch.cuda.mem_get_info(self.device)
        found = {
            "system/gpu_memory_usage_megabytes": (total - free) / MEGABYTE,
            "system/gpu_memory_usage_percentage": 100 * (total - free) / total,
        }
        with suppress(ModuleNotFoundError, RuntimeError):  # needs nvidia-ml-py and a driver that supports it
            found["system/gpu_utilization_percentage"] = float(torch.cuda.utilization(self.device))
        return found
