//! What was asked for.

use super::markup::Markup;
use super::table::seconds;
use crate::output::bench::numbers::several;
use crate::output::bench::picture::ending;
use crate::output::bench::{Group, Report, grouped};

/// All parameters.
pub(super) fn list(out: &mut Markup, report: &Report) {
    let mut facts: Vec<(String, String)> = Vec::new();
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.push((name.to_owned(), value));
        }
    };
    fact("run", report.run.clone());
    fact("broker", report.broker.clone());
    fact("MQTT", report.version.clone());
    fact("engine", report.engine.clone());
    fact("warm-up", report.warmup_s.filter(|s| *s > 0.0).map(seconds));
    fact("measured for", Some(seconds(report.duration_s)));
    fact("ended by", Some(ending(report.ended_by).to_owned()));
    for (name, value) in &report.parameters {
        fact(name, Some(value.clone()));
    }
    let parts = report.parts.iter();
    let shards: Vec<String> = parts
        .filter_map(|part| Some(format!("{}/{}", part.shard?.index, part.shard?.of)))
        .collect();
    fact("shards", Some(shards.join(", ")));
    let is_alone = matches!(&report.groups[..], [only] if only.name.is_none());
    if is_alone {
        facts.extend(report.groups.iter().flat_map(group_facts));
    }
    out.open("section", &[]);
    out.element("h2", &[], "What was asked for");
    facts_list(out, &facts);
    out.close();
    if is_alone {
        return;
    }
    for (number, group) in report.groups.iter().enumerate() {
        out.open("section", &[]);
        match &group.name {
            Some(name) => out.element("h2", &[], format_args!("Group {name}")),
            None => out.element("h2", &[], format_args!("Group {}", number + 1)),
        }
        facts_list(out, &group_facts(group));
        out.close();
    }
}

fn group_facts(group: &Group) -> Vec<(String, String)> {
    let count = |count: u32| grouped(f64::from(count), 0);
    let mut facts = vec![
        ("publishers", count(group.publishers)),
        ("subscribers", count(group.subscribers)),
        ("idle", count(group.idle)),
        ("QoS", group.qos.to_string()),
        ("topic", group.topic.clone()),
    ];
    if let Some(size) = group.size_bytes {
        facts.push(("payload", several(size, "byte")));
    }
    if group.publishers > 0 {
        facts.push(match group.rate_per_s {
            Some(rate) => ("rate", format!("{} messages/s", grouped(rate, 0))),
            None => ("rate", "as fast as possible".to_owned()),
        });
    }
    if let Some(inflight) = group.inflight {
        facts.push((
            "in flight",
            format!("{} per publisher", count(inflight.into())),
        ));
    }
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
    let mut facts: Vec<(String, String)> = facts
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let more = group
        .more
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    facts.extend(more);
    facts
}

fn facts_list(out: &mut Markup, facts: &[(String, String)]) {
    out.open("dl", &[("class", &"facts")]);
    for (name, value) in facts {
        out.element("dt", &[], name);
        out.element("dd", &[], value);
    }
    out.close();
}
