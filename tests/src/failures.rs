//! Tells all that is wrong, instead of only the first of it.

use anyhow::{Result, ensure};

/// How many are told in full.
const TOLD: usize = 25;

/// Fails if one of them failed, with what each has to say.
pub fn none(results: impl IntoIterator<Item = Result<()>>) -> Result<()> {
    let errors = results.into_iter().filter_map(Result::err);
    let mut all: Vec<String> = errors.map(|error| format!("{error:#}")).collect();
    let count = all.len();
    all.truncate(TOLD);
    ensure!(
        count == 0,
        "{count} failures, of which:\n{}",
        all.join("\n")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_all() {
        assert!(none([Ok(()), Ok(())]).is_ok());
        let wrong = |text: &'static str| Err(anyhow::anyhow!(text));
        let error = none([wrong("one"), Ok(()), wrong("two")]).expect_err("two failures");
        assert_eq!(error.to_string(), "2 failures, of which:\none\ntwo");
    }
}
