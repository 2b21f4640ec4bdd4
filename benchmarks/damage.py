"""Damage the files of a finished study one at a time, and run the same command again.

    python -m benchmarks.damage --rounds 100 --folder build/damage

Each round copies a finished tiny study and damages one file of it, chosen by --seed. The file is emptied, cut, gets
other bytes, becomes a folder, and so on. A damage keeps the time of the file (as a bad disk does) or gives it a new one
(as an editor does). Then the same command scores and aggregates again. There are two right results:

- the command ends without an error, and the scores and tables are those of the undamaged study; or
- it ends with one message that names the file. After the file is deleted (or what the message says to delete), the
  command gives the same scores and tables.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.damages import damages_of
from benchmarks.tiny_study import equal_results, results, start, write_study

NAME = "study0"
AGAIN = ("--forcerun", "score", "score_real", "aggregate")
"""Jobs that read the files of a study again, also where no file looks newer."""
NOT_DAMAGED = {".log", ".html"}


def run(folder: Path, *given: str) -> tuple[int, str]:
    """The exit code of the command, and what it and its jobs said."""
    log, began = folder / f"{NAME}.log", time.time() - 1
    log.unlink(missing_ok=True)
    code = start(folder, NAME, *given, quiet="rules").wait()
    logs = [path for place in ("results", "data") for path in (folder / place).rglob("*.log")]
    logs = [path for path in logs if path.stat().st_mtime >= began]
    return code, "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in [log, *logs])


def files_of(folder: Path) -> list[Path]:
    """The files that a damage may meet, by their relative paths: no logs, no empty files, nothing behind a link."""
    found = [path for place in ("results", "data") for path in (folder / place).rglob("*")]
    kept = [path for path in found if path.is_file() and not path.is_symlink() and path.suffix not in NOT_DAMAGED]
    return sorted(path.relative_to(folder) for path in kept if path.stat().st_size)


def damage(path: Path, name: str, rng: random.Random, keep_time: bool) -> None:
    """Damage a file. keep_time: its time of modification stays."""
    times = path.stat()
    damages_of(path)[name](path, rng)
    if path.parent.name == "snapshots":  # nothing reads a snapshot that is scored
        for scored in path.parents[1].glob("scores-*.json"):
            scored.unlink()
    if keep_time and path.exists():
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def outcome(folder: Path, path: Path, expected: dict[str, Any]) -> str:
    """What the same command does with a damaged file."""
    code, said = run(folder, *AGAIN)
    if "Traceback (most recent call last)" in said:
        return "WRONG: a traceback"
    if code == 0:
        return "equal" if equal_results(folder, NAME, expected, snapshots=False) else "WRONG: other scores"
    if path.name not in said and str(path.parent) not in said:
        return "WRONG: no message that names the file"
    remove(to_delete(said) or path)
    code, _ = run(folder)
    if code != 0:
        return "WRONG: an error also after the file was deleted"
    right = equal_results(folder, NAME, expected, snapshots=False)
    return "one message" if right else "WRONG: other scores after the file was deleted"


def to_delete(said: str) -> Path | None:
    """The path that a message says to delete, if it names one after that word."""
    found = re.search(r"(?:delete|remove) (?:the (?:file|folder) )?(/\S*\w)", said)
    return Path(found[1]) if found else None


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="damage only files whose path contains this text")
    parser.add_argument("--folder", type=Path, default=Path("build/damage"))
    given = parser.parse_args()
    root, rng = given.folder.absolute(), random.Random(given.seed)
    shutil.rmtree(root, ignore_errors=True)
    folder, finished = root / "work", root / "finished"
    folder.mkdir(parents=True)
    write_study(folder, NAME)
    code, said = run(folder)
    if code != 0:
        sys.exit(f"the study failed:\n{said}")
    expected = results(folder, NAME, snapshots=False)
    folder.rename(finished)
    kinds, files = Counter[str](), [path for path in files_of(finished) if given.only in str(path)]
    plans = [(path, name, keep) for path in files for name in damages_of(path) for keep in (True, False)]
    for number, (path, name, keep_time) in enumerate(rng.sample(plans, min(given.rounds, len(plans))), start=1):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(finished, folder, symlinks=True)
        damage(folder / path, name, random.Random(f"{path} {name}"), keep_time)
        found = outcome(folder, folder / path, expected)
        kinds[found] += 1
        print(f"{number}: {path}: {name}, {'old' if keep_time else 'new'} time: {found}", flush=True)
        if found.startswith("WRONG"):
            shutil.copytree(folder, root / f"wrong{number}", symlinks=True)
    print(f"{kinds.total()} of {len(plans)} damages of {len(files)} files: {dict(kinds)}")
    sys.exit(1 if any(kind.startswith("WRONG") for kind in kinds) else 0)


if __name__ == "__main__":
    main()
