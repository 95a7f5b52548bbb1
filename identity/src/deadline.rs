//! How long the caller of a request still waits, and how much of that a node may pass on. Every hop keeps a margin, so
//! that it can itself say that a result is not known yet before its caller gives up. Used by the hub and home regions.

use std::time::Duration;

use tonic::Request;

/// The header in which a gRPC caller says how long it waits: up to eight digits and a unit.
const HEADER: &str = "grpc-timeout";
/// Of the time that a caller waits, a node keeps an eighth to itself, within these bounds: enough to commit an answer
/// that comes at the last moment, and to be heard.
const KEPT: u32 = 8;
const KEPT_AT_LEAST: Duration = Duration::from_millis(10);
const KEPT_AT_MOST: Duration = Duration::from_millis(500);

/// How long the caller of a request waits; none where it does not say so in a form that we know.
pub fn patience_of<T>(request: &Request<T>) -> Option<Duration> {
    read(request.metadata().get(HEADER)?.to_str().ok()?)
}

/// What is left for the next hop, of the time that a caller waits.
pub fn passed_on(patience: Duration) -> Duration {
    patience.saturating_sub((patience / KEPT).clamp(KEPT_AT_LEAST, KEPT_AT_MOST))
}

fn read(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let digits = text.strip_suffix(unit).filter(|digits| digits.len() <= 8)?;
    let count: u64 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    match unit {
        'H' => Some(Duration::from_secs(count * 3_600)),
        'M' => Some(Duration::from_secs(count * 60)),
        'S' => Some(Duration::from_secs(count)),
        'm' => Some(Duration::from_millis(count)),
        'u' => Some(Duration::from_micros(count)),
        'n' => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_says_is_read() {
        for (text, patience) in [
            ("9S", Some(Duration::from_secs(9))),
            ("9000000u", Some(Duration::from_secs(9))),
            ("250m", Some(Duration::from_millis(250))),
            ("1H", Some(Duration::from_secs(3_600))),
            ("2M", Some(Duration::from_secs(120))),
            ("7n", Some(Duration::from_nanos(7))),
            ("0S", Some(Duration::ZERO)),
            ("", None),
            ("S", None),
            ("9", None),
            ("-9S", None),
            ("+9S", None),
            ("9 S", None),
            ("9秒", None),
            ("999999999S", None),
        ] {
            assert_eq!(read(text), patience, "{text:?}");
        }
    }

    #[test]
    fn what_tonic_writes_is_read() {
        let mut request = Request::new(());
        assert_eq!(patience_of(&request), None);
        request.set_timeout(Duration::from_secs(9));
        assert_eq!(patience_of(&request), Some(Duration::from_secs(9)));
    }

    #[test]
    fn every_hop_keeps_a_margin() {
        for (patience_ms, passed_on_ms) in
            [(0, 0), (10, 0), (20, 10), (160, 140), (1_600, 1_400), (4_000, 3_500), (9_000, 8_500), (60_000, 59_500)]
        {
            let left = passed_on(Duration::from_millis(patience_ms));
            assert_eq!(left, Duration::from_millis(passed_on_ms), "{patience_ms} ms");
        }
    }
}
