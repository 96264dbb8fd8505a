"""Linear algebra: equations, decompositions, functions of matrices."""
