//! What is known of credentials where rules are written: the same files, so that what a rule tells and what is starred out
//! agree.

#[allow(dead_code, reason = "rules need more of it")]
#[path = "../../../policies/sdk/values/credential/form.rs"]
pub(super) mod form;
#[allow(dead_code, reason = "rules need more of it")]
#[path = "../../../policies/sdk/values/credential/name.rs"]
pub(super) mod name;
#[allow(dead_code, reason = "rules need more of it")]
#[path = "../../../policies/sdk/values/credential/url.rs"]
mod url;
#[allow(dead_code, reason = "rules need more of it")]
#[path = "../../../policies/sdk/values/credential/value.rs"]
mod value;
