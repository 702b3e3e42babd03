//! Every mistake in its one sentence.

use std::path::Path;

use super::*;

fn from_file(text: &str) -> Result<Settings, String> {
    File::parse(Path::new("tsubame.toml"), text)
        .and_then(|file| Settings::resolve(ServeArguments::default(), file))
        .map_err(|error| error.to_string())
}

fn from_arguments(arguments: ServeArguments) -> Result<Settings, String> {
    Settings::load(arguments).map_err(|error| error.to_string())
}

#[test]
fn the_defaults() {
    let settings = from_file("").expect("accepted");
    assert_eq!(settings.listen.to_string(), "127.0.0.1:5000");
    assert_eq!(settings.api_listen.to_string(), "127.0.0.1:3000");
    assert!(settings.tls.is_none());
    assert!(settings.udp.is_empty() && settings.candidates.is_empty());
    assert!((1..=64).contains(&settings.shards));
    assert!(!settings.port_per_shard);
    assert_eq!(settings.coalesce, Duration::ZERO);
    assert_eq!(settings.log.to_string(), "info");
    assert!(matches!(settings.auth, Auth::Open));
}

#[test]
fn every_option_is_a_key() {
    let settings = from_file(
        r#"
        listen = "0.0.0.0:1"
        tls_listen = "[::]:2"
        tls_cert = "cert.pem"
        tls_key = "key.pem"
        api_listen = "127.0.0.1:3"
        udp = ["0.0.0.0:4", "[::]:5"]
        candidate = ["192.0.2.1", "2001:db8::1"]
        shards = 3
        port_per_shard = true
        channel_on_one_shard = 40
        coalesce = "5ms"
        log = "debug"
        auth_url = "http://127.0.0.1:8000/auth"
        "#,
    )
    .expect("accepted");
    assert_eq!(settings.listen.port(), 1);
    let tls = settings.tls.expect("on");
    assert_eq!(tls.listen.port(), 2);
    assert_eq!(tls.files, Some(("cert.pem".into(), "key.pem".into())));
    assert_eq!(settings.api_listen.port(), 3);
    assert_eq!(settings.udp.iter().map(SocketAddr::port).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(settings.candidates.len(), 2);
    assert_eq!(settings.shards, 3);
    assert!(settings.port_per_shard);
    assert_eq!(settings.channel_on_one_shard, NonZeroUsize::new(40));
    assert_eq!(settings.coalesce, Duration::from_millis(5));
    assert_eq!(settings.log.to_string(), "debug");
    assert!(matches!(settings.auth, Auth::Webhook(_)));
}

#[test]
fn the_command_line_wins() {
    let file = File::parse(
        Path::new("tsubame.toml"),
        "listen = \"127.0.0.1:1\"\nudp = [\"127.0.0.1:2\", \"127.0.0.1:3\"]\nshards = 2\nport_per_shard = true\nlog = \"warn\"\n",
    )
    .expect("accepted");
    let arguments = ServeArguments {
        listen: Some("127.0.0.1:9".into()),
        udp: vec!["127.0.0.1:8".into()],
        port_per_shard: Some(false),
        log: Some("debug".into()),
        ..ServeArguments::default()
    };
    let settings = Settings::resolve(arguments, file).expect("accepted");
    assert_eq!(settings.listen.port(), 9);
    assert_eq!(settings.udp, ["127.0.0.1:8".parse::<SocketAddr>().expect("an address")]);
    assert_eq!((settings.shards, settings.log.to_string()), (2, "debug".into()));
    assert!(!settings.port_per_shard);
}

#[test]
fn mistakes_in_a_file_name_their_line() {
    for (text, sentence) in [
        (
            "listen = \"127.0.0.1:1\"\n\nlisen = \"127.0.0.1:2\"\n",
            "tsubame.toml:3: unknown key `lisen`, expected one of `listen`, `tls_listen`, `tls_cert`, `tls_key`, `api_listen`, \
             `udp`, `candidate`, `shards`, `port_per_shard`, `channel_on_one_shard`, `coalesce`, `log`, `access_token`, `auth_url`",
        ),
        (
            "# a comment\nlisten = \"nonsense\"\n",
            "tsubame.toml:2: listen: \"nonsense\" is not an address: write IP:PORT, for example 127.0.0.1:5000 or [::1]:5000",
        ),
        (
            "udp = [\n  \"127.0.0.1:1\",\n  \"127.0.0.1\",\n]\n",
            "tsubame.toml:3: udp: \"127.0.0.1\" is not an address: write IP:PORT, for example 127.0.0.1:5000 or [::1]:5000",
        ),
        (
            "candidate = [\"localhost\"]\n",
            "tsubame.toml:1: candidate: \"localhost\" is not an IP address: write one that clients can reach, for example 192.0.2.1",
        ),
        (
            "candidate = [\n  \"192.0.2.1\",\n  \"0.0.0.0\",\n]\n",
            "tsubame.toml:3: candidate: \"0.0.0.0\" is not an address that clients can send to: write one of this machine's, or of the NAT \
             in front of it, for example 192.0.2.1",
        ),
        (
            "\nlog = \"a=b=c\"\n",
            "tsubame.toml:2: log: \"a=b=c\" is no filter (error parsing level filter: expected one of \"off\", \"error\", \"warn\", \
             \"info\", \"debug\", \"trace\", or a number 0-5): write error, warn, info, debug or trace",
        ),
        (
            "shards = 0\n",
            "tsubame.toml:1: shards: \"0\" is not a number of threads: write 1 to 64, or leave it out for one per core",
        ),
        (
            "channel_on_one_shard = 0\n",
            "tsubame.toml:1: channel_on_one_shard: \"0\" is not a number of members: write 1 or more, or leave it out for 500",
        ),
        (
            "coalesce = \"21ms\"\n",
            "tsubame.toml:1: coalesce: \"21ms\" is not a duration of at most 20ms: write for example 5ms, or 0 for none",
        ),
        (
            "coalesce = \"5\"\n",
            "tsubame.toml:1: coalesce: \"5\" is not a duration of at most 20ms: write for example 5ms, or 0 for none",
        ),
        ("\nshards = \"two\"\n", "tsubame.toml:2: invalid type: string \"two\", expected i64"),
        ("\nlisten =\n", "tsubame.toml:2: string values must be quoted, expected literal string"),
        (
            "\naccess_token = \"31 bytes are one too few here..\"\n",
            "tsubame.toml:2: access_token: it has 31 bytes and can be guessed: use at least 32 (`openssl rand -hex 32` makes one)",
        ),
        (
            "auth_url = \"ftp://127.0.0.1/\"\n",
            "tsubame.toml:1: auth_url: write an http or https URL, for example http://127.0.0.1:8000/auth",
        ),
        (
            "access_token = \"32 bytes are just enough here...\"\nauth_url = \"http://127.0.0.1/\"\n",
            "tsubame.toml:2: auth_url: there is access_token as well: keep one of the two",
        ),
    ] {
        assert_eq!(from_file(text).expect_err(text), sentence);
    }
}

#[test]
fn packets_may_be_held_for_20_ms_and_not_at_all() {
    for (text, milliseconds) in [("20ms", 20), ("0", 0), ("0ms", 0), ("1ms", 1)] {
        let settings = from_file(&format!("coalesce = \"{text}\"")).expect(text);
        assert_eq!(settings.coalesce, Duration::from_millis(milliseconds));
    }
}

#[test]
fn a_token_of_32_bytes_is_enough_and_is_not_shown() {
    let settings =
        from_file("access_token = \"32 bytes are just enough here...\"").expect("accepted");
    assert!(matches!(settings.auth, Auth::Token(_)));
    assert!(!format!("{settings:?}").contains("enough"));
}

#[test]
fn mistakes_on_the_command_line_name_their_option() {
    let arguments = || ServeArguments::default();
    for (arguments, sentence) in [
        (
            ServeArguments { api_listen: Some("3000".into()), ..arguments() },
            "--api-listen: \"3000\" is not an address: write IP:PORT, for example 127.0.0.1:5000 or [::1]:5000",
        ),
        (
            ServeArguments { shards: Some("65".into()), ..arguments() },
            "--shards: \"65\" is not a number of threads: write 1 to 64, or leave it out for one per core",
        ),
        (
            ServeArguments { tls_cert: Some("a".into()), ..arguments() },
            "--tls-cert needs --tls-key",
        ),
        (ServeArguments { tls_key: Some("a".into()), ..arguments() }, "--tls-key needs --tls-cert"),
        (
            ServeArguments { tls_cert: Some("a".into()), tls_key: Some("a".into()), ..arguments() },
            "--tls-cert and --tls-key need --tls-listen",
        ),
        (
            ServeArguments { config: Some("/does/not/exist.toml".into()), ..arguments() },
            "/does/not/exist.toml does not exist: check the path after --config",
        ),
    ] {
        assert_eq!(from_arguments(arguments).expect_err(sentence), sentence);
    }
}

#[test]
fn a_candidate_that_nobody_can_send_to_is_refused() {
    for text in ["0.0.0.0", "::", "::ffff:0.0.0.0", "224.0.0.1", "ff02::1", "::ffff:239.1.2.3"] {
        let candidate = vec!["192.0.2.1".into(), text.into()];
        let arguments = ServeArguments { candidate, ..ServeArguments::default() };
        let sentence = from_arguments(arguments).expect_err(text);
        let begins = format!("--candidate: {text:?} is not an address that clients can send to: ");
        assert!(sentence.starts_with(&begins), "{sentence}");
    }
}

#[test]
fn a_candidate_is_advertised_as_what_it_is_and_once() {
    let settings = from_file("candidate = [\"::ffff:192.0.2.1\", \"192.0.2.1\", \"::1\"]\n");
    let candidates = settings.expect("accepted").candidates;
    let expected: [IpAddr; 2] = [[192, 0, 2, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()];
    assert_eq!(candidates, expected);
}
