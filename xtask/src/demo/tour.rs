//! What comes after the comparison: wsgiprobe once more, to be looked at.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::camera::Camera;
use super::load;
use super::probe::Probe;
use super::scene::Scene;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::workspace;

/// Before the first picture: charts with something on them.
const BEFORE: Duration = Duration::from_secs(40);

/// For all of them.
const PICTURES: Duration = Duration::from_secs(20);

/// Longer than anybody looks.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);

/// Keeps everything running until Ctrl-C.
pub fn stay(
    scene: &Scene,
    binary: &Path,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<()> {
    let _probe = Probe::attach(binary, scene, None, interrupt)?;
    scene.say_where(progress, binary);
    progress.say("all of it runs on, under load, until Ctrl-C");
    let ended = load::run(scene.apache.url(), FOR_EVER, interrupt);
    // That is how it is meant to end.
    if interrupt.check().is_err() {
        Ok(())
    } else {
        ended.map(drop)
    }
}

/// Takes the pictures of the README: of the page under load, and of the report.
/// Returns their names and sizes, bytes.
pub fn screenshots(
    scene: &Scene,
    binary: &Path,
    interrupt: &Interrupt,
) -> Result<Vec<(&'static str, usize)>> {
    let folder = workspace::root().join("docs/images");
    fs::create_dir_all(&folder).context("making docs/images")?;
    let camera = Camera::start(interrupt)?;
    let _probe = Probe::attach(binary, scene, None, interrupt)?;
    let page = format!("http://{}/", scene.pages.web);
    let report = format!("file://{}", scene.pages.report.display());
    let pictures = [
        ("page-light.png", &page, "light", "tiles"),
        ("page-dark.png", &page, "dark", "tiles"),
        ("report.png", &report, "light", "anatomy"),
    ];
    thread::scope(|scope| {
        let load = scope.spawn(|| load::run(scene.apache.url(), BEFORE + PICTURES, interrupt));
        interrupt.sleep_until(Instant::now() + BEFORE)?;
        let mut taken = Vec::new();
        for (name, url, theme, part) in pictures {
            camera.open(url, theme)?;
            camera.show(part)?;
            // A page has drawn itself by its second event.
            interrupt.sleep_until(Instant::now() + Duration::from_secs(3))?;
            taken.push((name, camera.picture(&folder.join(name))?));
        }
        load.join().expect("the load does not panic")?;
        Ok(taken)
    })
}
