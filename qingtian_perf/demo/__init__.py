"""The demonstration year 2023: a county with invented people and money, produced the way users would produce it."""

from qingtian_perf.demo.people import PASSWORD, accounts

__all__ = ["PASSWORD", "accounts"]
