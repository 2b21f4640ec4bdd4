"""One download: with a time limit, repeated attempts, and a progress bar."""

from __future__ import annotations

import http.client
import logging
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path

from sngan_repro.core.progress import progress_bar

log = logging.getLogger(__name__)

TIMEOUT = 30.0
"""Seconds without an answer after which an attempt fails."""
RETRY_PAUSES = (1.0, 5.0)
"""Seconds before the second and the third attempt."""


def download_file(url: str, target: Path) -> str | None:
    """Download a file to ``target``; returns the problem, or None if the file is complete.

    A broken connection and a busy server (HTTP 5xx) are tried again, other HTTP errors are not. The content is not
    checked. Raises OSError if the file cannot be written.
    """
    problem = ""
    for pause in (0.0, *RETRY_PAUSES):
        if problem:
            log.warning("%s: %s; trying again", url, problem)
            time.sleep(pause)
        try:
            _receive(url, target)
            return None
        except urllib.error.HTTPError as error:
            error.close()
            problem = f"HTTP {error.code} {error.reason}"
            if error.code < 500:
                break
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            problem = str(getattr(error, "reason", error)) or type(error).__name__
    return problem


def _receive(url: str, target: Path) -> None:
    from tqdm.utils import CallbackIOWrapper

    request = urllib.request.Request(url, headers={"User-Agent": "sngan-repro"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response, target.open("wb") as out:
        length = response.headers.get("Content-Length")
        size = None if length is None else int(length)
        log.info("downloading %s (%s bytes)", url, "unknown" if size is None else size)
        with progress_bar(size, url.rsplit("/", 1)[-1], "B") as bar:
            shutil.copyfileobj(CallbackIOWrapper(bar.update, response), out, 1 << 18)
        received = out.tell()
    if size is not None and received != size:
        raise http.client.HTTPException(f"truncated: {received} of {size} bytes arrived")
