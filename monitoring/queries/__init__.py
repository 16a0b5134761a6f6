"""Reads of recovery: the one statement that computes it, and what pages and documents ask of stored lines."""
