//! Command lines with places for what is only known later, such as `{port}`.

/// Splits a command line as a shell would, without being one.
pub fn split(line: &str) -> Result<Vec<String>, String> {
    shlex::split(line).ok_or_else(|| format!("`{line}` has a quote without its partner"))
}

/// Puts what is known into `{name}`.
#[must_use]
pub fn place(words: &[String], known: &[(&str, impl AsRef<str>)]) -> Vec<String> {
    words.iter().map(|word| placed(word, known)).collect()
}

/// The same for a single text.
#[must_use]
pub fn placed(text: &str, known: &[(&str, impl AsRef<str>)]) -> String {
    let mut placed = text.to_owned();
    for (name, value) in known {
        placed = placed.replace(&format!("{{{name}}}"), value.as_ref());
    }
    placed
}

/// Whether there is a place of that name.
#[must_use]
pub fn has(text: &str, name: &str) -> bool {
    text.contains(&format!("{{{name}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_quotes_content() {
        let words = split("wrk -c3 -d{seconds}s '{url}' --header \"A: b c\"").unwrap();
        assert_eq!(
            words,
            ["wrk", "-c3", "-d{seconds}s", "{url}", "--header", "A: b c"]
        );
        assert!(split("a 'b").unwrap_err().contains("quote"));
        assert!(split("  ").unwrap().is_empty());
    }

    #[test]
    fn places_are_filled_wherever_they_are() {
        let words = split("a{x}b {x} {y}").unwrap();
        let placed = place(&words, &[("x", "1 2"), ("z", "?")]);
        assert_eq!(placed, ["a1 2b", "1 2", "{y}"]);
        assert!(has("a{x}", "x") && !has("a{x}", "y"));
    }
}
