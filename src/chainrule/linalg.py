"""Linear algebra on stacks of matrices, every function with its derivatives: ``chainrule.linalg``."""

from chainrule.ops import public as _public

globals().update(_public("linalg"))
