"""lib_witness.py - what the witnesses share: a notebook in a file, and an end when nobody needs them.

A witness is a process of its own, so that nothing it remembers dies with the gateway. Its notebook is
written line by line, unbuffered: what it noted is in the file even if the witness itself is killed. It
is synced at the end only, so that the witness does not slow the disk it is a witness of.
"""
import asyncio
import json
import os
import sys
import time


def now_ms():
    """Milliseconds of the machine's monotonic clock: the same for all witnesses."""
    return time.monotonic_ns() / 1e6


class Notebook:
    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, *row):
        os.write(self._file, (json.dumps(row, ensure_ascii=False) + "\n").encode())

    def close(self):
        os.fsync(self._file)
        os.close(self._file)


def read_notebook(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def say(word):
    """A word to whoever started this witness."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


async def words(on_word):
    """Calls on_word for each line of standard input; returns at its end: whoever started us is gone."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while True:
        line = await reader.readline()
        if not line:
            return
        on_word(line.decode().strip())
