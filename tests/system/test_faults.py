"""Processes killed at any moment: what is stored afterwards equals an undisturbed run."""
