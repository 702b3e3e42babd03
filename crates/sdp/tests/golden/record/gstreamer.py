#!/usr/bin/python3
"""Prints an offer of GStreamer's webrtcbin: to send (the tracks of a WHIP publisher), or to receive with a data channel.

usage: gstreamer.py publish|watch
Debian: python3-gi gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice gstreamer1.0-plugins-{base,good,bad,ugly}
"""
import ctypes
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstWebRTC  # noqa: E402

PUBLISH = """
webrtcbin name=peer bundle-policy=max-bundle
videotestsrc is-live=true ! video/x-raw,width=320,height=240 ! x264enc tune=zerolatency ! rtph264pay
  ! application/x-rtp,media=video,encoding-name=H264,payload=97 ! peer.
audiotestsrc is-live=true ! opusenc ! rtpopuspay ! application/x-rtp,media=audio,encoding-name=OPUS,payload=96 ! peer.
"""
WATCH = (
    "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000,"
    "rtcp-fb-nack=true,rtcp-fb-nack-pli=true,rtcp-fb-ccm-fir=true,rtcp-fb-transport-cc=true",
    "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000,encoding-params=(string)2",
)
Gst.init(None)
publish = sys.argv[1] == "publish"
pipeline = Gst.parse_launch(PUBLISH if publish else "webrtcbin name=peer bundle-policy=max-bundle fakesrc ! fakesink")
peer = pipeline.get_by_name("peer")
loop = GLib.MainLoop()


def offer():
    if not publish:
        for caps in WATCH:
            direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
            peer.emit("add-transceiver", direction, Gst.Caps.from_string(caps))
        peer.emit("create-data-channel", "data", None)
    promise = Gst.Promise.new()
    peer.emit("create-offer", None, promise)
    promise.wait()
    sys.stdout.write(text(promise.get_reply()))
    loop.quit()


def text(reply):
    """The binding cannot reach into GstWebRTCSessionDescription { type; sdp }."""
    gst, gobject, sdp = (ctypes.CDLL(f"lib{name}.so.0") for name in ("gstreamer-1.0", "gobject-2.0", "gstsdp-1.0"))
    gst.gst_structure_get_value.restype = gobject.g_value_get_boxed.restype = ctypes.c_void_p
    sdp.gst_sdp_message_as_text.restype = ctypes.c_char_p
    value = gst.gst_structure_get_value(ctypes.c_void_p(hash(reply)), b"offer")
    description = gobject.g_value_get_boxed(ctypes.c_void_p(value))
    message = ctypes.c_void_p.from_address(description + 8)
    return sdp.gst_sdp_message_as_text(message).decode()


pipeline.set_state(Gst.State.PLAYING)
GLib.timeout_add(1500, offer)
loop.run()
pipeline.set_state(Gst.State.NULL)
