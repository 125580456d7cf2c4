//! Micro-benchmarks of the protocol room: `cargo bench --bench mqtt`.
//!
//! `decode/publish_94` stands beside `handwritten/publish_94`, a parser that can do nothing but
//! this one packet: their ratio is the price of one generic decoder.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use midge::mqtt::decode::{Context, Recorder, Strict, decode};
use midge::mqtt::encode::encode;
use midge::mqtt::packet::{Packet, Publish};
use midge::mqtt::property::{PropertiesBuf, PropertyId, Value};
use midge::mqtt::{QoS, Side, Version, topic};

mod handwritten;

const CONTEXT: Context = Context {
    version: Version::V5,
    from: Some(Side::Client),
};

/// A PUBLISH as gateways send it: QoS 1, expiry, content type, a user property, a JSON payload;
/// 94 bytes.
fn publish_94() -> Vec<u8> {
    let mut properties = PropertiesBuf::new();
    for (id, value) in [
        (PropertyId::MESSAGE_EXPIRY_INTERVAL, Value::U32(3600)),
        (PropertyId::CONTENT_TYPE, Value::Str(b"application/json")),
        (PropertyId::USER_PROPERTY, Value::Pair(b"site", b"b7")),
    ] {
        properties.push(id, value).expect("a property of PUBLISH");
    }
    let packet = Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: "sensors/0017/temp",
        packet_id: 4711,
        properties: properties.as_properties(),
        payload: br#"{"t":20.51,"rh":41.0,"seq":1724501}"#,
    });
    let mut bytes = Vec::new();
    encode(&packet, Version::V5, &mut bytes).expect("a short packet");
    assert_eq!(bytes.len(), 94);
    bytes
}

fn decoding(c: &mut Criterion) {
    let bytes = publish_94();
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("publish_94", |b| {
        b.iter(|| black_box(&decode(black_box(&bytes), CONTEXT, &mut Strict)).is_ok())
    });
    group.bench_function("handwritten_publish_94", |b| {
        b.iter(|| black_box(&handwritten::parse(black_box(&bytes))).is_some())
    });
    group.bench_function("publish_94_recording", |b| {
        b.iter_batched_ref(
            Recorder::default,
            |record| decode(black_box(&bytes), CONTEXT, record).is_ok(),
            BatchSize::SmallInput,
        )
    });
    let puback = [0x40, 0x02, 0x12, 0x67];
    group.throughput(Throughput::Bytes(puback.len() as u64));
    group.bench_function("puback", |b| {
        b.iter(|| black_box(&decode(black_box(&puback), CONTEXT, &mut Strict)).is_ok())
    });
    group.finish();
}

fn encoding(c: &mut Criterion) {
    let bytes = publish_94();
    let packet = decode(&bytes, CONTEXT, &mut Strict).expect("our own packet");
    let mut out = Vec::with_capacity(128);
    c.bench_function("encode/publish_94", |b| {
        b.iter(|| {
            out.clear();
            encode(black_box(&packet), Version::V5, &mut out).map(|()| out.len())
        })
    });
}

fn matching(c: &mut Criterion) {
    let name = "building/7/floor/3/room/12/temperature";
    let mut group = c.benchmark_group("topic");
    for (what, filter) in [
        ("exact", name),
        ("plus", "building/+/floor/+/room/+/temperature"),
        ("hash", "building/7/#"),
        ("miss_at_last_level", "building/7/floor/3/room/12/humidity"),
    ] {
        group.bench_function(what, |b| {
            b.iter(|| topic::matches(black_box(filter), black_box(name)))
        });
    }
    group.bench_function("check_name", |b| {
        b.iter(|| topic::check_name(black_box(name)))
    });
    group.finish();
}

criterion_group!(benches, decoding, encoding, matching);
criterion_main!(benches);
