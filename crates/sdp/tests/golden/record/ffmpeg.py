#!/usr/bin/env python3
"""Prints the offer of FFmpeg's WHIP muxer, which it posts to a listener of ours. From PyPI: av (18.1 holds FFmpeg 8.1's libavformat)."""
import multiprocessing
from http.server import BaseHTTPRequestHandler, HTTPServer

import av


class Listener(BaseHTTPRequestHandler):
    def do_POST(self):
        body = b""
        if "chunked" in self.headers.get("transfer-encoding", ""):
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["content-length"]))
        print(body.decode(), end="", flush=True)
        self.send_error(503)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Listener)
multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True).start()
try:
    output = av.open(f"http://127.0.0.1:{server.server_port}/whip", "w", format="whip")
    video = output.add_stream("libx264", rate=30)
    video.options = {"profile": "baseline"}
    video.codec_context.max_b_frames = 0
    video.width, video.height, video.pix_fmt = 640, 480, "yuv420p"
    audio = output.add_stream("libopus", rate=48000)
    audio.layout = "stereo"
    output.start_encoding()
except av.FFmpegError:
    pass  # Nobody answers the offer.
