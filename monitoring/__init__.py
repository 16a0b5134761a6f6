"""运行监控: recovery of slow-spending funds (资金收回)."""
