//! The commands of the executable, as clap knows them.

use clap::{ArgAction, Command, CommandFactory};
use yidi::cli::Cli;

/// Commands that print no results, and why.
const WITHOUT_JSON: [(&str, &str); 2] = [
    ("demo", "shows a story to a person at a terminal, and stays up"),
    ("his", "serves as a role until it is stopped"),
];

/// Every command that has none below it and is not hidden, with its words.
fn leaves(command: &Command, words: &str, found: &mut Vec<(String, Command)>) {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        let words = format!("{words} {}", below.get_name()).trim().to_owned();
        if below.has_subcommands() {
            leaves(below, &words, found);
        } else {
            found.push((words, below.clone()));
        }
    }
}

fn has_json(command: &Command) -> bool {
    let is_json = |argument: &clap::Arg| argument.get_long() == Some("json");
    command.get_arguments().any(|argument| is_json(argument) && matches!(argument.get_action(), ArgAction::SetTrue))
}

#[test]
fn every_command_that_prints_results_prints_them_as_json_too() {
    let mut all = Vec::new();
    leaves(&Cli::command(), "", &mut all);
    assert!(all.len() > 50, "the tree is walked: {}", all.len());
    let without: Vec<&str> =
        all.iter().filter(|(_, command)| !has_json(command)).map(|(words, _)| words.as_str()).collect();
    assert_eq!(without, WITHOUT_JSON.map(|(words, _)| words));
}

#[test]
fn the_commands_are_sound() {
    Cli::command().debug_assert();
}
