"""Graphs and derivatives made visible, as text."""
