"""Compiled functions as C."""
