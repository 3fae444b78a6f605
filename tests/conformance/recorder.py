"""Writes down the messages of one connection for the judge (tests/clients/lib/judge_logs.mjs).

Only where ENGRAMD_MESSAGE_LOG names a folder. What the probe sends is marked as breaking the rules
on purpose, because most points do; what the server sends is judged in full. When the bytes that go
out are no frames any more, nothing can be said about the rest, and recording ends there.
"""
import itertools
import json
import os
import re
import threading

LARGEST = 1 << 20  # of a message that is kept whole
_numbers = itertools.count(1)


class Recorder:
    def __init__(self):
        folder = os.environ.get("ENGRAMD_MESSAGE_LOG")
        self.file = open(os.path.join(folder, "probe-%d-%d.jsonl" % (os.getpid(), next(_numbers))), "w") \
            if folder else None
        self.lock = threading.Lock()
        self.sent = b""

    def _write(self, entry):
        if self.file:
            self.file.write(json.dumps(entry) + "\n")

    def _message(self, side, message, size, **more):
        if size > LARGEST and isinstance(message, dict):
            kept = {key: message[key] for key in ("id", "method") if key in message}
            self._write({"from": side, "large": size, "message": kept})
        else:
            self._write(dict({"from": side, "message": message}, **more))

    def server(self, message, size):
        with self.lock:
            if self.file:
                self._message("server", message, size)

    def client(self, data):
        """Any bytes; whole frames are written down."""
        with self.lock:
            if not self.file:
                return
            self.sent += data
            while self.file and self._one_frame():
                pass

    def _one_frame(self):
        head, end, rest = self.sent.partition(b"\r\n\r\n")
        if not end:
            return False
        lengths = [line.partition(b":")[2].strip() for line in head.split(b"\r\n")
                   if line.lower().startswith(b"content-length:")]
        if len(lengths) != 1 or not lengths[0].isdigit():
            self._end()
            return False
        length = int(lengths[0])
        if len(rest) < length:
            return False
        body, self.sent = rest[:length], rest[length:]
        text = body.decode("utf-8", "replace")
        try:
            self._message("client", json.loads(text), length, broken=True)
        except ValueError:
            pass  # no JSON: answered with id null, or not at all
        except RecursionError:
            # Nested too deep to be kept; an answer to its id is still right.
            found = re.search(r'"id": *(\d+)', text)
            if found:
                self._write({"from": "client", "large": length,
                             "message": {"id": int(found.group(1)), "method": "unknown"}})
        return True

    def _end(self):
        self.file.close()
        self.file = None

    def exit(self, status):
        with self.lock:
            if self.file:
                if status is not None:
                    self._write({"exit": status, "broken": True})
                self._end()
