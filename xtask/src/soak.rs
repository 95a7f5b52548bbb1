//! `cargo xtask soak`: what CI runs a little of, run for long. Every part is run even when one before it failed; the
//! summary at the end says what held.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::steps::Step;
use crate::{announce, tools};

/// Property tests are run ten times as often as usual, which is 256 times each.
const PROPERTY_CASES: u32 = 2_560;

/// How long a soak is.
#[derive(Debug, PartialEq, Eq)]
pub struct Length {
    /// The simulation ends after so many minutes even where seeds are left.
    minutes: u32,
    /// Seeds of the simulation.
    seeds: u32,
    /// Processes killed, on either database.
    kills: u32,
}

impl Length {
    /// Reads `--minutes`, `--seeds` and `--kills`; what is not given is as long as an issue is shown by.
    ///
    /// # Errors
    /// An option that there is not, or without a number.
    pub fn read(options: &[String]) -> Result<Length> {
        let mut length = Length { minutes: 60, seeds: 100_000, kills: 200 };
        for option in options.chunks(2) {
            let [name, number] = option else { bail!("{} needs a number", option.concat()) };
            let number = number.parse().with_context(|| format!("{name} {number}"))?;
            match name.as_str() {
                "--minutes" => length.minutes = number,
                "--seeds" => length.seeds = number,
                "--kills" => length.kills = number,
                _ => bail!("no such option: {name}. There is: --minutes, --seeds, --kills"),
            }
        }
        Ok(length)
    }

    fn parts(&self) -> Vec<Step> {
        let Length { minutes, seeds, kills } = self;
        let yidi = "target/release/yidi";
        vec![
            Step::of("simulation", yidi, &format!("simulate --seeds {seeds} --minutes {minutes}")),
            Step::cargo("crashes", "test --locked --package yidi --test processes lost_or_doubled -- --nocapture")
                .with("YIDI_KILLS", kills),
            Step::cargo("properties", "test --workspace --locked --no-fail-fast")
                .with("PROPTEST_CASES", PROPERTY_CASES),
            Step::of("isolation", yidi, "bench isolation"),
        ]
    }
}

/// Runs every part and tells of each.
///
/// # Errors
/// When a part failed, or nothing could be built.
pub fn run(length: &Length) -> Result<()> {
    tools::install_missing()?;
    Step::cargo("release build", "build --release --locked --package yidi").run()?;
    let begun = Instant::now();
    let ran: Vec<(&str, Result<Duration>)> = length.parts().iter().map(|part| (part.name, part.run())).collect();
    announce(&format!("soaked for {} min with {length:?}", begun.elapsed().as_secs() / 60));
    for (name, ended) in &ran {
        match ended {
            Ok(took) => announce(&format!("{name}: held, {} s", took.as_secs())),
            Err(fault) => announce(&format!("{name}: {fault:#}")),
        }
    }
    ensure!(ran.iter().all(|(_, ended)| ended.is_ok()), "the soak found something");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Length> {
        Length::read(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).ok()
    }

    #[test]
    fn a_soak_is_as_long_as_it_is_told() {
        assert_eq!(read(""), Some(Length { minutes: 60, seeds: 100_000, kills: 200 }));
        assert_eq!(read("--kills 5 --minutes 1"), Some(Length { minutes: 1, seeds: 100_000, kills: 5 }));
        for wrong in ["--kills", "--kills many", "--kill 5"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
