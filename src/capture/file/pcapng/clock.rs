//! The clock of an interface: options if_tsresol and if_tsoffset.

use crate::capture::record::Timestamp;

/// How the time stamps of an interface count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    units_per_second: u128,
    digits: u8,
    offset_seconds: i64,
}

impl Clock {
    /// `tsresol`: a negative power of 10, or with the upper bit set, of 2.
    pub(super) fn new(tsresol: u8, offset_seconds: i64) -> Clock {
        let exponent = u32::from(tsresol & 0x7f);
        let (units_per_second, digits) = if tsresol & 0x80 == 0 {
            (10u128.checked_pow(exponent), exponent)
        } else {
            // A unit of 1/2^n second needs n * log10(2) digits, rounded up.
            (
                1u128.checked_shl(exponent),
                (exponent * 30_103).div_ceil(100_000),
            )
        };
        Clock {
            // Beyond u128 every 64-bit time stamp is less than a nanosecond.
            units_per_second: units_per_second.unwrap_or(u128::MAX),
            digits: digits.min(9) as u8,
            offset_seconds,
        }
    }

    pub(super) fn time(self, high: u32, low: u32) -> Timestamp {
        const NANOS: u128 = 1_000_000_000;
        let units = u128::from(high) << 32 | u128::from(low);
        let seconds = units / self.units_per_second;
        let rest = units % self.units_per_second;
        // A rest that the multiplication would overflow belongs to a resolution far below 1 ns.
        let nanos = rest
            .checked_mul(NANOS)
            .map_or(0, |scaled| scaled / self.units_per_second);
        let total = i128::try_from(seconds * NANOS + nanos).unwrap_or(i128::MAX);
        let total = total.saturating_add(i128::from(self.offset_seconds) * NANOS as i128);
        Timestamp {
            nanos: total.clamp(i64::MIN.into(), i64::MAX.into()) as i64,
            digits: self.digits,
        }
    }
}
