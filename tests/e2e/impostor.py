"""A pod that wants to be taken for a scorer: its `/info` sends whoever asks to another address, and has no end there.

Runs in a pod, from the text of this file; says every request on standard output.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8001


class Impostor(BaseHTTPRequestHandler):
    """Answers every request, whatever it is for."""

    def do_GET(self) -> None:
        """A redirect from `/info`, and a flood from everywhere else."""
        print(f"asked for {self.path}", flush=True)  # noqa: T201 - the pod's log
        if self.path == "/info":
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{PORT}/secrets")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        while True:
            self.wfile.write(b" " * 65536)


if __name__ == "__main__":
    ThreadingHTTPServer(("", PORT), Impostor).serve_forever()
