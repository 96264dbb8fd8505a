"""Fillings of parameters, in place: ``nn.init.normal_(w)``."""

from chainrule.dialects.torch.init import FUNCTIONS

globals().update(FUNCTIONS)
