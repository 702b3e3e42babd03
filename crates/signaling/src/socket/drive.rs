//! The conversation with one client: does what the [`Session`] says.

use std::convert::Infallible;
use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tsubame_sfu::{ConnectionId, Join};
use tungstenite::Utf8Bytes;

use super::End;
use super::incoming::Incoming;
use super::pings::pings;
use crate::admission::Place;
use crate::app::App;
use crate::clock;
use crate::close::{Close, Refusal};
use crate::dialect::{Generation, Offer, Reply};
use crate::listener::shutting_down;
use crate::notify::Profile;
use crate::outbox::Outbox;
use crate::registry::Membership;
use crate::request::Connect;
use crate::session::{Reaction, Session, Step};

/// Talks until the end, and says how it ended.
pub(super) async fn converse(
    app: &App,
    incoming: &mut Incoming,
    outbox: &Outbox,
    half_open: Place,
) -> End {
    let mut shutdown = app.shutdown.clone();
    let mut session = Session::new();
    let admitted = tokio::select! {
        // In a box of its own, which is gone once the client was let in: the rest of the conversation needs much less.
        admitted = Box::pin(admit(app, &mut session, incoming, half_open.source())) => admitted,
        () = shutting_down(&mut shutdown) => Err(End::Close(Close::SHUTTING_DOWN)),
    };
    let (admitted, setting_up, offer) = match admitted {
        Ok(admitted) => admitted,
        Err(end) => return end,
    };
    drop(half_open);
    let setting_up = Some(setting_up);
    let mut client = Client { app, session, outbox, admitted, setting_up, update_at: None };
    client.send(&Reply::Offer(&offer));
    // Thousands of octets that are of no use any more, for as long as the client stays.
    drop(offer);
    client.session.joined();
    match client.run(incoming, &mut shutdown).await {
        Err(end) => end,
        Ok(never) => match never {},
    }
}

/// What a client has once it was let in. Dropping it leaves the SFU, then the channel.
struct Admitted {
    sfu: tsubame_sfu::Session,
    membership: Membership,
    profile: Arc<Profile>,
    generation: Generation,
}

/// Waits for `connect` and asks everybody who has a say.
async fn admit(
    app: &App,
    session: &mut Session,
    incoming: &mut Incoming,
    source: IpAddr,
) -> Result<(Admitted, Place, Offer), End> {
    let text = timeout(app.limits.first_message_timeout, first_text(incoming))
        .await
        .unwrap_or(Err(Refusal::FirstMessageTimeout.into()))?;
    let connect = match session.handle_text(&text, &app.limits)? {
        Step::Join(connect) => *connect,
        Step::Disconnect => return Err(End::Close(Close::DISCONNECTED)),
        Step::Answer(_) | Step::Candidate(_) | Step::Nothing => {
            return Err(Refusal::InternalError.into());
        }
    };
    app.auth.admit(&connect, app.registry.connections(&connect.channel)).await?;

    // The source is counted on: whoever has no intention to answer holds a session of the SFU for as long as one who has.
    let setting_up = app.setting_up.admit(source).ok_or(Refusal::TooManySettingUp)?;

    let connection_id = random_id()?;
    let profile = Arc::new(profile_of(&connect, connection_id));
    let membership = app.registry.enter(&connect.channel, random_id()?.to_string());
    let join = Join {
        channel: connect.channel.clone(),
        connection_id,
        bundle_id: connect.bundle_id,
        role: connect.role,
        audio: connect.audio,
        video: connect.video,
    };
    let (joined, sfu) = app.sfu.join(join).await.map_err(Refusal::from)?;
    let offer = Offer {
        sdp: joined.offer,
        connection_id: connection_id.to_string(),
        client_id: profile.client_id.clone(),
        bundle_id: profile.bundle_id.clone(),
        session_id: membership.session_id().to_owned(),
        channel: connect.channel,
        mids: joined.mids,
    };
    let admitted = Admitted { sfu, membership, profile, generation: connect.generation };
    Ok((admitted, setting_up, offer))
}

async fn first_text(incoming: &mut Incoming) -> Result<Utf8Bytes, End> {
    loop {
        if let Some(text) = incoming.next().await? {
            return Ok(text);
        }
    }
}

fn random_id() -> Result<ConnectionId, Refusal> {
    let mut octets = [0; 16];
    getrandom::fill(&mut octets).map_err(|error| {
        tracing::error!(%error, "the system has no randomness");
        Refusal::InternalError
    })?;
    Ok(ConnectionId::from_random(octets))
}

fn profile_of(connect: &Connect, connection_id: ConnectionId) -> Profile {
    let default_client_id = match connect.generation {
        Generation::Today => connection_id.to_string(),
        Generation::Sora2015 => connection_id.to_braced_uuid(),
    };
    Profile {
        connection_id,
        client_id: connect.client_id.clone().unwrap_or(default_client_id),
        bundle_id: connect.bundle_id.clone().unwrap_or_else(|| connection_id.to_string()),
        role: connect.role,
        audio: connect.audio.is_some(),
        video: connect.video.is_some(),
        notify_metadata: connect.notify_metadata.clone(),
    }
}

/// A client that was let in.
struct Client<'a> {
    app: &'a App,
    session: Session,
    outbox: &'a Outbox,
    admitted: Admitted,
    /// The client's place among those without a media path, until it has one. Below `admitted`: the SFU's session goes first.
    setting_up: Option<Place>,
    /// When the channel is next told how long the client has been there. `None`: it is not announced yet.
    update_at: Option<Instant>,
}

impl Client<'_> {
    async fn run(
        &mut self,
        incoming: &mut Incoming,
        shutdown: &mut watch::Receiver<bool>,
    ) -> Result<Infallible, End> {
        let limits = &self.app.limits;
        let mut pings = pings(self.app.started, clock::now(), limits.ping_interval);
        loop {
            let idle_at = incoming.last_heard() + limits.idle_timeout;
            tokio::select! {
                message = incoming.next() => {
                    if let Some(text) = message? {
                        self.handle_text(&text).await?;
                    }
                }
                event = self.admitted.sfu.next_event() => {
                    let event = event.ok_or(Refusal::InternalError)?;
                    let reaction = self.session.handle_event(event);
                    self.react(reaction)?;
                }
                _ = pings.tick() => self.send(&Reply::Ping),
                () = at(self.update_at) => {
                    self.admitted.membership.update();
                    self.schedule_update();
                }
                () = sleep_until(idle_at) => return Err(Refusal::IdleTimeout.into()),
                () = self.outbox.overflowed() => {
                    tracing::debug!("a client does not read what it is sent");
                    return Err(End::Broken);
                }
                () = shutting_down(shutdown) => return Err(End::Close(Close::SHUTTING_DOWN)),
            }
        }
    }

    async fn handle_text(&mut self, text: &str) -> Result<(), End> {
        let sfu = &self.admitted.sfu;
        let refused = match self.session.handle_text(text, &self.app.limits)? {
            Step::Answer(sdp) => sfu.answer(sdp).await.err().and_then(Refusal::answer),
            Step::Candidate(candidate) => {
                sfu.candidate(candidate).await.err().and_then(Refusal::candidate)
            }
            Step::Nothing => None,
            Step::Disconnect => return Err(End::Close(Close::DISCONNECTED)),
            Step::Join(_) => Some(Refusal::InternalError),
        };
        refused.map_or(Ok(()), |refusal| Err(refusal.into()))
    }

    fn react(&mut self, reaction: Reaction) -> Result<(), End> {
        let Admitted { membership, profile, generation, .. } = &mut self.admitted;
        match reaction {
            Reaction::Announce => {
                self.setting_up = None;
                membership.announce(Arc::clone(profile), *generation, self.outbox.clone());
                self.schedule_update();
            }
            Reaction::ReOffer(sdp) => self.send(&Reply::ReOffer { sdp }),
            Reaction::TrackRefused { publisher, kind } => {
                membership.track_refused(*generation, self.outbox, publisher, kind);
            }
            Reaction::Nothing => {}
            Reaction::Close(close) => return Err(End::Close(close)),
        }
        Ok(())
    }

    fn schedule_update(&mut self) {
        self.update_at = Some(clock::now() + self.app.limits.update_interval);
    }

    fn send(&self, reply: &Reply<'_>) {
        self.outbox.push(self.admitted.generation.write(reply).into());
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tsubame_sfu::{Event, Role};

    use super::*;
    use crate::admission::Admission;
    use crate::auth::Auth;
    use crate::limits::Limits;
    use crate::outbox::outbox;
    use crate::registry::Registry;

    #[tokio::test]
    async fn a_source_is_counted_on_until_the_media_path_stands() {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let sfu = tsubame_sfu::Server::start(tsubame_sfu::Config {
            udp: vec![(loopback, 0).into()],
            candidates: tsubame_sfu::Candidates::Explicit(vec![loopback]),
            ..tsubame_sfu::Config::default()
        })
        .expect("the SFU starts");
        let (_shutdown, shutting_down) = watch::channel(false);
        let app = App {
            started: clock::now(),
            sfu: sfu.handle(),
            auth: Auth::Open,
            limits: Limits::default(),
            registry: Arc::new(Registry::default()),
            admission: Admission::new(1, 1),
            setting_up: Admission::new(1, usize::MAX),
            shutdown: shutting_down,
        };
        let connection_id = random_id().expect("randomness");
        let join = Join {
            channel: "test".into(),
            connection_id,
            bundle_id: None,
            role: Role::RecvOnly,
            audio: None,
            video: None,
        };
        let (_, session) = app.sfu.join(join).await.expect("let in");
        let profile = Profile {
            connection_id,
            client_id: "client".into(),
            bundle_id: "bundle".into(),
            role: Role::RecvOnly,
            audio: false,
            video: false,
            notify_metadata: None,
        };
        let (outbox, _reader) = outbox(1024 * 1024);
        let mut client = Client {
            app: &app,
            session: Session::new(),
            outbox: &outbox,
            admitted: Admitted {
                sfu: session,
                membership: app.registry.enter("test", "session".into()),
                profile: Arc::new(profile),
                generation: Generation::Today,
            },
            setting_up: app.setting_up.admit(loopback),
            update_at: None,
        };
        client.session.joined();
        client.react(Reaction::Nothing).expect("it goes on");
        assert!(app.setting_up.admit(loopback).is_none());
        let reaction = client.session.handle_event(Event::Connected);
        client.react(reaction).expect("it goes on");
        assert!(app.setting_up.admit(loopback).is_some());
        assert_eq!(app.registry.connections("test"), 1);
        drop(client);
        sfu.shutdown();
    }
}
