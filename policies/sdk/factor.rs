//! The fifteen factors: twelve of a cloud-native application, and three beyond.

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// One code base, many deploys.
    Codebase,
    /// Dependencies are declared and isolated.
    Dependencies,
    /// Configuration comes from the environment.
    Config,
    /// Backing services are attached resources.
    BackingServices,
    /// Building, releasing and running are apart.
    BuildReleaseRun,
    /// Processes keep no state.
    Processes,
    /// Services are exported by binding a port.
    PortBinding,
    /// It scales out by processes.
    Concurrency,
    /// It starts fast and stops gracefully.
    Disposability,
    /// Development and production are alike.
    DevProdParity,
    /// Logs are event streams.
    Logs,
    /// Administration runs as one-off processes.
    Admin,
    /// The API comes first.
    Api,
    /// It tells how it is.
    Telemetry,
    /// Who may do what is settled.
    Security,
}

impl Factor {
    /// As manifests and reports call it: its number and name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Codebase => "I Codebase",
            Self::Dependencies => "II Dependencies",
            Self::Config => "III Config",
            Self::BackingServices => "IV Backing services",
            Self::BuildReleaseRun => "V Build/Release/Run",
            Self::Processes => "VI Processes",
            Self::PortBinding => "VII Port binding",
            Self::Concurrency => "VIII Concurrency",
            Self::Disposability => "IX Disposability",
            Self::DevProdParity => "X Dev/prod parity",
            Self::Logs => "XI Logs",
            Self::Admin => "XII Admin",
            Self::Api => "XIII API",
            Self::Telemetry => "XIV Telemetry",
            Self::Security => "XV Security",
        }
    }
}
