# not-applicable: it calls no modules from elsewhere
module "network" {
  source = "./modules/network"
}

module "shared" {
  source = "../../shared"
}

module "vendored" {
  source = "/opt/modules/dns"
}
