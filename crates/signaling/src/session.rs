//! One client's session as a state machine: it says what a message or an event leads to, and touches nothing.
//!
//! ```text
//! WaitingConnect --connect--> Joining --joined--> WaitingAnswer --answer--> Established <--> WaitingReAnswer
//! ```

use tsubame_sfu::{ConnectionId, Event, MediaKind};

use crate::close::{Close, Refusal};
use crate::dialect;
use crate::limits::Limits;
use crate::request::{Connect, Request};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was said yet.
    WaitingConnect,
    /// The application and the SFU are being asked.
    Joining,
    /// The first offer was sent.
    WaitingAnswer,
    /// Nothing is outstanding.
    Established,
    /// A re-offer was sent.
    WaitingReAnswer,
}

/// What a client's message leads to.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Ask whether the client may in; [`Session::joined`] comes next.
    Join(Box<Connect>),
    /// Hand this answer to the SFU.
    Answer(String),
    /// Hand this candidate to the SFU.
    Candidate(String),
    /// Nothing.
    Nothing,
    /// Close the WebSocket in peace.
    Disconnect,
}

/// What an event of the SFU leads to.
#[derive(Debug, PartialEq)]
pub(crate) enum Reaction {
    /// Tell the channel that the client is there.
    Announce,
    /// Send this re-offer.
    ReOffer(String),
    /// Tell the client that it does not get this track.
    TrackRefused { publisher: ConnectionId, kind: MediaKind },
    /// Nothing.
    Nothing,
    /// Close the WebSocket.
    Close(Close),
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Session {
    state: State,
    candidates: usize,
}

impl Session {
    pub(crate) fn new() -> Self {
        Self { state: State::WaitingConnect, candidates: 0 }
    }

    /// A text message came. An `Err` ends the session.
    pub(crate) fn handle_text(&mut self, text: &str, limits: &Limits) -> Result<Step, Refusal> {
        match dialect::parse(text, limits)? {
            Request::Connect(connect) => {
                self.expect("connect", |state| match state {
                    State::WaitingConnect => Ok(State::Joining),
                    _ => Err("it was sent already"),
                })?;
                Ok(Step::Join(connect))
            }
            Request::Answer(sdp) => {
                self.expect("answer", |state| match state {
                    State::WaitingAnswer => Ok(State::Established),
                    State::WaitingConnect | State::Joining => Err("connect comes first"),
                    State::Established => Err("it was sent already"),
                    State::WaitingReAnswer => Err("a re-offer is answered by re-answer"),
                })?;
                self.candidates = 0;
                Ok(Step::Answer(sdp))
            }
            Request::ReAnswer(sdp) => {
                self.expect("re-answer", |state| match state {
                    State::WaitingReAnswer => Ok(State::Established),
                    State::WaitingConnect | State::Joining => Err("connect comes first"),
                    State::WaitingAnswer => Err("the first offer is answered by answer"),
                    State::Established => Err("nobody asked for it"),
                })?;
                self.candidates = 0;
                Ok(Step::Answer(sdp))
            }
            Request::Candidate(candidate) => {
                // Candidates may overtake the answer: both leave the client as soon as they exist.
                self.expect("candidate", |state| match state {
                    State::WaitingConnect | State::Joining => Err("connect comes first"),
                    state => Ok(state),
                })?;
                self.candidates += 1;
                // Checks find us without candidates, so too many of them are no reason to end a session.
                Ok(if self.candidates > limits.candidates {
                    Step::Nothing
                } else {
                    Step::Candidate(candidate)
                })
            }
            Request::Pong => {
                self.expect("pong", |state| match state {
                    State::WaitingConnect | State::Joining => Err("connect comes first"),
                    state => Ok(state),
                })?;
                Ok(Step::Nothing)
            }
            Request::Disconnect => Ok(Step::Disconnect),
        }
    }

    /// The client was let in, and the first offer goes out.
    pub(crate) fn joined(&mut self) {
        self.state = State::WaitingAnswer;
    }

    /// The SFU says something.
    pub(crate) fn handle_event(&mut self, event: Event) -> Reaction {
        match event {
            Event::Connected => Reaction::Announce,
            Event::Offer { sdp } => {
                self.state = State::WaitingReAnswer;
                Reaction::ReOffer(sdp)
            }
            Event::TrackRefused { publisher, kind } => Reaction::TrackRefused { publisher, kind },
            Event::Closed(reason) => Reaction::Close(reason.into()),
            _ => Reaction::Nothing,
        }
    }

    fn expect(
        &mut self,
        message: &'static str,
        next: impl FnOnce(State) -> Result<State, &'static str>,
    ) -> Result<(), Refusal> {
        self.state =
            next(self.state).map_err(|because| Refusal::OutOfOrder { message, because })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tsubame_sfu::CloseReason;

    use super::*;

    const CONNECT: &str = r#"{"type":"connect","role":"sendonly","channel_id":"a"}"#;
    const ANSWER: &str = r#"{"type":"answer","sdp":"v=0"}"#;
    const RE_ANSWER: &str = r#"{"type":"re-answer","sdp":"v=0"}"#;
    const CANDIDATE: &str = r#"{"type":"candidate","candidate":"c"}"#;
    const PONG: &str = r#"{"type":"pong"}"#;

    fn say(session: &mut Session, text: &str) -> Result<Step, String> {
        session.handle_text(text, &Limits::default()).map_err(|refusal| refusal.to_string())
    }

    fn in_state(state: State) -> Session {
        Session { state, candidates: 0 }
    }

    #[test]
    fn the_way_of_a_session() {
        let mut session = Session::new();
        assert!(matches!(say(&mut session, CONNECT), Ok(Step::Join(_))));
        session.joined();
        assert_eq!(say(&mut session, CANDIDATE), Ok(Step::Candidate("c".into())));
        assert_eq!(say(&mut session, ANSWER), Ok(Step::Answer("v=0".into())));
        assert_eq!(session.handle_event(Event::Connected), Reaction::Announce);
        assert_eq!(say(&mut session, PONG), Ok(Step::Nothing));
        let offer = Event::Offer { sdp: "v=1".into() };
        assert_eq!(session.handle_event(offer), Reaction::ReOffer("v=1".into()));
        assert_eq!(say(&mut session, RE_ANSWER), Ok(Step::Answer("v=0".into())));
        let offer = Event::Offer { sdp: "v=2".into() };
        assert_eq!(session.handle_event(offer), Reaction::ReOffer("v=2".into()));
        assert_eq!(
            say(&mut session, r#"{"type":"update","sdp":"v=0"}"#),
            Ok(Step::Answer("v=0".into()))
        );
        assert_eq!(say(&mut session, r#"{"type":"disconnect"}"#), Ok(Step::Disconnect));
    }

    #[test]
    fn every_message_out_of_order_is_refused() {
        use State::*;
        for (message, name, wrong) in [
            (CONNECT, "connect", &[Joining, WaitingAnswer, Established, WaitingReAnswer][..]),
            (ANSWER, "answer", &[WaitingConnect, Joining, Established, WaitingReAnswer][..]),
            (RE_ANSWER, "re-answer", &[WaitingConnect, Joining, WaitingAnswer, Established][..]),
            (CANDIDATE, "candidate", &[WaitingConnect, Joining][..]),
            (PONG, "pong", &[WaitingConnect, Joining][..]),
        ] {
            for state in [WaitingConnect, Joining, WaitingAnswer, Established, WaitingReAnswer] {
                let result = say(&mut in_state(state), message);
                if wrong.contains(&state) {
                    let reason = result.expect_err(name);
                    assert!(
                        reason.starts_with(&format!("UNEXPECTED-MESSAGE: {name}: ")),
                        "{reason}"
                    );
                } else {
                    assert!(result.is_ok(), "{name} in {state:?}");
                }
            }
        }
    }

    #[test]
    fn a_re_answer_nobody_asked_for_says_so() {
        assert_eq!(
            say(&mut in_state(State::Established), RE_ANSWER),
            Err("UNEXPECTED-MESSAGE: re-answer: nobody asked for it".into())
        );
    }

    #[test]
    fn a_client_may_go_at_any_time() {
        use State::*;
        for state in [WaitingConnect, Joining, WaitingAnswer, Established, WaitingReAnswer] {
            let result = say(&mut in_state(state), r#"{"type":"disconnect"}"#);
            assert_eq!(result, Ok(Step::Disconnect));
        }
    }

    #[test]
    fn candidates_are_counted_from_answer_to_answer() {
        let mut session = in_state(State::WaitingAnswer);
        for _ in 0..2 {
            for _ in 0..100 {
                assert!(matches!(say(&mut session, CANDIDATE), Ok(Step::Candidate(_))));
            }
            assert_eq!(say(&mut session, CANDIDATE), Ok(Step::Nothing));
            session.state = State::WaitingReAnswer;
            assert!(say(&mut session, RE_ANSWER).is_ok());
        }
    }

    #[test]
    fn the_end_of_a_session_closes_with_its_reason() {
        let mut session = in_state(State::Established);
        assert_eq!(
            session.handle_event(Event::Closed(CloseReason::ConsentExpired)),
            Reaction::Close(CloseReason::ConsentExpired.into())
        );
        let publisher = ConnectionId::from_random([1; 16]);
        assert_eq!(
            session.handle_event(Event::TrackRefused { publisher, kind: MediaKind::Video }),
            Reaction::TrackRefused { publisher, kind: MediaKind::Video }
        );
    }
}
