//! Proves that the web page and the report show what the run shows, in a real browser:
//! every request that the access log has, live, and in the end the account; that the
//! page keeps to its own policy; that keys work; and that no path becomes markup.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use harness::apache::{Apache, Conf, Mpm, Wsgi};
use harness::backends::Backend;
use harness::browser::Browser;
use harness::client::{Client, request};
use harness::failures;
use harness::load::Load;
use harness::probe::{self, Probe};
use harness::run::Run;
use harness::server::Server;
use harness::{ports, skip, wait};

harness::on_each_backend!(page_and_reports_equal_the_run, a_token_opens_the_page);

/// What must stay text.
const HOSTILE: &str = "/hello/</script><img/src=x/onerror=document.title=1>";

/// For each browser: who looks at the pictures finds them there.
const PICTURES: &str = "WSGIPROBE_PICTURES";

fn start(backend: Backend, web: u16, report: &Path) -> Result<Run> {
    let apache = Apache::start(Conf::new(Mpm::Event, Wsgi::Daemon))?;
    let pid = apache.pid()?.to_string();
    let address = format!("127.0.0.1:{web}");
    let report = report.to_str().context("no UTF-8")?;
    let arguments = ["--pid", &pid, "--web", &address, "--report", report];
    let probe = Probe::start(backend, arguments)?;
    Ok(Run { apache, probe })
}

fn page_and_reports_equal_the_run(backend: Backend) -> Result<()> {
    if !Browser::installed() {
        skip::say("there is no chromedriver here");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let report = folder.path().join("report.html");
    let port = ports::free()?;
    let run = start(backend, port, &report)?;
    let browser = Browser::start()?;
    browser.open(&format!("http://127.0.0.1:{port}/"))?;
    wait::until("the page to be live", || {
        Ok(browser.text("status")?.as_deref() == Some("live"))
    })?;
    browser.shows("tile-requests", 0)?;
    browser.script("window.untouched = true")?;

    let mut client = run.apache.connect()?;
    client.send(request("GET", HOSTILE))?;
    client.receive()?;
    drop(client);
    let load = Load {
        clients: 4,
        requests: 60,
        kept: true,
    };
    load.run(&run.apache, |_| Ok(()))?;
    let count = load.total() + 1;
    // By events alone: it was never loaded again.
    browser.shows("tile-requests", count as u64)?;
    let untouched = browser.script("return window.untouched === true")?;
    ensure!(untouched == true, "the page was loaded anew");
    keys(&browser)?;
    tables(&browser)?;
    looks(&browser, "page")?;
    hostile(&browser)?;

    let recording = recorded(&run, folder.path(), count)?;
    let evidence = run.finish(count)?;
    evidence.check().run()?;
    let summary = &evidence.report.summary;
    ensure!(summary.reported == count as u64, "{summary:?}");
    wait::until("the page to end", || {
        Ok(browser.text("status")?.as_deref() == Some("the run is over"))
    })?;
    let account = |browser: &Browser| -> Result<()> {
        browser.shows("tile-requests", evidence.entries.len() as u64)?;
        browser.shows("account-seen", summary.seen)?;
        browser.shows("account-reported", summary.reported)?;
        browser.shows("account-in-flight", summary.in_flight)?;
        browser.shows(
            "account-lost",
            summary.seen - summary.reported - summary.in_flight,
        )
    };
    account(&browser).context("the page at the end")?;
    complaints(&browser).context("the page")?;
    policy_holds(&browser)?;

    browser.open(&format!("file://{}", report.display()))?;
    account(&browser).context("the report")?;
    hostile(&browser)?;
    looks(&browser, "report")?;
    complaints(&browser).context("the report")?;

    browser.open(&format!("file://{}", recording.display()))?;
    browser.shows("tile-requests", count as u64)?;
    hostile(&browser)?;
    complaints(&browser).context("the report of a recording")
}

/// The report of what `--jsonl` has written, with a torn line at its end.
fn recorded(run: &Run, folder: &Path, count: usize) -> Result<PathBuf> {
    let file = folder.join("recorded.jsonl");
    wait::until("all requests in the file", || {
        Ok(run.probe.requests()?.len() == count)
    })?;
    run.probe.copy_requests(&file)?;
    let mut text = std::fs::read_to_string(&file)?;
    text.push_str("{\"time\":\"2026-11-21T09:3");
    std::fs::write(&file, text)?;
    let said = probe::run(["report".as_ref(), file.as_os_str()])?;
    let stderr = String::from_utf8_lossy(&said.stderr).into_owned();
    ensure!(said.status.success(), "{stderr}");
    ensure!(
        stderr.contains("torn off") && stderr.contains(&format!("a report of {count} requests")),
        "{stderr}"
    );
    Ok(file.with_extension("html"))
}

/// What the page must not do it cannot, and the browser tells when it tries.
fn policy_holds(browser: &Browser) -> Result<()> {
    browser.script(
        "const script = document.createElement('script'); \
         script.textContent = 'document.title = 1'; document.body.append(script)",
    )?;
    let mut said = Vec::new();
    wait::until("a complaint about an inline script", || {
        said.extend(browser.complaints()?);
        Ok(said
            .iter()
            .any(|line| line.contains("Content Security Policy")))
    })?;
    ensure!(browser.script("return document.title")? != "1", "it ran");
    Ok(())
}

/// The page's own words for what is wrong with it.
fn complaints(browser: &Browser) -> Result<()> {
    let complaints = browser.complaints()?;
    ensure!(complaints.is_empty(), "the browser says {complaints:#?}");
    Ok(())
}

fn hostile(browser: &Browser) -> Result<()> {
    let shown = browser
        .script("return [...document.querySelectorAll('.path, .name')].map(e => e.textContent)")?;
    let shown = shown.to_string();
    ensure!(shown.contains("<img"), "{HOSTILE} is not shown: {shown}");
    let images = browser.script("return document.images.length")?;
    ensure!(images == 0, "{images} images");
    let title = browser.script("return document.title")?;
    ensure!(title != "1", "a path was run");
    Ok(())
}

fn keys(browser: &Browser) -> Result<()> {
    let mut results = Vec::new();
    let mut unless = |holds: bool, what: String| {
        results.push(if holds { Ok(()) } else { Err(anyhow!(what)) });
    };
    let theme = || browser.script("return document.documentElement.dataset.theme ?? 'auto'");
    for wanted in ["light", "dark", "auto"] {
        browser.press("t")?;
        let theme = theme()?;
        unless(theme == wanted, format!("after t it is {theme}"));
    }
    let pressed = "return document.getElementById('pause').getAttribute('aria-pressed')";
    for wanted in ["true", "false"] {
        browser.press("p")?;
        let is = browser.script(pressed)?;
        unless(is == wanted, format!("after p paused is {is}"));
    }
    browser.press("?")?;
    let open = browser.script("return document.getElementById('help').open")?;
    unless(open == true, "? opens no help".into());
    browser.press("Escape")?;
    browser.press("4")?;
    let all = "return document.querySelector('[data-range=\"0\"]').getAttribute('aria-pressed')";
    let all = browser.script(all)?;
    unless(all == "true", format!("after 4 all is {all}"));
    // Every control is reached by Tab, and each has a name.
    let mut reached = HashSet::new();
    browser.script("document.activeElement.blur()")?;
    for _ in 0..60 {
        browser.press("Tab")?;
        let on = browser.script(
            "const e = document.activeElement; \
             return [e.id || e.className || e.tagName, \
             Boolean(e.getAttribute('aria-label') || e.textContent.trim() || e.placeholder)]",
        )?;
        let name = on[0].as_str().unwrap_or_default().to_owned();
        unless(on[1] == true, format!("{name} has no name"));
        reached.insert(name);
    }
    for id in ["pause", "theme", "help-open", "filter", "routes"] {
        unless(reached.contains(id), format!("Tab does not reach {id}"));
    }
    browser.script("document.activeElement.blur(); scrollTo(0, 0)")?;
    failures::none(results)
}

/// Routes sort, filter and open.
fn tables(browser: &Browser) -> Result<()> {
    let rows = || -> Result<Vec<u64>> {
        let rows = browser.script(
            "return [...document.querySelectorAll('#routes tbody tr')] \
             .map(row => Number(row.children[1].textContent.replace(/\\D/g, '')))",
        )?;
        let rows = rows.as_array().context("no rows")?.iter();
        Ok(rows.filter_map(serde_json::Value::as_u64).collect())
    };
    let sort = "document.querySelector('#routes [data-sort=\"n\"]').click()";
    browser.script(sort)?;
    let down = rows()?;
    ensure!(
        down.len() > 1 && down.is_sorted_by(|a, b| a >= b),
        "{down:?}"
    );
    browser.script(sort)?;
    let up = rows()?;
    ensure!(up.len() == down.len() && up.is_sorted(), "{up:?}");
    for key in ["/", "<", "i", "m", "g"] {
        browser.press(key)?;
    }
    ensure!(rows()?.len() == 1, "filtered: {:?}", rows()?);
    browser.press("Escape")?;
    browser.script(
        "const filter = document.getElementById('filter'); filter.value = ''; \
         filter.dispatchEvent(new Event('input'))",
    )?;
    ensure!(rows()?.len() == up.len());
    let levels = "return document.querySelectorAll('#flame .level').length";
    browser.script("document.querySelector('#flame .route').focus()")?;
    browser.press("Enter")?;
    ensure!(browser.script(levels)? == 4, "Enter opens no route");
    browser.press("Escape")?;
    ensure!(browser.script(levels)? == 3, "Escape closes no route");
    Ok(())
}

/// At a desk and on a phone, light and dark: something is drawn, and nothing sticks out.
fn looks(browser: &Browser, name: &str) -> Result<()> {
    for (device, width, height) in [("desk", 1400, 3000), ("phone", 360, 5200)] {
        browser.resize(width, height)?;
        for theme in ["light", "dark"] {
            let now = "return document.documentElement.dataset.theme ?? 'auto'";
            wait::until("the theme", || {
                browser.press("t")?;
                Ok(browser.script(now)? == theme)
            })?;
            // Drawn with the next frame.
            browser.script("return document.body.offsetHeight")?;
            std::thread::sleep(std::time::Duration::from_millis(300));
            let picture = browser.picture()?;
            if let Some(folder) = std::env::var_os(PICTURES) {
                let file = format!("{name}-{device}-{theme}.png");
                std::fs::write(Path::new(&folder).join(file), &picture.png)?;
            }
            let colours: HashSet<_> = picture.pixels.iter().collect();
            ensure!(
                colours.len() > 60,
                "{name} {device} {theme}: {} colours",
                colours.len()
            );
            let light = |p: &&[u8; 3]| p.iter().map(|c| u32::from(*c)).sum::<u32>() > 380;
            let part =
                picture.pixels.iter().filter(light).count() as f64 / picture.pixels.len() as f64;
            let fits = if theme == "light" {
                part > 0.6
            } else {
                part < 0.4
            };
            ensure!(fits, "{name} {device} {theme}: {part} of it is light");
            let wide = browser.script("return document.documentElement.scrollWidth")?;
            ensure!(wide == width, "{name} {device}: {wide} wide, not {width}");
        }
    }
    Ok(())
}

fn a_token_opens_the_page(backend: Backend) -> Result<()> {
    let apache = Apache::start(Conf::default())?;
    let pid = apache.pid()?.to_string();
    let refused = probe::run(["--pid", &pid, "--web", "0.0.0.0:0"])?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(
        refused.status.code() == Some(2) && said.contains("--web-token-file"),
        "{said}"
    );
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("token");
    std::fs::write(&file, "correct-horse-battery\n")?;
    let port = ports::free()?;
    let (address, file) = (
        format!("0.0.0.0:{port}"),
        file.to_str().context("no UTF-8")?,
    );
    let arguments = ["--pid", &pid, "--web", &address, "--web-token-file", file];
    let probe = Probe::start(backend, arguments)?;
    let status = |more: &str| -> Result<u16> {
        let mut client = Client::connect(port)?;
        let head = format!("GET /api/state HTTP/1.1\r\nHost: any.example\r\n{more}\r\n");
        client.send(head)?;
        Ok(client.receive()?.status)
    };
    ensure!(status("")? == 401);
    ensure!(status("Authorization: Bearer correct-horse-batterx\r\n")? == 401);
    ensure!(status("Authorization: Bearer correct-horse-battery\r\n")? == 200);
    let report = probe.finish()?;
    let all = format!("{}{}", report.stdout, report.stderr);
    ensure!(report.exit_code == Some(0), "{all}");
    ensure!(!all.contains("horse"), "the token is told: {all}");
    Ok(())
}
