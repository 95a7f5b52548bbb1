//! Times as clients write them: with and without a time of day, with `T`, fraction and zone, or all digits. All of them
//! mean the clock at a desk, which shows Beijing time. Called by [`crate::node`]; also writes times for answers.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use settlement::beijing;

/// Why a text is not a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeskTimeError {
    /// Digits in the right places, but no such day.
    #[error("不是存在的日期")]
    NoSuchDay,
    /// Digits in the right places, but no such time of day.
    #[error("不是存在的时刻")]
    NoSuchTime,
    /// Another form.
    #[error("不是日期时间(应为yyyy-MM-dd HH:mm:ss)")]
    Form,
}

/// Reads a time. A zone is taken into account; without one the text shows Beijing time.
///
/// # Errors
/// When the text has another form, or names a day or time that does not exist.
pub fn read(text: &str) -> Result<DateTime, DeskTimeError> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return read_digits(text);
    }
    let (day, rest) = text.split_at_checked(10).unwrap_or((text, ""));
    let day = read_day(day)?;
    let rest = rest.trim_start_matches(['T', 't', ' ']);
    if rest.is_empty() { Ok(day.to_datetime(Time::midnight())) } else { read_with_zone(day, rest) }
}

fn read_digits(text: &str) -> Result<DateTime, DeskTimeError> {
    let part = |from: usize, to: usize| number(text.get(from..to));
    match text.len() {
        8 => Ok(day_of(part(0, 4)?, part(4, 6)?, part(6, 8)?)?.to_datetime(Time::midnight())),
        14 | 17 => Ok(day_of(part(0, 4)?, part(4, 6)?, part(6, 8)?)?.to_datetime(time_of(
            part(8, 10)?,
            part(10, 12)?,
            part(12, 14)?,
        )?)),
        _ => Err(DeskTimeError::Form),
    }
}

fn read_day(text: &str) -> Result<Date, DeskTimeError> {
    let mut parts = text.split(['-', '/', '.']);
    let (year, month, day) = (number(parts.next())?, number(parts.next())?, number(parts.next())?);
    if parts.next().is_some() { Err(DeskTimeError::Form) } else { day_of(year, month, day) }
}

fn read_with_zone(day: Date, text: &str) -> Result<DateTime, DeskTimeError> {
    let zone_at = text.find(['Z', 'z', '+', '-']);
    let (clock, zone) = zone_at.map_or((text, ""), |at| text.split_at(at));
    let clock = clock.split('.').next().unwrap_or(clock);
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next())?, number(parts.next())?);
    let second = parts.next().map_or(Ok(0), |second| number(Some(second)))?;
    let shown = day.to_datetime(time_of(hour, minute, second)?);
    if zone.is_empty() {
        return Ok(shown);
    }
    let zoned = format!("{shown}{}", if zone.eq_ignore_ascii_case("z") { "Z" } else { zone });
    let instant: Timestamp = zoned.parse().map_err(|_| DeskTimeError::Form)?;
    Ok(beijing::at_desk(instant))
}

fn number(text: Option<&str>) -> Result<i16, DeskTimeError> {
    let text = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit())).ok_or(DeskTimeError::Form)?;
    text.parse().map_err(|_| DeskTimeError::Form)
}

fn day_of(year: i16, month: i16, day: i16) -> Result<Date, DeskTimeError> {
    let small = |part: i16| i8::try_from(part).map_err(|_| DeskTimeError::NoSuchDay);
    Date::new(year, small(month)?, small(day)?).map_err(|_| DeskTimeError::NoSuchDay)
}

fn time_of(hour: i16, minute: i16, second: i16) -> Result<Time, DeskTimeError> {
    let small = |part: i16| i8::try_from(part).map_err(|_| DeskTimeError::NoSuchTime);
    Time::new(small(hour)?, small(minute)?, small(second)?, 0).map_err(|_| DeskTimeError::NoSuchTime)
}

/// A time as answers write it.
pub fn write(instant: Timestamp) -> String {
    beijing::at_desk(instant).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A time as the response envelope writes it: 17 digits.
pub fn seventeen_digits(instant: Timestamp) -> String {
    let shown = beijing::at_desk(instant);
    format!("{}{:03}", shown.strftime("%Y%m%d%H%M%S"), shown.millisecond())
}

/// A time as message ids write it: 14 digits.
pub fn fourteen_digits(instant: Timestamp) -> String {
    beijing::at_desk(instant).strftime("%Y%m%d%H%M%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_time_is_read() {
        let expected: DateTime = "2025-06-03T10:20:30".parse().expect("a time");
        for text in [
            "2025-06-03 10:20:30",
            "2025-06-03T10:20:30",
            "2025-06-03T10:20:30.1234567",
            "2025-06-03T10:20:30+08:00",
            "2025-06-03T10:20:30.5+08:00",
            "2025-06-03T02:20:30Z",
            "20250603102030",
            "20250603102030123",
            "2025/06/03 10:20:30",
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        assert_eq!(read("2025-06-03").map(|time| time.to_string()), Ok("2025-06-03T00:00:00".into()));
        assert_eq!(read("20250603").map(|time| time.to_string()), Ok("2025-06-03T00:00:00".into()));
    }

    #[test]
    fn a_day_that_does_not_exist_is_told_apart_from_another_form() {
        for (text, fault) in [
            ("2025-02-30 10:00:00", DeskTimeError::NoSuchDay),
            ("20250230", DeskTimeError::NoSuchDay),
            ("2025-13-01", DeskTimeError::NoSuchDay),
            ("2025-06-03 25:00:00", DeskTimeError::NoSuchTime),
            ("yesterday", DeskTimeError::Form),
            ("2025-6", DeskTimeError::Form),
            ("12345", DeskTimeError::Form),
        ] {
            assert_eq!(read(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn an_instant_is_written_as_a_desk_shows_it() {
        let instant: Timestamp = "2025-06-30T16:00:05.042Z".parse().expect("an instant");
        assert_eq!(write(instant), "2025-07-01 00:00:05");
        assert_eq!(seventeen_digits(instant), "20250701000005042");
    }
}
