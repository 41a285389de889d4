//! A comparison as one HTML file, with plots.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::results::{Figure, Figures, Results, Unit, Variant};
use super::words;
use crate::report::{COMPARISON, whole};

/// What the page is given: the results, and what may be said of them.
#[derive(Serialize)]
struct Given<'a> {
    results: &'a Results,
    figures: Vec<Described>,
    /// Of each variant's figures; empty of the baseline.
    said: Vec<BTreeMap<&'static str, String>>,
}

/// A figure, for people.
#[derive(Serialize)]
struct Described {
    key: &'static str,
    title: &'static str,
    unit: Unit,
    better: &'static str,
}

/// The page of these results. It needs nothing else, and fetches nothing.
pub fn page(results: &Results) -> io::Result<String> {
    let given = Given {
        results,
        figures: Figure::ALL.map(described).into(),
        said: results.variants.iter().map(said).collect(),
    };
    whole(&COMPARISON, &serde_json::to_vec(&given)?)
}

fn described(figure: Figure) -> Described {
    Described {
        key: figure.key(),
        title: figure.title(),
        unit: figure.unit(),
        better: if figure.more_is_better() {
            "more"
        } else {
            "less"
        },
    }
}

fn said(variant: &Variant) -> BTreeMap<&'static str, String> {
    let ratios = variant.ratios.iter().flat_map(Figures::known);
    ratios
        .map(|(figure, ratio)| (figure.key(), words::verdict(ratio)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::results::sample;
    use super::*;

    const HOSTILE: &str = "</script><img src=x onerror=alert(1)><!--";

    fn data(page: &str) -> Value {
        let data = page.split("id=\"data\">").nth(1).unwrap();
        serde_json::from_str(data.split("</script>").next().unwrap()).unwrap()
    }

    #[test]
    fn the_results_are_in_it_with_their_words() {
        let results = sample();
        let data = data(&page(&results).unwrap());
        assert_eq!(data["results"], serde_json::to_value(&results).unwrap());
        assert_eq!(data["said"][0], serde_json::json!({}));
        assert_eq!(data["said"][1]["p99"], "too few rounds to tell: 10");
        assert_eq!(data["figures"][0]["better"], "more");
        assert_eq!(data["figures"][9]["unit"], "bytes");
    }

    #[test]
    fn a_name_stays_a_string() {
        let mut results = sample();
        let plain = page(&results).unwrap();
        results.variants[1].name = HOSTILE.into();
        results.notes.push(HOSTILE.into());
        let hostile = page(&results).unwrap();
        assert!(!hostile.contains("<img"));
        let count = |page: &str| page.to_lowercase().matches("</script").count();
        assert_eq!(count(&hostile), count(&plain));
        let name = &data(&hostile)["results"]["variants"][1]["name"];
        assert_eq!(name, HOSTILE);
    }

    #[test]
    fn nothing_is_fetched() {
        let page = page(&sample()).unwrap();
        assert!(!page.contains("/assets/") && !page.contains(" src="));
        assert!(page.contains("default-src 'none'; script-src 'sha256-"));
    }
}
