"""Graphs: the walks along and against the arrows, batching, and the immutable program."""
