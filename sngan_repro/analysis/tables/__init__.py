"""Tables of a study, as CSV, Markdown and LaTeX."""
