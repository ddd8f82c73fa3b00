//! Base scores of CVSS vectors: version 4.0 (FIRST, section 8), 3.1 (section 7.1, also for 3.0) and 2 (section 3.2.1).

/// The base score in tenths; None for a vector that is broken or of a version there is not. Threat and environmental metrics
/// are left out: they are of one place at one time.
pub(crate) fn score(vector: &str) -> Option<u8> {
    let vector = vector.trim();
    match vector.strip_prefix("CVSS:3.1/").or_else(|| vector.strip_prefix("CVSS:3.0/")) {
        Some(metrics) => version_3(&Metrics::parse(metrics)?),
        None if vector.starts_with("CVSS:4.0/") => version_4(&Metrics::parse(&vector["CVSS:4.0/".len()..])?),
        None if vector.starts_with("CVSS:") => None,
        None => version_2(&Metrics::parse(vector.trim_matches(['(', ')']))?),
    }
}

struct Metrics<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Metrics<'a> {
    fn parse(text: &'a str) -> Option<Metrics<'a>> {
        text.split('/').map(|metric| metric.split_once(':')).collect::<Option<_>>().map(Metrics)
    }

    fn value(&self, metric: &str) -> Option<&'a str> {
        self.0.iter().find(|(name, _)| *name == metric).map(|(_, value)| *value)
    }

    /// The weight that a metric's letter stands for.
    fn weight(&self, metric: &str, weights: &[(&str, f64)]) -> Option<f64> {
        let value = self.value(metric)?;
        weights.iter().find(|(letter, _)| *letter == value).map(|(_, weight)| *weight)
    }
}

/// From the table of macro vectors, and the distance from the worst vector of the same one.
fn version_4(metrics: &Metrics<'_>) -> Option<u8> {
    const BASE: [&str; 11] = ["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"];
    let base: Option<Vec<String>> =
        BASE.iter().map(|metric| Some(format!("{metric}:{}", metrics.value(metric)?))).collect();
    let vector: ::cvss::v4::Vector = format!("CVSS:4.0/{}", base?.join("/")).parse().ok()?;
    Some((vector.score().value() * 10.0).round().clamp(0.0, 100.0) as u8)
}

fn version_3(metrics: &Metrics<'_>) -> Option<u8> {
    let changed = match metrics.value("S")? {
        "C" => true,
        "U" => false,
        _ => return None,
    };
    let vector = metrics.weight("AV", &[("N", 0.85), ("A", 0.62), ("L", 0.55), ("P", 0.2)])?;
    let complexity = metrics.weight("AC", &[("L", 0.77), ("H", 0.44)])?;
    let (low, high) = if changed { (0.68, 0.5) } else { (0.62, 0.27) };
    let privileges = metrics.weight("PR", &[("N", 0.85), ("L", low), ("H", high)])?;
    let interaction = metrics.weight("UI", &[("N", 0.85), ("R", 0.62)])?;
    let loss = |metric| metrics.weight(metric, &[("H", 0.56), ("L", 0.22), ("N", 0.0)]);
    let base = 1.0 - (1.0 - loss("C")?) * (1.0 - loss("I")?) * (1.0 - loss("A")?);
    let impact = if changed { 7.52 * (base - 0.029) - 3.25 * (base - 0.02_f64).powi(15) } else { 6.42 * base };
    if impact <= 0.0 {
        return Some(0);
    }
    let exploitability = 8.22 * vector * complexity * privileges * interaction;
    let factor = if changed { 1.08 } else { 1.0 };
    Some(round_up((factor * (impact + exploitability)).min(10.0)))
}

/// "Roundup" of appendix A: up to the next tenth, without the errors of floating point.
fn round_up(score: f64) -> u8 {
    let hundred_thousandths = (score * 100_000.0).round() as u64;
    hundred_thousandths.div_ceil(10_000).min(100) as u8
}

fn version_2(metrics: &Metrics<'_>) -> Option<u8> {
    let vector = metrics.weight("AV", &[("N", 1.0), ("A", 0.646), ("L", 0.395)])?;
    let complexity = metrics.weight("AC", &[("L", 0.71), ("M", 0.61), ("H", 0.35)])?;
    let authentication = metrics.weight("Au", &[("N", 0.704), ("S", 0.56), ("M", 0.45)])?;
    let loss = |metric| metrics.weight(metric, &[("C", 0.66), ("P", 0.275), ("N", 0.0)]);
    let impact = 10.41 * (1.0 - (1.0 - loss("C")?) * (1.0 - loss("I")?) * (1.0 - loss("A")?));
    let exploitability = 20.0 * vector * complexity * authentication;
    let factor = if impact == 0.0 { 0.0 } else { 1.176 };
    let score = (0.6 * impact + 0.4 * exploitability - 1.5) * factor;
    Some((score * 10.0).round().clamp(0.0, 100.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_scores_are_met() {
        for (vector, tenths) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Some(98)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", Some(100)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", Some(61)),
            ("CVSS:3.0/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", Some(78)),
            ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:N/A:N", Some(59)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", Some(75)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", Some(0)),
            ("AV:N/AC:L/Au:N/C:C/I:C/A:C", Some(100)),
            ("AV:N/AC:L/Au:N/C:P/I:N/A:N", Some(50)),
            ("AV:N/AC:M/Au:N/C:P/I:P/A:P", Some(68)),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Some(93)),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", Some(100)),
            ("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Some(73)),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", Some(0)),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:U/CR:L", Some(93)),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N", None),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:S/SA:N", None),
            ("CVSS:5.0/AV:N", None),
            ("CVSS:3.1/AV:X", None),
            ("high", None),
        ] {
            assert_eq!(score(vector), tenths, "{vector}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(text in "(CVSS:(3.1|4.0)/)?([A-Z]{1,2}:[A-Z]/){0,9}\\PC{0,5}") {
            score(&text);
        }
    }
}
