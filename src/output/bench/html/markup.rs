//! HTML and SVG, written so that nothing from outside becomes markup.
//!
//! Names of elements and attributes are fixed text; every value and every text is escaped.

use std::fmt::{self, Display};

use crate::output::text::Safe;

/// An attribute: its name and its value.
pub(super) type Attribute<'a> = (&'static str, &'a dyn Display);

/// A document, or a part of one, as it grows.
#[derive(Debug, Default)]
pub(super) struct Markup {
    text: String,
    open: Vec<&'static str>,
}

impl Markup {
    /// Begins an element.
    pub(super) fn open(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.tag(name, attributes);
        self.text.push('>');
        self.open.push(name);
    }

    /// Ends the element that was begun last.
    pub(super) fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            push(&mut self.text, format_args!("</{name}>"));
            if !is_inline(name) {
                self.text.push('\n');
            }
        }
    }

    /// An element with nothing in it, as SVG writes it; HTML's without an end are the same.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.tag(name, attributes);
        self.text.push_str("/>");
    }

    /// An element with text in it.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: &[Attribute<'_>],
        text: impl Display,
    ) {
        self.open(name, attributes);
        self.push(text);
        self.close();
    }

    /// Text.
    pub(super) fn push(&mut self, text: impl Display) {
        push(&mut Escaped(&mut self.text), text);
    }

    /// What is markup already, and ours.
    pub(super) fn push_raw(&mut self, markup: &'static str) {
        self.text.push_str(markup);
    }

    /// All of it; what is still open is ended.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }

    fn tag(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        push(&mut self.text, format_args!("<{name}"));
        for (name, value) in attributes {
            push(&mut self.text, format_args!(" {name}=\""));
            push(&mut Escaped(&mut self.text), value);
            self.text.push('"');
        }
    }
}

fn is_inline(name: &str) -> bool {
    matches!(
        name,
        "a" | "b" | "code" | "span" | "td" | "th" | "title" | "tspan"
    )
}

fn push(out: &mut impl fmt::Write, what: impl Display) {
    // Writing to a String does not fail.
    let _ = write!(out, "{what}");
}

/// Text from outside as it may stand in text and in quoted attributes: no control characters, none
/// that change the direction, none that HTML reads as markup.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\\' => self.0.push('\\'),
                c if c.is_ascii_graphic() || c == ' ' => self.0.push(c),
                c => fmt::Write::write_fmt(
                    self.0,
                    format_args!("{}", Safe(c.encode_utf8(&mut [0; 4]))),
                )?,
            }
        }
        Ok(())
    }
}

/// A coordinate, to a tenth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Px(pub(super) f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() as i64;
        let sign = if tenths < 0 { "-" } else { "" };
        let (whole, tenth) = (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10);
        match tenth {
            0 => write!(f, "{sign}{whole}"),
            tenth => write!(f, "{sign}{whole}.{tenth}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let mut markup = Markup::default();
        markup.open("p", &[("title", &"\"><script>alert(1)</script>")]);
        markup.push("<b>'x' & y</b>\u{202e}\u{7}\\ é 日本");
        assert_eq!(
            markup.finish(),
            "<p title=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\">\
             &lt;b&gt;&#39;x&#39; &amp; y&lt;/b&gt;\\u{202e}\\u{7}\\ é 日本</p>\n"
        );
    }

    #[test]
    fn coordinates_are_short() {
        for (px, text) in [
            (0.04, "0"),
            (-0.04, "0"),
            (12.34, "12.3"),
            (-7.0, "-7"),
            (9.96, "10"),
        ] {
            assert_eq!(Px(px).to_string(), text);
        }
    }
}
