"""The command line. Every step of the workflow is one command; heavy imports happen inside the command that runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sngan_repro.cli import (  # noqa: F401  (they declare commands)
    bundle_commands,
    completion,
    export_command,
    image_commands,
    results_commands,
    store_commands,
    user_commands,
    workflow_commands,
    workflow_training,
)
from sngan_repro.cli.options import COMMANDS, build_parser

__all__ = ["COMMANDS", "build_parser", "main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command. A mistake of the user ends with one message and exit code 2, without a traceback."""
    given = build_parser().parse_args(arguments)
    from sngan_repro.core.schema import ConfigError
    from sngan_repro.workflow.jobs import job_record

    try:
        with job_record(getattr(given, "log", None)):
            COMMANDS[given.command].function(given)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except MemoryError:
        print("error: this process has no memory left; give it more, or use fewer images or samples", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader of a listing has closed its end
        sys.stderr.close()
    except OSError as error:
        from sngan_repro.core.disk import disk_error

        reason = disk_error(error, Path(error.filename or getattr(given, "run", None) or ".").absolute())
        if reason is None and error.filename is None:  # not about a file that the user named
            raise
        print(f"error: {reason or ConfigError(f'{error.filename}: {error.strerror}')}", file=sys.stderr)
        sys.exit(2)
    except ImportError as error:
        if error.name not in ("fcntl", "resource"):
            raise
        from sngan_repro.core.files import UNSUPPORTED

        print(f"error: {UNSUPPORTED}", file=sys.stderr)
        sys.exit(2)
