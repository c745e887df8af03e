//! Keys of Loki's configuration that newer versions do not know.

use std::borrow::Cow;

crate::record! {
    /// A key that was removed.
    pub RemovedKey {
        /// The key, with the blocks around it: `limits_config.enforce_metric_name`.
        pub path, "path": Cow<'static, str> = Cow::Borrowed("");
        /// The first version that does not start with it.
        pub removed, "removed": Cow<'static, str> = Cow::Borrowed("");
        /// What to write instead; empty where it is to be left out.
        pub instead, "instead": Cow<'static, str> = Cow::Borrowed("");
    }
}

const fn key(path: &'static str, instead: &'static str) -> RemovedKey {
    RemovedKey { path: Cow::Borrowed(path), removed: Cow::Borrowed("3.0"), instead: Cow::Borrowed(instead) }
}

crate::table! {
    /// Keys of Loki's configuration that were removed. Loki does not start with a key that it does not know.
    pub RemovedLokiKeys, "removedLokiKeys": RemovedKey {
        source: "https://grafana.com/docs/loki/latest/setup/upgrade/",
        date: "2026-11-29",
        rows: [
            key("limits_config.enforce_metric_name", ""),
            key("limits_config.ruler_evaluation_delay_duration", ""),
            key("compactor.shared_store", "delete_request_store"),
            key("compactor.shared_store_key_prefix", "delete_request_store_key_prefix"),
            key("compactor.deletion_mode", "limits_config.deletion_mode"),
            key("storage_config.boltdb_shipper.shared_store", "object_store of the period"),
            key("storage_config.boltdb_shipper.shared_store_key_prefix", "index.path_prefix of the period"),
            key("storage_config.boltdb_shipper.use_boltdb_shipper_as_backup", ""),
            key("storage_config.tsdb_shipper.shared_store", "object_store of the period"),
            key("storage_config.tsdb_shipper.shared_store_key_prefix", "index.path_prefix of the period"),
            key("storage_config.tsdb_shipper.use_boltdb_shipper_as_backup", ""),
            key("ingester.max_transfer_retries", ""),
            key("query_range.split_queries_by_interval", "limits_config.split_queries_by_interval"),
            key("querier.worker_parallelism", ""),
        ],
    }
}
