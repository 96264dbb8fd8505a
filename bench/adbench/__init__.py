"""The four problems of ADBench, written anew from their definitions.

Šrajer, Kukelova and Fitzgibbon, "A benchmark of selected algorithmic differentiation tools on some problems in computer
vision and machine learning", Optimization Methods and Software 33, 2018.
"""

from pathlib import Path

C = Path(__file__).parent / "c"
