"""What whole arrays are given to: BLAS, LAPACK, products and eliminations of our own, and Python."""
