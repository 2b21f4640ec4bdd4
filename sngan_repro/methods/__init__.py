"""The methods: one small file each, registering itself. Listing them never imports torch.

A study may also name programs among its methods (:mod:`sngan_repro.training.program`); the functions here know both.
"""

from sngan_repro.core.schema import ConfigError
from sngan_repro.methods.base import METHODS, Method, MethodOptions
from sngan_repro.methods.program import PROGRAMS_DIR, Program, find_program, program_names

__all__ = ["METHODS", "Method", "MethodOptions", "find_method", "method_names"]


def method_names() -> list[str]:
    """Whatever a study may name as a method: the methods, then the programs."""
    return [*METHODS.names(), *program_names()]


def find_method(name: str) -> type[Method] | Program:
    """The method or program of this name, or the program declared in the file of this path.

    Raises ConfigError for an unknown name, and for a program that has the name of a method.
    """
    program = find_program(name)
    if program is None:
        return METHODS.get(name, besides=program_names())
    if name in METHODS.names():
        raise ConfigError(f"{PROGRAMS_DIR / name}.yaml: there is a method of the name '{name}'; rename the program")
    return program
