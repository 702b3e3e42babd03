#!/usr/bin/env python3
"""Prints the offer that libdatachannel writes for the tracks which OBS Studio's WHIP output adds (audio 111, video 96). From PyPI: libdatachannel-py."""
from libdatachannel import Configuration, Description, PeerConnection

DIRECTION = Description.Direction.SendOnly
configuration = Configuration()
configuration.disable_auto_negotiation = True
configuration.disable_auto_gathering = True
peer = PeerConnection(configuration)
STREAM, CNAME, SSRC = "fAB8s1VfJrRwiz2r", "rQcWaxPvcgYTistQ", 3382040868
audio = Description.Audio("0", DIRECTION)
audio.add_opus_codec(111)
audio.add_ssrc(SSRC, CNAME, STREAM, STREAM + "-audio")
video = Description.Video("1", DIRECTION)
video.add_h264_codec(96)
video.add_ssrc(SSRC + 1, CNAME, STREAM, STREAM + "-video")
tracks = [peer.add_track(audio), peer.add_track(video)]
peer.set_local_description(Description.Type.Offer)
print(peer.local_description(), end="")
