"""``import chainrule.torch.nn.functional as F``."""

from chainrule.dialects.torch.functional import FUNCTIONS

globals().update(FUNCTIONS)
