//! The WebSocket and HTTP face of Tsubame.
