"""Loops and choices of graphs."""
