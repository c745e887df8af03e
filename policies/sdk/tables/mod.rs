//! Data that changes faster than the code: where it comes from, of which day it is, and its rows.
//!
//! A table is a setting: a rule lists it in `uses:`, and a bundle may put a newer one in its place. The rows that are
//! compiled in are constants, so that nothing is parsed for them.

pub mod aws_services;
pub mod base_images;
pub mod deprecated_apis;
pub mod github_actions;
pub mod image_owners;
pub mod image_users;
pub mod internal_balancers;
pub mod loki_keys;
pub mod moving_tags;
pub mod pipeline_work;
pub mod safe_sysctls;
pub mod shellless_images;
pub mod terraform_backends;
pub mod tls_policies;

use crate::input::Input;
use crate::json::{Kind, View};
use crate::object;
use crate::parameter::Parameter;
use crate::settings::Today;
use crate::uses::Uses;
use crate::values::date::Date;
use crate::write::Raw;
use std::borrow::Cow;

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table<R: Clone + 'static> {
    /// Where the rows come from: an address, or what was read.
    pub source: Cow<'static, str>,
    /// The day on which they were right.
    pub date: Date,
    /// The rows.
    pub rows: Cow<'static, [R]>,
}

impl<R: Clone + 'static> Table<R> {
    /// A table that is compiled in. Without a source or a day of the calendar it does not compile, in a constant.
    ///
    /// # Panics
    /// When there is no source, or the date is none.
    pub const fn of(source: &'static str, date: &str, rows: &'static [R]) -> Self {
        assert!(!source.is_empty(), "invariant: a table says where it comes from");
        Self { source: Cow::Borrowed(source), date: Date::of(date), rows: Cow::Borrowed(rows) }
    }

    /// Whether something whose last day is `end` has ended, by the day of the settings, else by that of the table.
    /// The last day itself still counts.
    pub fn has_ended<P: Uses<Today>>(&self, input: &Input<'_, P>, end: Date) -> bool {
        end < input.setting::<Today>().unwrap_or(self.date)
    }
}

impl<R: Parameter + Clone + 'static> Parameter for Table<R> {
    fn schema() -> String {
        format!(
            concat!(
                r#""type":"object","additionalProperties":false,"required":["source","date","rows"],"properties":{{"#,
                r#""source":{{"type":"string","minLength":1}},"date":{{{}}},"rows":{{{}}}}}"#
            ),
            Date::schema(),
            Vec::<R>::schema()
        )
    }

    fn read(value: &View<'_>) -> Option<Self> {
        let is_known = |key: &str| matches!(key, "source" | "date" | "rows");
        (value.kind() == Some(Kind::Object) && value.entries().all(|(key, _)| is_known(key))).then_some(())?;
        let source = value.get("source").as_str().filter(|source| !source.is_empty())?;
        Some(Self {
            source: Cow::Owned(source.to_owned()),
            date: Date::read(&value.get("date"))?,
            rows: Cow::Owned(Vec::read(&value.get("rows"))?),
        })
    }

    fn default_json(&self) -> String {
        let rows: Vec<Raw> = self.rows.iter().map(|row| Raw(row.default_json())).collect();
        object! { "source": &*self.source, "date": self.date.to_string(), "rows": rows }.0
    }
}

/// Declares a table: a setting whose rows are constants.
///
/// ```
/// use std::borrow::Cow;
///
/// policy_sdk::record! {
///     /// A runtime.
///     pub Runtime {
///         /// Its name.
///         pub name, "name": Cow<'static, str> = Cow::Borrowed("");
///     }
/// }
///
/// policy_sdk::table! {
///     /// Runtimes that are maintained.
///     pub Runtimes, "runtimes": Runtime {
///         source: "https://endoflife.date",
///         date: "2026-11-29",
///         rows: [Runtime { name: Cow::Borrowed("go1.25") }],
///     }
/// }
/// ```
#[macro_export]
macro_rules! table {
    ($(#[doc = $doc:literal])* $visibility:vis $name:ident, $key:literal: $row:ty {
        source: $source:literal,
        date: $date:literal,
        rows: [$($rows:expr),* $(,)?],
    }) => {
        $crate::setting! {
            $(#[doc = $doc])*
            $visibility $name, $key: $crate::tables::Table<$row> = {
                const ROWS: &[$row] = &[$($rows),*];
                const TABLE: $crate::tables::Table<$row> = $crate::tables::Table::of($source, $date, ROWS);
                TABLE
            };
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::testing::look;
    use crate::uses::Setting;

    fn has_source_and_date<S: Setting>() {
        let written = S::default().default_json();
        let json = Json::parse(&written).unwrap();
        let table = json.root();
        assert!(!table.get("source").text().is_empty(), "{}", S::NAME);
        assert!(Date::parse(table.get("date").text()).is_some(), "{}", S::NAME);
        assert!(!table.get("rows").is_empty(), "{}", S::NAME);
        // What is compiled in fits its own schema.
        assert!(S::Value::read(&table).is_some(), "{}", S::NAME);
    }

    #[test]
    fn every_table_has_a_source_and_a_date() {
        has_source_and_date::<aws_services::AwsServices>();
        has_source_and_date::<deprecated_apis::DeprecatedApis>();
        has_source_and_date::<github_actions::GitHubActions>();
        has_source_and_date::<image_users::ImageUsers>();
        has_source_and_date::<loki_keys::RemovedLokiKeys>();
        has_source_and_date::<moving_tags::MovingTags>();
        has_source_and_date::<safe_sysctls::SafeSysctls>();
        has_source_and_date::<shellless_images::ShelllessImages>();
        has_source_and_date::<terraform_backends::TerraformBackends>();
        has_source_and_date::<internal_balancers::InternalBalancers>();
        has_source_and_date::<tls_policies::TlsPolicies>();
    }

    #[test]
    fn a_bundle_may_replace_a_table_as_a_whole() {
        let read = |text: &str| {
            let json = Json::parse(text).unwrap();
            Table::<terraform_backends::Backend>::read(&json.root()).map(|table| table.rows.len())
        };
        assert_eq!(read(r#"{"source":"our list","date":"2026-11-29","rows":[{"name":"s3"}]}"#), Some(1));
        for refused in [
            r#"{"source":"","date":"2026-11-29","rows":[]}"#,
            r#"{"source":"our list","date":"29.11.2026","rows":[]}"#,
            r#"{"source":"our list","date":"2026-11-29"}"#,
            r#"{"source":"our list","date":"2026-11-29","rows":[{"nme":"s3"}]}"#,
            r#"{"source":"our list","date":"2026-11-29","rows":[],"more":1}"#,
        ] {
            assert_eq!(read(refused), None, "{refused}");
        }
    }

    #[test]
    fn what_has_ended_is_told_by_a_date() {
        const TABLE: Table<terraform_backends::Backend> = Table::of("x", "2026-06-30", &[]);
        look("shop", "{}", &[], &[], |input| {
            let ended = |end| TABLE.has_ended(input, Date::of(end));
            assert_eq!(["2026-06-29", "2026-06-30", "2026-07-01"].map(ended), [true, false, false]);
        });
    }
}
