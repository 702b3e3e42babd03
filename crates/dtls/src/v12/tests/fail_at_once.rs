//! Errors in the clear, where the configuration has them end the handshake ([`UnauthenticatedErrors::Fail`]), and the same
//! where it has them ignored.

use std::sync::Arc;

use super::script::{Script, US};
use crate::alert::AlertDescription as Alert;
use crate::config::{Config, Role, UnauthenticatedErrors};
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::v12::message::HandshakeType;
use crate::v12::record::ContentType;

fn server(unauthenticated_errors: UnauthenticatedErrors) -> Script {
    let config = Config { unauthenticated_errors, ..Config::new(Arc::clone(&US)) };
    Script::new(Role::Server, config)
}

/// A handshake fragment with its header.
fn fragment(kind: HandshakeType, length: u8, offset: u8, body: &[u8]) -> Vec<u8> {
    let fragment_length = u8::try_from(body.len()).unwrap();
    let mut out = vec![kind.0, 0, 0, length, 0, 0, 0, 0, offset, 0, 0, fragment_length];
    out.extend_from_slice(body);
    out
}

/// A whole hello of the oldest form that anybody sends, without suites or extensions of ours.
fn old_hello() -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend_from_slice(&[9; 32]);
    body.extend_from_slice(&[0, 0, 0, 2, 0, 2, 1, 0]);
    fragment(HandshakeType::CLIENT_HELLO, u8::try_from(body.len()).unwrap(), 0, &body)
}

/// Records' contents in the clear, the error that the last one is, and the alert it earns.
struct Case {
    kind: ContentType,
    contents: Vec<Vec<u8>>,
    error: Error,
    alert: Option<Alert>,
}

type Verdict = (Error, Option<Alert>);

fn errors() -> Vec<Case> {
    let misbehaved = |why: PeerMisbehaved, alert| (Error::from(why), Some(alert));
    let hello = HandshakeType::CLIENT_HELLO;
    let unexpected = |got| {
        let why = PeerMisbehaved::UnexpectedMessage { got, expected: hello };
        misbehaved(why, Alert::UNEXPECTED_MESSAGE)
    };
    let no_ems = Error::from(PeerIncompatible::NoExtendedMasterSecret);
    let told = |alert| (Error::PeerAlert(alert), None);
    let malformed_alert = misbehaved(PeerMisbehaved::MalformedAlert, Alert::ILLEGAL_PARAMETER);
    let cases: Vec<(ContentType, Vec<Vec<u8>>, Verdict)> = vec![
        (ContentType::Alert, vec![vec![2, 40]], told(Alert::HANDSHAKE_FAILURE)),
        (ContentType::Alert, vec![vec![1, 0]], told(Alert::CLOSE_NOTIFY)),
        (ContentType::Alert, vec![vec![2]], malformed_alert),
        (ContentType::Alert, vec![vec![2, 40, 0]], malformed_alert),
        (
            ContentType::ChangeCipherSpec,
            vec![vec![2]],
            misbehaved(PeerMisbehaved::MalformedChangeCipherSpec, Alert::ILLEGAL_PARAMETER),
        ),
        (
            ContentType::ApplicationData,
            vec![vec![]],
            misbehaved(PeerMisbehaved::UnexpectedRecord(23), Alert::UNEXPECTED_MESSAGE),
        ),
        (
            ContentType::Handshake,
            vec![vec![1, 0, 0]],
            misbehaved(PeerMisbehaved::MalformedFragment, Alert::ILLEGAL_PARAMETER),
        ),
        (
            ContentType::Handshake,
            vec![fragment(hello, 1, 0, &[0])],
            misbehaved(PeerMisbehaved::Malformed(hello), Alert::DECODE_ERROR),
        ),
        (
            ContentType::Handshake,
            vec![fragment(HandshakeType::FINISHED, 12, 0, &[0; 12])],
            unexpected(HandshakeType::FINISHED),
        ),
        (
            ContentType::Handshake,
            vec![fragment(HandshakeType::SERVER_HELLO_DONE, 0, 0, &[])],
            unexpected(HandshakeType::SERVER_HELLO_DONE),
        ),
        (
            ContentType::Handshake,
            vec![fragment(hello, 9, 0, &[0]), fragment(hello, 8, 1, &[0])],
            misbehaved(PeerMisbehaved::ContradictingFragment(hello), Alert::ILLEGAL_PARAMETER),
        ),
        (
            ContentType::Handshake,
            vec![[&[1, 0, 0x40, 1, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0]].concat()],
            misbehaved(PeerMisbehaved::HandshakeTooLarge, Alert::HANDSHAKE_FAILURE),
        ),
        (ContentType::Handshake, vec![old_hello()], (no_ems, Some(Alert::HANDSHAKE_FAILURE))),
    ];
    let case = |(kind, contents, (error, alert))| Case { kind, contents, error, alert };
    cases.into_iter().map(case).collect()
}

#[test]
fn every_error_in_the_clear_ends_the_handshake_and_is_told() {
    for Case { kind, contents, error, alert } in errors() {
        let mut script = server(UnauthenticatedErrors::Fail);
        let (last, before) = contents.split_last().unwrap();
        for content in before {
            script.send_record(0, kind, content).unwrap();
        }
        assert_eq!(script.send_record(0, kind, last), Err(error), "{contents:?}");
        script.receive();
        let told: Vec<_> = alert.into_iter().map(|alert| (2, alert.0)).collect();
        assert_eq!(script.alerts, told, "{error:?}");
        assert_eq!(script.endpoint.poll_timeout(), None);
    }
}

#[test]
fn none_of_them_does_anything_where_they_are_ignored() {
    let mut script = server(UnauthenticatedErrors::Ignore);
    for Case { kind, contents, .. } in errors() {
        for content in contents {
            script.send_record(0, kind, &content).unwrap();
        }
    }
    script.receive();
    assert!(script.alerts.is_empty() && script.received.is_empty());
    assert!(script.endpoint.poll_timeout().is_some());
}

/// RFC 5246 §7.2.2: warnings end nothing.
#[test]
fn warnings_are_passed_over() {
    let mut script = server(UnauthenticatedErrors::Fail);
    for alert in [Alert::NO_RENEGOTIATION, Alert::UNEXPECTED_MESSAGE] {
        script.send_record(0, ContentType::Alert, &[1, alert.0]).unwrap();
    }
    assert_eq!(script.endpoint.counters().unauthenticated_alerts, 2);
}
