//! What a page is made of: all of it is in the program.

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

/// Modules, each after those that it imports.
pub const MODULES: [Asset; 11] = [
    asset!("units.js", SCRIPT, "units.js"),
    asset!("dom.js", SCRIPT, "dom.js"),
    asset!("theme.js", SCRIPT, "theme.js"),
    asset!("store.js", SCRIPT, "store.js"),
    asset!("charts.js", SCRIPT, "charts.js"),
    asset!("heat.js", SCRIPT, "heat.js"),
    asset!("flame.js", SCRIPT, "flame.js"),
    asset!("routes.js", SCRIPT, "routes.js"),
    asset!("waterfall.js", SCRIPT, "waterfall.js"),
    asset!("facts.js", SCRIPT, "facts.js"),
    asset!("main.js", SCRIPT, "main.js"),
];

/// That of this name.
#[must_use]
pub fn find(name: &str) -> Option<Asset> {
    let all = STYLES.into_iter().chain(MODULES).chain([LIBRARY]);
    all.into_iter().find(|asset| asset.name == name)
}

/// All modules as one: without their imports and exports, which is why no two of them
/// may give one name to different things.
#[must_use]
pub fn bundle() -> String {
    let mut bundle = String::new();
    for line in MODULES.iter().flat_map(|module| module.text.lines()) {
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

    #[test]
    fn the_modules_can_be_one() {
        let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
        for module in MODULES {
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
                let place = |name| MODULES.iter().position(|module| module.name == name);
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
        let scripts = [bundle(), LIBRARY.text.to_owned()];
        for script in &scripts {
            let script = script.to_lowercase();
            assert!(!script.contains("</script") && !script.contains("<!--"));
        }
        assert!(
            STYLES
                .iter()
                .all(|style| !style.text.to_lowercase().contains("</style"))
        );
    }

    #[test]
    fn nothing_makes_markup_of_text_or_fetches_from_elsewhere() {
        for module in MODULES {
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
        let own = STYLES.iter().chain(&MODULES).map(|asset| asset.text);
        for text in own.chain([PAGE]) {
            assert!(!text.contains("://"), "{}", &text[..60]);
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
