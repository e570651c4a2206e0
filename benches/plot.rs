//! Lines over two axes, as an SVG file: the same numbers make the same picture.
//!
//! Colours are of middle brightness on no background, so that a picture reads on a light page and on a dark one. A line's
//! name stands at its end. What is written stays text.

use std::fs;
use std::ops::Range;
use std::path::Path;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A line.
#[derive(Clone, Debug)]
pub struct Series {
    pub name: String,
    /// In the order of x.
    pub points: Vec<(f64, f64)>,
}

/// How numbers become lengths. A linear axis begins at 0, a logarithmic one at a power of ten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    Linear,
    /// Powers of ten are equally far from each other on the x axis.
    LogX,
    /// On both axes.
    LogBoth,
}

const SIZE: (u32, u32) = (860, 420);
/// Room for the names at the ends of the lines.
const NAMES: u32 = 220;
/// Pixels between two names, at least.
const LEADING: i32 = 18;
const GREY: RGBColor = RGBColor(0x76, 0x80, 0x8b);
const COLOURS: [RGBColor; 8] = [
    RGBColor(0x2f, 0x81, 0xd6),
    RGBColor(0xd9, 0x6c, 0x1e),
    RGBColor(0x2f, 0x9e, 0x5b),
    RGBColor(0xb0, 0x5c, 0xc9),
    RGBColor(0xd1, 0x4d, 0x5f),
    RGBColor(0x9a, 0x86, 0x1f),
    RGBColor(0x1a, 0x96, 0x9c),
    RGBColor(0x8d, 0x6e, 0x63),
];

/// Draws `benches/plots/NAME.svg`. Axis labels say their units.
pub fn lines(name: &str, title: &str, x_label: &str, y_label: &str, series: &[Series], scale: Scale) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("plots").join(format!("{name}.svg"));
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for plots");
    fs::write(&path, svg(title, x_label, y_label, series, scale)).expect("a plot");
}

/// The picture itself.
pub fn svg(title: &str, x_label: &str, y_label: &str, series: &[Series], scale: Scale) -> String {
    let mut out = String::new();
    draw(SVGBackend::with_string(&mut out, SIZE), [title, x_label, y_label], series, scale);
    out
}

fn draw(onto: SVGBackend<'_>, [title, x_label, y_label]: [&str; 3], series: &[Series], scale: Scale) {
    let root = onto.into_drawing_area();
    let all = || series.iter().flat_map(|line| &line.points);
    let x = Axis::of(all().map(|point| point.0), scale != Scale::Linear);
    let y = Axis::of(all().map(|point| point.1), scale == Scale::LogBoth);
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18, &GREY))
        .margin(10)
        .margin_right(NAMES)
        .x_label_area_size(46)
        .y_label_area_size(74)
        .build_cartesian_2d(x, y)
        .expect("axes");
    chart
        .configure_mesh()
        .x_desc(x_label)
        .y_desc(y_label)
        .axis_style(GREY)
        .bold_line_style(GREY.mix(0.25))
        .light_line_style(TRANSPARENT)
        .label_style(("sans-serif", 13, &GREY))
        .axis_desc_style(("sans-serif", 14, &GREY))
        .draw()
        .expect("a mesh");
    let mut ends = Vec::new();
    for (line, colour) in series.iter().zip(COLOURS.into_iter().cycle()) {
        chart.draw_series(LineSeries::new(line.points.clone(), colour.stroke_width(2))).expect("a line");
        chart.draw_series(line.points.iter().map(|point| Circle::new(*point, 3, colour.filled()))).expect("its points");
        if let Some(last) = line.points.last() {
            ends.push((chart.backend_coord(last), line.name.as_str(), colour));
        }
    }
    ends.sort_by_key(|((_, y), ..)| *y);
    let mut free = 0;
    for ((x, y), name, colour) in ends {
        let y = y.max(free);
        free = y + LEADING;
        let style = TextStyle::from(("sans-serif", 14)).color(&colour).pos(Pos::new(HPos::Left, VPos::Center));
        root.draw_text(name, &style, (x + 10, y)).expect("a name");
    }
    root.present().expect("a picture");
}

/// An axis with its marks.
struct Axis {
    from: f64,
    to: f64,
    is_log: bool,
    marks: Vec<f64>,
}

impl Axis {
    /// One that shows these numbers.
    fn of(numbers: impl Iterator<Item = f64> + Clone, is_log: bool) -> Self {
        let most = numbers.clone().fold(f64::MIN_POSITIVE, f64::max);
        // What a logarithm does not know stands at the axis' beginning.
        let least = numbers.filter(|number| *number > 0.0).fold(most, f64::min);
        if is_log { Self::log(least, most) } else { Self::linear(most) }
    }

    /// From 0 to the first mark that is not below the largest; marks stand at multiples of 1, 2 or 5 times a power of ten.
    fn linear(most: f64) -> Self {
        let decade = 10f64.powf((most / 6.0).log10().floor());
        let step =
            [1.0, 2.0, 5.0].into_iter().map(|times| times * decade).find(|step| most / step <= 6.0).unwrap_or(decade * 10.0);
        let count = (most / step).ceil();
        let marks = (0..=count as u32).map(|mark| f64::from(mark) * step).collect();
        Self { from: 0.0, to: count * step, is_log: false, marks }
    }

    /// From the power of ten below to the one above, or to the largest where that is far from it.
    fn log(least: f64, most: f64) -> Self {
        let first = least.log10().floor() as i32;
        let last = (most.log10().ceil() as i32).max(first + 1);
        let end = 10f64.powi(last);
        let marks = (first..=last).map(|power| 10f64.powi(power)).collect();
        Self { from: 10f64.powi(first), to: if most * 2.0 < end { most } else { end }, is_log: true, marks }
    }

    /// Where a number stands, from 0 to 1.
    fn place(&self, number: f64) -> f64 {
        let length = |number: f64| if self.is_log { (number.max(self.from) / self.from).log10() } else { number - self.from };
        length(number) / length(self.to)
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, number: &f64, (from, to): (i32, i32)) -> i32 {
        from + (self.place(*number) * f64::from(to - from)).round() as i32
    }

    fn key_points<H: KeyPointHint>(&self, _: H) -> Vec<f64> {
        self.marks.iter().copied().filter(|mark| *mark <= self.to).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Axis {
    fn format(number: &f64) -> String {
        readable(*number)
    }
}

/// `2,000,000`, `0.05`.
fn readable(number: f64) -> String {
    if number.fract().abs() > 1e-9 {
        return format!("{}", (number * 1e6).round() / 1e6);
    }
    let digits = format!("{}", number.abs().round());
    let mut out = String::from(if number < 0.0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Scale, Series, readable, svg};

    fn two() -> Vec<Series> {
        let line = |name: &str, by: f64| Series {
            name: name.to_owned(),
            points: [1.0, 100.0, 2_000_000.0].map(|x| (x, x * by + 1.0)).to_vec(),
        };
        vec![line("a < b", 1.0), line("twice", 2.0)]
    }

    #[test]
    fn equal_numbers_make_an_equal_picture_with_its_words_as_text() {
        for scale in [Scale::Linear, Scale::LogX, Scale::LogBoth] {
            let picture = svg("How long?", "records", "ms", &two(), scale);
            assert_eq!(picture, svg("How long?", "records", "ms", &two(), scale), "{scale:?}");
            for word in ["How long?", "records", "ms", "a &lt; b", "twice"] {
                assert!(picture.contains(&format!("\n{word}\n</text>")), "{scale:?}: {word}");
            }
        }
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(["0", "0.05", "999", "1,000", "2,000,000"], [0.0, 0.05, 999.0, 1e3, 2e6].map(readable)[..]);
    }
}
