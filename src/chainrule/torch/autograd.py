"""``autograd.grad`` and ``autograd.backward``, as in PyTorch."""

from chainrule.dialects.torch.autograd import *  # noqa: F403  (the same module under its short path)
