//! The results as one picture: for each scenario, every system's speed next to the floor's.

use std::path::Path;

use anyhow::anyhow;
use plotters::backend::SVGBackend;
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::element::{PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    BLACK, Color as _, FontStyle, IntoFont as _, IntoTextStyle as _, RGBColor, TextStyle, WHITE,
};

use super::report::Outcome;
use super::systems::FLOOR;

/// Draws bars whose length is speed over the floor's: times are turned round, so that longer is
/// always faster. A bar that would make the others too short to compare ends at the edge.
pub(super) fn draw(outcomes: &[Outcome], file: &Path) -> anyhow::Result<()> {
    let rows = rows(outcomes);
    let fastest = rows.iter().filter_map(Row::speed).fold(1.0, f64::max).min(LONGEST);
    let height = TOP + rows.iter().map(Row::height).sum::<i32>() + BOTTOM;
    let area = SVGBackend::new(file, (WIDTH as u32, height as u32)).into_drawing_area();
    let canvas = Canvas { area, per_speed: f64::from(RIGHT - LEFT) / fastest };
    canvas.picture(&rows, height).map_err(|error| anyhow!("cannot draw {}: {error}", file.display()))
}

/// One line of the picture.
#[derive(Debug, Clone, PartialEq)]
enum Row<'a> {
    Scenario(&'a str),
    System(&'a str, f64),
}

impl Row<'_> {
    fn height(&self) -> i32 {
        match self {
            Self::Scenario(_) => 28,
            Self::System(..) => 17,
        }
    }

    fn speed(&self) -> Option<f64> {
        match self {
            Self::Scenario(_) => None,
            Self::System(_, speed) => Some(*speed),
        }
    }
}

fn rows(outcomes: &[Outcome]) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut scenario = "";
    for outcome in outcomes {
        if outcome.scenario != scenario {
            scenario = outcome.scenario;
            rows.push(Row::Scenario(scenario));
        }
        rows.push(Row::System(&outcome.system, speed(outcome)));
    }
    rows
}

/// How fast in comparison with the floor.
fn speed(outcome: &Outcome) -> f64 {
    // Only the floor has no ratio to the floor.
    let ratio = outcome.ratios.get(FLOOR).copied().unwrap_or(1.0);
    if outcome.better == "lower" { 1.0 / ratio } else { ratio }
}

struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
    per_speed: f64,
}

type Drawn<'a> = Result<(), plotters::drawing::DrawingAreaErrorKind<Failure<'a>>>;
type Failure<'a> = <SVGBackend<'a> as plotters::backend::DrawingBackend>::ErrorType;

impl<'a> Canvas<'a> {
    fn picture(&self, rows: &[Row<'_>], height: i32) -> Drawn<'a> {
        self.area.fill(&WHITE)?;
        self.text("Speed, where the bare system calls are 1", (LEFT, 20), HPos::Left, FontStyle::Bold)?;
        let mut top = TOP;
        for row in rows {
            match row {
                Row::Scenario(name) => self.text(name, (MARGIN, top + 18), HPos::Left, FontStyle::Bold)?,
                Row::System(name, speed) => self.bar(name, *speed, top)?,
            }
            top += row.height();
        }
        let one = self.across(1.0);
        self.area.draw(&PathElement::new(vec![(one, TOP), (one, height - BOTTOM)], BLACK.stroke_width(1)))?;
        self.area.present()
    }

    fn bar(&self, name: &str, speed: f64, top: i32) -> Drawn<'a> {
        let middle = top + 8;
        self.text(name, (LEFT - 8, middle), HPos::Right, FontStyle::Normal)?;
        let end = self.across(speed.min(LONGEST));
        self.area.draw(&Rectangle::new([(LEFT, top + 2), (end, top + 15)], colour(name).filled()))?;
        // Beyond the line at 1, which would go through the digits.
        let digits = end.max(self.across(1.0)) + 6;
        self.text(&told(speed), (digits, middle), HPos::Left, FontStyle::Normal)
    }

    fn across(&self, speed: f64) -> i32 {
        LEFT + (speed * self.per_speed).round() as i32
    }

    fn text(&self, text: &str, at: (i32, i32), side: HPos, weight: FontStyle) -> Drawn<'a> {
        let font = ("sans-serif", FONT).into_font().style(weight);
        let style: TextStyle<'_> = font.into_text_style(&self.area).pos(Pos::new(side, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), at, style))
    }
}

fn told(speed: f64) -> String {
    match speed {
        ..0.1 => format!("{speed:.3}"),
        ..=LONGEST => format!("{speed:.2}"),
        _ => format!("{speed:.2} →"),
    }
}

/// Ours stand out; the floor is the darkest of the others.
fn colour(system: &str) -> RGBColor {
    match system {
        FLOOR => RGBColor(70, 70, 70),
        _ if system.starts_with("ginnel") => RGBColor(0, 114, 178),
        _ => RGBColor(170, 170, 170),
    }
}

/// The longest bar, as a speed over the floor's.
const LONGEST: f64 = 1.6;
/// The backend draws it at four fifths: 12 pixels.
const FONT: i32 = 15;
// Pixels.
const WIDTH: i32 = 820;
const MARGIN: i32 = 12;
const LEFT: i32 = 140;
const RIGHT: i32 = 760;
const TOP: i32 = 34;
const BOTTOM: i32 = 12;

#[cfg(test)]
mod tests {
    use super::super::report::tests::outcome;
    use super::*;

    #[test]
    fn longer_is_faster_whatever_the_unit() {
        let outcomes = [
            outcome("rtt-64", "floor", None),
            outcome("rtt-64", "std", Some(2.0)),
            outcome("fds", "floor", None),
            outcome("fds", "uds", Some(0.5)),
        ];
        let expected = [
            Row::Scenario("rtt-64"),
            Row::System("floor", 1.0),
            Row::System("std", 0.5),
            Row::Scenario("fds"),
            Row::System("floor", 1.0),
            Row::System("uds", 0.5),
        ];
        assert_eq!(rows(&outcomes), expected);
    }

    #[test]
    fn the_picture_names_every_system() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("plot.svg");
        let outcomes = [outcome("fds", "floor", None), outcome("fds", "uds", Some(1.25))];
        draw(&outcomes, &file).expect("a picture");
        let svg = std::fs::read_to_string(&file).expect("a file");
        for word in ["fds", "floor", "uds", "1.25"] {
            assert!(svg.contains(word), "{word}");
        }
    }

    #[test]
    fn a_bar_beyond_the_edge_is_cut_and_says_so() {
        assert_eq!([0.0018, 0.5, 1.25, 4.114].map(told), ["0.002", "0.50", "1.25", "4.11 →"]);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error() {
        let file = Path::new("no/such/directory/plot.svg");
        assert!(draw(&[outcome("fds", "floor", None)], file).is_err());
    }
}
