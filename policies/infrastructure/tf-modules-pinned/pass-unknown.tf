# not-evaluated: the source of `legacy`, is not known
# Terraform 0.11 took folders without `./`.
module "legacy" {
  source = "modules/network"
}
