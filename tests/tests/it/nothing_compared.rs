//! That comparing nothing is not told as agreement, nor a year that was never cleared as a whole one, nor a half file of
//! deductions taken: the commands as clerks type them, against a hub that has booked nothing.

use clap::Parser;
use world::World;
use yidi::cli::{Cli, Ending};

/// Types a command, its words apart by blanks, as who operates for every region.
async fn types(world: &World, command: &str) -> Result<Ending, String> {
    let (hub, certificates) = (world.line().hub.address().to_string(), world.line().operator().display().to_string());
    let words = ["yidi"].into_iter().chain(command.split(' ')).chain(["--hub", &hub, "--credentials", &certificates]);
    let cli = Cli::try_parse_from(words).expect("it is a command");
    cli.run().await.map_err(|fault| format!("{fault:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_nothing_to_compare_a_command_says_so_and_ends_with_a_finding() {
    let world = World::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("certificates").display().to_string();
    for command in [
        "reconcile day --home 410700 2020-01-01".to_owned(),
        "reconcile home --home 410700 --from 2020-01-01 --to 2020-01-31 --json".to_owned(),
        format!("reconcile certificates --from 2020-01-01 --to 2020-01-31 --out {out}"),
        "clearing year 2024".to_owned(),
        "clearing year 2024 --json".to_owned(),
    ] {
        assert_eq!(types(&world, &command).await, Ok(Ending::Found), "{command}");
    }
    for (command, field) in [
        ("reconcile home --home 410700 --from 2025-06-20 --to 2025-06-01".to_owned(), "to"),
        ("reconcile day --home 410700 2099-01-01".to_owned(), "from"),
        (format!("reconcile certificates --from 2025-06-20 --to 2025-06-01 --out {out}"), "to"),
    ] {
        let refused = types(&world, &command).await.expect_err("no such days");
        assert!(refused.contains("InvalidField") && refused.contains(field), "{command}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_file_of_deductions_that_is_cut_off_nothing_is_lodged() {
    let world = World::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("deductions.csv");
    let header = "id,setl_id,basic,large_sum,catastrophic,civil_servant,assistance,reason\n";
    let import = format!("clearing deduction import {}", file.display());
    std::fs::write(&file, format!("{header}D1,S1,1,,,,,超量用药\nD2,S2,1,,,,,cut of")).expect("a file");
    let refused = types(&world, &import).await.expect_err("it is cut off");
    assert!(
        refused.contains("nothing was lodged") && refused.contains(":3: does not end with a line break"),
        "{refused}"
    );
    // A whole file is lodged row by row; this hub has no such settlement.
    std::fs::write(&file, format!("{header}D1,S1,1,,,,,超量用药\n")).expect("a file");
    assert_eq!(types(&world, &import).await, Ok(Ending::Found));
}
