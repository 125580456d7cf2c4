//! Writing: byte streams as a pcapng file that `decode` and every other inspector read.
//!
//! The frames are made up around real bytes: each stream gets a TCP connection with its handshake
//! and its end, over IPv4 or IPv6 without a link layer.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use etherparse::PacketBuilder;

use super::record::Timestamp;
use crate::mqtt::Side;

/// LINKTYPE_RAW: frames begin with the IP header.
const LINKTYPE_RAW: u16 = 101;
/// Payload of one made-up segment. With all headers it stays below the 65,535 bytes of IP.
const SEGMENT: usize = 32 << 10;
const TTL: u8 = 64;
const WINDOW: u16 = u16::MAX;

/// Writes streams into one pcapng file.
#[derive(Debug)]
pub struct CaptureWriter<W> {
    out: W,
    frame: Vec<u8>,
}

/// A stream that is being written.
#[derive(Debug, Clone, Copy)]
pub struct WrittenStream {
    client: SocketAddr,
    server: SocketAddr,
    /// Next sequence number of the client, and of the server.
    client_seq: u32,
    server_seq: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    syn: bool,
    ack: bool,
    fin: bool,
}

impl<W: Write> CaptureWriter<W> {
    /// Begins the file: section header and one interface with times in nanoseconds.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W) -> io::Result<CaptureWriter<W>> {
        let mut section = Vec::new();
        section.extend(0x1a2b_3c4d_u32.to_le_bytes());
        section.extend(1u16.to_le_bytes());
        section.extend(0u16.to_le_bytes());
        section.extend(u64::MAX.to_le_bytes());
        write_block(&mut out, 0x0a0d_0d0a, &section)?;
        let mut interface = Vec::new();
        interface.extend(LINKTYPE_RAW.to_le_bytes());
        interface.extend(0u16.to_le_bytes());
        interface.extend(0u32.to_le_bytes());
        // if_tsresol: 10^-9 s; then the end of the options.
        interface.extend([9, 0, 1, 0, 9, 0, 0, 0]);
        interface.extend([0; 4]);
        write_block(&mut out, 1, &interface)?;
        Ok(CaptureWriter {
            out,
            frame: Vec::new(),
        })
    }

    /// Begins a stream with its handshake.
    ///
    /// # Errors
    /// Those of the file.
    pub fn open(
        &mut self,
        time: Timestamp,
        client: SocketAddr,
        server: SocketAddr,
    ) -> io::Result<WrittenStream> {
        let mut stream = WrittenStream {
            client,
            server,
            client_seq: 0,
            server_seq: 0,
        };
        let flags = |syn, ack| Flags {
            syn,
            ack,
            fin: false,
        };
        self.segment(time, &mut stream, Side::Client, flags(true, false), &[])?;
        self.segment(time, &mut stream, Side::Server, flags(true, true), &[])?;
        self.segment(time, &mut stream, Side::Client, flags(false, true), &[])?;
        Ok(stream)
    }

    /// Adds what `from` sent.
    ///
    /// # Errors
    /// Those of the file.
    pub fn data(
        &mut self,
        time: Timestamp,
        stream: &mut WrittenStream,
        from: Side,
        bytes: &[u8],
    ) -> io::Result<()> {
        let flags = Flags {
            ack: true,
            ..Flags::default()
        };
        for part in bytes.chunks(SEGMENT) {
            self.segment(time, stream, from, flags, part)?;
        }
        Ok(())
    }

    /// Ends a stream, which `by` has ended.
    ///
    /// # Errors
    /// Those of the file.
    pub fn close(
        &mut self,
        time: Timestamp,
        mut stream: WrittenStream,
        by: Side,
    ) -> io::Result<()> {
        let end = Flags {
            ack: true,
            fin: true,
            ..Flags::default()
        };
        let last = Flags {
            ack: true,
            ..Flags::default()
        };
        let other = by.other();
        self.segment(time, &mut stream, by, end, &[])?;
        self.segment(time, &mut stream, other, end, &[])?;
        self.segment(time, &mut stream, by, last, &[])
    }

    /// Passes on what is buffered.
    ///
    /// # Errors
    /// Those of the file.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn segment(
        &mut self,
        time: Timestamp,
        stream: &mut WrittenStream,
        from: Side,
        flags: Flags,
        payload: &[u8],
    ) -> io::Result<()> {
        let (src, dst, seq, ack) = match from {
            Side::Client => (
                stream.client,
                stream.server,
                &mut stream.client_seq,
                stream.server_seq,
            ),
            Side::Server => (
                stream.server,
                stream.client,
                &mut stream.server_seq,
                stream.client_seq,
            ),
        };
        let ip = match (src.ip(), dst.ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                PacketBuilder::ipv4(src.octets(), dst.octets(), TTL)
            }
            (src, dst) => PacketBuilder::ipv6(v6(src), v6(dst), TTL),
        };
        let mut tcp = ip.tcp(src.port(), dst.port(), *seq, WINDOW);
        if flags.syn {
            tcp = tcp.syn();
        }
        if flags.fin {
            tcp = tcp.fin();
        }
        if flags.ack {
            tcp = tcp.ack(ack);
        }
        if !payload.is_empty() {
            tcp = tcp.psh();
        }
        // A segment is shorter than 2^16 bytes.
        let consumed = payload.len() as u32 + u32::from(flags.syn) + u32::from(flags.fin);
        *seq = seq.wrapping_add(consumed);
        self.frame.clear();
        tcp.write(&mut self.frame, payload)
            .map_err(io::Error::other)?;
        self.packet_block(time)
    }

    /// Writes the frame as an enhanced packet block.
    fn packet_block(&mut self, time: Timestamp) -> io::Result<()> {
        let nanos = u64::try_from(time.nanos).unwrap_or(0);
        let len = self.frame.len() as u32;
        let mut block = Vec::with_capacity(self.frame.len() + 24);
        block.extend(0u32.to_le_bytes());
        block.extend(((nanos >> 32) as u32).to_le_bytes());
        block.extend((nanos as u32).to_le_bytes());
        block.extend(len.to_le_bytes());
        block.extend(len.to_le_bytes());
        block.extend_from_slice(&self.frame);
        block.resize(block.len().next_multiple_of(4), 0);
        write_block(&mut self.out, 6, &block)
    }
}

pub(super) fn write_block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    // The body is a multiple of four bytes, and a few frames long at most.
    let len = (body.len() as u32 + 12).to_le_bytes();
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&len)?;
    out.write_all(body)?;
    out.write_all(&len)
}

fn v6(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Options, Packets, Record};

    fn at(nanos: i64) -> Timestamp {
        Timestamp { nanos, digits: 9 }
    }

    /// CONNECT 3.1.1 with an empty client id, and CONNACK.
    const CONNECT: &[u8] = &[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 0];
    const CONNACK: &[u8] = &[0x20, 2, 0, 0];

    fn round_trip(client: &str, server: &str) {
        // PUBLISH to "a" with 100,000 bytes: more than one segment.
        let mut publish = vec![0x30, 0xa3, 0x8d, 0x06, 0, 1, b'a'];
        publish.resize(publish.len() + 100_000, b'x');
        let (client, server) = (client.parse().unwrap(), server.parse().unwrap());
        let mut file = Vec::new();
        let mut writer = CaptureWriter::new(&mut file).unwrap();
        let mut stream = writer.open(at(1), client, server).unwrap();
        writer
            .data(at(2), &mut stream, Side::Client, CONNECT)
            .unwrap();
        writer
            .data(at(3), &mut stream, Side::Server, CONNACK)
            .unwrap();
        writer
            .data(at(4_000_000_005), &mut stream, Side::Client, &publish)
            .unwrap();
        writer
            .close(at(4_000_000_006), stream, Side::Client)
            .unwrap();

        let mut packets = Packets::new(file.as_slice(), Options::default());
        let mut read = Vec::new();
        while let Some(record) = packets.next().unwrap() {
            match record {
                Record::Packet(packet) => read.push(packet),
                other => panic!("{other:?}"),
            }
        }
        let bytes: Vec<_> = read.iter().map(|packet| packet.bytes.to_vec()).collect();
        assert_eq!(bytes, [CONNECT.to_vec(), CONNACK.to_vec(), publish]);
        assert_eq!(read[2].at.time, Some(at(4_000_000_005)));
        assert_eq!((read[0].at.src, read[0].at.dst), (client, server));
        assert_eq!(read[1].at.from, Some(Side::Server));
    }

    #[test]
    fn what_is_written_reads_back() {
        round_trip("127.0.0.1:40000", "127.0.0.1:1883");
        round_trip("[::1]:40000", "[::1]:1883");
    }
}
