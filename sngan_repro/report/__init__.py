"""The report: text, HTML and PDF, made from result files."""
