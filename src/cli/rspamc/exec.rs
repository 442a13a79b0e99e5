//! `--exec`: a command that reads each result. What it says itself goes nowhere.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

/// Runs the command line with `text` on its standard input: its exit code, or the signal that ended it.
pub(super) fn run(line: &str, text: &[u8]) -> Result<i32, String> {
    let words = split(line)?;
    let (program, args) = words.split_first().ok_or("Text was empty (or contained only whitespace)")?;
    let spawned = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = spawned.map_err(|error| format!("Failed to execute child process “{program}” ({})", super::strerror(&error)))?;
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever has read enough may go.
        let _ = stdin.write_all(text);
    }
    let status = child.wait().map_err(|error| super::strerror(&error))?;
    Ok(status.code().or_else(|| status.signal()).unwrap_or(1))
}

/// Words as a shell has them: blanks divide, quotes and backslashes hold together; nothing is expanded.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(letters.next()),
            quote @ ('"' | '\'') => {
                let into = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some(end) if end == quote => break,
                        Some('\\') if quote == '"' => {
                            let next = letters.next().unwrap_or('\\');
                            // Only these lose their backslash within double quotes.
                            if !matches!(next, '"' | '\\' | '$' | '`') {
                                into.push('\\');
                            }
                            into.push(next);
                        }
                        Some(plain) => into.push(plain),
                        None => {
                            return Err(format!(
                                "Text ended before matching quote was found for {quote}. (The text was “{line}”)"
                            ));
                        }
                    }
                }
            }
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_a_shell_does() {
        assert_eq!(
            split(r#"sh -c "a \"b\" \n"  'c  d'e f\ g ''"#).unwrap(),
            ["sh", "-c", r#"a "b" \n"#, "c  de", "f g", ""]
        );
        assert!(
            split("a \"b")
                .unwrap_err()
                .starts_with("Text ended before matching quote was found for \".")
        );
        assert!(split(" ").unwrap().is_empty());
    }

    #[test]
    fn how_it_ended_is_told() {
        assert_eq!(run("sh -c 'grep -q yes; exit $?'", b"yes\n"), Ok(0));
        assert_eq!(run("sh -c 'exit 3'", &[b'x'; 1 << 20]), Ok(3));
        assert_eq!(run("sh -c 'kill -9 $$'", b""), Ok(9));
        let absent = run("/nonexistent/x", b"").unwrap_err();
        assert_eq!(
            absent,
            "Failed to execute child process “/nonexistent/x” (No such file or directory)"
        );
    }
}
