//! Settings: values that a bundle or a configuration gives once, for all rules that use them.

use super::resolve::{Bundle, BundleRule};
use super::schema::check_schema;
use super::{Library, RuleSource};
use crate::document::Pointer;
use crate::manifest::Manifest;
use serde_json::{Map, Value};

/// Values of settings by their names.
pub type Settings = Map<String, Value>;

/// Why settings are refused: the place below `settings`, and what is wrong there.
pub type SettingError = (Pointer, String);

impl Bundle {
    /// Gives the bundle settings; those that it had go on where `settings` says nothing. A setting that rules of the
    /// library use, but none of this bundle, is no error.
    ///
    /// # Errors
    /// When no rule uses a setting of that name, or a value does not fit what a rule says of it.
    pub fn set(&mut self, settings: &Settings, library: &Library) -> Result<(), SettingError> {
        let used: Vec<&str> = self.rules.iter().flat_map(|rule| rule.source.manifest.setting_names()).collect();
        for name in settings.keys() {
            let known = || library.rules().flat_map(|rule| rule.manifest.setting_names()).chain(used.iter().copied());
            if !known().any(|known| known == name) {
                let close = crate::suggest::closest(name, known());
                let close = close.map(|close| format!("; did you mean `{close}`?")).unwrap_or_default();
                return Err(([name.as_str()].into_iter().collect(), format!("no rule uses a setting `{name}`{close}")));
            }
            // What only rules of other bundles use is to be right all the same.
            if !used.contains(&name.as_str()) {
                let user = library.rules().find(|rule| rule.manifest.setting_names().any(|used| used == name));
                user.map_or(Ok(()), |rule| check(rule, settings))?;
            }
        }
        self.apply(settings)
    }

    /// [`Bundle::set`], for settings that are known to be used.
    pub(super) fn apply(&mut self, settings: &Settings) -> Result<(), SettingError> {
        for rule in &self.rules {
            check(&rule.source, settings)?;
        }
        self.settings.extend(settings.iter().map(|(name, value)| (name.clone(), value.clone())));
        for rule in &mut self.rules {
            rule.settings = Value::Object(select(&rule.source.manifest, &self.settings)).to_string();
        }
        self.identify_by(&[Value::Object(self.settings.clone()).to_string().as_bytes()]);
        Ok(())
    }

    /// The bundle with settings, a JSON object.
    ///
    /// # Errors
    /// When they are none, or do not fit what its rules say of them.
    pub fn with_settings(mut self, settings: &str) -> Result<Self, String> {
        let settings: Settings = serde_json::from_str(settings).map_err(|error| crate::plain::value(&error))?;
        let used = |name: &&String| self.users(name).next().is_none();
        if let Some(unused) = settings.keys().find(used) {
            return Err(format!("no rule uses a setting `{unused}`"));
        }
        self.apply(&settings).map_err(|(path, message)| format!("{path}: {message}"))?;
        Ok(self)
    }

    /// The rules that use a setting.
    pub fn users(&self, setting: &str) -> impl Iterator<Item = &BundleRule> {
        self.rules.iter().filter(move |rule| rule.source.manifest.setting_names().any(|name| name == setting))
    }
}

/// Checks what a rule uses of some settings.
fn check(rule: &RuleSource, settings: &Settings) -> Result<(), SettingError> {
    let used: Settings = select(&rule.manifest, settings);
    check_schema(&rule.manifest.settings, &Value::Object(used))
        .map_err(|(at, message)| (at, format!("the rule `{}` refuses it: {message}", rule.manifest.id)))
}

/// What a rule uses of some settings.
fn select(manifest: &Manifest, settings: &Settings) -> Settings {
    let names = manifest.setting_names();
    names.filter_map(|name| Some((name.to_owned(), settings.get(name)?.clone()))).collect()
}
