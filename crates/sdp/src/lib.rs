//! SDP session descriptions with their WebRTC attributes, typed.
