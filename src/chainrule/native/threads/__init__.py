"""Threads, and the memory of large results."""
