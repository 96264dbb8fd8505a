"""How Python calls machine code: guards, forms of arguments, results."""
