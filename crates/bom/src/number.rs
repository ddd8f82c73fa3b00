//! Decimal numbers with a fixed number of digits: compared exactly, written in JSON as what they are.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number of `DIGITS` decimals, from 0 to `MOST` of its smallest units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fixed<const DIGITS: u32, const MOST: u32>(u32);

/// A CVSS score, 0.0 to 10.0.
pub type Score = Fixed<1, 100>;
/// How sure something is, 0.00 to 1.00.
pub type Confidence = Fixed<2, 100>;
/// A probability, 0.00000 to 1.00000, with the digits that EPSS publishes.
pub type Probability = Fixed<5, 100_000>;

impl<const DIGITS: u32, const MOST: u32> Fixed<DIGITS, MOST> {
    const ONE: f64 = 10_u32.pow(DIGITS) as f64;

    /// From its smallest units: tenths of a score, percent of a confidence. What is too large is cut to the largest.
    pub const fn from_units(units: u32) -> Self {
        Fixed(if units > MOST { MOST } else { units })
    }

    /// In its smallest units.
    pub const fn units(self) -> u32 {
        self.0
    }

    /// None outside the range, and for what is no number.
    pub fn from_f64(value: f64) -> Option<Self> {
        let units = (value * Self::ONE).round();
        if !(0.0..=f64::from(MOST)).contains(&units) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "compared with both bounds above")]
        Some(Fixed(units as u32))
    }

    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / Self::ONE
    }
}

impl Score {
    /// The words of CVSS 3.1, section 5, and of CVSS 4.0, section 6.
    pub fn rating(self) -> &'static str {
        match self.units() {
            0 => "none",
            1..40 => "low",
            40..70 => "medium",
            70..90 => "high",
            _ => "critical",
        }
    }
}

impl<const DIGITS: u32, const MOST: u32> fmt::Display for Fixed<DIGITS, MOST> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.*}", DIGITS as usize, self.to_f64())
    }
}

impl<const DIGITS: u32, const MOST: u32> Serialize for Fixed<DIGITS, MOST> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.to_f64())
    }
}

impl<'de, const DIGITS: u32, const MOST: u32> Deserialize<'de> for Fixed<DIGITS, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        Fixed::from_f64(value).ok_or_else(|| {
            let most = f64::from(MOST) / Self::ONE;
            de::Error::custom(format_args!("{value} is not between 0 and {most}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back() {
        for units in 0..=100 {
            let score = Score::from_units(units);
            let text = serde_json::to_string(&score).unwrap();
            assert_eq!(serde_json::from_str::<Score>(&text).unwrap(), score, "{text}");
        }
        for units in 0..=100_000 {
            let text = serde_json::to_string(&Probability::from_units(units)).unwrap();
            assert_eq!(serde_json::from_str::<Probability>(&text).unwrap().units(), units, "{text}");
        }
        assert_eq!(serde_json::to_string(&Score::from_units(98)).unwrap(), "9.8");
        assert_eq!(Score::from_units(70).to_string(), "7.0");
    }

    #[test]
    fn what_is_outside_is_refused() {
        for text in ["-0.1", "10.1", "1e300", "null", "\"9.8\""] {
            assert!(serde_json::from_str::<Score>(text).is_err(), "{text}");
        }
        assert_eq!(Score::from_f64(f64::NAN), None);
    }

    #[test]
    fn ratings_have_the_bounds_of_cvss() {
        for (units, word) in
            [(0, "none"), (1, "low"), (39, "low"), (40, "medium"), (70, "high"), (89, "high"), (90, "critical")]
        {
            assert_eq!(Score::from_units(units).rating(), word);
        }
    }
}
