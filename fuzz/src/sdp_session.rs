//! Any octets as a session description, and their lines as a fragment: what is read is written so that it reads the same, and writes the
//! same again; and so is what the typed readers make of its values. Candidates are read as the ICE agent reads them.

use tsubame_sdp::{
    Candidate, Codec, Fragment, MAX_CANDIDATE_LENGTH, MAX_CANDIDATES, MAX_MEDIA, MAX_SSRCS, Media,
    ParseError, SessionDescription,
};
use tsubame_stun::ice::CandidateError;

/// See the module's documentation.
pub fn run(data: &[u8]) {
    description(data);
    if let Ok(text) = std::str::from_utf8(data) {
        fragment(text);
        // What follows `v=`, `o=` and `s=` could stand in a fragment.
        let body = text.splitn(4, '\n').nth(3);
        body.into_iter().for_each(fragment);
    }
}

fn description(data: &[u8]) {
    let description = match SessionDescription::from_bytes(data) {
        Ok(description) => description,
        Err(error) => return refusal(&error, data),
    };
    within_limits(&description.media);
    description.media.iter().for_each(types);
    let _ = (description.bundle(), description.has_crypto());
    let written = description.to_string();
    let again = written.parse::<SessionDescription>();
    assert_eq!(again.as_ref(), Ok(&description), "{written}");
    assert_eq!(again.map(|again| again.to_string()), Ok(written));
}

fn fragment(text: &str) {
    let fragment = match text.parse::<Fragment>() {
        Ok(fragment) => fragment,
        Err(error) => return refusal(&error, text.as_bytes()),
    };
    within_limits(&fragment.media);
    fragment.media.iter().for_each(types);
    let written = fragment.to_string();
    let again = written.parse::<Fragment>();
    assert_eq!(again.as_ref(), Ok(&fragment), "{written}");
    assert_eq!(again.map(|again| again.to_string()), Ok(written));
}

fn refusal(error: &ParseError, data: &[u8]) {
    let lines = data.split(|octet| *octet == b'\n').count();
    assert!(error.line().is_none_or(|line| (1..=lines).contains(&line)), "{error}");
    assert!(error.to_string().len() < 1_000, "an error as long as what it is about");
}

fn within_limits(media: &[Media]) {
    assert!(media.len() <= MAX_MEDIA);
    assert!(media.iter().map(|media| media.candidates.len()).sum::<usize>() <= MAX_CANDIDATES);
    assert!(media.iter().all(|media| media.ssrcs.len() <= MAX_SSRCS));
}

/// What is typed only when somebody asks.
fn types(media: &Media) {
    for candidate in media.parsed_candidates() {
        match candidate {
            Ok(candidate) => {
                let _ = (candidate.ip(), candidate.tcp_type());
                let written = candidate.to_string();
                assert_eq!(written.parse().as_ref(), Ok(&candidate), "{written}");
            }
            Err(error) => assert!(error.to_string().len() < 1_000, "{error}"),
        }
    }
    media.candidates.iter().for_each(|text| both_readers_agree(text));
    media.codecs.iter().for_each(codec);
    for rid in &media.rids {
        assert!(rid.payload_types().iter().all(|payload_type| *payload_type <= 127), "{rid:?}");
    }
    for ssrc in &media.ssrcs {
        let _ = (ssrc.cname(), ssrc.msid(), media.grouped_ssrc("FID", ssrc.id));
        assert_eq!(media.ssrc(ssrc.id), Some(ssrc));
    }
}

/// What the agent takes the description takes, and the other way round but for what is text to the description alone: transports, addresses
/// and types that the agent does not know. Which addresses are written longer or shorter is theirs, so the lengths near the limit are left out.
fn both_readers_agree(text: &str) {
    if text.len() > MAX_CANDIDATE_LENGTH - 100 {
        return;
    }
    let ours = text.parse::<Candidate>();
    let theirs = text.parse::<tsubame_stun::ice::Candidate>();
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(ours.foundation, theirs.foundation);
            assert_eq!((ours.component, ours.priority), (theirs.component, theirs.priority));
            assert_eq!(ours.related.is_some(), theirs.related.is_some(), "{text}");
        }
        (Err(_), Err(_)) => {}
        (
            Ok(_),
            Err(CandidateError::Transport | CandidateError::Address | CandidateError::Kind),
        ) => {}
        _ => panic!("{text}: {ours:?}, but the agent: {theirs:?}"),
    }
}

fn codec(codec: &Codec) {
    match codec.format() {
        Ok(format) => {
            let mut written = codec.clone();
            format.write(&mut written);
            assert_eq!(written.format().as_ref(), Ok(&format), "{codec:?}");
        }
        Err(error) => assert!(error.to_string().len() < 1_000, "{error}"),
    }
    assert!(codec.associated_payload_type().is_none_or(|apt| apt <= 127), "{codec:?}");
    let feedback: Vec<_> = codec.feedback_types().map(|kind| kind.to_string()).collect();
    assert_eq!(feedback, codec.feedback);
}
