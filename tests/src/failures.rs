//! Tells all that is wrong, instead of only the first of it.

use anyhow::{Result, anyhow};

use crate::accuracy::Inaccurate;

/// How many are told in full.
const TOLD: usize = 25;

/// Fails if one of them failed, with what each has to say; as [`Inaccurate`] if all did
/// that failed.
pub fn none(results: impl IntoIterator<Item = Result<()>>) -> Result<()> {
    let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    if errors.is_empty() {
        return Ok(());
    }
    let told = errors.iter().take(TOLD).map(|error| format!("{error:#}"));
    let told = told.collect::<Vec<_>>().join("\n");
    let all = format!("{} failures, of which:\n{told}", errors.len());
    Err(if errors.iter().all(Inaccurate::is_all) {
        Inaccurate::new(all).into()
    } else {
        anyhow!(all)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_all() {
        assert!(none([Ok(()), Ok(())]).is_ok());
        let wrong = |text: &'static str| Err(anyhow!(text));
        let error = none([wrong("one"), Ok(()), wrong("two")]).expect_err("two failures");
        assert_eq!(error.to_string(), "2 failures, of which:\none\ntwo");
    }

    #[test]
    fn is_inaccurate_only_if_nothing_else_is_wrong() {
        let off = || Err(Inaccurate::new("off").into());
        let error = none([off(), Ok(()), off()]).expect_err("two failures");
        assert!(Inaccurate::is_all(&error));
        let error = none([off(), Err(anyhow!("lost"))]).expect_err("two failures");
        assert!(!Inaccurate::is_all(&error));
    }
}
