module "registry" {
  source                                 = "terraform-aws-modules/ecr/aws"
  create_repository                      = false
  manage_registry_scanning_configuration = true
  registry_scan_type                     = "BASIC"
  registry_scan_rules = [
    {
      scan_frequency = "SCAN_ON_PUSH"
      filter         = [{ filter = "shop/*", filter_type = "WILDCARD" }]
    },
  ]
}

resource "aws_ecr_repository" "api" {
  name = "shop/api"
}
