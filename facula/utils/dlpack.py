"""torch.utils.dlpack: arrays from and to other libraries without a copy."""

from facula.dlpack import DLDeviceType
from facula.ops import FUNCTIONS

from_dlpack = FUNCTIONS["from_dlpack"]
to_dlpack = FUNCTIONS["to_dlpack"]

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]
