"""Random programs, run by machine code and by NumPy: the differential fuzzer of chainrule's compiler.

PYTHONPATH=src:tests python -m fuzz --seconds 60          # random programs; failures are shrunk, and printed
PYTHONPATH=src:tests python -m fuzz --seed 17             # one of them, as text
PYTHONPATH=src:tests python -m fuzz tests/fuzz/corpus/*   # programs that once failed
"""
