"""How ops are lowered that are not elementwise, by subject. Importing this registers them."""

from chainrule.native.lowerings import composed, folds, parts, views

__all__ = ["composed", "folds", "parts", "views"]
