//! Values as documents write them: parsed, compared, and nothing else. Nothing here knows of rules or documents.

pub mod base64;
pub mod cidr;
pub mod credential;
pub mod cron;
pub mod date;
pub mod duration;
pub mod image;
pub mod int_or_string;
pub mod json_schema;
pub mod label;
pub mod pair;
pub mod port;
pub mod quantity;
pub mod secret;
pub mod selector;
pub mod semver;
pub mod semver_range;
pub mod sha256;
pub mod version;
