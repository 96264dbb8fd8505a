"""Statements as nests of loops: what shares a loop, where numbers live, what a step does."""
