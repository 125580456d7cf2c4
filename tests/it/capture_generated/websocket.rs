//! MQTT in WebSocket, wrapped here, so that every byte of every packet is known to be in which
//! frame.
//!
//! What can be had of a stream with a loss: a packet if all bytes from its first to its last one are
//! captured, with the headers between them, and with the header of the frame that it begins in; in a
//! compressed message, all of the message. Only what a ping says is not missed.

use std::ops::Range;

use flate2::{Compress, Compression, FlushCompress};
use midge::{
    capture::{Record, VersionFrom},
    mqtt::{Side, Version},
};
use proptest::prelude::*;

mod faults;

use super::{found, packets, read, wire::*};

// ---- wrapping ----

/// How packets are put into frames.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Style {
    /// So many packets in each message.
    Packets(usize),
    /// Messages of so many bytes, wherever packets end.
    Bytes(usize),
    /// A message for each packet, in fragments of so many bytes, with a ping between them.
    Fragments(usize),
    /// Messages of every length that has another form, empty ones among them.
    Lengths,
    /// A text message for each packet: not allowed [MQTT-6.0.0-1], and read all the same.
    Text,
    /// Compressed messages of so many packets.
    Deflate { packets: usize, takeover: bool },
    /// Compressed messages in fragments, and every other one not compressed.
    DeflateMixed,
}

impl Style {
    const PLAIN: [Style; 9] = [
        Style::Packets(1),
        Style::Packets(3),
        Style::Packets(usize::MAX),
        Style::Bytes(1),
        Style::Bytes(100),
        Style::Fragments(1),
        Style::Fragments(50),
        Style::Lengths,
        Style::Text,
    ];

    const COMPRESSED: [Style; 4] = [
        Style::Deflate {
            packets: 1,
            takeover: true,
        },
        Style::Deflate {
            packets: 1,
            takeover: false,
        },
        Style::Deflate {
            packets: 4,
            takeover: true,
        },
        Style::DeflateMixed,
    ];

    fn is_compressed(self) -> bool {
        matches!(self, Style::Deflate { .. } | Style::DeflateMixed)
    }

    fn keeps_context(self) -> bool {
        matches!(
            self,
            Style::Deflate { takeover: true, .. } | Style::DeflateMixed
        )
    }
}

/// A packet, and what of the stream is needed to have it.
#[derive(Debug, Clone)]
struct Sent {
    bytes: Vec<u8>,
    needs: Vec<Range<usize>>,
}

impl Sent {
    fn end(&self) -> usize {
        self.needs.iter().map(|needed| needed.end).max().unwrap()
    }
}

/// One direction being wrapped.
struct Lane {
    masked: bool,
    /// The head, and each frame.
    items: Vec<Vec<u8>>,
    len: usize,
    key: u32,
    deflate: Compress,
    /// The payload of control frames.
    control: Vec<Range<usize>>,
}

/// What became of bytes of the MQTT stream.
struct Piece {
    mqtt: Range<usize>,
    header: Range<usize>,
    /// Of the payload; of the message, if it is compressed.
    payload: Range<usize>,
    is_compressed: bool,
}

impl Lane {
    fn frame(&mut self, byte1: u8, payload: &[u8]) -> [Range<usize>; 2] {
        let mask = if self.masked { 0x80 } else { 0 };
        let mut frame = vec![byte1];
        match payload.len() {
            len @ 0..126 => frame.push(mask | len as u8),
            len @ 126..0x1_0000 => {
                frame.push(mask | 126);
                frame.extend((len as u16).to_be_bytes());
            }
            len => {
                frame.push(mask | 127);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        if self.masked {
            self.key = self.key.wrapping_mul(2_654_435_761).wrapping_add(97);
            let key = self.key.to_be_bytes();
            frame.extend(key);
            let header = frame.len();
            frame.extend(payload.iter().enumerate().map(|(i, b)| b ^ key[i % 4]));
            self.push(frame, header)
        } else {
            let header = frame.len();
            frame.extend(payload);
            self.push(frame, header)
        }
    }

    fn push(&mut self, item: Vec<u8>, header: usize) -> [Range<usize>; 2] {
        let start = self.len;
        self.len += item.len();
        self.items.push(item);
        [start..start + header, start + header..self.len]
    }

    /// RFC 7692, section 7.2.1.
    fn compress(&mut self, bytes: &[u8], takeover: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() * 2 + 100);
        self.deflate
            .compress_vec(bytes, &mut out, FlushCompress::Sync)
            .unwrap();
        assert_eq!(out.split_off(out.len() - 4), [0, 0, 0xff, 0xff]);
        if !takeover {
            self.deflate.reset();
        }
        out
    }

    /// One message, in fragments of at most `size` bytes.
    fn message(
        &mut self,
        mqtt: Range<usize>,
        bytes: &[u8],
        size: usize,
        opcode: u8,
        pings: bool,
        compress: Option<bool>,
    ) -> Vec<Piece> {
        let start = self.len;
        let payload = match compress {
            Some(takeover) => self.compress(bytes, takeover),
            None => bytes.to_vec(),
        };
        let mut parts: Vec<&[u8]> = payload.chunks(size).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        let last = parts.len() - 1;
        let mut pieces = Vec::new();
        let mut done = 0;
        for (i, part) in parts.iter().enumerate() {
            let fin = if i == last { 0x80 } else { 0 };
            let opcode = if i == 0 { opcode } else { 0 };
            let rsv1 = if i == 0 && compress.is_some() {
                0x40
            } else {
                0
            };
            let [header, body] = self.frame(fin | rsv1 | opcode, part);
            if compress.is_none() {
                pieces.push(Piece {
                    mqtt: mqtt.start + done..mqtt.start + done + part.len(),
                    header,
                    payload: body,
                    is_compressed: false,
                });
            }
            done += part.len();
            if pings && i < last {
                let [_, said] = self.frame(0x89, b"still there?");
                self.control.push(said);
                self.frame(0x8a, b"");
            }
        }
        if compress.is_some() {
            pieces.push(Piece {
                mqtt,
                header: start..start,
                payload: start..self.len,
                is_compressed: true,
            });
        }
        pieces
    }
}

/// A connection whose streams are heads and frames.
#[derive(Clone)]
struct Wrapped {
    /// Its packets are the head and the frames.
    talk: Talk,
    sent: [Vec<Sent>; 2],
}

const PROTOCOL: &str = "Sec-WebSocket-Protocol: mqtt\r\n";

fn heads(protocol: &str, style: Style) -> [Vec<u8>; 2] {
    let extension = match style {
        Style::Deflate {
            takeover: false, ..
        } => {
            "sec-websocket-extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
        }
        style if style.is_compressed() => "Sec-WebSocket-Extensions: permessage-deflate\r\n",
        _ => "",
    };
    [
        format!(
            "GET /mqtt HTTP/1.1\r\nHost: broker\r\nupgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{protocol}{extension}\r\n"
        ),
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{protocol}{extension}\r\n"
        ),
    ]
    .map(String::into_bytes)
}

fn wrap(talk: &Talk, style: Style) -> Wrapped {
    wrap_with(talk, style, heads(PROTOCOL, style))
}

fn wrap_with(talk: &Talk, style: Style, heads: [Vec<u8>; 2]) -> Wrapped {
    let mut wrapped = talk.clone();
    let mut sent = [vec![], vec![]];
    for (from, head) in heads.into_iter().enumerate() {
        let mut lane = Lane {
            masked: from == 0,
            items: Vec::new(),
            len: 0,
            key: 12_345,
            deflate: Compress::new(Compression::default(), false),
            control: Vec::new(),
        };
        if !head.is_empty() {
            lane.push(head, 0);
        }
        let (pieces, bounds) = lane_of(&mut lane, &talk.packets[from], style);
        for (packet, bounds) in talk.packets[from].iter().zip(bounds) {
            let overlapping: Vec<&Piece> = pieces
                .iter()
                .filter(|piece| piece.mqtt.start < bounds.end && bounds.start < piece.mqtt.end)
                .collect();
            let (first, last) = (overlapping[0], overlapping[overlapping.len() - 1]);
            let [start, end] = if first.is_compressed || last.is_compressed {
                [first.payload.start, last.payload.end]
            } else {
                [
                    first.payload.start + bounds.start.max(first.mqtt.start) - first.mqtt.start,
                    last.payload.start + bounds.end.min(last.mqtt.end) - last.mqtt.start,
                ]
            };
            let mut needs = vec![first.header.clone()];
            let mut at = start;
            for said in &lane.control {
                if (start..end).contains(&said.start) {
                    needs.push(at..said.start);
                    at = said.end;
                }
            }
            needs.push(at..end);
            sent[from].push(Sent {
                bytes: packet.clone(),
                needs,
            });
        }
        wrapped.packets[from] = lane.items;
    }
    Wrapped {
        talk: wrapped,
        sent,
    }
}

/// Wraps packets; returns the pieces, and where in the MQTT stream each packet is.
fn lane_of(lane: &mut Lane, packets: &[Vec<u8>], style: Style) -> (Vec<Piece>, Vec<Range<usize>>) {
    let stream = packets.concat();
    let mut end = 0;
    let bounds: Vec<Range<usize>> = packets
        .iter()
        .map(|packet| {
            end += packet.len();
            end - packet.len()..end
        })
        .collect();
    let by_packets = |n: usize| -> Vec<Range<usize>> {
        bounds
            .chunks(n.min(bounds.len().max(1)))
            .map(|some| some[0].start..some[some.len() - 1].end)
            .collect()
    };
    let by_bytes = |sizes: &[usize]| -> Vec<Range<usize>> {
        let mut at = 0;
        let mut sizes = sizes.iter().cycle();
        let mut messages = Vec::new();
        while at < stream.len() {
            let end = (at + sizes.next().unwrap()).min(stream.len());
            messages.push(at..end);
            at = end;
        }
        messages
    };
    let whole = usize::MAX;
    let (messages, size, opcode, pings) = match style {
        Style::Packets(n) => (by_packets(n), whole, 2, false),
        Style::Bytes(n) => (by_bytes(&[n]), whole, 2, false),
        Style::Fragments(n) => (by_packets(1), n, 2, true),
        Style::Lengths => {
            let sizes = [0, 1, 125, 126, 127, 0, 65_535, 65_536, 0, 300];
            (by_bytes(&sizes), whole, 2, false)
        }
        Style::Text => (by_packets(1), whole, 1, false),
        Style::Deflate { packets, .. } => (by_packets(packets), whole, 2, false),
        Style::DeflateMixed => (by_packets(2), 40, 2, true),
    };
    let mut pieces = Vec::new();
    for (i, message) in messages.into_iter().enumerate() {
        let compress = match style {
            Style::Deflate { takeover, .. } => Some(takeover),
            Style::DeflateMixed if i % 2 == 0 => Some(true),
            _ => None,
        };
        let bytes = &stream[message.clone()];
        pieces.extend(lane.message(message, bytes, size, opcode, pings, compress));
    }
    (pieces, bounds)
}

// ---- talks ----

/// All kinds of sizes; the server says as much as the client.
fn large_talk() -> Talk {
    let v = Version::V311;
    let mut talk = Talk::usual();
    talk.packets[0].insert(4, publish(v, "a/big", &[0x82; 140_000]));
    talk.packets[1].splice(
        2..2,
        [
            publish(v, "back/1", &[0x31; 70_000]),
            publish(v, "back/2", b""),
            publish(v, "back/3", &(0..=255).collect::<Vec<u8>>()),
            publish(v, "back/4", &[0; 66_000]),
        ],
    );
    talk.addrs[1].set_port(8083);
    talk
}

/// Many small packets on both sides.
fn small_talk(port: u16) -> Talk {
    let v = Version::V311;
    let many = |topic: &str| -> Vec<Vec<u8>> {
        (0..14)
            .map(|i| publish(v, topic, format!("{{\"t\":{i}.25}}").as_bytes()))
            .collect()
    };
    let mut client = vec![connect(v, "ws")];
    client.extend(many("up/temperature"));
    let mut server = vec![connack(v)];
    server.extend(many("down/it"));
    let mut talk = Talk::new(&client, &server);
    talk.addrs[1].set_port(port);
    talk
}

// ---- comparing ----

/// Writes a connection; returns what must be found. A packet belongs to the first frame that holds
/// the last byte of it.
fn play_wrapped(wrapped: &Wrapped, steps: &[Step], capture: &mut Capture) -> Vec<Truth> {
    let talk = &wrapped.talk;
    talk.handshake(capture);
    let mut have = [0, 1].map(|from| vec![None; talk.stream(from).len()]);
    let mut until = [0, 0];
    let mut given = [0, 0];
    let mut truth = Vec::new();
    for &(from, start, end) in steps {
        let frame = talk.send(capture, from, start, end);
        for first in &mut have[from][start..end] {
            first.get_or_insert(frame);
        }
        while have[from].get(until[from]).is_some_and(Option::is_some) {
            until[from] += 1;
        }
        while let Some(packet) = wrapped.sent[from].get(given[from]) {
            if packet.end() > until[from] {
                break;
            }
            let frame = have[from][packet.end() - 1].unwrap();
            truth.push((talk.addrs[from], frame, packet.bytes.clone()));
            given[from] += 1;
        }
    }
    assert_eq!(given, [0, 1].map(|from| wrapped.sent[from].len()));
    talk.fin(capture);
    truth
}

fn of(all: &[Truth], addr: std::net::SocketAddr) -> Vec<Truth> {
    all.iter().filter(|one| one.0 == addr).cloned().collect()
}

fn check(what: &str, wrapped: &Wrapped, steps: &[Step], style: Style) {
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let truth = play_wrapped(wrapped, steps, &mut capture);
    let records = read(&capture);
    let addrs = wrapped.talk.addrs;
    let in_order = [0, 1].into_iter().all(|from| {
        let of = steps.iter().filter(|step| step.0 == from);
        of.is_sorted_by_key(|step| step.1)
    });
    for packet in packets(&records) {
        let client = packet.at.src == addrs[0];
        let side = if client { Side::Client } else { Side::Server };
        assert_eq!(packet.at.from, Some(side), "{what}");
        assert_eq!(packet.at.dst, addrs[usize::from(client)], "{what}");
        assert_eq!(packet.at.transport, "ws", "{what}");
        assert_eq!(packet.version_from, VersionFrom::Connect, "{what}");
        assert!(!packet.is_cut(), "{what}");
    }
    assert_eq!(
        packets(&records).len(),
        records.len(),
        "{what}: {records:?}"
    );
    for (from, addr) in addrs.into_iter().enumerate() {
        let (found, truth) = (of(&found(&records), addr), of(&truth, addr));
        assert_eq!(found.len(), truth.len(), "{what} from {from}: how many");
        let mut latest = 0;
        for (i, (found, truth)) in found.iter().zip(&truth).enumerate() {
            assert_eq!(found.2, truth.2, "{what} from {from}: packet {i}");
            latest = latest.max(truth.1);
            // A compressed packet may be there before the end of its message.
            if style.is_compressed() {
                assert!(
                    !in_order || found.1 <= latest,
                    "{what} from {from}: packet {i}"
                );
            } else {
                assert_eq!(found.1, truth.1, "{what} from {from}: packet {i}");
            }
        }
    }
}

fn all_styles() -> impl Iterator<Item = Style> {
    Style::PLAIN.into_iter().chain(Style::COMPRESSED)
}

/// Whether a style makes something of a large talk that is worth its time.
fn is_for_large(style: Style) -> bool {
    !matches!(style, Style::Bytes(1) | Style::Fragments(1))
}

// ---- nothing is lost ----

#[test]
fn every_wrapping_in_segments_of_any_size() {
    for style in all_styles() {
        let wrapped = wrap(&small_talk(8083), style);
        let steps = packet_by_packet(&wrapped.talk);
        check(&format!("{style:?} by frames"), &wrapped, &steps, style);
        for size in [1, 2, 3, 7, 50, 1448, 100_000] {
            let steps = chunks(&wrapped.talk, size);
            check(&format!("{style:?} by {size}"), &wrapped, &steps, style);
        }
        if is_for_large(style) {
            let wrapped = wrap(&large_talk(), style);
            for size in [999, 30_000] {
                let steps = chunks(&wrapped.talk, size);
                check(
                    &format!("large {style:?} by {size}"),
                    &wrapped,
                    &steps,
                    style,
                );
            }
        }
    }
}

#[test]
fn out_of_order_and_repeated() {
    for style in all_styles() {
        let wrapped = wrap(&small_talk(8083), style);
        for size in [40, 300] {
            let steps = chunks(&wrapped.talk, size);
            let twice: Vec<Step> = steps.iter().flat_map(|step| [*step, *step]).collect();
            check(&format!("{style:?} twice"), &wrapped, &twice, style);
            let mut swapped = steps.clone();
            swapped.chunks_mut(2).for_each(<[Step]>::reverse);
            check(&format!("{style:?} swapped"), &wrapped, &swapped, style);
            let mut backwards = steps.clone();
            backwards.reverse();
            check(&format!("{style:?} backwards"), &wrapped, &backwards, style);
        }
    }
}

#[test]
fn without_a_subprotocol_the_content_decides() {
    for protocol in [
        "",
        "Sec-WebSocket-Protocol: mqttv3.1\r\n",
        "Sec-WebSocket-Protocol: own\r\n",
    ] {
        let style = Style::Packets(1);
        let wrapped = wrap_with(&small_talk(80), style, heads(protocol, style));
        for steps in [packet_by_packet(&wrapped.talk), chunks(&wrapped.talk, 5)] {
            check(protocol, &wrapped, &steps, style);
        }
    }
}

#[test]
fn after_other_http_on_the_same_connection() {
    let style = Style::Packets(1);
    let [request, response] = heads(PROTOCOL, style);
    let before = [
        (
            &b"CONNECT broker:80 HTTP/1.1\r\nHost: broker:80\r\n\r\n"[..],
            &b"HTTP/1.1 200 Connection established\r\n\r\n"[..],
        ),
        (
            b"GET /mqtt HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
            b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nno!\n",
        ),
        (
            b"POST /login HTTP/1.1\r\nContent-Length: 9\r\n\r\nuser=GET ",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHTTP/\r\n0\r\n\r\n",
        ),
    ];
    for (first, answer) in before {
        let heads = [[first, &request].concat(), [answer, &response].concat()];
        let wrapped = wrap_with(&small_talk(80), style, heads);
        for size in [1, 11, 1000] {
            let steps = chunks(&wrapped.talk, size);
            check(&format!("{size}"), &wrapped, &steps, style);
        }
    }
}

#[test]
fn the_port_of_a_websocket_may_be_given() {
    let style = Style::Packets(1);
    let wrapped = wrap(&small_talk(8083), style);
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    let truth = play_wrapped(&wrapped, &chunks(&wrapped.talk, 100), &mut capture);
    let options = |ports, not_ports| midge::capture::Options {
        ports,
        not_ports,
        ..midge::capture::Options::default()
    };
    let (records, ..) = super::read_with(&capture.file(), options(vec![8083], vec![]));
    super::assert_truth("given", &records, &truth);
    let (records, ..) = super::read_with(&capture.file(), options(vec![], vec![8083]));
    assert_eq!(records, []);
}

#[test]
fn masks_on_the_wrong_side() {
    let talk = small_talk(8083);
    let mut turned = talk.clone();
    turned.packets.reverse();
    let style = Style::Packets(1);
    let [request, response] = heads(PROTOCOL, style);
    // The server's frames are masked, the client's are not.
    let other = wrap_with(&turned, style, [response, request]);
    let mut wrapped = other.clone();
    wrapped.talk.packets.reverse();
    wrapped.sent.reverse();
    let steps = chunks(&wrapped.talk, 77);
    check("turned", &wrapped, &steps, style);
}

#[test]
fn nothing_is_read_behind_a_close_frame() {
    let style = Style::Packets(1);
    let mut wrapped = wrap(&small_talk(8083), style);
    let close = [0x88, 0x82, 1, 2, 3, 4, 2, 0xea]; // 1000, masked
    let behind: Vec<u8> = wrapped.talk.packets[0][1..].concat();
    wrapped.talk.packets[0].push([&close[..], &behind].concat());
    let steps = chunks(&wrapped.talk, 50);
    check("close", &wrapped, &steps, style);
}

#[test]
fn one_direction_only() {
    for style in all_styles() {
        let wrapped = wrap(&small_talk(8083), style);
        for from in [0, 1] {
            let mut capture = Capture::new(Link::Ethernet, MICRO);
            for (sender, start, end) in chunks(&wrapped.talk, 90) {
                if sender == from {
                    wrapped.talk.send(&mut capture, from, start, end);
                }
            }
            let records = read(&capture);
            let found: Vec<_> = found(&records).into_iter().map(|(.., b)| b).collect();
            let expected: Vec<_> = wrapped.sent[from].iter().map(|p| p.bytes.clone()).collect();
            assert_eq!(found, expected, "{style:?} from {from}");
            let side = [Side::Client, Side::Server][from];
            assert!(packets(&records).iter().all(|p| p.at.from == Some(side)));
            assert_eq!(packets(&records).len(), records.len());
        }
    }
}

// ---- something is lost ----

/// What is found of a connection of which some steps are not captured.
fn with_loss(wrapped: &Wrapped, steps: &[Step], lost: Range<usize>) -> Vec<Record> {
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    if lost.start > 0 {
        wrapped.talk.handshake(&mut capture);
    }
    for (i, &(from, start, end)) in steps.iter().enumerate() {
        if !lost.contains(&i) {
            wrapped.talk.send(&mut capture, from, start, end);
        }
    }
    wrapped.talk.fin(&mut capture);
    read(&capture)
}

/// The whole packets that `from` sent, of those found.
fn whole(wrapped: &Wrapped, records: &[Record], from: From) -> Vec<Vec<u8>> {
    packets(records)
        .iter()
        .filter(|packet| packet.at.src == wrapped.talk.addrs[from] && !packet.is_cut())
        .map(|packet| packet.bytes.to_vec())
        .collect()
}

/// What can be had of what `from` sent.
fn to_be_had(wrapped: &Wrapped, steps: &[Step], lost: Range<usize>, from: From) -> Vec<Vec<u8>> {
    let is_lost = |needed: &Range<usize>| {
        lost.clone().any(|i| {
            let (sender, start, end) = steps[i];
            sender == from && start < needed.end && needed.start < end
        })
    };
    wrapped.sent[from]
        .iter()
        .filter(|packet| !packet.needs.iter().any(is_lost))
        .map(|packet| packet.bytes.clone())
        .collect()
}

/// All steps; of very many, some.
fn sample(steps: &[Step]) -> impl Iterator<Item = usize> + use<> {
    (0..steps.len()).step_by((steps.len() / 30).max(1) | 1)
}

fn schedules(wrapped: &Wrapped) -> Vec<Vec<Step>> {
    let mut schedules = vec![packet_by_packet(&wrapped.talk)];
    let len = wrapped.talk.stream(0).len();
    let sizes = [11, 50, 300].map(|size: usize| size.max(len / 60));
    schedules.extend(sizes.map(|size| chunks(&wrapped.talk, size)));
    schedules
}

/// Every single segment, one at a time.
#[test]
fn any_single_loss() {
    for style in Style::PLAIN {
        let wrapped = wrap(&small_talk(8083), style);
        for steps in schedules(&wrapped) {
            for lost in sample(&steps) {
                let lost = lost..lost + 1;
                let records = with_loss(&wrapped, &steps, lost.clone());
                for from in [0, 1] {
                    assert_eq!(
                        whole(&wrapped, &records, from),
                        to_be_had(&wrapped, &steps, lost.clone(), from),
                        "{style:?} without {:?} from {from}: {records:?}",
                        steps[lost.start]
                    );
                }
            }
        }
    }
}

/// The capture begins with any segment. On port 1883 two packets are enough to say that they are
/// plain MQTT, so there this holds for frames of one packet. And what is left of a frame without a
/// mask is plain MQTT, if it holds packets enough.
#[test]
fn mid_stream() {
    for style in Style::PLAIN {
        for port in [1883, 8083] {
            if port == 1883 && style != Style::Packets(1) {
                continue;
            }
            let wrapped = wrap(&small_talk(port), style);
            for steps in schedules(&wrapped) {
                for begin in sample(&steps).filter(|begin| *begin > 0) {
                    if looks_plain(&wrapped, &steps[begin..]) {
                        continue;
                    }
                    let records = with_loss(&wrapped, &steps, 0..begin);
                    let had = [0, 1].map(|from| to_be_had(&wrapped, &steps, 0..begin, from));
                    let found = [0, 1].map(|from| whole(&wrapped, &records, from));
                    let is_plain = packets(&records).iter().any(|p| p.at.transport != "ws");
                    if had.iter().all(|had| had.len() < 8) && (found != had || is_plain) {
                        // Too little to be sure of frames; packets may be.
                        for from in [0, 1] {
                            let sent = wrapped.sent[from].iter().map(|p| p.bytes.clone());
                            assert!(is_subsequence(&found[from], &sent.collect::<Vec<_>>()));
                        }
                        continue;
                    }
                    assert_eq!(
                        found, had,
                        "{style:?} port {port} from {:?} on: {records:?}",
                        steps[begin]
                    );
                    assert!(
                        packets(&records).iter().all(|p| p.at.transport == "ws"),
                        "{style:?} port {port} from {:?} on: {records:?}",
                        steps[begin]
                    );
                }
            }
        }
    }
}

/// Whether the server's bytes begin inside of a frame, with whole packets up to its end.
fn looks_plain(wrapped: &Wrapped, steps: &[Step]) -> bool {
    let Some(&(_, begin, _)) = steps.iter().find(|step| step.0 == 1) else {
        return false;
    };
    let mut end = 0;
    for item in &wrapped.talk.packets[1] {
        end += item.len();
        if end > begin {
            break;
        }
    }
    let inside = |packet: &&Sent| {
        let payload = &packet.needs[packet.needs.len() - 1];
        begin <= payload.start && packet.end() <= end && begin > packet.needs[0].start
    };
    wrapped.sent[1].iter().filter(inside).count() >= 2
}

/// In compressed messages: what comes before the loss is there, and nothing is invented. Without
/// context takeover, what comes behind it is there too.
#[test]
fn any_single_loss_in_compressed_messages() {
    for style in Style::COMPRESSED {
        let wrapped = wrap(&small_talk(8083), style);
        for steps in schedules(&wrapped) {
            for lost in sample(&steps) {
                let records = with_loss(&wrapped, &steps, lost..lost + 1);
                for from in [0, 1] {
                    let found = whole(&wrapped, &records, from);
                    let had = to_be_had(&wrapped, &steps, lost..lost + 1, from);
                    let what = format!("{style:?} without {:?} from {from}", steps[lost]);
                    let sent: Vec<_> = wrapped.sent[from].iter().map(|p| p.bytes.clone()).collect();
                    assert!(is_subsequence(&found, &sent), "{what}: {records:?}");
                    let (sender, start, _) = steps[lost];
                    if sender != from || !style.keeps_context() {
                        // A message may be told without its last byte.
                        assert!(is_subsequence(&had, &found), "{what}: {records:?}");
                        continue;
                    }
                    let before = wrapped.sent[from]
                        .iter()
                        .filter(|packet| packet.end() <= start)
                        .count();
                    assert_eq!(found[..before.min(found.len())], had[..before], "{what}");
                }
            }
        }
    }
}

fn is_subsequence(some: &[Vec<u8>], all: &[Vec<u8>]) -> bool {
    let mut all = all.iter();
    some.iter().all(|one| all.any(|other| other == one))
}

/// The same in the middle of a connection: a message that refers to what was before the capture is
/// not made up.
#[test]
fn mid_stream_in_compressed_messages() {
    for style in Style::COMPRESSED {
        let wrapped = wrap(&small_talk(8083), style);
        for steps in schedules(&wrapped) {
            for begin in sample(&steps).filter(|begin| *begin > 0) {
                let records = with_loss(&wrapped, &steps, 0..begin);
                let had = [0, 1].map(|from| to_be_had(&wrapped, &steps, 0..begin, from));
                let found = [0, 1].map(|from| whole(&wrapped, &records, from));
                let what = format!("{style:?} from {:?} on", steps[begin]);
                for from in [0, 1] {
                    let sent: Vec<_> = wrapped.sent[from].iter().map(|p| p.bytes.clone()).collect();
                    assert!(is_subsequence(&found[from], &sent), "{what}: {records:?}");
                    let is_enough = had.iter().any(|had| had.len() >= 8);
                    if is_enough && !style.keeps_context() {
                        assert!(
                            is_subsequence(&had[from], &found[from]),
                            "{what}: {records:?}"
                        );
                    }
                }
            }
        }
    }
}

/// A few bytes that stand for very many: no more is kept than of any other packet.
#[test]
fn a_message_that_grows_is_cut_at_the_limit() {
    let v = Version::V311;
    let talk = Talk::new(
        &[
            connect(v, "bomb"),
            publish(v, "t", &vec![0; 30_000_000]),
            publish(v, "t", b"behind"),
        ],
        &[connack(v)],
    );
    let style = Style::Deflate {
        packets: 1,
        takeover: true,
    };
    let wrapped = wrap(&talk, style);
    assert!(wrapped.talk.stream(0).len() < 60_000);
    let mut capture = Capture::new(Link::Ethernet, MICRO);
    play_wrapped(&wrapped, &chunks(&wrapped.talk, 1448), &mut capture);
    let options = midge::capture::Options {
        max_packet: 100_000,
        ..midge::capture::Options::default()
    };
    let (records, ..) = super::read_with(&capture.file(), options);
    let client: Vec<_> = packets(&records)
        .into_iter()
        .filter(|packet| packet.at.src == talk.addrs[0])
        .map(|packet| (packet.bytes.len(), packet.announced_len))
        .collect();
    let lens = [0, 1, 2].map(|i| talk.packets[0][i].len());
    let expected = [(lens[0], lens[0]), (100_000, lens[1]), (lens[2], lens[2])];
    assert_eq!(client, expected);
}

/// Large packets and frames, and segments of the usual size.
#[test]
fn any_single_loss_in_large_frames() {
    for style in [
        Style::Packets(1),
        Style::Packets(3),
        Style::Bytes(5000),
        Style::Lengths,
        Style::Fragments(20_000),
    ] {
        let mut talk = large_talk();
        for packets in &mut talk.packets {
            // By them alone a packet boundary behind a loss can be told.
            let at = packets.len() - 1;
            packets.splice(
                at..at,
                (0..3).map(|i| publish(Version::V311, "tail", &[b'a' + i; 9])),
            );
        }
        let wrapped = wrap(&talk, style);
        for steps in [chunks(&wrapped.talk, 1448), chunks(&wrapped.talk, 20_000)] {
            for lost in sample(&steps).filter(|lost| *lost > 0) {
                let records = with_loss(&wrapped, &steps, lost..lost + 1);
                for from in [0, 1] {
                    assert_eq!(
                        lens(&whole(&wrapped, &records, from)),
                        lens(&to_be_had(&wrapped, &steps, lost..lost + 1, from)),
                        "{style:?} without {:?} from {from}",
                        steps[lost]
                    );
                }
            }
        }
    }
}

/// Of each packet what tells it from the others of a talk.
fn lens(packets: &[Vec<u8>]) -> Vec<(usize, &[u8])> {
    let front = |packet: &Vec<u8>| packet.len().min(20);
    packets
        .iter()
        .map(|packet| (packet.len(), &packet[..front(packet)]))
        .collect()
}

/// A hole in the payload of a large frame leaves the frame's length and the phase of its mask.
#[test]
fn a_hole_inside_of_one_frame_is_exact() {
    let v = Version::V311;
    let talk = Talk::new(
        &[
            connect(v, "x"),
            publish(v, "t", &[7; 9000]),
            publish(v, "t", b"behind"),
        ],
        &[connack(v)],
    );
    let wrapped = wrap(&talk, Style::Packets(usize::MAX));
    let steps = chunks(&wrapped.talk, 1000);
    let records = with_loss(&wrapped, &steps, 3..4);
    let gaps = super::gaps(&records);
    assert_eq!((gaps.len(), gaps[0].lost), (1, 1000));
    assert_eq!(
        whole(&wrapped, &records, 0),
        [&talk.packets[0][0][..], &talk.packets[0][2]]
    );
}

// ---- what is not MQTT in WebSocket ----

/// The connection without packets, whole and from the middle.
fn assert_nothing(what: &str, talk: &Talk) {
    for steps in [packet_by_packet(talk), chunks(talk, 60), chunks(talk, 1448)] {
        for begin in [0, 1, 2, 5] {
            let mut capture = Capture::new(Link::Ethernet, MICRO);
            if begin == 0 {
                talk.handshake(&mut capture);
            }
            for &(from, start, end) in steps.iter().skip(begin) {
                talk.send(&mut capture, from, start, end);
            }
            assert_eq!(read(&capture), [], "{what} from step {begin} on");
        }
    }
}

#[test]
fn other_websocket_traffic() {
    let text: Vec<Vec<u8>> = (0..200)
        .map(|i| format!("{{\"id\":{i},\"type\":\"subscribe\",\"query\":\"{{ a b }}\"}}").into())
        .collect();
    let binary: Vec<Vec<u8>> = (1..200u32)
        .map(|i| {
            (0..i)
                .map(|k| (i * k).wrapping_mul(2_654_435_761).to_be_bytes()[0])
                .collect()
        })
        .collect();
    let zeros = vec![vec![0; 30]; 100];
    for messages in [text, binary, zeros] {
        for style in [
            Style::Text,
            Style::Packets(1),
            Style::Fragments(20),
            Style::Deflate {
                packets: 1,
                takeover: true,
            },
        ] {
            let mut talk = Talk::new(&messages, &messages);
            talk.addrs[1].set_port(80);
            let heads = heads("Sec-WebSocket-Protocol: graphql-ws\r\n", style);
            assert_nothing(&format!("{style:?}"), &wrap_with(&talk, style, heads).talk);
        }
    }
}

#[test]
fn plain_http() {
    let request = b"GET /mqtt HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
    let page = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n\x82\x02\xc0\x00\x82\x02\xc0\x00\x82\x02\xc0\x00 and so on".to_vec();
    let mut talk = Talk::new(&vec![request; 30], &vec![page; 30]);
    talk.addrs[1].set_port(80);
    assert_nothing("HTTP", &talk);
}

/// Packets whose payload is WebSocket frames with packets in them.
#[test]
fn plain_mqtt_that_looks_like_frames() {
    let v = Version::V311;
    let frames = wrap_with(&small_talk(8083), Style::Packets(1), [vec![], vec![]]);
    for from in [0, 1] {
        let payload = frames.talk.stream(from);
        let mut client = vec![connect(v, "plain")];
        client.extend((0..12).map(|_| publish(v, "ws/recorded", &payload)));
        let subscribe = |id| packet(0x82, &[&[0, id][..], &string("a/b"), &[0]].concat());
        client.extend((9..21).map(subscribe));
        for port in [1883, 8083] {
            let mut talk = Talk::new(&client, &[connack(v)]);
            talk.addrs[1].set_port(port);
            let steps = packet_by_packet(&talk);
            for begin in 0..14 {
                let mut capture = Capture::new(Link::Ethernet, MICRO);
                if begin == 0 {
                    talk.handshake(&mut capture);
                }
                for &(from, start, end) in &steps[begin..] {
                    talk.send(&mut capture, from, start, end);
                }
                let records = read(&capture);
                let found: Vec<_> = packets(&records)
                    .iter()
                    .filter(|packet| packet.at.src == talk.addrs[0])
                    .map(|packet| {
                        assert_eq!(packet.at.transport, "tcp");
                        packet.bytes.to_vec()
                    })
                    .collect();
                let sent: Vec<_> = steps[begin..]
                    .iter()
                    .filter(|step| step.0 == 0)
                    .map(|&(_, start, end)| talk.stream(0)[start..end].to_vec())
                    .collect();
                assert_eq!(found, sent, "from {from} port {port} step {begin}");
            }
        }
    }
}

// ---- any cut ----

proptest! {
    #[test]
    fn any_cut_gives_the_same_packets(
        style in prop::sample::select(all_styles().collect::<Vec<_>>()),
        cuts in prop::collection::vec((0..2usize, any::<prop::sample::Index>()), 0..40),
    ) {
        let wrapped = wrap(&small_talk(8083), style);
        let mut steps = Vec::new();
        for from in [0, 1] {
            let len = wrapped.talk.stream(from).len();
            let mut at: Vec<usize> = cuts
                .iter()
                .filter(|cut| cut.0 == from)
                .map(|cut| cut.1.index(len))
                .collect();
            at.extend([0, len]);
            at.sort_unstable();
            at.dedup();
            steps.extend(at.windows(2).map(|pair| (from, pair[0], pair[1])));
        }
        check("any cut", &wrapped, &steps, style);
    }

    #[test]
    fn any_loss_invents_nothing(
        style in prop::sample::select(all_styles().collect::<Vec<_>>()),
        size in 1..200usize,
        lost in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        let wrapped = wrap(&small_talk(8083), style);
        let steps = chunks(&wrapped.talk, size);
        let lost: Vec<usize> = lost.iter().map(|lost| lost.index(steps.len())).collect();
        let steps: Vec<Step> = (0..steps.len())
            .filter(|i| !lost.contains(i))
            .map(|i| steps[i])
            .collect();
        // Without the upgrade, what is left of a frame may be plain MQTT as well.
        prop_assume!(!looks_plain(&wrapped, &steps));
        let mut capture = Capture::new(Link::Ethernet, MICRO);
        wrapped.talk.handshake(&mut capture);
        for &(from, start, end) in &steps {
            wrapped.talk.send(&mut capture, from, start, end);
        }
        let records = read(&capture);
        for packet in packets(&records) {
            let from = usize::from(packet.at.src != wrapped.talk.addrs[0]);
            let real = wrapped.sent[from].iter().any(|real| {
                real.bytes.starts_with(&packet.bytes) && packet.announced_len == real.bytes.len()
            });
            prop_assert!(real, "invented {packet:?}");
        }
    }

    #[test]
    fn any_damage_is_read_without_panic(
        style in prop::sample::select(all_styles().collect::<Vec<_>>()),
        damage in prop::collection::vec((0..2usize, any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut wrapped = wrap(&small_talk(8083), style);
        for (from, at, byte) in damage {
            let item = at.index(wrapped.talk.packets[from].len());
            let bytes = &mut wrapped.talk.packets[from][item];
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let steps = chunks(&wrapped.talk, 100);
        with_loss(&wrapped, &steps, 0..0);
        with_loss(&wrapped, &steps, 3..4);
    }
}
