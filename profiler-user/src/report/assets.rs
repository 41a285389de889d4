//! What pages are made of: all of it is in the program.

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its name in `/assets/`.
    pub name: &'static str,
    /// Its type.
    pub kind: &'static str,
    /// It.
    pub text: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! asset {
    ($name:literal, $kind:expr, $file:literal) => {
        Asset {
            name: $name,
            kind: $kind,
            text: include_str!(concat!("../../assets/", $file)),
        }
    };
}

/// The page.
pub const PAGE: &str = include_str!("../../assets/index.html");

/// The chart library, a script of the old kind; see `assets/vendor/uplot`.
pub const LIBRARY: Asset = asset!("uplot.js", SCRIPT, "vendor/uplot/uPlot.iife.min.js");

/// Style sheets, in order.
pub const STYLES: [Asset; 2] = [
    asset!("uplot.css", STYLE, "vendor/uplot/uPlot.min.css"),
    asset!("style.css", STYLE, "style.css"),
];

/// A page, with what is put into it where it is one file.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Its markup.
    pub markup: &'static str,
    /// Style sheets, in order.
    pub styles: &'static [Asset],
    /// Modules, each after those that it imports.
    pub modules: &'static [Asset],
}

/// Of a run.
pub const RUN: Page = Page {
    markup: PAGE,
    styles: &STYLES,
    modules: &MODULES,
};

/// Of a comparison.
pub const COMPARISON: Page = Page {
    markup: include_str!("../../assets/compare.html"),
    styles: &[
        STYLES[0],
        STYLES[1],
        asset!("compare.css", STYLE, "compare.css"),
    ],
    modules: &[
        MODULES[0],
        MODULES[1],
        MODULES[2],
        asset!("axes.js", SCRIPT, "axes.js"),
        asset!("variants.js", SCRIPT, "variants.js"),
        asset!("forest.js", SCRIPT, "forest.js"),
        asset!("lines.js", SCRIPT, "lines.js"),
        asset!("verdicts.js", SCRIPT, "verdicts.js"),
        asset!("tables.js", SCRIPT, "tables.js"),
        asset!("compare.js", SCRIPT, "compare.js"),
    ],
};

/// Modules of [`RUN`].
pub const MODULES: [Asset; 12] = [
    asset!("units.js", SCRIPT, "units.js"),
    asset!("dom.js", SCRIPT, "dom.js"),
    asset!("theme.js", SCRIPT, "theme.js"),
    asset!("store.js", SCRIPT, "store.js"),
    asset!("axes.js", SCRIPT, "axes.js"),
    asset!("charts.js", SCRIPT, "charts.js"),
    asset!("heat.js", SCRIPT, "heat.js"),
    asset!("flame.js", SCRIPT, "flame.js"),
    asset!("routes.js", SCRIPT, "routes.js"),
    asset!("waterfall.js", SCRIPT, "waterfall.js"),
    asset!("facts.js", SCRIPT, "facts.js"),
    asset!("main.js", SCRIPT, "main.js"),
];

/// That of this name, of [`RUN`].
#[must_use]
pub fn find(name: &str) -> Option<Asset> {
    let all = STYLES.into_iter().chain(MODULES).chain([LIBRARY]);
    all.into_iter().find(|asset| asset.name == name)
}

/// All modules of a page as one: without their imports and exports, which is why no two of them
/// may give one name to different things.
#[must_use]
pub fn bundle(page: &Page) -> String {
    let mut bundle = String::new();
    for line in page.modules.iter().flat_map(|module| module.text.lines()) {
        if line.starts_with("import ") {
            continue;
        }
        bundle.push_str(line.strip_prefix("export ").unwrap_or(line));
        bundle.push('\n');
    }
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;

    use super::*;

    /// Names that a module has at its top.
    fn names(text: &str) -> impl Iterator<Item = &str> {
        text.lines().filter_map(|line| {
            let line = line.strip_prefix("export ").unwrap_or(line);
            let line = line.strip_prefix("async ").unwrap_or(line);
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
            let keyword = words.next()?;
            let declares = ["const", "let", "var", "function", "class"].contains(&keyword);
            declares.then(|| words.find(|word| !word.is_empty()))?
        })
    }

    const PAGES: [Page; 2] = [RUN, COMPARISON];

    #[test]
    fn the_modules_can_be_one() {
        for page in PAGES {
            can_be_one(page.modules);
        }
    }

    fn can_be_one(modules: &[Asset]) {
        let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
        for module in modules {
            assert!(!module.text.contains("export default"), "{}", module.name);
            for name in names(module.text) {
                let before = owners.insert(name, module.name);
                assert_eq!(before, None, "{name} of {}", module.name);
            }
            for line in module
                .text
                .lines()
                .filter(|line| line.starts_with("import "))
            {
                let from = line.split("'./").nth(1).expect(line);
                let from = from.trim_end_matches("';");
                let place = |name| modules.iter().position(|module| module.name == name);
                assert!(line.ends_with("';") && !line.contains(" as "), "{line}");
                assert!(
                    place(from).expect(from) < place(module.name).unwrap(),
                    "{line}"
                );
            }
        }
    }

    #[test]
    fn nothing_ends_the_element_that_it_is_put_into() {
        let scripts = PAGES.iter().map(bundle);
        for script in scripts.chain([LIBRARY.text.to_owned()]) {
            let script = script.to_lowercase();
            assert!(!script.contains("</script") && !script.contains("<!--"));
        }
        let mut styles = PAGES.iter().flat_map(|page| page.styles);
        assert!(styles.all(|style| !style.text.to_lowercase().contains("</style")));
    }

    #[test]
    fn nothing_makes_markup_of_text_or_fetches_from_elsewhere() {
        for module in PAGES.iter().flat_map(|page| page.modules) {
            for word in [
                "innerHTML",
                "outerHTML",
                "insertAdjacent",
                "document.write",
                "eval(",
            ] {
                assert!(!module.text.contains(word), "{word} in {}", module.name);
            }
        }
        for page in PAGES {
            let own = page.styles.iter().chain(page.modules);
            for text in own.map(|asset| asset.text).chain([page.markup]) {
                assert!(!text.contains("://"), "{}", &text[..60]);
            }
        }
        // The library names its home, in a comment.
        assert_eq!(LIBRARY.text.matches("://").count(), 1);
    }

    #[test]
    fn the_library_is_the_one_recorded() {
        let record = include_str!("../../assets/vendor/uplot/SHA256SUMS");
        let css = STYLES[0].text;
        let licence = include_str!("../../assets/vendor/uplot/LICENSE");
        for (name, text) in [
            ("uPlot.iife.min.js", LIBRARY.text),
            ("uPlot.min.css", css),
            ("LICENSE", licence),
        ] {
            let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
            let mut hex = String::new();
            for byte in digest.as_ref() {
                write!(hex, "{byte:02x}").unwrap();
            }
            assert!(
                record.contains(&format!("{hex}  {name}\n")),
                "{name}: {hex}"
            );
        }
    }

    #[test]
    fn every_file_that_the_page_names_is_there() {
        let after = PAGE.split("/assets/").skip(1);
        let names: Vec<_> = after.filter_map(|rest| rest.split('"').next()).collect();
        assert!(names.len() >= 4, "{names:?}");
        for name in names {
            assert!(find(name).is_some(), "{name}");
        }
    }
}
