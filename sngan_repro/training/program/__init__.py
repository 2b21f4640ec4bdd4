"""Methods that are programs of their own, in any language: declared in a file, run as a job, checked on arrival."""
