"""Linear algebra under PyTorch's names."""

from chainrule.dialects.torch.products import LINALG

globals().update(LINALG)
