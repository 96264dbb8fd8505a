"""What networks are made of, as functions: ``chainrule.nn.functional``."""

from chainrule.ops import public as _public

globals().update(_public("nn.functional"))
