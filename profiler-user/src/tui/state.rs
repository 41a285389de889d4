//! What is looked at, and how: changed by keys, read by the drawing.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::feed::Item;
use super::model::Model;
use super::theme::Theme;
use crate::aggregate::{Shares, Stats};

/// A page of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The table of routes.
    Routes,
    /// The selected route.
    Route,
    /// One of its slowest requests.
    Request,
    /// Pools, processes and listening sockets.
    Servers,
    /// What the operator should know.
    Messages,
}

/// A column of the table of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Its name.
    Route,
    /// Requests of the run.
    Total,
    /// Requests a second.
    Rate,
    /// Errors.
    Errors,
    /// Answers 400 to 499.
    ClientErrors,
    /// Median duration.
    P50,
    /// 90th percentile.
    P90,
    /// 99th percentile.
    P99,
    /// Longest duration.
    Max,
    /// Share of the time of all requests.
    Time,
}

impl Column {
    /// From left to right.
    pub const ALL: [Self; 10] = [
        Self::Route,
        Self::Total,
        Self::Rate,
        Self::Errors,
        Self::ClientErrors,
        Self::P50,
        Self::P90,
        Self::P99,
        Self::Max,
        Self::Time,
    ];

    /// Its heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Total => "total",
            Self::Rate => "req/s",
            Self::Errors => "err",
            Self::ClientErrors => "4xx",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::Max => "max",
            Self::Time => "time",
        }
    }
}

/// Of which time the numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// The last five to ten seconds.
    Recent,
    /// The whole run.
    Run,
}

/// A route in numbers.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub route: Arc<str>,
    /// Requests of the run.
    pub total: u64,
    /// The rest is of the range.
    pub count: u64,
    /// Those with an error.
    pub errors: u64,
    /// Those with status 400 to 499.
    pub client_errors: u64,
    /// Median, 90th and 99th percentile and the longest duration, nanoseconds.
    pub quantiles: [Option<u64>; 4],
    /// Sum of durations, nanoseconds.
    pub sum: u64,
    /// Where the time went.
    pub shares: Shares,
}

impl Row {
    fn new(route: Arc<str>, total: u64, stats: &Stats) -> Self {
        Self {
            route,
            total,
            count: stats.count,
            errors: stats.errors,
            client_errors: stats.client_errors,
            quantiles: [stats.p50(), stats.p90(), stats.p99(), stats.max()],
            sum: stats.sum,
            shares: stats.anatomy.shares,
        }
    }
}

/// Which routes are shown.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// As typed.
    pub text: String,
    regex: Option<Regex>,
}

impl Filter {
    /// By a part of the route, or an expression that matches it. Braces make `{id}` no
    /// expression: then only the part counts.
    fn new(text: String) -> Self {
        let mut builder = RegexBuilder::new(&text);
        // Of what an operator types: small.
        let regex = builder.case_insensitive(true).size_limit(1 << 20).build();
        Self {
            regex: regex.ok().filter(|_| !text.is_empty()),
            text,
        }
    }

    fn takes(&self, route: &str) -> bool {
        let matches = |regex: &Regex| regex.is_match(route);
        route.contains(&self.text) || self.regex.as_ref().is_some_and(matches)
    }
}

/// Everything that a frame is drawn from.
#[derive(Debug)]
pub struct State {
    live: Model,
    frozen: Option<Box<Model>>,
    /// Colours, or none.
    pub theme: Theme,
    /// The page.
    pub view: View,
    /// Help lies over it.
    pub help: bool,
    /// What the table is sorted by.
    pub sort: Column,
    /// The other way round.
    pub ascending: bool,
    /// Of which time the numbers are.
    pub range: Range,
    /// Which routes are shown.
    pub filter: Filter,
    /// What the filter was before it is being typed.
    pub typing: Option<String>,
    /// The route under the cursor.
    pub selected: Option<Arc<str>>,
    /// The request under the cursor, of the slowest of a route.
    pub request: usize,
    /// Lines above the page of servers or messages.
    pub scroll: usize,
    /// Messages that were on the screen.
    pub read: u64,
    /// The routes shown, in order.
    pub rows: Vec<Row>,
    /// All of them in numbers.
    pub whole: Row,
}

impl State {
    /// At the start.
    #[must_use]
    pub fn new(theme: Theme) -> Self {
        Self {
            live: Model::default(),
            frozen: None,
            theme,
            view: View::Routes,
            help: false,
            sort: Column::Time,
            ascending: false,
            range: Range::Recent,
            filter: Filter::default(),
            typing: None,
            selected: None,
            request: 0,
            scroll: 0,
            read: 0,
            rows: Vec::new(),
            whole: Row::new("".into(), 0, &Stats::new()),
        }
    }

    /// What is shown: the state of affairs, or that of when it was paused.
    #[must_use]
    pub fn model(&self) -> &Model {
        self.frozen.as_deref().unwrap_or(&self.live)
    }

    /// Whether the picture stands still.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.frozen.is_some()
    }

    /// Takes what the main thread tells.
    pub(super) fn take(&mut self, item: Item) {
        self.live.take(item);
        self.refresh();
    }

    /// Holds the picture, or lets it go.
    pub fn pause(&mut self) {
        self.frozen = match self.frozen {
            None => Some(Box::new(self.live.clone())),
            Some(_) => None,
        };
        self.refresh();
    }

    /// Filters by what is typed.
    pub fn filter(&mut self, text: String) {
        self.filter = Filter::new(text);
        self.refresh();
    }

    /// Seconds that the numbers are of.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        let moment = &self.model().moment;
        match self.range {
            Range::Recent => moment.recent_seconds(),
            Range::Run => moment.seconds(),
        }
    }

    /// Numbers of the range: of a route, or of all.
    #[must_use]
    pub fn stats(&self, route: Option<&str>) -> Option<Stats> {
        let model = self.model();
        let figures = match route {
            Some(route) => model.routes.get(route)?,
            None => &model.total,
        };
        Some(match self.range {
            Range::Recent => figures.recent(&model.moment),
            Range::Run => figures.run.clone(),
        })
    }

    /// Where the cursor is in the table.
    #[must_use]
    pub fn cursor(&self) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        self.rows.iter().position(|row| row.route == *selected)
    }

    /// Moves the cursor to that row, or the last.
    pub fn select(&mut self, place: usize) {
        let row = self.rows.get(place).or_else(|| self.rows.last());
        self.selected = row.map(|row| Arc::clone(&row.route));
    }

    /// Computes the rows anew.
    pub fn refresh(&mut self) {
        let routes = self.model().routes.iter();
        let rows: Vec<Row> = routes
            .filter(|(route, _)| self.filter.takes(route))
            .filter_map(|(route, figures)| {
                let stats = self.stats(Some(route))?;
                Some(Row::new(Arc::clone(route), figures.run.count, &stats))
            })
            .collect();
        self.rows = rows;
        let (sort, ascending) = (self.sort, self.ascending);
        self.rows.sort_by(|one, two| {
            let order = compare(sort, one, two);
            let order = if ascending { order.reverse() } else { order };
            order.then_with(|| one.route.cmp(&two.route))
        });
        let all = self.stats(None).unwrap_or_default();
        self.whole = Row::new("".into(), self.model().total.run.count, &all);
        if self.view == View::Messages && !self.is_paused() {
            self.read = self.model().told;
        }
        if self.cursor().is_none() && self.view == View::Routes {
            self.select(0);
        }
    }
}

/// The most comes first, and names as in a dictionary.
fn compare(column: Column, one: &Row, two: &Row) -> Ordering {
    let by = |key: fn(&Row) -> Option<u64>| Reverse(key(one)).cmp(&Reverse(key(two)));
    match column {
        Column::Route => one.route.cmp(&two.route),
        Column::Total => by(|row| Some(row.total)),
        Column::Rate => by(|row| Some(row.count)),
        Column::Errors => by(|row| Some(row.errors)),
        Column::ClientErrors => by(|row| Some(row.client_errors)),
        Column::P50 => by(|row| row.quantiles[0]),
        Column::P90 => by(|row| row.quantiles[1]),
        Column::P99 => by(|row| row.quantiles[2]),
        Column::Max => by(|row| row.quantiles[3]),
        Column::Time => by(|row| Some(row.sum)),
    }
}
