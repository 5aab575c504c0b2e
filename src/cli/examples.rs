//! The examples of `--help`: every command has its own, and a group those of its commands.

use clap::{Command, CommandFactory, FromArgMatches};

/// What an example's line starts with.
const PROGRAM: &str = "keyway ";
/// What stands above examples.
const TITLE: &str = "Examples:";

/// The arguments of a program, with the first example of each command in the help of its group.
pub(super) fn command<A: CommandFactory>() -> Command {
    let command = A::command();
    let names: Vec<String> = groups(&command).map(|group| group.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, with_examples))
}

/// Reads arguments as [`command`] tells them.
pub(super) fn parse<A: CommandFactory + FromArgMatches>(
    arguments: impl IntoIterator<Item = std::ffi::OsString>,
) -> Result<A, clap::Error> {
    let mut command = command::<A>();
    let matches = command.try_get_matches_from_mut(arguments)?;
    A::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn groups(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| command.has_subcommands())
}

fn with_examples(group: Command) -> Command {
    if group.get_after_help().is_some() {
        return group;
    }
    let own = format!("{PROGRAM}{} ", group.get_name());
    let firsts = group.get_subcommands().filter_map(|command| {
        let help = command.get_after_help()?.to_string();
        let mut lines = help.lines().filter(|line| line.starts_with("  "));
        let first = lines.clone().find(|line| line.contains(&own));
        first.or_else(|| lines.find(|line| line.contains(PROGRAM))).map(str::to_owned)
    });
    let examples: Vec<String> = std::iter::once(TITLE.to_owned()).chain(firsts).collect();
    group.after_help(examples.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::Arguments;
    use crate::error::Kind;

    /// The command lines for `keyway` in a help text, as a shell would split them.
    fn examples(help: &str) -> Vec<Vec<String>> {
        let joined = help.replace("\\\n", " ");
        let lines = joined.lines().filter(|line| line.starts_with("  "));
        lines.filter_map(|line| words(line.trim())).collect()
    }

    /// The words of a line's call of `keyway`, without prompt, pipes, redirections and remarks.
    fn words(line: &str) -> Option<Vec<String>> {
        let line = line.split_once("$ ").map_or(line, |(_, line)| line.trim_start());
        let call = line.split(" | ").find(|call| call.starts_with(PROGRAM))?;
        let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
        let mut characters = call.chars().peekable();
        while let Some(c) = characters.next() {
            match c {
                '\'' => quoted = !quoted,
                ' ' if !quoted => {
                    words.push(std::mem::take(&mut word));
                    // Two spaces begin a remark, unless the line was joined from two.
                    let spaces = std::iter::from_fn(|| characters.next_if_eq(&' ')).count();
                    if spaces > 0 && characters.peek().is_none_or(|next| *next != '-') {
                        break;
                    }
                    if matches!(characters.peek(), Some('<' | '>' | '#')) {
                        break;
                    }
                }
                _ => word.push(c),
            }
        }
        assert!(!quoted, "{line}");
        words.push(word);
        words.retain(|word| !word.is_empty());
        Some(words)
    }

    /// Every command that is shown, with the words that call it.
    fn shown(command: &Command, path: &[String], all: &mut Vec<(Vec<String>, Command)>) {
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            let path = [path, &[sub.get_name().to_owned()]].concat();
            shown(sub, &path, all);
            all.push((path, sub.clone()));
        }
    }

    fn every_command() -> Vec<(Vec<String>, Command)> {
        let mut all = Vec::new();
        shown(&command::<Arguments>(), &["keyway".to_owned()], &mut all);
        all
    }

    #[test]
    fn every_command_has_an_example_of_itself() {
        assert!(every_command().len() > 40);
        for (path, command) in every_command() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples = examples(&help);
            let own = examples
                .iter()
                .any(|words| words.windows(path.len() - 1).any(|window| *window == path[1..]));
            assert!(own, "{} --help has no example of it: {examples:?}", path.join(" "));
        }
    }

    #[test]
    fn every_example_is_understood() {
        let whole = command::<Arguments>();
        let top = whole.get_after_help().map(ToString::to_string).unwrap_or_default();
        let every = every_command()
            .into_iter()
            .filter_map(|(_, command)| command.get_after_help().map(ToString::to_string));
        let mut count = 0;
        for words in every.chain([top]).flat_map(|help| examples(&help)) {
            let arguments = crate::cli::uri::plain(words.iter().map(Into::into)).expect("names");
            if let Err(error) = parse::<Arguments>(arguments) {
                panic!("{words:?}: {error}");
            }
            count += 1;
        }
        assert!(count > 60, "{count} examples");
    }

    #[test]
    fn an_example_that_is_wrong_is_found() {
        let help = "Examples:\n  keyway key lst\n  tar c x | keyway seal - --to 'a b' > y   remark";
        let found = examples(help);
        assert_eq!(found[0], ["keyway", "key", "lst"]);
        assert_eq!(found[1], ["keyway", "seal", "-", "--to", "a b"]);
        let arguments = found[0].iter().map(Into::into);
        assert!(parse::<Arguments>(arguments.collect::<Vec<_>>()).is_err());
    }

    #[test]
    fn manual_and_completions_know_every_command() {
        let directory = tempfile::tempdir().expect("a directory");
        crate::cli::generate::manual(directory.path()).expect("written");
        let mut script = Vec::new();
        let mut whole = command::<Arguments>();
        clap_complete::generate(clap_complete::Shell::Bash, &mut whole, "keyway", &mut script);
        let script = String::from_utf8(script).expect("text");
        for (path, _) in every_command() {
            let page = directory.path().join(format!("{}.1", path.join("-")));
            let text = std::fs::read_to_string(&page).unwrap_or_else(|_| panic!("{path:?}"));
            assert!(text.contains(".SH EXTRA"), "{path:?} has no examples");
            let (name, group) = path.split_last().expect("a command");
            let group = group.join("__subcmd__").replace('-', "__subcmd__");
            assert!(script.contains(&format!("{group},{name})")), "{path:?} is not completed");
        }
    }

    #[test]
    fn exit_codes_stand_in_help_manual_and_on_the_page() {
        let directory = tempfile::tempdir().expect("a directory");
        crate::cli::generate::manual(directory.path()).expect("written");
        let manual = std::fs::read_to_string(directory.path().join("keyway.1")).expect("a page");
        let manual = manual.replace("\\*(Aq", "'").replace("\\-", "-");
        let help = command::<Arguments>().render_help().to_string();
        let page = include_str!("../../docs/cli.md");
        let codes = page.lines().filter(|line| line.starts_with("| ") && line.contains("| `"));
        assert_eq!(
            codes.filter(|line| line.as_bytes()[2].is_ascii_digit()).count(),
            Kind::TABLE.len()
        );
        for (kind, code, meaning) in Kind::TABLE {
            assert!(help.contains(&format!("  {code:3}  {meaning}\n")), "{code}");
            assert!(manual.contains(meaning), "{code}");
            let name = serde_json::to_value(kind).expect("a name");
            let name = name.as_str().expect("text");
            assert!(page.contains(&format!("| {code} | `{name}` | {meaning} |\n")), "{code}");
        }
    }
}
