//! From records to the view that was asked for.

use std::io::Write;

use super::{Plan, Stop, View};
use crate::mqtt::decode::Recorder;
use crate::output::hole::{self, Hole};
use crate::output::{Decoded, Origin, json, line, sn, tree};

/// The view, and where it goes.
pub(super) struct Show<'o> {
    view: View,
    show_secrets: bool,
    raw: bool,
    out: &'o mut dyn Write,
    /// Let each packet out at once, since the next may be long in coming.
    pub(super) flush_each: bool,
    is_first: bool,
}

impl<'o> Show<'o> {
    pub(super) fn new(plan: &Plan, default: View, out: &'o mut dyn Write) -> Show<'o> {
        Show {
            view: plan.view.unwrap_or(default),
            show_secrets: plan.show_secrets,
            raw: plan.raw,
            out,
            flush_each: false,
            is_first: true,
        }
    }

    pub(super) fn packet<'a>(
        &mut self,
        origin: Origin,
        bytes: &'a [u8],
        record: &'a Recorder<'a>,
        topic_resolved: Option<&'a str>,
    ) -> Result<(), Stop> {
        let decoded = Decoded {
            origin,
            bytes,
            record,
            topic_resolved,
        };
        let mut out = &mut *self.out;
        match self.view {
            View::Json => {
                let options = json::Options {
                    show_secrets: self.show_secrets,
                    raw: self.raw,
                };
                json::write_packet(&mut out, &decoded, options)?;
            }
            View::Lines => line::write(&mut out, &decoded)?,
            View::Tree => {
                if !self.is_first {
                    writeln!(out)?;
                }
                let options = tree::Options {
                    show_secrets: self.show_secrets,
                };
                tree::write(&mut out, &decoded, options)?;
            }
        }
        self.end_of_record()
    }

    pub(super) fn message(&mut self, decoded: &sn::Decoded<'_>) -> Result<(), Stop> {
        let mut out = &mut *self.out;
        match self.view {
            View::Json => {
                let options = json::Options {
                    show_secrets: self.show_secrets,
                    raw: self.raw,
                };
                sn::json::write(&mut out, decoded, options)?;
            }
            View::Lines => sn::line::write(&mut out, decoded)?,
            View::Tree => {
                if !self.is_first {
                    writeln!(out)?;
                }
                sn::tree::write(&mut out, decoded)?;
            }
        }
        self.end_of_record()
    }

    pub(super) fn hole(&mut self, hole: &Hole) -> Result<(), Stop> {
        let mut out = &mut *self.out;
        match self.view {
            View::Json => hole::write_json(&mut out, hole)?,
            View::Lines => hole::write_line(&mut out, hole)?,
            View::Tree => {
                if !self.is_first {
                    writeln!(out)?;
                }
                hole::write_line(&mut out, hole)?;
            }
        }
        self.end_of_record()
    }

    fn end_of_record(&mut self) -> Result<(), Stop> {
        self.is_first = false;
        if self.flush_each {
            self.out.flush()?;
        }
        Ok(())
    }
}
