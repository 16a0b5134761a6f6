"""资金收回: what-if, list, line, run, execution."""
