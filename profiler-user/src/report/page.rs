//! A page as one file with everything in it.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

use super::assets::{self, LIBRARY, Page, RUN};
use crate::history::{History, Origin};

/// Between these the page names its files.
const MARKS: (&str, &str) = ("<!-- assets -->", "<!-- /assets -->");

/// The run's page with these figures in it.
pub fn page(history: &History, origin: Origin) -> io::Result<String> {
    whole(&RUN, &history.state(origin)?)
}

/// The page with its files and this JSON in it. It needs nothing else, and its policy
/// lets nothing else run or be fetched.
pub(crate) fn whole(page: &Page, json: &[u8]) -> io::Result<String> {
    let data = embedded(json);
    let cut = page
        .markup
        .split_once(MARKS.0)
        .and_then(|(head, rest)| Some((head, rest.split_once(MARKS.1)?.1)));
    let (head, rest) = cut.ok_or_else(|| io::Error::other("the page has lost its marks"))?;
    let style: String = page.styles.iter().map(|style| style.text).collect();
    let bundle = assets::bundle(page);
    let (library, modules) = (sha256(LIBRARY.text), sha256(&bundle));
    let policy = format!(
        "default-src 'none'; script-src '{library}' '{modules}'; style-src '{}'; \
         img-src data:; base-uri 'none'; form-action 'none'",
        sha256(&style)
    );
    Ok(format!(
        "{head}<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <style>{style}</style>\n\
         <script type=\"application/json\" id=\"data\">{data}</script>\n\
         <script>{}</script>\n\
         <script type=\"module\">{bundle}</script>\n{rest}",
        LIBRARY.text
    ))
}

/// JSON that cannot end the element that it stands in: in JSON `<` is only ever within
/// a string.
fn embedded(json: &[u8]) -> String {
    let text = String::from_utf8_lossy(json);
    text.replace('<', "\\u003c").replace('>', "\\u003e")
}

fn sha256(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    format!("sha256-{}", STANDARD.encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Aggregator;
    use crate::pool::Snapshot;
    use crate::request::sample;
    use crate::summary::ProbeCost;

    const HOSTILE: &str = "/</script><img src=x onerror=alert(1)><!--";

    fn of(path: &str) -> String {
        let mut aggregator = Aggregator::new();
        aggregator.record(&sample::request(path));
        let mut history = History::default();
        let window = aggregator.close(0, 1_000_000_000);
        history.add(&window, &Snapshot::default(), &ProbeCost::default());
        page(&history, Origin::Run).unwrap()
    }

    #[test]
    fn a_path_stays_a_string() {
        let report = of(HOSTILE);
        assert!(!report.contains("<img"));
        let plain = of("/plain");
        let count = |page: &str| page.to_lowercase().matches("</script").count();
        assert_eq!(count(&report), count(&plain));
        let data = report.split("id=\"data\">").nth(1).unwrap();
        let data = data.split("</script>").next().unwrap();
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["slowest"][0]["p"], HOSTILE);
        assert_eq!(data["total"]["n"], 1);
    }

    #[test]
    fn nothing_is_fetched() {
        let report = of("/");
        assert!(!report.contains("/assets/") && !report.contains(" src="));
        assert!(report.contains("default-src 'none'; script-src 'sha256-"));
    }
}
