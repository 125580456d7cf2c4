//! Real captures, whole and with holes: nobody is blamed for what the capture lacks.

use std::fs;
use std::path::Path;

use super::super::order::Order;
use super::*;
use crate::capture::{Options, Packets};
use crate::mqtt::decode::Recorder;
use crate::mqtt::rule::{Rule, Severity};

/// Captures of well-behaved programs, and the rules that they break all the same.
const CLEAN: &[(&str, &[&str])] = &[
    ("alivcor_mqtt_start.pcap", &[]),
    ("arkime_mqtt_synthetic.pcap", &[]),
    ("arsyadin_MQTT.pcap", &[]),
    ("mosq20_v311_lo.pcap", &[]),
    ("mosq20_v31_any_sll2.pcap", &[]),
    ("mosq20_v5_ip6.pcap", &[]),
    ("mosq21_v5_alias.pcap", &[]),
    ("riskyduha_mqtt.pcap", &[]),
    ("sv_mqtt311-unsub-qos2.pcap", &[]),
    ("sv_mqtt31-pub-qos2.pcap", &[]),
    ("sv_mqtt5-pub-qos2.pcap", &[]),
    ("sv_mqtt5-unsub-qos1.pcap", &[]),
    // A client that is late by 0.67 of 5 seconds; a frame that is not there makes it later.
    ("zeek_mqtt.pcap", &["KeepAliveOverrun", "KeepAliveTimeout"]),
];

struct Pcap {
    header: Vec<u8>,
    frames: Vec<Vec<u8>>,
}

impl Pcap {
    fn read(name: &str) -> Pcap {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
        let bytes = fs::read(path.join(name)).unwrap();
        let is_little = matches!(bytes[0], 0xd4 | 0x4d);
        let (header, mut rest) = bytes.split_at(24);
        let mut frames = Vec::new();
        while rest.len() >= 16 {
            let len: [u8; 4] = rest[8..12].try_into().unwrap();
            let len = match is_little {
                true => u32::from_le_bytes(len),
                false => u32::from_be_bytes(len),
            };
            let (frame, behind) = rest.split_at(16 + len as usize);
            frames.push(frame.to_vec());
            rest = behind;
        }
        Pcap {
            header: header.to_vec(),
            frames,
        }
    }

    /// What is found above info in the frames that `keep` lets through.
    fn findings(&self, keep: impl Fn(usize) -> bool) -> Vec<String> {
        let mut file = self.header.clone();
        for (i, frame) in self.frames.iter().enumerate() {
            if keep(i) {
                file.extend_from_slice(frame);
            }
        }
        findings_in(&file)
    }
}

fn findings_in(file: &[u8]) -> Vec<String> {
    let options = Options {
        turns: true,
        ..Options::default()
    };
    let mut packets = Packets::new(file, options);
    let mut lint = Lint::new();
    let mut order = Order::new(false, true);
    let mut found = Vec::new();
    loop {
        let is_over = !packets.read_frame().unwrap_or(false);
        while let Some(record) = packets.pop() {
            order.push(record);
        }
        let frames = match is_over {
            true => 0,
            false => order.frames(packets.waiting()),
        };
        while let Some((item, is_late)) = order.next(frames) {
            lint.push(item, is_late);
            take(&mut lint, &mut found);
        }
        if is_over {
            break;
        }
    }
    lint.finish();
    take(&mut lint, &mut found);
    found
}

fn take(lint: &mut Lint, found: &mut Vec<String>) {
    while let Some(judged) = lint.next() {
        let (alone, between) = match &judged {
            Judged::Record(Record::Packet(packet), between) => (faults_of(packet), &between[..]),
            Judged::Record(_, between) => (Vec::new(), &between[..]),
            Judged::Finding(finding, _) => (Vec::new(), std::slice::from_ref(finding)),
        };
        found.extend(alone);
        let is_bad = |finding: &&Finding| finding.severity > Severity::Info;
        found.extend(between.iter().filter(is_bad).map(|finding| {
            format!(
                "{:?} {:?} {}",
                finding.rule, finding.frames, finding.message
            )
        }));
    }
}

/// What the packet alone shows.
fn faults_of(packet: &CapturedPacket) -> Vec<String> {
    let mut record = Recorder::default();
    let context = Context {
        version: version_of(packet),
        from: packet.at.from,
    };
    let _ = decode(&packet.bytes, context, &mut record);
    record
        .violations
        .iter()
        .filter(|fault| fault.severity() > Severity::Info && fault.rule != Rule::Incomplete)
        .map(|fault| format!("{:?} {} {fault}", fault.rule, packet.at.frame))
        .collect()
}

/// Fails if something else than `allowed` is found.
fn check(what: &str, findings: &[String], allowed: &[&str]) {
    let extra: Vec<_> = findings
        .iter()
        .filter(|finding| !allowed.iter().any(|rule| finding.starts_with(rule)))
        .collect();
    assert!(extra.is_empty(), "{what}: {extra:#?}");
}

#[test]
fn any_frame_may_be_missing() {
    for (name, allowed) in CLEAN {
        let pcap = Pcap::read(name);
        for missing in 0..pcap.frames.len() {
            let findings = pcap.findings(|i| i != missing);
            check(&format!("{name} without {missing}"), &findings, allowed);
        }
    }
}

#[test]
fn a_capture_may_begin_and_end_anywhere() {
    for (name, allowed) in CLEAN {
        let pcap = Pcap::read(name);
        for at in 0..pcap.frames.len() {
            let findings = pcap.findings(|i| i >= at);
            check(&format!("{name} from {at} on"), &findings, allowed);
            let findings = pcap.findings(|i| i < at);
            check(&format!("{name} up to {at}"), &findings, allowed);
        }
    }
}

#[test]
fn many_frames_may_be_missing() {
    for (name, allowed) in CLEAN {
        let pcap = Pcap::read(name);
        for seed in 1..60u64 {
            let keep = |i: usize| {
                let mixed = (i as u64 + 1).wrapping_mul(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                (mixed >> 40) % 10 > seed % 5
            };
            let findings = pcap.findings(keep);
            check(&format!("{name} with holes {seed}"), &findings, allowed);
        }
    }
}

/// As it happens with several queues: neighbours swap places.
#[test]
fn frames_may_be_out_of_order() {
    for (name, allowed) in CLEAN {
        let mut pcap = Pcap::read(name);
        for i in 0..pcap.frames.len().saturating_sub(1) {
            pcap.frames.swap(i, i + 1);
            let findings = pcap.findings(|_| true);
            check(&format!("{name} with {i} late"), &findings, allowed);
            pcap.frames.swap(i, i + 1);
        }
    }
}
