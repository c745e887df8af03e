# params: {"require_sha": true}
# A tag can be moved.
module "eks" {
  # expect[not-a-commit]: the module `eks` names `v1.2.0`, expected a commit
  source = "git::https://git.example.com/platform/eks.git?ref=v1.2.0" # excerpt: v1.2.0
}

module "pinned" {
  source = "git::https://git.example.com/platform/eks.git?ref=51d462976d84fdea54b47d80dcabbf680badcdb8"
}

# A registry takes no commit.
module "vpc" {
  source  = "terraform-aws-modules/vpc/aws"
  version = "6.0.1"
}
