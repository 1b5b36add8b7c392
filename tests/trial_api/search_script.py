"""A trial script as users write it; the tests run it as a process."""

from __future__ import annotations

from tests.trial_api.networks import Net, images
from trial_api import (
    get_and_apply_next_architecture,
    get_next_parameter,
    report_final_result,
    report_intermediate_result,
)


def main() -> None:
    model = get_and_apply_next_architecture(Net())
    rate = get_next_parameter().get("lr", 0.5)
    report_intermediate_result(rate)
    report_final_result(model(images()).square().mean())
    print("kernel", *model.conv.kernel_size)


if __name__ == "__main__":
    main()
