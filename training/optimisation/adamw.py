"""AdamW for the CPU, without torch's compiler.

torch.optim loads torch._dynamo when the first optimiser is made, only to keep it out: 1.2 s of a core, as much as torch
itself (torch 2.13, November 2026). A training job on features has little else to do, and a tuning job starts twenty.
"""

import inspect
from typing import Any

import torch
from torch import Tensor

_DECORATED = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")


class EagerAdamW(torch.optim.AdamW):
    """torch's fused AdamW to the last bit, its state and state_dict included; for parameters on the CPU."""

    locals().update({name: inspect.unwrap(getattr(torch.optim.Optimizer, name)) for name in _DECORATED})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if not parameters:
                continue
            states = [self._state_of(parameter) for parameter in parameters]
            steps, means, squares = ([state[name] for state in states] for name in ("step", "exp_avg", "exp_avg_sq"))
            torch._foreach_add_(steps, 1)
            beta1, beta2 = group["betas"]
            torch._fused_adamw_(
                parameters,
                [parameter.grad for parameter in parameters],
                means,
                squares,
                [],
                steps,
                lr=group["lr"],
                beta1=beta1,
                beta2=beta2,
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                amsgrad=False,
                maximize=False,
            )

    def _state_of(self, parameter: Tensor) -> dict[str, Any]:
        """Return the parameter's averages; they begin at zero, as torch.optim's do."""
        state: dict[str, Any] = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32)
            for name in ("exp_avg", "exp_avg_sq"):
                state[name] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        return state


def adamw(groups: list[dict[str, Any]], lr: float) -> torch.optim.AdamW:
    """Return AdamW over `groups` of parameters, in the form that suits where they lie."""
    on_cpu = all(parameter.device.type == "cpu" for group in groups for parameter in group["params"])
    kind = EagerAdamW if on_cpu and hasattr(torch, "_fused_adamw_") else torch.optim.AdamW
    return kind(groups, lr=lr, fused=True)
