//! A headless WebRTC peer: publishes synthetic media, watches, speaks Sora signaling.
