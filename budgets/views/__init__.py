"""Thin doors: projects, imports, and the rows that wait for a person."""
