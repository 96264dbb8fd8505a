"""Special functions under SciPy's names, with derivatives in every argument: ``chainrule.special``."""

from chainrule.ops import public as _public

globals().update(_public("special"))
