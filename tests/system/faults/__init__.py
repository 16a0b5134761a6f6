"""What the fault tests give to the processes they kill: where to die, the county, and what is compared."""
