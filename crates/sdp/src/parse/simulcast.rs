//! `a=simulcast` (RFC 8853 §5.1). Not through webrtc-sdp, which takes identifiers that are empty.

use super::line::Line;
use crate::{ParseError, Simulcast, SimulcastId};

const EXPECTED: &str = "a=simulcast:send|recv <rid>[,<rid>...][;<rid>...]";

pub(super) fn simulcast(line: &Line<'_>) -> Result<Simulcast, ParseError> {
    let words = line.words(line.attribute().1);
    let mut simulcast = Simulcast::default();
    if words.is_empty() {
        return Err(line.unexpected(EXPECTED));
    }
    for pair in words.chunks(2) {
        let [direction, list] = pair else { return Err(line.unexpected(EXPECTED)) };
        let place = match direction.as_str() {
            "send" => &mut simulcast.send,
            "recv" => &mut simulcast.receive,
            _ => return Err(line.unexpected(EXPECTED)),
        };
        if !place.is_empty() {
            return Err(line.unexpected("each direction of a=simulcast once"));
        }
        // Firefox before version 60 wrote an early draft: `send rid=r0;r1`.
        let list = list.strip_prefix("rid=").unwrap_or(list);
        let streams = list.split(';').map(|stream| stream.split(',').map(id).collect());
        *place = streams.collect::<Option<_>>().ok_or_else(|| line.unexpected(EXPECTED))?;
    }
    Ok(simulcast)
}

fn id(text: &str) -> Option<SimulcastId> {
    let (id, paused) = match text.strip_prefix('~') {
        Some(id) => (id, true),
        None => (text, false),
    };
    // RFC 8851 §4: letters, digits, hyphen and underscore; anything else would be read as something else when written.
    let legal = !id.is_empty() && !id.contains(['~', '=']);
    legal.then(|| SimulcastId { id: id.to_owned(), paused })
}
