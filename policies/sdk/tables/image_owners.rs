//! The users to whom the files in well-known images belong, so that containers of these have to run as them.

use crate::values::image::{ImageReference, glob_match};
use std::borrow::Cow;

crate::record! {
    /// Images with users of their own.
    pub ImageOwner {
        /// A glob of their repositories, registry included; `*` is for any text, `/` too. Others mirror Docker Hub's
        /// library: `public.ecr.aws/docker/library/redis`.
        pub image, "image": Cow<'static, str> = Cow::Borrowed("");
        /// The user's number, which is the group's as well.
        pub user, "user": i64 = 0;
    }
}

const fn owner(image: &'static str, user: i64) -> ImageOwner {
    ImageOwner { image: Cow::Borrowed(image), user }
}

crate::table! {
    /// Users below 1000 whom the publishers of images have made for them. An image may have several.
    pub ImageOwners, "imageOwners": ImageOwner {
        source: "the Dockerfiles of these images; https://github.com/docker-library",
        date: "2026-11-29",
        rows: [
            owner("*/library/cassandra", 999),
            owner("*/library/consul", 100),
            owner("*/library/haproxy", 99),
            owner("*/library/httpd", 33),
            owner("*/library/mariadb", 999),
            owner("*/library/mongo", 999),
            owner("*/library/mysql", 999),
            owner("*/library/nginx", 101),
            owner("*/library/php", 33),
            owner("*/library/php", 82),
            owner("*/library/postgres", 70),
            owner("*/library/postgres", 999),
            owner("*/library/rabbitmq", 100),
            owner("*/library/rabbitmq", 999),
            owner("*/library/redis", 999),
            owner("*/library/vault", 100),
            owner("*/library/wordpress", 33),
            owner("*/library/wordpress", 82),
            owner("docker.io/curlimages/curl", 100),
            owner("docker.io/envoyproxy/envoy*", 101),
            owner("docker.io/grafana/grafana*", 472),
            owner("docker.io/hashicorp/consul", 100),
            owner("docker.io/hashicorp/vault", 100),
            owner("docker.io/nginxinc/nginx-unprivileged", 101),
            owner("docker.io/valkey/valkey", 999),
            owner("registry.k8s.io/ingress-nginx/controller", 101),
        ],
    }
}

/// Whether an image has files of a user.
pub fn owns(rows: &[ImageOwner], image: &str, user: i64) -> bool {
    let repository = ImageReference::parse(image).map(|reference| reference.repository()).unwrap_or_default();
    rows.iter().any(|row| row.user == user && glob_match(&row.image, &repository))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uses::Setting;

    #[test]
    fn users_are_known_by_the_repository() {
        let rows = ImageOwners::default().rows;
        let owns = |image: &str, user: i64| owns(&rows, image, user);
        assert!(owns("redis:7.4.1", 999) && owns("postgres:17-alpine", 70) && owns("docker.io/library/postgres", 999));
        assert!(owns("public.ecr.aws/docker/library/redis:7", 999));
        assert!(owns("grafana/grafana-oss:11.2.0", 472));
        assert!(!owns("redis:7.4.1", 998) && !owns("registry.example.com/shop/redis:7", 999) && !owns("", 0));
    }
}
