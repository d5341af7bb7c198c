//! The distributions as one picture: how many rounds were over after how long.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::heal::Times;

/// Draws how many rounds were over after how long, with time on a logarithmic scale.
pub(crate) fn draw(all: &[Times], file: &Path) -> Result<()> {
    picture(all, file).map_err(|error| anyhow!("cannot draw {}: {error}", file.display()))
}

fn picture(all: &[Times], file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::new(file, (820, 440)).into_drawing_area();
    area.fill(&WHITE)?;
    let longest = all.iter().map(|times| times.quantile(1.0)).fold(1.0, f64::max);
    let shortest = all.iter().map(|times| times.quantile(0.0)).fold(1.0, f64::min);
    let mut chart = ChartBuilder::on(&area)
        .caption("Rounds that were over after so many milliseconds", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d((shortest * 0.8..longest * 1.2).log_scale(), 0.0..1.0)?;
    chart.configure_mesh().x_desc("milliseconds").y_desc("share of rounds").draw()?;
    for (number, times) in all.iter().enumerate() {
        let colour = if times.name.starts_with("floor") {
            RGBColor(170, 170, 170)
        } else {
            COLOURS[number / 2 % COLOURS.len()]
        };
        let many = times.sorted.len().max(1) as f64;
        let points = times.sorted.iter().enumerate().map(|(at, &time)| (time, (at + 1) as f64 / many));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(format!("{} (median {:.2} ms)", times.name, times.quantile(0.5)))
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart.configure_series_labels().position(SeriesLabelPosition::LowerRight).border_style(BLACK).draw()?;
    area.present()?;
    Ok(())
}

const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];
