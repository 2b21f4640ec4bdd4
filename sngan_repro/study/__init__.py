"""A study file, the runs it defines, and where their files are."""
