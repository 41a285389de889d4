//! Proves that the page of a comparison says in a real browser what the results say, from
//! a file and with nothing but that file, and that no name becomes markup.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use harness::backends::beside_others;
use harness::browser::Browser;
use harness::{probe, skip, wait};
use serde_json::{Value, json};

/// What must stay text.
const HOSTILE: &str = "</script><img/src=x/onerror=document.title=1>";

/// For each browser: who looks at the pictures finds them there.
const PICTURES: &str = "WSGIPROBE_PICTURES";

/// A variant whose ratio is that, and 10 rounds of it.
fn variant(name: &str, figure: f64, ratio: Option<(f64, &str)>) -> Value {
    let estimate = |value: f64| {
        json!({
            "value": value, "low": 0.99 * value, "high": 1.01 * value, "rounds": 10,
            "min": 0.95 * value, "max": 1.05 * value,
        })
    };
    let keys = ["mean", "p50", "p90", "p99", "p99.9", "max", "server_cpu"];
    let mut figures = json!({
        "throughput": estimate(1.0 / figure), "probe_cpu": null, "probe_memory": null,
        "server_memory": estimate(52e6),
    });
    let mut ratios = figures.clone();
    for key in ["throughput", "server_memory"] {
        ratios[key] = Value::Null;
    }
    for key in keys {
        figures[key] = estimate(figure);
        ratios[key] = Value::Null;
        if let Some((ratio, verdict)) = ratio {
            ratios[key] = estimate(ratio);
            ratios[key]["verdict"] = verdict.into();
            ratios[key]["needed"] = (verdict == "too_noisy").then_some(37).into();
        }
    }
    let rounds = (0..10).map(|round| {
        let mut measured = json!({
            "round": round + 1, "at": 12.5 * f64::from(round), "throughput": 1.0 / figure,
            "probe_cpu": null, "server_memory": 52e6, "probe_memory": null,
            "answered": 5_000, "errors": 0, "seconds": [1_000, 1_001, 999, 1_000, 1_000],
        });
        for key in keys {
            measured[key] = (figure * (1.0 + 0.01 * f64::from(round))).into();
        }
        measured
    });
    let places = [0.0, 50.0, 90.0, 99.0, 99.9, 100.0];
    let distribution = places.iter().zip(1..).map(|(percent, times)| {
        let seconds = figure * f64::from(times);
        json!([percent, seconds])
    });
    json!({
        "name": name, "wsgiprobe": ratio.map(|_| "sock"), "server": null, "figures": figures,
        "ratios": ratio.map(|_| ratios),
        "requests": {
            "sent": 50_000, "answered": 50_000, "errors": 0, "logged": 50_000,
            "reported": ratio.map(|_| 49_997),
        },
        "says": ratio.map(|_| json!({"mean": 0.5 * figure, "client_mean": figure})),
        "distribution": distribution.collect::<Vec<_>>(),
        "rounds": rounds.collect::<Vec<_>>(),
    })
}

fn results() -> Value {
    json!({
        "version": "0.1.0", "command": ["compare", HOSTILE], "began": "2026-11-22T07:30:00Z",
        "machine": {"kernel": "6.1", "cpu": "some CPU", "cpus": 2, "load": 0.1, "stolen": 0.001},
        "notes": ["The clock of the CPU changed meanwhile."],
        "plan": {
            "rounds": 10, "finished": 10, "time": 5.0, "warm_up": 1.0, "load": "closed",
            "connections": 4, "rate": null, "url": "http://127.0.0.1:8000/", "command": null,
        },
        "baseline": "bare",
        "variants": [
            variant("bare", 0.000_5, None),
            variant("slower", 0.000_6, Some((1.2, "more"))),
            variant("same", 0.000_5, Some((1.001, "none"))),
            variant(HOSTILE, 0.000_51, Some((1.02, "too_noisy"))),
        ],
    })
}

#[test]
fn the_page_of_a_comparison_says_what_it_found() -> Result<()> {
    if !Browser::installed() {
        skip::say("there is no chromedriver here");
        return Ok(());
    }
    let _cores = beside_others();
    let folder = tempfile::tempdir()?;
    let (file, page) = (
        folder.path().join("compared.json"),
        folder.path().join("compared.html"),
    );
    fs::write(&file, results().to_string())?;
    let said = probe::run(["report".as_ref(), file.as_os_str()])?;
    let stderr = String::from_utf8_lossy(&said.stderr);
    ensure!(
        said.status.success() && stderr.contains("a comparison of 4 variants"),
        "{stderr}"
    );

    let browser = Browser::start()?;
    browser.open(&format!("file://{}", page.display()))?;
    wait::until("the verdicts", || {
        Ok(browser.script("return document.querySelectorAll('.verdict').length")? == 3)
    })?;
    let words = texts(&browser, ".verdict .words")?;
    for wanted in [
        "20.0 % more [18.8, 21.2]",
        "no difference that can be shown (within 1.1 %)",
        "too noisy (+1.0 % to +3.0 %): about 37 rounds would tell",
    ] {
        ensure!(words.iter().any(|words| words == wanted), "{words:#?}");
    }
    let notes = texts(&browser, "#notes li")?;
    ensure!(notes == ["The clock of the CPU changed meanwhile."]);
    // A plot for each figure that has a ratio, with its words for who cannot see it.
    let plots = browser.script(
        "return [...document.querySelectorAll('#forests svg')].map(e => e.getAttribute('aria-label'))",
    )?;
    let plots = plots.as_array().context("no plots")?;
    ensure!(plots.len() == 7, "{plots:#?}");
    ensure!(
        plots[0]
            .as_str()
            .is_some_and(|text| text.contains("slower: 20.0 % more")),
        "{plots:#?}"
    );
    let differs = texts(&browser, "#requests .differs")?;
    ensure!(
        differs.len() == 3 && differs[0].contains("(\u{2212}3)"),
        "{differs:?}"
    );
    let lines = browser.script("return document.querySelectorAll('.u-legend .u-series').length")?;
    ensure!(lines == 3 * 5, "{lines} series in the legends");
    hostile(&browser)?;
    looks(&browser)?;
    let complaints = browser.complaints()?;
    ensure!(complaints.is_empty(), "the browser says {complaints:#?}");
    Ok(())
}

fn texts(browser: &Browser, selector: &str) -> Result<Vec<String>> {
    let all = browser.script(&format!(
        "return [...document.querySelectorAll('{selector}')].map(e => e.textContent)"
    ))?;
    let all = all.as_array().context("no list")?.iter();
    Ok(all.filter_map(Value::as_str).map(str::to_owned).collect())
}

fn hostile(browser: &Browser) -> Result<()> {
    let names = texts(browser, ".verdict h2")?;
    ensure!(names.contains(&HOSTILE.to_owned()), "{names:?}");
    ensure!(browser.script("return document.images.length")? == 0);
    ensure!(
        browser.script("return document.title")? != "1",
        "a name was run"
    );
    Ok(())
}

/// At a desk and on a phone, light and dark: something is drawn, and nothing sticks out.
fn looks(browser: &Browser) -> Result<()> {
    for (device, width) in [("desk", 1400), ("phone", 360)] {
        browser.resize(width, 5_000)?;
        for theme in ["light", "dark"] {
            let now = "return document.documentElement.dataset.theme ?? 'auto'";
            wait::until("the theme", || {
                browser.press("t")?;
                Ok(browser.script(now)? == theme)
            })?;
            // Drawn with the next frame.
            std::thread::sleep(std::time::Duration::from_millis(300));
            let picture = browser.picture()?;
            if let Some(folder) = std::env::var_os(PICTURES) {
                let file = format!("compare-{device}-{theme}.png");
                fs::write(Path::new(&folder).join(file), &picture.png)?;
            }
            let colours: HashSet<_> = picture.pixels.iter().collect();
            ensure!(
                colours.len() > 60,
                "{device} {theme}: {} colours",
                colours.len()
            );
            let wide = browser.script("return document.documentElement.scrollWidth")?;
            ensure!(wide == width, "{device}: {wide} wide, not {width}");
        }
    }
    Ok(())
}
