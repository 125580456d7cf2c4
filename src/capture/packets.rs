//! The way through all layers: pull records out of a capture.

use std::{collections::VecDeque, io::Read, sync::Arc};

use super::{
    contest::{self, Contest},
    dialogue::Connection,
    error::CaptureError,
    file::FrameReader,
    follower::Pair,
    ip::{self, Transport},
    link::{self, Skip},
    record::{Place, Record},
    tcp::Streams,
    udp::Pairs,
};
use crate::mqtt::Version;

/// What the caller knows better than the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Streams with one of these TCP ports are MQTT, whatever they begin with. Datagrams with one
    /// of these UDP ports are MQTT-SN if the first of them can be read as such.
    pub ports: Vec<u16>,
    /// Streams with one of these TCP or UDP ports are not looked at.
    pub not_ports: Vec<u16>,
    /// The version of every packet, instead of what CONNECT or the packets say.
    pub version: Option<Version>,
    /// Bytes of a packet that are kept; of a larger one the rest is skipped and it counts as cut.
    pub max_packet: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            ports: Vec::new(),
            not_ports: Vec::new(),
            version: None,
            max_packet: 16 << 20,
        }
    }
}

/// What has been seen so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Frames in the file.
    pub frames: u64,
    /// Frames with a TCP segment.
    pub tcp: u64,
    /// Frames with a UDP datagram.
    pub udp: u64,
    /// Frames with a piece of an IP packet, which are not put together.
    pub fragments: u64,
    /// Frames of a link type that is not read.
    pub unknown_link: u64,
    /// Frames with headers that are cut or damaged.
    pub damaged: u64,
    /// Every other frame.
    pub other: u64,
    /// TCP connections.
    pub streams: u64,
    /// TCP connections that carry MQTT.
    pub mqtt_streams: u64,
    /// UDP peer pairs.
    pub udp_pairs: u64,
    /// UDP peer pairs that carry MQTT-SN.
    pub mqttsn_pairs: u64,
}

/// What the streams have given and nobody has pulled yet.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub(super) records: VecDeque<Record>,
    pub(super) mqtt_streams: u64,
    pub(super) mqttsn_pairs: u64,
    /// Bytes kept in all streams of which it is not known yet whether they are MQTT.
    pub(super) undecided: usize,
    /// Of the connection that is being fed: so many of the last bytes of each direction may be
    /// something that MQTT is wrapped in. Plain MQTT that is found there has to wait.
    pub(super) suspected: Pair<usize>,
}

/// Pulls MQTT packets, and what stands in their place, out of a capture.
///
/// Within a stream, records come in the order of its bytes per direction. Across streams they come
/// as they are found: mostly by frame, later where something had to be waited for.
#[derive(Debug)]
pub struct Packets<R> {
    frames: FrameReader<R>,
    options: Arc<Options>,
    streams: Streams<Contest>,
    pairs: Pairs,
    out: Out,
    stats: Stats,
    last: Place,
    over: bool,
    error: Option<CaptureError>,
}

impl<R: Read> Packets<R> {
    /// Over a file or a pipe. Nothing is read yet.
    pub fn new(reader: R, options: Options) -> Packets<R> {
        Packets {
            frames: FrameReader::new(reader),
            options: Arc::new(options),
            streams: Streams::new(),
            pairs: Pairs::default(),
            out: Out::default(),
            stats: Stats::default(),
            last: Place {
                frame: 0,
                time: None,
            },
            over: false,
            error: None,
        }
    }

    /// The next record; `Ok(None)` at the end.
    ///
    /// # Errors
    /// What is wrong with the file, once, after every record that came before it.
    #[expect(
        clippy::should_implement_trait,
        reason = "an Iterator cannot end with an error"
    )]
    pub fn next(&mut self) -> Result<Option<Record>, CaptureError> {
        loop {
            if let Some(record) = self.out.records.pop_front() {
                return Ok(Some(record));
            }
            if self.over {
                return self.error.take().map_or(Ok(None), Err);
            }
            self.step();
        }
    }

    /// Counts up to now.
    pub fn stats(&self) -> Stats {
        Stats {
            streams: self.streams.opened(),
            mqtt_streams: self.out.mqtt_streams,
            udp_pairs: self.pairs.opened(),
            mqttsn_pairs: self.out.mqttsn_pairs,
            ..self.stats
        }
    }

    /// Reads one frame.
    fn step(&mut self) {
        let frame = match self.frames.next_frame() {
            Ok(Some(frame)) => frame,
            end => {
                self.error = end.err();
                self.over = true;
                self.streams.finish(&mut self.out);
                return;
            }
        };
        let place = frame.place;
        self.last = place;
        self.stats.frames += 1;
        self.streams.frame(place, &mut self.out);
        match link::ip_packet(frame.link, frame.data).and_then(ip::transport) {
            Ok(Transport::Tcp(segment)) => {
                self.stats.tcp += 1;
                let options = &self.options;
                self.streams.segment(
                    &segment,
                    place,
                    |stream, first, second| {
                        contest::of_stream(Connection {
                            stream,
                            addrs: Pair { first, second },
                            transport: "tcp",
                            is_announced: false,
                            options: Arc::clone(options),
                        })
                    },
                    &mut self.out,
                );
            }
            Ok(Transport::Udp(datagram)) => {
                self.stats.udp += 1;
                self.pairs
                    .datagram(&datagram, place, &self.options, &mut self.out);
            }
            Err(Skip::Fragment) => self.stats.fragments += 1,
            Err(Skip::UnknownLink) => self.stats.unknown_link += 1,
            Err(Skip::Damaged) => self.stats.damaged += 1,
            Err(Skip::NotIp | Skip::NotTcpOrUdp) => self.stats.other += 1,
        }
    }
}
