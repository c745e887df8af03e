resource "aws_ecr_repository" "services" {
  for_each = toset(["api", "orders"])
  name     = "shop/${each.key}"
}

module "web" {
  source          = "terraform-aws-modules/ecr/aws"
  repository_name = "shop/web"
}

resource "aws_ecr_pull_through_cache_rule" "hub" {
  ecr_repository_prefix = "docker-hub"
  upstream_registry_url = "registry-1.docker.io"
}
