//! The way through all layers: pull records out of a capture.

use std::{
    collections::VecDeque,
    io::{self, Read},
    sync::Arc,
};

use rustc_hash::FxHashMap;

use super::{
    contest::{self, Contest},
    defrag::Defragmenter,
    dialogue::Connection,
    error::CaptureError,
    file::FrameReader,
    follower::Pair,
    ip::{self, IpPacket, Transport},
    link::{self, LinkType, Skip},
    record::{Place, Record},
    tcp::Streams,
    tls::{self, Secrets},
    tunnel,
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
    /// Tell of the begin and the end of connections ([`Record::Turn`]).
    pub turns: bool,
    /// Bytes that are kept of packets that are not whole, in all streams together. Beyond it the
    /// stream that has more coming gives out what it has, as of a packet that is too large: nobody
    /// sends so much at once who does not want to use up memory.
    pub max_unfinished: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            ports: Vec::new(),
            not_ports: Vec::new(),
            version: None,
            max_packet: 16 << 20,
            turns: false,
            max_unfinished: 128 << 20,
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
    /// Frames with a piece of an IP packet. The one that makes the packet whole counts for what is
    /// in the packet instead.
    pub fragments: u64,
    /// IP packets that were sent in pieces and never became whole.
    pub incomplete: u64,
    /// Frames of a link type that is not read.
    pub unknown_link: u64,
    /// The first such link type.
    pub unknown_link_type: Option<LinkType>,
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
    /// Lines of key logs that cannot be read.
    pub damaged_key_lines: u64,
}

/// What the streams have given and nobody has pulled yet.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub(super) records: VecDeque<Record>,
    pub(super) mqtt_streams: u64,
    pub(super) mqttsn_pairs: u64,
    /// Bytes kept in all streams of which it is not known yet whether they are MQTT.
    pub(super) undecided: usize,
    /// Bytes kept of packets that are not whole, in all streams that are MQTT.
    pub(super) unfinished: usize,
    /// Of the connection that is being fed: so many of the last bytes of each direction may be
    /// something that MQTT is wrapped in. Plain MQTT that is found there has to wait.
    pub(super) suspected: Pair<usize>,
    /// The secrets of TLS sessions.
    pub(super) secrets: Secrets,
    /// Bytes kept in all streams until it is known whether they are TLS, or how to open them.
    pub(super) held: usize,
    /// What may be tried to open records of TLS.
    pub(super) tls_budget: tls::Budget,
    /// Records that wait for the version of their connection, in all streams.
    pub(super) unsettled: usize,
    /// What has ended and waits for secrets.
    pub(super) parked: tls::Parked,
    /// Where records of TLS are opened.
    pub(super) scratch: Vec<u8>,
}

/// What may still come out of earlier frames than the last one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Waiting {
    /// Nothing.
    Nothing,
    /// What has come and may have to be read in the light of more: what nobody knows yet to be
    /// MQTT or what version it has, and what is sealed. It may wait for ever.
    Meaning,
    /// What came behind a hole. It is given up in some thousand frames at most.
    Bytes,
}

/// Pulls MQTT packets, and what stands in their place, out of a capture.
///
/// Within a stream, records come in the order of its bytes per direction. Across streams they come
/// as they are found: by frame, and later where something had to be waited for, of which
/// [`waiting`](Self::waiting) tells.
#[derive(Debug)]
pub struct Packets<R> {
    frames: FrameReader<R>,
    options: Arc<Options>,
    defragmenter: Defragmenter,
    streams: Streams<Contest>,
    pairs: Pairs,
    out: Out,
    stats: Stats,
    last: Place,
    /// What was waited for before the last frame.
    waited: Waiting,
    over: bool,
    error: Option<CaptureError>,
}

impl<R: Read> Packets<R> {
    /// Over a file or a pipe. Nothing is read yet.
    pub fn new(reader: R, options: Options) -> Packets<R> {
        Packets {
            frames: FrameReader::new(reader),
            options: Arc::new(options),
            defragmenter: Defragmenter::new(),
            streams: Streams::new(),
            pairs: Pairs::default(),
            out: Out::default(),
            stats: Stats::default(),
            last: Place {
                frame: 0,
                time: None,
            },
            waited: Waiting::Nothing,
            over: false,
            error: None,
        }
    }

    /// Reads the secrets of TLS sessions from a key log (the format of `SSLKEYLOGFILE`), too: what
    /// it has now, and while secrets are missing, what it has got since.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn follow_key_log(&mut self, log: Box<dyn Read>) -> io::Result<()> {
        self.out.secrets.follow(log)
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
            if let Some(record) = self.pop() {
                return Ok(Some(record));
            }
            if !self.read_frame()? {
                return Ok(None);
            }
        }
    }

    /// The next record of what has been read.
    #[inline]
    pub fn pop(&mut self) -> Option<Record> {
        self.out.records.pop_front()
    }

    /// Reads one frame; [`pop`](Self::pop) has the records that come of it. False at the end.
    ///
    /// # Errors
    /// What is wrong with the file, once.
    pub fn read_frame(&mut self) -> Result<bool, CaptureError> {
        if self.over {
            return self.error.take().map_or(Ok(false), Err);
        }
        self.waited = self.waiting();
        self.step();
        Ok(true)
    }

    /// What is waited for now.
    pub fn waiting(&self) -> Waiting {
        if self.over {
            Waiting::Nothing
        } else if self.streams.is_waiting() {
            Waiting::Bytes
        } else if self.out.undecided + self.out.unsettled + self.out.held + self.pairs.held() > 0 {
            Waiting::Meaning
        } else {
            Waiting::Nothing
        }
    }

    /// What was waited for before the last frame was read: so much of what that frame gave may be
    /// of earlier ones.
    pub fn waited(&self) -> Waiting {
        self.waited
    }

    /// Counts up to now.
    pub fn stats(&self) -> Stats {
        Stats {
            incomplete: self.defragmenter.given_up(),
            streams: self.streams.opened(),
            mqtt_streams: self.out.mqtt_streams,
            udp_pairs: self.pairs.opened(),
            mqttsn_pairs: self.out.mqttsn_pairs,
            damaged_key_lines: self.out.secrets.damaged(),
            ..self.stats
        }
    }

    /// Reads one frame.
    fn step(&mut self) {
        self.out.secrets.may_come = self.frames.may_have_secrets();
        for secrets in self.frames.take_secrets() {
            self.out.secrets.add(&secrets);
        }
        let frame = match self.frames.next_frame() {
            Ok(Some(frame)) => frame,
            end => {
                self.error = end.err();
                self.over = true;
                self.defragmenter.finish();
                let before = self.out.records.len();
                for secrets in self.frames.take_secrets() {
                    self.out.secrets.add(&secrets);
                }
                self.out.secrets.end();
                tls::resume(self.last, &mut self.out);
                tls::end_parked(&mut self.out);
                self.streams.finish(&mut self.out);
                in_order_of_frames(self.out.records.make_contiguous().get_mut(before..));
                return;
            }
        };
        let place = frame.place;
        self.last = place;
        self.stats.frames += 1;
        self.streams.frame(place, &mut self.out);
        tls::resume(place, &mut self.out);
        let cut = (frame.original_len as usize).saturating_sub(frame.data.len());
        let carried = link::ip_packet(frame.link, frame.data)
            .and_then(|bytes| ip::packet(bytes, cut))
            .and_then(|packet| {
                unpack(
                    &packet,
                    place,
                    &mut self.defragmenter,
                    0,
                    |carried| match carried {
                        Transport::Tcp(segment) => {
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
                        Transport::Udp(datagram) => {
                            self.stats.udp += 1;
                            self.pairs
                                .datagram(&datagram, place, &self.options, &mut self.out);
                        }
                    },
                )
            });
        match carried {
            Ok(()) => {}
            Err(Skip::Fragment) => self.stats.fragments += 1,
            Err(Skip::UnknownLink) => {
                self.stats.unknown_link += 1;
                self.stats.unknown_link_type.get_or_insert(frame.link);
            }
            Err(Skip::Damaged) => self.stats.damaged += 1,
            Err(Skip::NotIp | Skip::NotTcpOrUdp) => self.stats.other += 1,
        }
    }
}

/// What all streams gave at the end of the file: in the order of the frames, as far as those of
/// each stream stay in their order.
fn in_order_of_frames(records: Option<&mut [Record]>) {
    let mut latest = FxHashMap::default();
    if let Some(records) = records {
        // Frames of a stream go back where segments came out of order.
        records.sort_by_cached_key(|record| {
            let at = record.at();
            let latest = latest.entry(at.stream).or_insert(0);
            *latest = at.frame.max(*latest);
            *latest
        });
    }
}

/// Gives what a packet carries to `take`: of pieces, once they are whole, and of tunnels, what is
/// in them.
fn unpack(
    packet: &IpPacket<'_>,
    place: Place,
    defragmenter: &mut Defragmenter,
    depth: usize,
    take: impl FnOnce(Transport<'_>),
) -> Result<(), Skip> {
    let whole;
    let mut packet = *packet;
    if packet.fragment.is_some() {
        whole = defragmenter.take(&packet, place).ok_or(Skip::Fragment)?;
        packet = whole.packet();
        packet.pass_extensions()?;
    }
    if depth < tunnel::MAX_DEPTH
        && let Some((bytes, cut)) = tunnel::inner(&packet)?
    {
        let inner = ip::packet(bytes, cut)?;
        let take: Box<dyn FnOnce(Transport<'_>)> = Box::new(take);
        return unpack(&inner, place, defragmenter, depth + 1, take);
    }
    take(ip::transport(&packet)?);
    Ok(())
}
