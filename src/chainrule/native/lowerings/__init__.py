"""How ops are lowered that are not elementwise, by subject. Importing this registers them."""

from chainrule.native.lowerings import composed, folds, parts, products, views, windows

__all__ = ["composed", "folds", "parts", "products", "views", "windows"]
