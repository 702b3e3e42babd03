//! What we write, others read: the SDP crates of webrtc-rs and of GStreamer's author.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Cursor;
use std::path::Path;

use tsubame_sdp::SessionDescription;

fn goldens() -> Vec<(String, SessionDescription)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "sdp"));
    let all: Vec<_> = files
        .map(|path| {
            (path.display().to_string(), std::fs::read_to_string(&path).unwrap().parse().unwrap())
        })
        .collect();
    assert!(all.len() > 20);
    all
}

#[test]
fn webrtc_rs_reads_what_we_write() {
    for (name, description) in goldens() {
        let written = description.to_string();
        let read = sdp::SessionDescription::unmarshal(&mut Cursor::new(&written));
        let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read.origin.session_id, description.origin.session_id, "{name}");
        assert_eq!(read.media_descriptions.len(), description.media.len(), "{name}");
        for (theirs, ours) in read.media_descriptions.iter().zip(&description.media) {
            assert_eq!(theirs.media_name.formats, ours.formats, "{name}");
            assert_eq!(theirs.attribute("mid").flatten(), ours.mid.as_deref(), "{name}");
            assert_eq!(
                theirs.attribute("ice-ufrag").flatten(),
                ours.ice_ufrag.as_deref(),
                "{name}"
            );
            assert!(theirs.attribute(ours.direction.as_str()).is_some(), "{name}");
            let candidates = theirs.attributes.iter().filter(|a| a.key == "candidate").count();
            assert_eq!(candidates, ours.candidates.len(), "{name}");
        }
        // And we read what they make of it.
        assert_eq!(
            read.marshal().parse::<SessionDescription>().as_ref(),
            Ok(&description),
            "{name}"
        );
    }
}

#[test]
fn sdp_types_reads_what_we_write() {
    for (name, description) in goldens() {
        let written = description.to_string();
        let read = sdp_types::Session::parse(written.as_bytes());
        let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read.medias.len(), description.media.len(), "{name}");
        for (theirs, ours) in read.medias.iter().zip(&description.media) {
            assert_eq!(theirs.fmt, ours.formats.join(" "), "{name}");
            assert_eq!((theirs.port, &theirs.proto), (ours.port, &ours.protocol), "{name}");
            let maps = theirs.get_attribute_values("rtpmap").count();
            assert_eq!(maps, ours.codecs.len(), "{name}");
        }
        let mut theirs = Vec::new();
        read.write(&mut theirs).unwrap();
        assert_eq!(SessionDescription::from_bytes(&theirs).as_ref(), Ok(&description), "{name}");
    }
}
