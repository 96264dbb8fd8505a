"""How ops are lowered that are not elementwise, by subject. Importing this registers them."""

from chainrule.native.lowerings import folds, parts, views

__all__ = ["folds", "parts", "views"]
