//! Which reports a run writes, and where.

use super::terminal;
use crate::report::{self, Detail, Format, Renderings, Report, Style};
use clap::ValueEnum;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Columns of a frame.
const WIDTH: usize = 120;

/// Whether what a terminal gets is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    Auto,
    Always,
    Never,
}

/// `FORMAT=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportArgument {
    format: Format,
    file: PathBuf,
}

impl FromStr for ReportArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (format, file) = text.split_once('=').ok_or("expected FORMAT=FILE, as in sarif=results.sarif")?;
        let format = Format::from_str(format, false).map_err(|_| {
            let names: Vec<String> = Format::value_variants()
                .iter()
                .filter_map(|format| format.to_possible_value())
                .map(|value| value.get_name().to_owned())
                .collect();
            format!("there is no format `{format}`; formats: {}", names.join(", "))
        })?;
        if file.is_empty() {
            return Err("the file is missing behind `=`".to_owned());
        }
        Ok(Self { format, file: file.into() })
    }
}

/// Why a choice of reports makes no sense.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputsError {
    #[error("two reports would go to standard output: only one of --format and --report FORMAT=- can")]
    TwoOnStandardOutput,
    #[error("two reports would go to {}", .0.display())]
    TwoInOneFile(PathBuf),
    #[error("--statistics is a table for people: it goes with --format human, not with another form")]
    Statistics,
}

/// The reports that a run writes.
#[derive(Debug)]
pub(crate) struct Outputs<'a> {
    standard_output: Option<Format>,
    files: Vec<(Format, &'a Path)>,
}

impl<'a> Outputs<'a> {
    /// A form for standard output, or for the file that takes its place, and reports beside it.
    pub(crate) fn new(
        format: Option<Format>,
        output: Option<&'a Path>,
        reports: &'a [ReportArgument],
    ) -> Result<Self, OutputsError> {
        let mut files: Vec<(Format, &'a Path)> = Vec::with_capacity(reports.len() + 1);
        files.extend(output.map(|file| (format.unwrap_or(Format::Human), file)));
        let mut standard_output = format.filter(|_| output.is_none());
        for report in reports {
            if report.file == Path::new("-") {
                if standard_output.replace(report.format).is_some() {
                    return Err(OutputsError::TwoOnStandardOutput);
                }
            } else if files.iter().any(|(_, file)| *file == report.file) {
                return Err(OutputsError::TwoInOneFile(report.file.clone()));
            } else {
                files.push((report.format, &report.file));
            }
        }
        if output.is_none() {
            standard_output.get_or_insert(Format::Human);
        }
        Ok(Self { standard_output, files })
    }

    /// Refuses what only the form for people has, where that is not written.
    pub(crate) fn refuse(&self, detail: Detail) -> Result<(), OutputsError> {
        let mut formats = self.files.iter().map(|(format, _)| *format).chain(self.standard_output);
        match detail.statistics && !formats.any(|format| format == Format::Human) {
            true => Err(OutputsError::Statistics),
            false => Ok(()),
        }
    }

    /// Writes the files, each as a whole, and then standard output.
    pub(crate) fn write(&self, report: &Report<'_>, colour: Colour) -> Result<(), Box<dyn std::error::Error>> {
        let renderings = Renderings::new(report);
        self.files.par_iter().try_for_each(|(format, file)| {
            let text = renderings.render(*format, Style::Plain, WIDTH).map_err(|error| error.to_string())?;
            report::write_file(file, text.as_bytes()).map_err(|error| error.to_string())
        })?;
        let style = if coloured(colour) { Style::Coloured } else { Style::Plain };
        if let Some(format) = self.standard_output {
            terminal::report(&renderings.render(format, style, WIDTH)?);
        }
        Ok(())
    }
}

fn coloured(colour: Colour) -> bool {
    match colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(texts: &[&str]) -> Vec<ReportArgument> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_place_takes_one_report() {
        let reports = arguments(&["json=a", "junit=b", "concise=-"]);
        let outputs = Outputs::new(None, None, &reports).unwrap();
        assert_eq!((outputs.standard_output, outputs.files.len()), (Some(Format::Concise), 2));
        assert!(Outputs::new(Some(Format::Json), None, &reports).is_err());
        assert!(Outputs::new(None, None, &arguments(&["json=-", "junit=-"])).is_err());
        assert!(Outputs::new(None, None, &arguments(&["json=a", "junit=a"])).is_err());
    }

    #[test]
    fn a_file_takes_the_place_of_standard_output() {
        let file = Path::new("a");
        let outputs = Outputs::new(Some(Format::Json), Some(file), &[]).unwrap();
        assert_eq!((outputs.standard_output, outputs.files), (None, vec![(Format::Json, file)]));
        let reports = arguments(&["concise=-"]);
        let outputs = Outputs::new(None, Some(file), &reports).unwrap();
        assert_eq!((outputs.standard_output, outputs.files), (Some(Format::Concise), vec![(Format::Human, file)]));
        assert!(Outputs::new(None, Some(file), &arguments(&["json=a"])).is_err());
    }

    #[test]
    fn what_is_no_report_says_why() {
        for (text, why) in
            [("json", "FORMAT=FILE"), ("yaml=a", "no format `yaml`; formats: human"), ("json=", "missing")]
        {
            let error = text.parse::<ReportArgument>().unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
