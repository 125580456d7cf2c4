use std::time::Duration;

use super::super::access::{AccessPlan, FilePlan};
use super::super::plan::{Endpoint, Family, Identity, Protocol};
use super::*;
use crate::mqtt::QoS;

/// What a file with these lines comes to.
fn planned(text: &str) -> Result<Planned, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.conf");
    fs::write(&path, text).unwrap();
    read(&path)
        .and_then(|settings| settings.plan(&[]))
        .map_err(|failure| {
            assert_eq!(failure.exit, Exit::Usage);
            failure
                .message
                .replace(&folder.path().display().to_string(), "D")
        })
}

fn tcp(host: Option<&str>, port: u16, family: Option<Family>) -> Endpoint {
    Endpoint::Tcp {
        host: host.map(str::to_owned),
        port,
        family,
    }
}

#[test]
fn nothing_is_for_this_machine_only() {
    for text in [
        "",
        "# only a comment\n\n",
        "allow_anonymous true\n",
        "max_connections 5\n",
    ] {
        let plan = planned(text).unwrap();
        assert!(plan.is_local_only, "{text}");
        assert!(plan.listeners.len() <= 2);
        assert_eq!(
            plan.listeners[0].endpoint,
            tcp(Some("127.0.0.1"), 1883, None)
        );
        assert!(plan.access[0].anonymous);
    }
}

#[test]
fn a_listener_means_no_anonymous_clients() {
    let plan = planned("listener 1884\n").unwrap();
    assert!(!plan.is_local_only);
    assert_eq!(plan.listeners[0].endpoint, tcp(None, 1884, None));
    assert!(!plan.access[0].anonymous);
    assert!(
        planned("listener 1884\nallow_anonymous true\n")
            .unwrap()
            .access[0]
            .anonymous
    );
    let plan = planned("port 1885\nbind_address 127.0.0.1\n").unwrap();
    assert_eq!(
        plan.listeners[0].endpoint,
        tcp(Some("127.0.0.1"), 1885, None)
    );
    assert!(!plan.access[0].anonymous);
}

#[test]
fn listeners_of_each_kind() {
    let plan = planned(
        "listener 0 ::1\n\
         socket_domain ipv6\n\
         listener 9001 127.0.0.1   \n\
         protocol websockets\n\
         max_qos 1\n\
         max_connections 7\n\
         max_topic_alias 3\n\
         listener 0 /tmp/x y.sock\n\
         mount_point in/\n\
         listener_allow_anonymous true\n\
         accept_protocol_versions 4, 5\n\
         listener 8883\n\
         cafile ca.pem\n\
         certfile c.pem\n\
         keyfile k.pem\n\
         crlfile r.pem\n\
         require_certificate true\n\
         use_subject_as_username true\n\
         tls_version tlsv1.3\n",
    )
    .unwrap();
    let [six, web, unix, tls] = &plan.listeners[..] else {
        panic!("{plan:?}");
    };
    assert_eq!(six.endpoint, tcp(Some("::1"), 0, Some(Family::V6)));
    assert_eq!(web.endpoint, tcp(Some("127.0.0.1"), 9001, None));
    assert_eq!(web.protocol, Protocol::WebSocket);
    assert_eq!(unix.endpoint, Endpoint::Unix("/tmp/x y.sock".into()));
    let files = tls.tls.as_ref().unwrap();
    assert_eq!(files.certificate, Path::new("c.pem"));
    assert_eq!(files.revoked.as_deref(), Some(Path::new("r.pem")));
    assert!(files.require_certificate && files.only_1_3);
    assert_eq!(files.identity, Identity::Subject);
    assert!(plan.access[3].by_certificate);
    let [_, web, unix, _] = &plan.config.listeners[..] else {
        panic!("{plan:?}");
    };
    assert_eq!(web.max_qos, QoS::AtLeastOnce);
    assert_eq!(web.max_connections, Some(7));
    assert_eq!(web.topic_alias_maximum, Some(3));
    assert_eq!(unix.mount_point.as_deref(), Some("in/"));
    assert!(!unix.versions.v31 && unix.versions.v311 && unix.versions.v5);
    let anonymous: Vec<bool> = plan.access.iter().map(|access| access.anonymous).collect();
    assert_eq!(anonymous, [false, false, true, false]);
}

#[test]
fn security_is_for_all_or_for_each() {
    let path = |file: &Option<FilePlan>| file.as_ref().map(|file| file.path.clone());
    let files = |access: &AccessPlan| (path(&access.password_file), path(&access.acl_file));
    let text = "listener 1\npassword_file p\nlistener 2\nacl_file a\nallow_anonymous true\n";
    let all = planned(text).unwrap();
    let both = (Some("p".into()), Some("a".into()));
    assert_eq!(files(&all.access[0]), both);
    assert_eq!(files(&all.access[1]), both);
    assert!(all.access[0].anonymous && all.access[1].anonymous);
    let each = planned(&format!("per_listener_settings true\n{text}")).unwrap();
    assert_eq!(files(&each.access[0]), (Some("p".into()), None));
    assert_eq!(files(&each.access[1]), (None, Some("a".into())));
    assert!(!each.access[0].anonymous && each.access[1].anonymous);
}

#[test]
fn limits() {
    let config = planned("").unwrap().config;
    assert_eq!((config.receive_maximum, config.max_inflight), (20, 20));
    assert_eq!(config.max_queued_messages, 1000);
    assert_eq!(config.max_packet_size, 2_000_000);
    assert!(config.allow_duplicates && config.check_retain_source);
    let config = planned(
        "max_inflight_messages 0\n\
         max_inflight_bytes 100\n\
         max_queued_messages 0\n\
         max_queued_bytes 7\n\
         max_keepalive 30\n\
         max_packet_size 0\n\
         message_size_limit 9\n\
         retain_available false\n\
         check_retain_source false\n\
         queue_qos0_messages true\n\
         persistent_client_expiration 2w\n\
         upgrade_outgoing_qos true\n\
         allow_duplicate_messages false\n\
         clientid_prefixes ci-\n\
         auto_id_prefix a-\n\
         allow_zero_length_clientid false\n\
         sys_interval 0\n",
    )
    .unwrap()
    .config;
    assert_eq!(config.receive_maximum, u16::MAX);
    assert_eq!(config.max_inflight_bytes, 100);
    assert_eq!(config.max_queued_messages, usize::MAX);
    assert_eq!(config.max_queued_bytes, 7);
    assert_eq!(config.max_keep_alive, Some(30));
    assert_eq!(config.max_packet_size, 268_435_460);
    assert_eq!(config.max_payload, 9);
    assert!(!config.retain_available && !config.check_retain_source);
    assert!(config.queue_qos0 && config.upgrade_qos && !config.allow_duplicates);
    assert_eq!(
        config.max_session_expiry,
        Some(Duration::from_secs(14 * 24 * 3600))
    );
    assert_eq!(config.client_id_prefix.as_deref(), Some("ci-"));
    assert_eq!(&*config.listeners[0].auto_id_prefix, "a-");
    assert!(!config.listeners[0].empty_client_id);
    assert_eq!(config.sys_interval, None);
    let memory = |text| planned(text).unwrap().config.max_memory;
    assert_eq!(memory("memory_limit 5000000\n"), 5_000_000);
    assert_eq!(memory("memory_limit 0\n"), usize::MAX);
    assert!(planned("retry_interval 20\n").is_ok());
}

#[test]
fn the_log() {
    let log = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.conf");
        fs::write(&path, text).unwrap();
        read(&path).unwrap().log
    };
    assert_eq!(log(""), LogSettings::default());
    let said = log(
        "log_dest topic\nlog_dest stdout\nlog_type error\nlog_type debug\n\
                    connection_messages false\nlog_timestamp_format %H:%M\n",
    );
    assert_eq!(said.to, [LogTarget::Topic, LogTarget::Stdout]);
    let types = said.types.unwrap();
    assert!(types.has(LogType::Error) && types.has(LogType::Debug));
    assert!(!types.has(LogType::Notice) && !types.has(LogType::Subscribe));
    assert!(!said.connections && said.timestamp);
    assert_eq!(said.timestamp_format.as_deref(), Some("%H:%M"));
    assert!(!log("log_timestamp false\n").timestamp);
    let types = LogTypes::DEFAULT;
    assert!(types.has(LogType::Error) && !types.has(LogType::Debug));
}

#[test]
fn persistence() {
    assert_eq!(planned("persistence_location /x\n").unwrap().store, None);
    let store = |text| planned(text).unwrap().store.unwrap();
    assert_eq!(store("retained_persistence 1\n"), Path::new("mosquitto.db"));
    assert_eq!(store("persistence true\n"), Path::new("mosquitto.db"));
    assert_eq!(
        store("persistence true\npersistence_location /var/x/\nautosave_interval 1\n"),
        Path::new("/var/x/mosquitto.db")
    );
}

/// What stands in `/etc/mosquitto/mosquitto.conf` of Debian.
#[test]
fn the_usual_file() {
    let folder = tempfile::tempdir().unwrap();
    let more = folder.path().join("conf.d");
    fs::create_dir(&more).unwrap();
    for (name, text) in [
        ("b.conf", "max_connections 2\n"),
        ("B.conf", "max_connections 1\n"),
        ("a.conf", "listener 1883\n"),
        ("c.txt", "bogus\n"),
    ] {
        fs::write(more.join(name), text).unwrap();
    }
    let main = folder.path().join("mosquitto.conf");
    let text = format!(
        "# comment\n\npid_file /run/mosquitto/mosquitto.pid\n\npersistence true\n\
         persistence_location /var/lib/mosquitto/\n\n\
         log_dest file /var/log/mosquitto/mosquitto.log\nlog_type all\n\ninclude_dir {}\n",
        more.display()
    );
    fs::write(&main, text).unwrap();
    let settings = read(&main).unwrap();
    let file = LogTarget::File("/var/log/mosquitto/mosquitto.log".into());
    assert_eq!(settings.log.to, [file]);
    assert_eq!(settings.log.types, Some(LogTypes::ALL));
    assert_eq!(
        settings.pid_file.as_deref(),
        Some(Path::new("/run/mosquitto/mosquitto.pid"))
    );
    let planned = settings.plan(&[]).unwrap();
    assert_eq!(planned.config.listeners[0].max_connections, Some(2));

    fs::write(more.join("a.conf"), "\nbogus 1\n").unwrap();
    let error = read(&main).unwrap_err().message;
    assert!(
        error.ends_with("a.conf:2: 'bogus' is no option of mosquitto"),
        "{error}"
    );
    fs::write(more.join("a.conf"), "include_dir .\n").unwrap();
    let error = read(&main).unwrap_err().message;
    assert!(
        error.contains("a.conf:1: include_dir works in the main"),
        "{error}"
    );
}

#[test]
fn a_line_for_two_listeners_is_wrong_once() {
    let error = planned("certfile c.pem\n").unwrap_err();
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn errors_name_file_and_line() {
    for (line, what) in [
        ("bogus 1", "D/m.conf:2: 'bogus' is no option of mosquitto"),
        (
            "connection b",
            "D/m.conf:2: midge has no connection: it is no bridge; without this line the rest",
        ),
        ("bridge_cafile x", "midge has no bridge_cafile"),
        ("plugin /x.so", "midge has no plugin"),
        ("auth_opt_x 1", "midge has no auth_opt_x"),
        ("psk_file x", "midge has no psk_file"),
        (
            "allow_anonymous yes",
            "D/m.conf:2: allow_anonymous is 'yes', and is true or false",
        ),
        ("listener", "listener wants a value"),
        ("listener 70000", "listener is '70000', and is 0 to 65535"),
        ("max_qos 3", "max_qos is '3', and is 0 to 2"),
        (
            "max_packet_size 19",
            "max_packet_size is less than 20 bytes",
        ),
        ("protocol http", "protocol is 'http'"),
        ("socket_domain ipv5", "socket_domain is 'ipv5'"),
        (
            "accept_protocol_versions 3,6",
            "accept_protocol_versions has '6'",
        ),
        (
            "persistent_client_expiration 5x",
            "persistent_client_expiration is '5x'",
        ),
        (
            "persistent_client_expiration d",
            "persistent_client_expiration is 'd'",
        ),
        ("mount_point a/#", "mount_point is 'a/#'"),
        (
            "log_dest syslog",
            "log_dest is 'syslog', and midge writes its log to stdout",
        ),
        ("memory_limit 5", "memory_limit is less than 1000000 bytes"),
        ("http_dir /x", "midge has no http_dir: it is no web server"),
        (
            "max_qos 3\nlistner 1\nkeyfile k",
            "D/m.conf:2: max_qos is '3', and is 0 to 2\nD/m.conf:3: 'listner' is no option",
        ),
        ("log_dest file", "log_dest file wants the name"),
        ("log_type loud", "log_type is 'loud'"),
        ("tls_version tlsv1.1", "tls_version is 'tlsv1.1'"),
        (
            "include_dir /nonexistent/x",
            "D/m.conf:2: cannot read folder '/nonexistent/x'",
        ),
        (
            "certfile c.pem",
            "D/m.conf:2: listener 1883 127.0.0.1: TLS wants both certfile and keyfile",
        ),
        (
            "listener 1 h\ncertfile c\nkeyfile k\nrequire_certificate true",
            "D/m.conf:5: listener 1 h: require_certificate wants cafile",
        ),
    ] {
        let error = planned(&format!("\n{line}\n")).expect_err(line);
        assert!(error.contains(what), "{line}: {error}");
    }
}

proptest::proptest! {
    /// Whatever the value, an option is set or refused by its name.
    #[test]
    fn any_value(at in 0..200usize, value in "(-?[0-9]{0,12}|[a-z0-9/ ,#]{0,12}|\\PC{0,8})") {
        let name = options::name(at);
        let mut settings = Settings::default();
        if let Err(what) = options::meet(&mut settings, name, value.trim()) {
            assert!(what.contains(name.trim_end_matches('*')), "{what}");
        }
        let _ = settings.plan(&[]);
    }
}

#[test]
fn a_file_that_is_not_there() {
    let failure = read(Path::new("/nonexistent/m.conf")).unwrap_err();
    assert_eq!(failure.exit, Exit::Io);
}
