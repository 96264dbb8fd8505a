"""Networks."""

from chainrule.nn import functional as functional
