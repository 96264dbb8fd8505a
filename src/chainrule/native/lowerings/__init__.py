"""How ops are lowered that are not elementwise, by subject. Importing this registers them."""

from chainrule.native.lowerings import (
    along,
    composed,
    contraction,
    eigen,
    folds,
    gauge,
    indexing,
    inside,
    linalg,
    order,
    parts,
    philox,
    products,
    running,
    views,
    windows,
)

__all__ = [
    "along",
    "composed",
    "contraction",
    "eigen",
    "folds",
    "gauge",
    "indexing",
    "inside",
    "linalg",
    "order",
    "parts",
    "philox",
    "products",
    "running",
    "views",
    "windows",
]
