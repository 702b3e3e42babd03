#!/usr/bin/env python3
"""Prints an offer of libwebrtc itself, without a browser around it. From PyPI: wrtc (0.1.0 holds libwebrtc M152)."""
import asyncio

import webrtc


async def main():
    peer = webrtc.RTCPeerConnection()
    peer.addTransceiver("audio")
    peer.addTransceiver("video")
    peer.createDataChannel("data")
    print((await peer.createOffer()).sdp, end="")
    peer.close()


asyncio.run(main())
