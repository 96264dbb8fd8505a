"""PyTorch's spelling of chainrule: ``import chainrule.torch as torch``."""
