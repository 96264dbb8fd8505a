"""What networks are made of, as functions: ``nn.functional`` and ``nn.init``."""

from chainrule.torch.nn import functional as functional
from chainrule.torch.nn import init as init
