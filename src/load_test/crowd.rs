//! The clients of a load test: how they join, and who they are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tsubame_client::swarm::{Measurement, Member, Swarm, Times};
use tsubame_client::{ClientConfig, ClientError, Identity, Role, Trace};

use super::arguments::LoadTestArguments;

/// Everybody who has joined.
pub(super) struct Crowd {
    swarm: Arc<Swarm>,
    template: ClientConfig,
    whip: Option<String>,
    whep: Option<String>,
    channels: usize,
    channel_name: String,
    audio: bool,
    join_rate: f64,
    joining: JoinSet<(Role, Result<Member, ClientError>)>,
    publishers: Vec<Member>,
    participants: Vec<Member>,
    /// The oldest first.
    pub(super) subscribers: std::collections::VecDeque<Member>,
    asked: [usize; 3],
    pub(super) made: u64,
    pub(super) failed: u64,
    /// Why the first one failed.
    pub(super) first_failure: Option<String>,
    /// How long joining took everybody so far, and until media came.
    pub(super) times_to_connected: Times,
    pub(super) times_to_first_packet: Times,
}

impl Crowd {
    pub(super) fn new(
        arguments: &LoadTestArguments,
        swarm: Arc<Swarm>,
        trace: Option<Arc<Trace>>,
    ) -> Result<Self, String> {
        let identity = Identity::generate_ecdsa()
            .map_err(|error| format!("no certificate can be made ({error})"))?;
        let mut template = ClientConfig::new(&arguments.url, "", Role::RecvOnly);
        template.identity = Some(Arc::new(identity));
        template.video = Some(trace.as_ref().map_or(arguments.codec.into(), |trace| trace.codec()));
        template.video_bitrate = arguments.video_bitrate;
        template.frame_rate = arguments.fps;
        template.pacing = arguments.pacing.into();
        template.trace = trace;
        template.srtp_profiles = vec![arguments.srtp.profile()];
        template.access_token.clone_from(&arguments.access_token);
        template.bind = arguments.bind;
        template.timeout = Duration::from_secs(30);
        let channel_name = match &arguments.channel_name {
            Some(name) => name.clone(),
            None => format!("load-test-{}-", std::process::id()),
        };
        Ok(Self {
            swarm,
            template,
            whip: arguments.whip.clone(),
            whep: arguments.whep.clone(),
            channels: arguments.channels,
            channel_name,
            audio: arguments.audio,
            join_rate: arguments.join_rate,
            joining: JoinSet::new(),
            publishers: Vec::new(),
            participants: Vec::new(),
            subscribers: std::collections::VecDeque::new(),
            asked: [0; 3],
            made: 0,
            failed: 0,
            first_failure: None,
            times_to_connected: Times::default(),
            times_to_first_packet: Times::default(),
        })
    }

    /// Lets `count` clients of one role join at the rate asked for, and waits until each has connected or failed. `joined` is told how many
    /// there are, now and then.
    pub(super) async fn join(&mut self, role: Role, count: usize, mut joined: impl FnMut(usize)) {
        let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / self.join_rate));
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let (mut started, mut done) = (0, 0);
        while done < count {
            tokio::select! {
                _ = pace.tick(), if started < count => {
                    self.start_one(role);
                    started += 1;
                }
                Some(result) = self.joining.join_next() => {
                    self.take(result);
                    done += 1;
                    joined(done);
                }
            }
        }
    }

    /// Starts one more without waiting for it.
    pub(super) fn start_one(&mut self, role: Role) {
        let number = &mut self.asked[place(role)];
        let channel = *number % self.channels;
        *number += 1;
        let mut config = self.template.clone();
        config.role = role;
        config.channel = format!("{}{channel}", self.channel_name);
        let endpoint = match role {
            Role::SendOnly => self.whip.as_ref(),
            Role::RecvOnly => self.whep.as_ref(),
            Role::SendRecv => None,
        };
        if let Some(endpoint) = endpoint {
            config.signaling_url = endpoint.replace("{channel}", &config.channel);
        }
        config.audio = self.audio;
        let swarm = Arc::clone(&self.swarm);
        self.joining.spawn(async move { (role, swarm.join(&config).await) });
    }

    /// Takes in who has connected or failed in the meantime.
    pub(super) fn collect(&mut self) {
        while let Some(result) = self.joining.try_join_next() {
            self.take(result);
        }
    }

    /// The swarm tells each time once.
    pub(super) async fn measure(&mut self, flowing_since: Instant) -> Measurement {
        let measurement = self.swarm.measure(flowing_since).await;
        self.times_to_connected.add(&measurement.times_to_connected);
        self.times_to_first_packet.add(&measurement.times_to_first_packet);
        measurement
    }

    fn take(
        &mut self,
        result: Result<(Role, Result<Member, ClientError>), tokio::task::JoinError>,
    ) {
        let failure = match result {
            Ok((role, Ok(member))) => {
                self.made += 1;
                match role {
                    Role::SendOnly => self.publishers.push(member),
                    Role::SendRecv => self.participants.push(member),
                    Role::RecvOnly => self.subscribers.push_back(member),
                }
                return;
            }
            Ok((_, Err(error))) => error.to_string(),
            Err(error) => error.to_string(),
        };
        self.failed += 1;
        self.first_failure.get_or_insert(failure);
    }

    pub(super) fn len(&self) -> usize {
        self.publishers.len() + self.participants.len() + self.subscribers.len()
    }
}

fn place(role: Role) -> usize {
    match role {
        Role::SendOnly => 0,
        Role::RecvOnly => 1,
        Role::SendRecv => 2,
    }
}
